//! Read, read of a version, and the history of a resource.

use http::StatusCode;
use koppeltaal_r4::resources::{
    Bundle, BundleEntry, BundleEntryRequest, BundleEntryResponse, BundleLink, BundleType, HttpVerb,
};

use crate::audit::version_entity;
use crate::fhir::answer::{Answer, etag};
use crate::fhir::permission::{May, MayReadHistory, Read};
use crate::fhir::refusal::Refusal;
use crate::moment::Moment;
use crate::search::query::MOST_COUNT;
use crate::store::Entry;

/// The current version.
pub(crate) fn read(may: &May<Read>) -> Answer {
    Answer::version(StatusCode::OK, may.version())
}

/// One version.
pub(crate) fn read_version(may: &MayReadHistory, version: &str) -> Result<Answer, Refusal> {
    let unknown = || Refusal::not_found("there is no such version of this resource");
    let number: u64 = version.parse().map_err(|_| unknown())?;
    match may.entries().iter().find(|entry| entry.version() == number).ok_or_else(unknown)? {
        Entry::Live(version) => Ok(Answer::version(StatusCode::OK, version)),
        Entry::Deleted { .. } => Err(Refusal::gone("with this version the resource was deleted")),
    }
}

/// The newest versions, at most [`MOST_COUNT`], or as many as `count` says; `total` counts all. `base` is the
/// base of the FHIR interface.
pub(crate) fn history(
    may: &MayReadHistory,
    base: &str,
    (resource_type, id): (&str, &str),
    count: Option<usize>,
) -> Answer {
    let url = format!("{base}/{resource_type}/{id}");
    let count = count.unwrap_or(MOST_COUNT).min(MOST_COUNT);
    let entry = may.entries().iter().take(count).map(|entry| {
        let (verb, status) = match entry {
            Entry::Deleted { .. } => (HttpVerb::DELETE, "204 No Content"),
            Entry::Live(_) if entry.version() == 1 => (HttpVerb::POST, "201 Created"),
            Entry::Live(_) => (HttpVerb::PUT, "200 OK"),
        };
        let (resource, moment) = match entry {
            Entry::Live(version) => (Some(version.resource.clone()), version.last_updated),
            Entry::Deleted { last_updated, .. } => (None, *last_updated),
        };
        let target =
            if verb == HttpVerb::POST { resource_type.to_owned() } else { format!("{resource_type}/{id}") };
        BundleEntry {
            full_url: url.as_str().into(),
            resource,
            request: Some(Box::new(BundleEntryRequest {
                method: verb.into(),
                url: target.as_str().into(),
                ..Default::default()
            })),
            response: Some(Box::new(BundleEntryResponse {
                status: status.into(),
                etag: etag(entry.version()).as_str().into(),
                last_modified: moment.to_instant().into(),
                ..Default::default()
            })),
            ..Default::default()
        }
    });
    let bundle = Bundle {
        r#type: BundleType::History.into(),
        timestamp: Moment::now().to_instant().into(),
        total: u32::try_from(may.entries().len()).ok().into(),
        link: vec![link("self", &format!("{url}/_history"))],
        entry: entry.collect(),
        ..Default::default()
    };
    let mut answer = Answer::resource(bundle);
    let live = may.entries().iter().find_map(|entry| match entry {
        Entry::Live(version) => Some(version),
        Entry::Deleted { .. } => None,
    });
    answer.entities = live.map(|version| version_entity(version)).into_iter().collect();
    answer
}

/// A link of a Bundle.
pub(crate) fn link(relation: &str, url: &str) -> BundleLink {
    BundleLink { relation: relation.into(), url: url.into(), ..Default::default() }
}
