//! Quirks that DSTU1 has no place for, read from the source text that is kept of unknown elements.

use koppeltaal_fhir::datatypes::{Coding, Extension, ExtensionValue};
use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Unknown, UnknownNode};

/// Codings that stand where the concept round them is missing.
pub(super) fn bare_codings(unknown: &Unknown) -> Vec<Coding> {
    let nodes = unknown.iter().filter(|node| node.name() == "coding");
    nodes.filter_map(|node| read(node, "code", "coding")?.code).flat_map(|code| code.coding).collect()
}

/// The content of an extension that is given as XHTML, which is no type of extension: the markup as text.
pub(super) fn markup(extension: &Extension) -> Option<String> {
    let node = extension.unknown.iter().find(|node| node.name() == "valueXhtml")?;
    if is_xml(node) {
        let source = node.source();
        let inner = source.get(source.find('>')? + 1..source.rfind("</")?)?;
        return Some(inner.trim().to_owned());
    }
    match read(node, "extension", "valueString")?.extension.pop()?.value? {
        ExtensionValue::String(text) => text.value,
        _ => None,
    }
}

fn is_xml(node: &UnknownNode) -> bool {
    node.source().starts_with('<')
}

/// Reads the source of a node as the element `name` inside `parent` of an `Other`.
fn read(node: &UnknownNode, parent: &str, name: &str) -> Option<Other> {
    let source = node.source();
    let read = if is_xml(node) {
        from_xml(&format!("<Other xmlns=\"http://hl7.org/fhir\"><{parent}>{source}</{parent}></Other>"))?
    } else {
        from_json(&format!("{{\"resourceType\":\"Other\",\"{parent}\":{{\"{name}\":{source}}}}}"))?
    };
    read.get::<Other>().cloned()
}

#[cfg(feature = "xml")]
fn from_xml(text: &str) -> Option<koppeltaal_fhir::Document> {
    koppeltaal_fhir::ReadOptions::tolerant().xml(text.as_bytes()).ok().map(|read| read.document)
}

#[cfg(not(feature = "xml"))]
fn from_xml(_: &str) -> Option<koppeltaal_fhir::Document> {
    None
}

#[cfg(feature = "json")]
fn from_json(text: &str) -> Option<koppeltaal_fhir::Document> {
    koppeltaal_fhir::ReadOptions::tolerant().json(text.as_bytes()).ok().map(|read| read.document)
}

#[cfg(not(feature = "json"))]
fn from_json(_: &str) -> Option<koppeltaal_fhir::Document> {
    None
}
