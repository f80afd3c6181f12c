//! `koppeltaal convert`: converts DSTU1 resources and bundles between JSON and XML.

mod target;

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Finding, Format, ReadOptions, Rule, Severity};

use crate::arguments::format;
use crate::diagnostic::Diagnostic;
use crate::each_file::{self, PrintedReport, Printing};
use crate::excerpt::visible;
use crate::files::{InputFile, STANDARD_INPUT, are_many};
use crate::input::Input;
use crate::outcome::Outcome;
use crate::output::{DocumentText, Output, plural};
use crate::report::{Report, Verdict};
use target::Target;

/// Convert DSTU1 resources and bundles between JSON and XML.
///
/// One file goes to standard output. With --out-dir, files are written into a folder, and a folder is
/// converted with all files in it and below it whose names end in .json or .xml. With --output json there is
/// one object per file on a line of its own, with the document or the name of the file that was written.
///
/// Violations of the standard are shown as warnings on standard error. Elements that are not in the standard
/// are converted too, if the other format can hold them.
///
/// Exit code: 0 written, 2 could not be read or written.
#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The files and folders. A file is in either format; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The format to write.
    #[arg(long, value_parser = format())]
    to: Format,

    /// Write into this folder, under the same names with the ending of the format. Only the user may read the
    /// files.
    #[arg(short, long, value_name = "DIR")]
    out_dir: Option<PathBuf>,

    /// Replace files in --out-dir that are there already.
    #[arg(long, requires = "out_dir")]
    force: bool,

    /// Write one line instead of many indented ones.
    #[arg(long)]
    compact: bool,

    /// Turn narratives in JSON that are HTML into XHTML: <br> and upper-case names, a bare &, attributes
    /// without quotes. Warnings show what was changed.
    #[arg(long)]
    repair_narrative: bool,

    /// Print only the totals, and which files could not be read or written.
    #[arg(short, long)]
    quiet: bool,
}

/// A file that was read, and the text to write unless there is a reason not to.
struct Conversion {
    printed: PrintedReport,
    /// Its path in a folder.
    relative: PathBuf,
    text: Option<String>,
}

impl Convert {
    pub(crate) fn run(&self, output: Output) -> io::Result<Outcome> {
        if let Some(problem) = self.problem(output) {
            return Ok(Outcome::unusable(problem));
        }
        let mut target = self.out_dir.as_deref().map(|folder| Target::new(folder, self.to, self.force));
        let printing = Printing { output, is_quiet: self.quiet };
        let convert = |file| self.convert(file, printing);
        each_file::run(&self.files, printing, convert, |conversion| {
            self.finish(conversion, target.as_mut(), output)
        })
    }

    /// What is wrong with the arguments.
    fn problem(&self, output: Output) -> Option<&'static str> {
        let has_standard_input = self.files.iter().any(|file| file.as_os_str() == STANDARD_INPUT);
        match self.out_dir {
            None if are_many(&self.files) && output == Output::Text => Some(
                "several files need a folder to be written into: give --out-dir DIR, or --output json for one \
                 line each",
            ),
            Some(_) if has_standard_input => Some(
                "standard input has no name to be written under: leave --out-dir out, and redirect the output",
            ),
            _ => None,
        }
    }

    /// Reads a file, and makes the text to write.
    fn convert(&self, file: InputFile, printing: Printing) -> Conversion {
        let InputFile { path, relative, .. } = file;
        let end = |printed| Conversion { printed, relative: PathBuf::new(), text: None };
        let input = match Input::load(&path) {
            Ok(input) => input,
            Err(error) => return end(error.into()),
        };
        let mut places = input.places();
        let end_of_error = || if are_many(&self.files) { "\n\n" } else { "\n" };
        let mut draw = |diagnostic: &Diagnostic, end: &str| match printing.draws() {
            true => diagnostic.draw(&mut places) + end,
            false => String::new(),
        };
        let read = match input.read(ReadOptions::tolerant().repair_narrative(self.repair_narrative)) {
            Ok(read) => read,
            Err(error) => {
                let error = Diagnostic::from(&error);
                let errors = draw(&error, end_of_error());
                let report = Report::new(&input, Verdict::Unreadable, vec![error], 0);
                return end(PrintedReport { report, out: String::new(), errors });
            }
        };
        let is_shown = |finding: &&Finding| {
            finding.severity == Severity::Error || finding.rule == Rule::NARRATIVE_REPAIRED
        };
        let mut violations: Vec<_> = read.findings.iter().filter(is_shown).collect();
        violations.sort_by_key(|finding| finding.position);
        // The conversion goes on, so this command calls them warnings.
        let warning =
            |finding: &Finding| Diagnostic { severity: Severity::Warning, ..Diagnostic::from(finding) };
        let mut diagnostics: Vec<_> = violations.into_iter().map(warning).collect();
        let mut errors: String = diagnostics.iter().map(|warning| draw(warning, "\n\n")).collect();
        if printing.draws() && read.suppressed > 0 {
            let name = visible(input.name());
            let more = plural(read.suppressed, "more finding is", "more findings are");
            let _ = writeln!(errors, "warning: {name}: {} {more} not shown", read.suppressed);
        }
        // A line of the output for programs holds the document in one line.
        let is_compact = self.compact || (printing.output == Output::Json && self.out_dir.is_none());
        let text =
            if is_compact { read.document.write(self.to) } else { read.document.write_pretty(self.to) };
        let (verdict, text) = match text {
            Ok(text) => (Verdict::Converted, Some(text)),
            Err(error) => {
                let error = Diagnostic::from(&error);
                errors += &draw(&error, end_of_error());
                diagnostics.push(error);
                (Verdict::Unwritten, None)
            }
        };
        let report = Report::new(&input, verdict, diagnostics, read.suppressed);
        Conversion { printed: PrintedReport { report, out: String::new(), errors }, relative, text }
    }

    /// Puts the text where it belongs: into a file, into the report for programs, or on standard output.
    fn finish(&self, conversion: Conversion, target: Option<&mut Target>, output: Output) -> PrintedReport {
        let Conversion { mut printed, relative, text } = conversion;
        let Some(text) = text else { return printed };
        let text = text.trim_end_matches('\n').to_owned();
        let problem = match (target, output) {
            (Some(target), _) => {
                target.write(&relative, &(text + "\n")).map(|file| printed.report.written = Some(file)).err()
            }
            (None, Output::Text) => {
                printed.out = text + "\n";
                None
            }
            (None, Output::Json) => match DocumentText::new(self.to, text) {
                Ok(document) => {
                    printed.report.document = Some(document);
                    None
                }
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(problem) = problem {
            printed.report.verdict = Verdict::Unwritten;
            printed.report.diagnostics.push(Diagnostic::unplaced("unwritable", problem));
            printed.errors += &printed.report.failure();
        }
        printed
    }
}
