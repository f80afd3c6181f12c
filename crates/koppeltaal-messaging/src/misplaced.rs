//! Quirks: elements outside the element that they belong in, and XHTML in an extension. DSTU1 has no place
//! for either, so the reader keeps them as unknown elements with their source text.
//!
//! Some deployed senders leave out a header's `data` and write its `reference` alone, or leave out the
//! concept and write its `coding` alone. This module adds the missing element to the source text and reads
//! the result with the normal reader, so that nothing else decides what the text means.

use koppeltaal_fhir::datatypes::{Coding, Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_fhir::{Format, ReadOptions, ResourceType, Unknown, UnknownNode};

/// Whether a header has elements that [`wrap_references`] may take.
pub(crate) fn has_references(header: &MessageHeader) -> bool {
    header.unknown.iter().any(|node| node.name() == "reference")
}

/// Moves the `reference` elements of the header itself into its `data`. They come first, because they name
/// the focal resource.
pub(crate) fn wrap_references(header: &mut MessageHeader) {
    let misplaced = header.unknown.extract(|node| node.name() == "reference" && references(node).is_some());
    let data: Vec<_> = misplaced.iter().filter_map(references).flatten().collect();
    header.data.splice(0..0, data);
}

fn references(node: &UnknownNode) -> Option<Vec<ResourceReference>> {
    let header: MessageHeader = reread(node, ["data", "reference"])?;
    let complete = header.unknown.is_empty() && header.data.iter().all(|data| data.reference.value.is_some());
    (complete && !header.data.is_empty()).then_some(header.data)
}

/// The `coding` elements among unknown elements, such as those of an `Other` without `code`.
pub(crate) fn codings(unknown: &Unknown) -> Vec<Coding> {
    let nodes = unknown.iter().filter(|node| node.name() == "coding");
    nodes
        .filter_map(|node| reread::<Other>(node, ["code", "coding"])?.code)
        .flat_map(|code| code.coding)
        .collect()
}

/// The markup of an extension's `valueXhtml`, as text. DSTU1 has no such type of extension.
pub(crate) fn markup(extension: &Extension) -> Option<String> {
    let node = extension.unknown.iter().find(|node| node.name() == "valueXhtml")?;
    if is_xml(node) {
        let source = node.source();
        let inner = source.get(source.find('>')? + 1..source.rfind("</")?)?;
        return Some(inner.trim().to_owned());
    }
    match reread::<Other>(node, ["extension", "valueString"])?.extension.pop()?.value? {
        ExtensionValue::String(text) => text.value,
        _ => None,
    }
}

fn is_xml(node: &UnknownNode) -> bool {
    node.source().starts_with('<')
}

/// Reads the source text of `node` as the element `inner` within the element `outer` of a `T`.
fn reread<T: ResourceType>(node: &UnknownNode, [outer, inner]: [&str; 2]) -> Option<T> {
    let (name, source) = (T::NAME, node.source());
    let (format, text) = if is_xml(node) {
        (Format::Xml, format!("<{name} xmlns=\"http://hl7.org/fhir\"><{outer}>{source}</{outer}></{name}>"))
    } else {
        (Format::Json, format!("{{\"resourceType\":\"{name}\",\"{outer}\":{{\"{inner}\":{source}}}}}"))
    };
    let read = ReadOptions::tolerant().read(format, text.as_bytes()).ok()?;
    read.document.into_resource().ok()?.take::<T>().ok()
}
