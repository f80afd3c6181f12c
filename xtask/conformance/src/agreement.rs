//! Whether reading, checking and writing agree. If a strict read takes a text, a check finds no error in the
//! document, and a strict read takes it again after it was written in either format.

use koppeltaal_fhir::{Document, Format, ReadOptions, Severity};

use crate::guard::guarded;

/// The first disagreement about a text. A text that a strict read refuses is no disagreement, nor is a
/// document that a format cannot hold: writing it is an error.
pub(crate) fn disagreement(text: &[u8]) -> Option<String> {
    let compared = guarded(|| {
        let Ok(read) = ReadOptions::strict().xml(text) else { return Ok(None) };
        Ok(of_document(&read.document))
    });
    compared.unwrap_or_else(|panic| Some(format!("PANIC {panic}")))
}

fn of_document(document: &Document) -> Option<String> {
    if let Some(finding) = document.check().iter().find(|finding| finding.severity == Severity::Error) {
        return Some(format!("check: {}", finding.with_content()));
    }
    Format::ALL.into_iter().find_map(|format| {
        let written = document.write(format).ok()?;
        let error = ReadOptions::strict().read(format, written.as_bytes()).err()?;
        Some(format!("{format} as written: {}", error.with_content()))
    })
}
