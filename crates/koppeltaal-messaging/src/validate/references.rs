//! References in a message against its entries: what the sender owns is inside, and only the header's data has versions.

use koppeltaal_fhir::Severity;

use super::Report;
use super::message::Held;
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
    entries: &[Held<'_>],
    index: &Index<'_>,
    report: &mut Report,
) {
    let patient = header.patient().and_then(|patient| patient.parse::<ResourceUrl>().ok());
    let owner = header.source_endpoint().unwrap_or_default();
    for held in entries {
        held.resource.visit_references(|path, reference| {
            let Some(text) = reference.reference.as_str().filter(|text| !text.is_empty()) else { return };
            let path = path.to_string();
            if text.starts_with('#') || held.is_header() && path.starts_with("data[") {
                return;
            }
            let path = format!("entry[{}].content.{path}.reference", held.index);
            let url: Option<ResourceUrl> = text.parse().ok();
            if url.as_ref().is_some_and(|url| url.version().is_some()) {
                let kind = (Severity::Warning, rules::REFERENCE_VERSION);
                report.find(kind, path.clone(), "a URL without version", text);
            }
            if index.resolve(text).is_some() {
                if url.is_none() && !text.contains(':') {
                    let kind = (Severity::Warning, rules::REFERENCE_FORM);
                    report.find(kind, path, "the URL of a resource", text);
                }
                return;
            }
            match url {
                Some(url) if !url.is_absolute() => {
                    let expected = "an absolute URL, or that of an entry";
                    report.find((Severity::Warning, rules::REFERENCE_UNRESOLVED), path, expected, text);
                }
                Some(url) if !may_stay_out(&url, event, owner, patient.as_ref()) => {
                    let expected = "a resource in the message, as the sender owns it";
                    report.find((Severity::Error, rules::REFERENCE_UNRESOLVED), path, expected, text);
                }
                Some(_) => {}
                None => {
                    let expected = "the URL of a resource";
                    report.find((Severity::Warning, rules::REFERENCE_UNRESOLVED), path, expected, text);
                }
            }
        });
    }
}
