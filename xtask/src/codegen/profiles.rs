//! Generates `crates/koppeltaal-messaging/src/generated`, Koppeltaal's profiles and value sets, from
//! `schemas/koppeltaal`.
//!
//! - `parse` reads the schema text.
//! - `resolve` finds each field's place in the DSTU1 model and its Rust type.
//! - `emit` writes the structs and the code that moves values between them and the DSTU1 types.
//! - `lists` writes the value sets and the constants.
//! - `rules` writes the tables that validation reads.
//! - `kinds` writes the kinds of resources.
//! - `events` writes the events and the contents of their messages.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use proc_macro2::TokenStream;

use super::model::Model;
use super::names;
use crate::schema::Cardinality;

mod documentation;
mod emit;
mod events;
mod kinds;
mod lists;
pub(crate) mod parse;
mod resolve;
mod rules;
#[cfg(test)]
mod tests;

/// Where the schema files are, below the root of the workspace.
pub(crate) const SCHEMAS: &str = "schemas/koppeltaal";
/// Where the generated files go, below the root of the workspace.
pub(super) const GENERATED: &str = "crates/koppeltaal-messaging/src/generated";
/// The base of systems and extensions without a scheme.
const BASE: &str = "http://ggz.koppeltaal.nl/fhir/Koppeltaal/";

/// The generated files by name.
pub(super) fn files(schema: &Schema, dstu1: &Model) -> Result<Vec<(String, TokenStream)>> {
    let modules = resolve::modules(schema, dstu1)?;
    let mut files = BTreeMap::new();
    for module in &modules {
        files.insert(format!("{}.rs", module.name), emit::module(module));
    }
    files.insert("events.rs".to_owned(), events::module(schema)?);
    files.insert("kinds.rs".to_owned(), kinds::module(schema, &modules)?);
    files.insert("valuesets.rs".to_owned(), lists::valuesets(schema)?);
    files.insert("vocabulary.rs".to_owned(), lists::vocabulary(schema, &modules)?);
    files.insert(super::INDEX.to_owned(), emit::index(&modules));
    Ok(files.into_iter().collect())
}

/// Reads all schema files of a directory.
pub(crate) fn read(directory: &Path) -> Result<Schema> {
    let mut schema = Schema::default();
    for (name, text) in super::schema_texts(directory)? {
        parse::parse(&text, &format!("{SCHEMAS}/{name}.schema"), &mut schema)?;
    }
    Ok(schema)
}

/// All schema files together.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    pub(crate) structures: Vec<Structure>,
    pub(crate) lists: Vec<List>,
    pub(crate) systems: Vec<System>,
    events: Vec<Event>,
    kinds: Vec<Kind>,
}

/// A profile, or a component of one.
#[derive(Debug)]
pub(crate) struct Structure {
    /// `CarePlan`, or `CarePlan.Activity`.
    pub(crate) name: String,
    /// The DSTU1 resource or component, or `Extension`.
    base: String,
    pub(crate) is_component: bool,
    /// Whether the crate has hand-written code for it. Then only constants are generated.
    by_hand: bool,
    /// Whether a profile has no kind: no message holds such a resource.
    without_kind: bool,
    pub(crate) fields: Vec<Field>,
}

/// A line of a profile.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) cardinality: Cardinality,
    /// The name of the type, or the names of all types of a choice.
    pub(crate) types: Vec<String>,
    /// The kinds that a reference may point to.
    pub(crate) targets: Vec<String>,
    pub(crate) binding: Option<Binding>,
    pub(crate) place: Place,
    default: Option<String>,
    note: Option<String>,
    /// What the profile demands of the parts of the field's data type.
    pub(crate) parts: Vec<Field>,
}

/// The list that a code comes from.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) list: String,
    /// Whether other codes are allowed too. Then the field stays a concept.
    open: bool,
    /// The code that makes a resource this profile.
    fixed: Option<String>,
}

/// The place of a field in DSTU1.
#[derive(Debug, PartialEq)]
pub(crate) enum Place {
    /// In the element of this name.
    Native(String),
    /// In an extension with this URL.
    Extension { url: String, quirk: Option<Quirk> },
    /// In an extension without a fixed URL. The profile has no field for it: it stays in `extension`.
    Kept,
}

/// Another place in which some senders put an extension's value. It is read too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Quirk {
    /// In the value of the enclosing extension.
    ParentValue,
    /// In XHTML instead of a string.
    Xhtml,
}

/// A list of codes.
#[derive(Debug)]
pub(crate) struct List {
    /// The name of the enum.
    pub(crate) name: String,
    /// The systems. The first is written, all are read.
    pub(crate) systems: Vec<String>,
    /// Whether the enum has no variant for codes that are not on the list, because each listed
    /// code means something of its own to the crate.
    is_closed: bool,
    pub(crate) codes: Vec<ListedCode>,
}

impl List {
    /// The variants of the enum, in order.
    fn variants(&self) -> Result<Vec<String>> {
        let name = |listed: &ListedCode| listed.variant.clone().unwrap_or_else(|| listed.code.clone());
        names::variants(&self.name, &self.codes.iter().map(name).collect::<Vec<_>>())
    }
}

#[derive(Debug)]
pub(crate) struct ListedCode {
    pub(crate) code: String,
    pub(crate) display: String,
    variant: Option<String>,
    note: Option<String>,
}

/// A system whose codes are not listed here.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) url: String,
    /// The closed list of DSTU1 that has this system.
    pub(crate) dstu1: Option<String>,
    note: Option<String>,
}

/// A line of the table of events.
#[derive(Debug)]
struct Event {
    /// Its code.
    code: String,
    /// The profile of the focal resource.
    profile: String,
    /// The kinds of a focal resource. The first is the one that senders write.
    focal: Vec<String>,
    /// What it says about the patient.
    patient: PatientPresence,
    /// The kinds of the other resources that the message may hold.
    with: Vec<String>,
}

/// What an event says about the patient. The names are those of the variants in the generated code.
#[derive(Debug, Clone, Copy)]
enum PatientPresence {
    /// The header names no patient.
    None,
    /// The header names the patient; the resource may be left out.
    Referenced,
    /// The header names the patient, and the resource is in the message.
    Required,
}

/// A line of the table of kinds.
#[derive(Debug)]
struct Kind {
    name: String,
    /// The DSTU1 resource that carries the kind.
    base: String,
    /// The type segment of its URLs.
    segment: String,
    note: Option<String>,
}

impl Schema {
    /// The DSTU1 resources that profiles and kinds need.
    pub(in crate::codegen) fn resource_types(&self) -> impl Iterator<Item = &str> {
        let profiles = self.structures.iter().filter(|structure| !structure.is_component);
        let kinds = self.kinds.iter().map(|kind| kind.base.as_str());
        profiles.map(|profile| profile.base.as_str()).chain(kinds)
    }
}

/// The absolute form of a URL in a schema.
pub(crate) fn absolute(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("{BASE}{url}") }
}

/// The name of a constant: `CarePlanActivityStatus` or `care-plan-status` in upper case with underscores.
pub(super) fn constant_name(name: &str) -> String {
    let mut text = String::new();
    let mut previous = '_';
    for character in name.chars() {
        if character.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
            text.push('_');
        }
        text.push(if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' });
        previous = character;
    }
    text
}
