//! Searches, page by page.

use std::sync::Arc;

use koppeltaal_r4::resources::{Bundle, BundleEntry, BundleEntrySearch, BundleType, SearchEntryMode};

use crate::audit::{query_entity, version_entity};
use crate::fhir::answer::Answer;
use crate::fhir::pages::Found;
use crate::fhir::permission::MaySearch;
use crate::fhir::reading::link;
use crate::fhir::refusal::Refusal;
use crate::fhir::server::FhirServer;
use crate::moment::Moment;
use crate::search::query::{MOST_COUNT, Query};
use crate::store::Version;

/// Searches a type; `text` is the query string as it came.
pub(crate) fn search(server: &FhirServer, may: &MaySearch, text: &str) -> Result<Answer, Refusal> {
    let resource_type = may.resource_type();
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    let mut query = Query::parse(resource_type, pairs.iter().map(|(name, value)| (&**name, &**value)))
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    may.narrow(&mut query);
    let numbers = server.store.find(&query);
    let question = if text.is_empty() { "" } else { "?" };
    let url = format!("{}/{resource_type}{question}{text}", server.domain.fhir_base);
    let total = numbers.len();
    let page = server.store.numbered(resource_type, &numbers[..query.count.min(total)]);
    let next = (0 < query.count && query.count < total).then(|| {
        let name = server.pages.keep(Found::new(resource_type, may.client_id(), numbers));
        page_url(server, &name, query.count, query.count)
    });
    let mut answer = Answer::resource(bundle(server, &page, total, &url, next.as_deref()));
    answer.entities.push(query_entity(resource_type, &format!("/{resource_type}{question}{text}")));
    answer.entities.extend(page.iter().map(|version| version_entity(version)));
    Ok(answer)
}

/// The result that a link to another page belongs to.
///
/// # Errors
///
/// A link that is unknown or too old.
pub(crate) fn find_page(server: &FhirServer, text: &str) -> Result<Found, Refusal> {
    let name = parameter(text, "_getpages")
        .ok_or_else(|| Refusal::not_found("a search names a type: there is no search of all types"))?;
    server.pages.get(&name).ok_or_else(|| Refusal::gone("this link is too old: search again"))
}

/// Another page of a search. Resources that were deleted since are left out.
pub(crate) fn page(
    server: &FhirServer,
    may: &MaySearch,
    found: &Found,
    text: &str,
) -> Result<Answer, Refusal> {
    if found.client_id != may.client_id() {
        return Err(Refusal::gone("this link is too old: search again"));
    }
    let number = |name: &str| parameter(text, name).and_then(|value| value.parse::<usize>().ok());
    let count = number("_count").unwrap_or(MOST_COUNT).clamp(1, MOST_COUNT);
    let total = found.numbers.len();
    let start = number("_getpagesoffset").unwrap_or(0).min(total);
    let end = (start + count).min(total);
    let mut page = server.store.numbered(found.resource_type, &found.numbers[start..end]);
    // Its rights may be others by now.
    page.retain(|version| may.includes(version.origin()));
    let name = parameter(text, "_getpages").unwrap_or_default();
    let next = (end < total).then(|| page_url(server, &name, end, count));
    let url = page_url(server, &name, start, count);
    let mut answer = Answer::resource(bundle(server, &page, total, &url, next.as_deref()));
    answer.entities.push(query_entity(found.resource_type, &format!("?{text}")));
    answer.entities.extend(page.iter().map(|version| version_entity(version)));
    Ok(answer)
}

fn page_url(server: &FhirServer, name: &str, start: usize, count: usize) -> String {
    let base = &server.domain.fhir_base;
    format!("{base}?_getpages={name}&_getpagesoffset={start}&_count={count}&_bundletype=searchset")
}

/// The value of a parameter of a query string.
pub(crate) fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

fn bundle(server: &FhirServer, page: &[Arc<Version>], total: usize, url: &str, next: Option<&str>) -> Bundle {
    let entry = page.iter().map(|version| BundleEntry {
        full_url: format!("{}/{}", server.domain.fhir_base, version.reference()).as_str().into(),
        resource: Some(version.resource.clone()),
        search: Some(Box::new(BundleEntrySearch {
            mode: SearchEntryMode::Match.into(),
            ..Default::default()
        })),
        ..Default::default()
    });
    let next = next.map(|next| link("next", next));
    Bundle {
        id: crate::store::new_id().as_str().into(),
        r#type: BundleType::Searchset.into(),
        timestamp: Moment::now().to_instant().into(),
        total: u32::try_from(total).ok().into(),
        link: std::iter::once(link("self", url)).chain(next).collect(),
        entry: entry.collect(),
        ..Default::default()
    }
}
