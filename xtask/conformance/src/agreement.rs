//! Whether reading, checking and writing agree: what a strict read takes is clean to a check, and a strict read takes what
//! is written of it, in either format.

use koppeltaal_fhir::{Document, Format, ReadOptions, Severity};

use crate::subject::guarded;

/// What disagrees about a document that a strict read took, if anything does. What cannot be written in a format at all is
/// told when it is written, so that agrees.
pub(crate) fn disagreement(text: &[u8]) -> Option<String> {
    let compared = guarded(|| {
        let Ok(read) = ReadOptions::strict().xml(text) else { return Ok(None) };
        Ok(of_document(&read.document))
    });
    compared.unwrap_or_else(|panic| Some(format!("PANIC {panic}")))
}

fn of_document(document: &Document) -> Option<String> {
    if let Some(finding) = document.check().iter().find(|finding| finding.severity == Severity::Error) {
        return Some(format!("check: {finding}"));
    }
    Format::ALL.into_iter().find_map(|format| {
        let written = document.write(format).ok()?;
        let error = ReadOptions::strict().read(format, written.as_bytes()).err()?;
        Some(format!("{format} as written: {error}"))
    })
}
