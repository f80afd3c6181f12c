//! `koppeltaal convert`: converts a DSTU1 resource or bundle between JSON and XML.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Finding, Format, ReadOptions, Rule, Severity};

use crate::arguments::format;
use crate::diagnostic::Diagnostic;
use crate::excerpt::visible;
use crate::input::Input;
use crate::outcome::Outcome;

/// Convert a DSTU1 resource or bundle between JSON and XML.
///
/// Violations of the standard are shown as warnings on standard error. Elements that are not in the standard
/// are converted too, if the other format can hold them.
///
/// Exit code: 0 written, 2 could not be read or written.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The file, in either format; - is standard input.
    file: PathBuf,

    /// The format to write.
    #[arg(long, value_parser = format())]
    to: Format,

    /// Write one line instead of many indented ones.
    #[arg(long)]
    compact: bool,

    /// Turn narratives in JSON that are HTML into XHTML: <br> and upper-case names, a bare &, attributes
    /// without quotes. Warnings show what was changed.
    #[arg(long)]
    repair_narrative: bool,
}

impl Convert {
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        let mut errors = anstream::stderr().lock();
        let input = match Input::load(&self.file) {
            Ok(input) => input,
            Err(error) => {
                writeln!(errors, "error: {}: {}", visible(&error.name), error.problem)?;
                return Ok(Outcome::Unusable);
            }
        };
        let mut places = input.places();
        let read = match input.read(ReadOptions::tolerant().repair_narrative(self.repair_narrative)) {
            Ok(read) => read,
            Err(error) => {
                writeln!(errors, "{}", Diagnostic::from(&error).draw(&mut places))?;
                return Ok(Outcome::Unusable);
            }
        };
        let is_shown = |finding: &&Finding| {
            finding.severity == Severity::Error || finding.rule == Rule::NARRATIVE_REPAIRED
        };
        let mut violations: Vec<_> = read.findings.iter().filter(is_shown).collect();
        violations.sort_by_key(|finding| finding.position);
        for finding in violations {
            // The conversion goes on, so this command calls it a warning.
            let warning = Diagnostic { severity: Severity::Warning, ..Diagnostic::from(finding) };
            writeln!(errors, "{}\n", warning.draw(&mut places))?;
        }
        if read.suppressed > 0 {
            writeln!(
                errors,
                "warning: {}: {} more findings are not shown",
                visible(input.name()),
                read.suppressed
            )?;
        }
        let text =
            if self.compact { read.document.write(self.to) } else { read.document.write_pretty(self.to) };
        match text {
            Ok(text) => {
                let mut out = io::stdout().lock();
                out.write_all(text.trim_end_matches('\n').as_bytes())?;
                out.write_all(b"\n")?;
                out.flush()?;
                Ok(Outcome::Success)
            }
            Err(error) => {
                writeln!(errors, "{}", Diagnostic::from(&error).draw(&mut places))?;
                Ok(Outcome::Unusable)
            }
        }
    }
}
