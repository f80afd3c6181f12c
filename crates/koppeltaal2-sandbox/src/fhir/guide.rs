//! The `ImplementationGuide`: which version of the profiles the domain has.

use http::StatusCode;
use koppeltaal_r4::resources::{
    Bundle, BundleEntry, BundleEntrySearch, BundleType, IssueType, SearchEntryMode,
};
use koppeltaal_r4::{Format, ReadOptions};

use crate::domain::Domain;
use crate::fhir::answer::Answer;
use crate::fhir::refusal::Refusal;

/// The URL of the guide.
pub(crate) const GUIDE: &str = "http://koppeltaal.nl/fhir/ImplementationGuide";

const ID: &str = "koppeltaal";
/// The element that repeats.
const FHIR_VERSION: &str = "fhirVersion";

/// The elements of the guide.
const ELEMENTS: [(&str, &str); 7] = [
    ("id", ID),
    ("url", GUIDE),
    ("version", "0.16.3"),
    ("name", "Koppeltaal"),
    ("status", "active"),
    ("packageId", "koppeltaalv2.00"),
    (FHIR_VERSION, "4.0.1"),
];

/// The guide, as a search for its URL finds it.
pub(crate) fn search(domain: &Domain, url: Option<&str>, format: Format) -> Result<Answer, Refusal> {
    let mut bundle = Bundle { r#type: BundleType::Searchset.into(), total: 0.into(), ..Default::default() };
    if url.is_none_or(|url| url == GUIDE) {
        // The model has not this type, so it is read as text of the format that is asked for.
        let read = ReadOptions::tolerant().read(format, text(format).as_bytes()).map_err(|error| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, IssueType::Exception, error.to_string())
        })?;
        bundle.total = 1.into();
        bundle.entry.push(BundleEntry {
            full_url: format!("{}/ImplementationGuide/{ID}", domain.fhir_base).as_str().into(),
            resource: Some(read.document),
            search: Some(Box::new(BundleEntrySearch {
                mode: SearchEntryMode::Match.into(),
                ..Default::default()
            })),
            ..Default::default()
        });
    }
    Ok(Answer::resource(bundle))
}

/// The guide as text. Its values hold nothing that either format would escape.
fn text(format: Format) -> String {
    let json = |(name, value): (&str, &str)| match name {
        FHIR_VERSION => format!(r#","{name}":["{value}"]"#),
        _ => format!(r#","{name}":"{value}""#),
    };
    match format {
        Format::Json => {
            format!(r#"{{"resourceType":"ImplementationGuide"{}}}"#, ELEMENTS.map(json).concat())
        }
        Format::Xml => {
            let elements = ELEMENTS.map(|(name, value)| format!(r#"<{name} value="{value}"/>"#)).concat();
            format!(r#"<ImplementationGuide xmlns="http://hl7.org/fhir">{elements}</ImplementationGuide>"#)
        }
    }
}
