//! `koppeltaal validate`: checks files against the schema of DSTU1 and the rules of Koppeltaal.
//!
//! There is a [`Report`] per file, printed for people or as JSON for programs.

pub(crate) mod text;

use std::io;
use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Limits, ReadError, ReadOptions, Severity};
use koppeltaal_messaging::{Validator, place_findings};

use crate::diagnostic::Diagnostic;
use crate::each_file::{self, PrintedReport, Printing};
use crate::files::InputFile;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::report::{Report, Verdict};

/// Check resources, bundles and messages against the schema of DSTU1 and the rules of Koppeltaal.
///
/// Of a folder it checks all files in it and below it whose names end in .json or .xml, and of several files
/// it prints the totals at the end.
///
/// Exit code: 0 clean, 1 findings of severity error, 2 a file could not be read. With several files, the
/// highest.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The files and folders. A file is in either format; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Stop at the first error in each file, as a strict receiver does. Warnings before it are shown.
    #[arg(long)]
    strict: bool,

    /// Print only the totals, and which files could not be read.
    #[arg(short, long)]
    quiet: bool,
}

impl Validate {
    pub(crate) fn run(&self, output: Output) -> io::Result<Outcome> {
        let printing = Printing { output, is_quiet: self.quiet };
        each_file::run(&self.files, printing, |file| self.validate(&file, printing), |printed| printed)
    }

    fn validate(&self, file: &InputFile, printing: Printing) -> PrintedReport {
        match Input::load(&file.path) {
            Ok(input) => {
                let report = report(&input, self.strict);
                if printing.draws() { text::draw(report, &input, file.is_in_folder) } else { report.into() }
            }
            Err(error) => error.into(),
        }
    }
}

fn report(input: &Input, is_strict: bool) -> Report {
    let options = if is_strict { ReadOptions::strict() } else { ReadOptions::tolerant() };
    let read = match input.read(options) {
        Ok(read) => read,
        Err(error) => {
            let verdict = match error {
                ReadError::Invalid(_) => Verdict::Invalid,
                _ => Verdict::Unreadable,
            };
            return Report::new(input, verdict, vec![Diagnostic::from(&error)], 0);
        }
    };
    let suppressed = read.suppressed;
    let mut findings = Validator::default().validate_owned(read);
    let verdict = match findings.iter().any(|finding| finding.severity == Severity::Error) {
        true => Verdict::Invalid,
        false => Verdict::Valid,
    };
    // Validation keeps no more findings than a reader does.
    let most = Limits::default().findings;
    let suppressed = suppressed + findings.len().saturating_sub(most);
    findings.truncate(most);
    place_findings(&mut findings, input.format(), input.text());
    // A missing part of an element is found only at the end of that element.
    findings.sort_by_key(|finding| finding.position);
    let first_error = findings.iter().position(|finding| finding.severity == Severity::Error);
    if let Some(first_error) = first_error.filter(|_| is_strict) {
        findings.truncate(first_error + 1);
    }
    Report::new(input, verdict, findings.iter().map(Diagnostic::from).collect(), suppressed)
}
