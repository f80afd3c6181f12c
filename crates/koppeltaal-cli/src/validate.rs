//! `koppeltaal validate`: checks files against the schema of DSTU1 and the rules of Koppeltaal.
//!
//! There is a [`Verdict`] per file, printed for people or as JSON for programs.

mod json;
mod text;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use koppeltaal_fhir::{Limits, ReadError, ReadOptions, Severity};
use koppeltaal_messaging::{Validator, place_findings};

use crate::diagnostic::Diagnostic;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::Output;

/// Check resources, bundles and messages against the schema of DSTU1 and the rules of Koppeltaal.
///
/// Exit code: 0 clean, 1 findings of severity error, 2 a file could not be read. With several files, the
/// highest.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The files, in either format; - is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Stop at the first error in each file, as a strict receiver does. Warnings before it are shown.
    #[arg(long)]
    strict: bool,

    /// Print for people, or one JSON object per file on a line of its own.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The result for one file.
struct Verdict {
    /// The file, or `standard input`.
    name: String,
    /// The text, unless it could not be read.
    input: Option<Input>,
    /// The problems, in the order of the text. If the file could not be read, the only one says why.
    diagnostics: Vec<Diagnostic>,
    /// How many more findings there were.
    suppressed: usize,
    outcome: Outcome,
}

impl Validate {
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        let mut gravest = Outcome::Success;
        for file in &self.files {
            let verdict = Verdict::on(file, self.strict);
            gravest = gravest.max(verdict.outcome);
            match self.output {
                Output::Text => text::write(&verdict)?,
                Output::Json => json::write(&verdict, &mut io::stdout().lock())?,
            }
        }
        io::stdout().flush()?;
        Ok(gravest)
    }
}

impl Verdict {
    fn on(file: &Path, strict: bool) -> Self {
        let input = match Input::load(file) {
            Ok(input) => input,
            Err(error) => {
                return Self {
                    name: error.name,
                    input: None,
                    diagnostics: vec![Diagnostic::unplaced("unreadable", error.problem)],
                    suppressed: 0,
                    outcome: Outcome::Unusable,
                };
            }
        };
        let options = if strict { ReadOptions::strict() } else { ReadOptions::tolerant() };
        let (diagnostics, suppressed, outcome) = match input.read(options) {
            Ok(read) => {
                let mut findings = Validator::default().validate_document(&read);
                let outcome = match findings.iter().any(|finding| finding.severity == Severity::Error) {
                    true => Outcome::Negative,
                    false => Outcome::Success,
                };
                // Validation keeps no more findings than a reader does.
                let most = Limits::default().findings;
                let suppressed = read.suppressed + findings.len().saturating_sub(most);
                findings.truncate(most);
                place_findings(&mut findings, input.format(), input.text());
                // A missing part of an element is found only at the end of that element.
                findings.sort_by_key(|finding| finding.position);
                let first_error = findings.iter().position(|finding| finding.severity == Severity::Error);
                if let Some(first_error) = first_error.filter(|_| strict) {
                    findings.truncate(first_error + 1);
                }
                (findings.iter().map(Diagnostic::from).collect(), suppressed, outcome)
            }
            Err(error @ ReadError::Invalid(_)) => (vec![Diagnostic::from(&error)], 0, Outcome::Negative),
            Err(error) => (vec![Diagnostic::from(&error)], 0, Outcome::Unusable),
        };
        Self { name: input.name().to_owned(), input: Some(input), diagnostics, suppressed, outcome }
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}
