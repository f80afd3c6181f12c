//! A verdict for people: each finding with its line of text, and one line per file at the end.

use std::io::{self, Write};

use koppeltaal_fhir::Severity;

use super::Verdict;
use crate::excerpt::visible;
use crate::input::Input;
use crate::outcome::Outcome;

/// Prints the report on standard output. If the file could not be read, prints the reason on standard error.
pub(super) fn write(verdict: &Verdict) -> io::Result<()> {
    if verdict.outcome == Outcome::Unusable {
        return print(verdict, &mut anstream::stderr().lock());
    }
    let mut out = anstream::stdout().lock();
    print(verdict, &mut out)?;
    writeln!(out, "{}: {}", visible(&verdict.name), summary(verdict))
}

fn print(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let mut places = verdict.input.as_ref().map(Input::places);
    for diagnostic in &verdict.diagnostics {
        match &mut places {
            Some(places) => writeln!(out, "{}\n", diagnostic.draw(places))?,
            None => writeln!(out, "error: {}: {}", visible(&verdict.name), diagnostic.problem)?,
        }
    }
    Ok(())
}

fn summary(verdict: &Verdict) -> String {
    let counted =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Information, "remark")];
    let mut parts: Vec<_> = counted
        .into_iter()
        .map(|(severity, name)| (verdict.count(severity), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if verdict.suppressed > 0 {
        parts.push(format!("{} more that are not shown", verdict.suppressed));
    }
    if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") }
}
