//! Positions in a text for findings about the values that were read from it.

use koppeltaal_fhir::{Finding, Format, Outline};

use crate::generated::profiles::ELEMENTS;
use crate::profile::is_url_of;

/// Gives a position in the text to each finding that has none. It is the position of the element, or of its
/// extension if an extension holds it. For a missing element it is that of the innermost element around it.
///
/// ```
/// use koppeltaal_fhir::{Format, ReadOptions};
/// use koppeltaal_messaging::{Validator, place_findings};
///
/// let text = br#"{"resourceType": "Patient",
///                 "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "12"}],
///                 "name": [{"text": "Jan"}]}"#;
/// let read = ReadOptions::tolerant().read(Format::Json, text)?;
/// let mut findings = Validator::default().validate_document(&read);
/// place_findings(&mut findings, Format::Json, text);
/// assert!(findings.iter().all(|finding| finding.position.is_some()));
/// # Ok::<(), koppeltaal_fhir::ReadError>(())
/// ```
pub fn place_findings(findings: &mut [Finding], format: Format, text: &[u8]) {
    let mut unplaced = findings.iter_mut().filter(|finding| finding.position.is_none()).peekable();
    if unplaced.peek().is_none() {
        return;
    }
    let outline = Outline::new(format, text);
    for finding in unplaced {
        finding.position = Some(outline.position(&finding.path, is_held_by));
    }
}

/// Whether an extension of this URL holds an element of this name in a profile.
fn is_held_by(element: &str, url: &str) -> bool {
    let definitions = ELEMENTS.iter().flat_map(|(_, definitions)| *definitions);
    let mut named = definitions.filter(|definition| definition.name() == element);
    named.any(|definition| definition.extension.is_some_and(|own| is_url_of(url, own)))
}
