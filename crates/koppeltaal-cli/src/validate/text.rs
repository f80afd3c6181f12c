//! A report for people: each finding with its line of text, and one line per file at the end.

use std::fmt::Write as _;

use koppeltaal_fhir::Severity;

use crate::each_file::PrintedReport;
use crate::excerpt::visible;
use crate::input::Input;
use crate::output::plural;
use crate::report::{Report, Verdict};

/// Draws the report for standard output or, if the file could not be read, for standard error. Of a file in a
/// folder there is nothing to print when nothing is found in it.
pub(crate) fn draw(report: Report, input: &Input, is_in_folder: bool) -> PrintedReport {
    let mut places = input.places();
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        let _ = writeln!(text, "{}\n", diagnostic.draw(&mut places));
    }
    if !(is_in_folder && report.diagnostics.is_empty()) {
        let _ = writeln!(text, "{}: {}", visible(&report.name), summary(&report));
    }
    let (out, errors) = match report.verdict {
        Verdict::Unreadable => (String::new(), text),
        _ => (text, String::new()),
    };
    PrintedReport { report, out, errors }
}

fn summary(report: &Report) -> String {
    if report.verdict == Verdict::Unreadable {
        return "unreadable".to_owned();
    }
    let counted = [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Information, "remark", "remarks"),
    ];
    let mut parts: Vec<_> = counted
        .into_iter()
        .map(|(severity, one, many)| (report.count(severity), one, many))
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", plural(count, one, many)))
        .collect();
    if report.suppressed > 0 {
        parts.push(format!("{} more not shown", report.suppressed));
    }
    if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") }
}
