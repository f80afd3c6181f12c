//! The references in a message: each points to an entry or may point elsewhere, and only those in the
//! header's data have versions.

use koppeltaal_fhir::{Findings, Severity};

use super::bundle_entry::BundleEntry;
use crate::compose::may_stay_out;
use crate::entry::Index;
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::rules;
use crate::url::ResourceUrl;

/// Checks the references of all resources of a message.
pub(super) fn check(
    header: &Header,
    event: Event,
    entries: &[BundleEntry<'_>],
    index: &Index<'_>,
    findings: &mut Findings,
) {
    let patient = header.patient().and_then(|patient| patient.parse::<ResourceUrl>().ok());
    let owner = header.source_endpoint().unwrap_or_default();
    for entry in entries {
        entry.resource.visit_references(|path, reference| {
            let Some(text) = reference.reference.as_str().filter(|text| !text.is_empty()) else { return };
            let path = path.segments();
            let is_data = entry.is_header() && matches!(path, [("data", _), ..]);
            if text.starts_with('#') || is_data {
                return;
            }
            let may_stay_out = |url: &ResourceUrl| may_stay_out(url, event, owner, patient.as_ref());
            findings.inside(&entry.content(), |findings| {
                findings.inside(path, |findings| check_reference(text, index, findings, may_stay_out));
            });
        });
    }
}

/// Checks one reference. `may_stay_out` says whether the message need not hold the resource with this URL.
fn check_reference(
    text: &str,
    index: &Index<'_>,
    findings: &mut Findings,
    may_stay_out: impl FnOnce(&ResourceUrl) -> bool,
) {
    let at = "reference";
    let url: Option<ResourceUrl> = text.parse().ok();
    if url.as_ref().is_some_and(|url| url.version().is_some()) {
        findings.report(rules::REFERENCE_VERSION, at).expected("a URL without version").found(text);
    }
    let is_entry = index.resolve(text).is_some();
    match url {
        None if !is_entry => {
            findings.report(rules::REFERENCE_UNRESOLVED, at).expected("the URL of a resource").found(text);
        }
        None if !text.contains(':') => {
            findings.report(rules::REFERENCE_FORM, at).expected("the URL of a resource").found(text);
        }
        Some(url) if !is_entry && !url.is_absolute() => {
            let expected = "an absolute URL, or that of an entry";
            findings.report(rules::REFERENCE_UNRESOLVED, at).expected(expected).found(text);
        }
        Some(url) if !is_entry && !may_stay_out(&url) => {
            let expected = "a resource in the message, as the sender owns it";
            findings
                .report(rules::REFERENCE_UNRESOLVED, at)
                .severity(Severity::Error)
                .expected(expected)
                .found(text);
        }
        _ => {}
    }
}
