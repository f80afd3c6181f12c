//! Puts elements that lost the element round them back in their place (Koppeltaal spec section 12).
//!
//! Deployed senders write a header's `reference` without `data` round it, and the `coding` of an `Other` without `code`
//! round it. The FHIR reader keeps such elements as unknown source text; here the text is read again with the missing
//! element round it, so that one reader decides what it means.

use koppeltaal_fhir::datatypes::{Coding, ResourceReference};
use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_fhir::{Document, ResourceType, UnknownNode};

/// Takes bare `reference` elements of a header into its `data`, in front: they are the focal resource.
pub(crate) fn wrap_references(header: &mut MessageHeader) {
    let bare = header.unknown.extract(|node| node.name() == "reference" && reread_references(node).is_some());
    let data: Vec<_> = bare.iter().filter_map(reread_references).flatten().collect();
    header.data.splice(0..0, data);
}

fn reread_references(node: &UnknownNode) -> Option<Vec<ResourceReference>> {
    let header: MessageHeader = reread(node, ["data", "reference"])?;
    let complete = header.unknown.is_empty() && header.data.iter().all(|data| data.reference.value.is_some());
    (complete && !header.data.is_empty()).then_some(header.data)
}

/// Takes bare `coding` elements of an `Other` into its `code`.
pub(crate) fn wrap_codings(other: &mut Other) {
    let bare = other.unknown.extract(|node| node.name() == "coding" && reread_codings(node).is_some());
    let codings: Vec<_> = bare.iter().filter_map(reread_codings).flatten().collect();
    if !codings.is_empty() {
        other.code.get_or_insert_default().coding.extend(codings);
    }
}

fn reread_codings(node: &UnknownNode) -> Option<Vec<Coding>> {
    let code = reread::<Other>(node, ["code", "coding"])?.code?;
    (code.unknown.is_empty() && !code.coding.is_empty()).then_some(code.coding)
}

/// Reads the source text of `node` as the element `inner` in the element `outer` of a `T`.
fn reread<T: ResourceType + Clone>(node: &UnknownNode, [outer, inner]: [&str; 2]) -> Option<T> {
    let (name, source) = (T::NAME, node.source());
    let document = if source.starts_with('<') {
        read_xml(&format!("<{name} xmlns=\"http://hl7.org/fhir\"><{outer}>{source}</{outer}></{name}>"))
    } else {
        read_json(&format!("{{\"resourceType\":\"{name}\",\"{outer}\":{{\"{inner}\":{source}}}}}"))
    };
    document?.get::<T>().cloned()
}

#[cfg(feature = "xml")]
fn read_xml(text: &str) -> Option<Document> {
    Some(koppeltaal_fhir::ReadOptions::tolerant().xml(text.as_bytes()).ok()?.document)
}

/// Without the format there is no source text in it either.
#[cfg(not(feature = "xml"))]
fn read_xml(_: &str) -> Option<Document> {
    None
}

#[cfg(feature = "json")]
fn read_json(text: &str) -> Option<Document> {
    Some(koppeltaal_fhir::ReadOptions::tolerant().json(text.as_bytes()).ok()?.document)
}

/// Without the format there is no source text in it either.
#[cfg(not(feature = "json"))]
fn read_json(_: &str) -> Option<Document> {
    None
}
