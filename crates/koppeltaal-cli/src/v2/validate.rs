//! `koppeltaal v2 validate`: checks files against R4 and the profiles of Koppeltaal 2.0.

use std::io;
use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Limits, ReadError, Severity};
use koppeltaal_r4::{Finding, Outline, ReadOptions};

use crate::diagnostic::Diagnostic;
use crate::each_file::{self, PrintedReport, Printing};
use crate::files::InputFile;
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::report::{Report, Verdict};
use crate::validate::text;

/// Check resources and bundles against R4 and the profiles of Koppeltaal 2.0.
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

    /// Print only the totals, and which files could not be read.
    #[arg(short, long)]
    quiet: bool,
}

impl Validate {
    pub(crate) fn run(self, output: Output) -> io::Result<Outcome> {
        let printing = Printing { output, is_quiet: self.quiet };
        each_file::run(&self.files, printing, |file| validate(&file, printing), |printed| printed)
    }
}

fn validate(file: &InputFile, printing: Printing) -> PrintedReport {
    match Input::load(&file.path) {
        Ok(input) => {
            let report = report(&input);
            if printing.draws() { text::draw(report, &input, file.is_in_folder) } else { report.into() }
        }
        Err(error) => error.into(),
    }
}

fn report(input: &Input) -> Report {
    let read = match ReadOptions::tolerant().read(input.format(), input.text()) {
        Ok(read) => read,
        Err(error) => {
            let verdict = match error {
                ReadError::Invalid(_) => Verdict::Invalid,
                _ => Verdict::Unreadable,
            };
            return Report::new(input, verdict, vec![Diagnostic::from(&error)], 0);
        }
    };
    let mut findings = read.findings;
    // What the reader found is not said again.
    for finding in koppeltaal2::validate(&read.document) {
        if !findings.iter().any(|known| (&known.rule, &known.path) == (&finding.rule, &finding.path)) {
            findings.push(finding);
        }
    }
    let verdict = match findings.iter().any(|finding| finding.severity == Severity::Error) {
        true => Verdict::Invalid,
        false => Verdict::Valid,
    };
    let most = Limits::default().findings;
    let suppressed = read.suppressed + findings.len().saturating_sub(most);
    findings.truncate(most);
    place(&mut findings, input);
    // A missing part of an element is found only at the end of that element.
    findings.sort_by_key(|finding| finding.position);
    Report::new(input, verdict, findings.iter().map(Diagnostic::from).collect(), suppressed)
}

/// Gives the findings of the profiles their places in the text.
fn place(findings: &mut [Finding], input: &Input) {
    let mut unplaced = findings.iter_mut().filter(|finding| finding.position.is_none()).peekable();
    if unplaced.peek().is_none() {
        return;
    }
    let outline = Outline::new(input.format(), input.text());
    for finding in unplaced {
        finding.position = Some(outline.position(&finding.path, |_, _| false));
    }
}
