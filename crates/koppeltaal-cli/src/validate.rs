//! `koppeltaal validate`: what is wrong with files that hold DSTU1.
//!
//! A [`Verdict`] per file, shown for people or written as JSON for programs.

mod people;
mod programs;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use koppeltaal_fhir::{ReadError, ReadOptions, Severity};

use crate::Outcome;
use crate::diagnostic::Diagnostic;
use crate::input::Input;

/// Check resources, bundles and messages against the schema of DSTU1.
///
/// Exit code: 0 clean, 1 findings of severity error, 2 a file could not be read. The gravest of all files counts.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The files, in either format; - is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Stop at the first violation in each file, as a strict receiver does.
    #[arg(long)]
    strict: bool,

    /// For people, or one JSON object per file on a line of its own.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Whom the report is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people: each finding with the line of the file that it is about.
    Text,
    /// For programs: one JSON object per file, on a line of its own.
    Json,
}

/// What there is to say about one file.
struct Verdict {
    /// The file, or `standard input`.
    name: String,
    /// The text, unless it could not be had.
    input: Option<Input>,
    /// What is wrong, in the order of the text. For a file that could not be read, why.
    diagnostics: Vec<Diagnostic>,
    /// How many findings there were beyond those.
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
                Output::Text => people::show(&verdict)?,
                Output::Json => programs::write(&verdict, &mut io::stdout().lock())?,
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
            Err(none) => {
                return Self {
                    name: none.name,
                    input: None,
                    diagnostics: vec![Diagnostic::unplaced("unreadable", none.problem)],
                    suppressed: 0,
                    outcome: Outcome::Unusable,
                };
            }
        };
        let options = if strict { ReadOptions::strict() } else { ReadOptions::tolerant() };
        let (diagnostics, suppressed, outcome) = match input.read(options) {
            Ok(read) => {
                let mut diagnostics: Vec<_> = read.findings.iter().map(Diagnostic::from).collect();
                // What is missing from an element is only known at its end.
                diagnostics.sort_by_key(|diagnostic| diagnostic.position);
                let outcome = if read.has_errors() { Outcome::Findings } else { Outcome::Success };
                (diagnostics, read.suppressed, outcome)
            }
            Err(error @ ReadError::Invalid(_)) => (vec![Diagnostic::from(&error)], 0, Outcome::Findings),
            Err(error) => (vec![Diagnostic::from(&error)], 0, Outcome::Unusable),
        };
        Self { name: input.name().to_owned(), input: Some(input), diagnostics, suppressed, outcome }
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}
