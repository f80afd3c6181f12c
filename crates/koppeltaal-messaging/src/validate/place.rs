//! The places in a text of what only a check of the value could find.

use koppeltaal_fhir::{Finding, Format, Outline};

use crate::generated::profiles::ELEMENTS;
use crate::profile::is_url_of;

/// Gives findings without a position the position of their element in the text that was read, or of the innermost
/// element around it that is there. An element that an extension holds is where its extension is.
///
/// ```
/// use koppeltaal_fhir::{Format, ReadOptions};
/// use koppeltaal_messaging::{Validator, place_findings};
///
/// let text = br#"{"resourceType": "Patient",
///                 "identifier": [{"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "12"}],
///                 "name": [{"text": "Jan"}]}"#;
/// let read = ReadOptions::tolerant().read(Format::Json, text)?;
/// let mut findings = Validator::default().read(&read);
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
        finding.position = Some(outline.position(&finding.path, is_held));
    }
}

/// Whether an extension of this URL holds an element of this name in a profile.
fn is_held(element: &str, url: &str) -> bool {
    let definitions = ELEMENTS.iter().flat_map(|(_, definitions)| *definitions);
    let mut named = definitions.filter(|definition| definition.name() == element);
    named.any(|definition| definition.extension.is_some_and(|own| is_url_of(url, own)))
}
