//! Generates `crates/koppeltaal2/src/generated`, the profiles of Koppeltaal 2.0, from `schemas/koppeltaal2`
//! and the model of R4.
//!
//! - `parse` reads the schema text.
//! - `resolve` finds the elements of a profile in the model, and says what the profile adds to R4.
//! - `emit` writes the structs and their rules.
//! - `lists` writes the value sets and the constants.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use proc_macro2::TokenStream;

use super::model::Model;
use crate::schema::Cardinality;

mod emit;
mod lists;
mod parse;
mod resolve;
#[cfg(test)]
mod tests;

/// Where the schema files are, below the root of the workspace.
pub(super) const SCHEMAS: &str = "schemas/koppeltaal2";
/// Where the generated files go, below the root of the workspace.
pub(super) const GENERATED: &str = "crates/koppeltaal2/src/generated";

/// The generated files by name.
pub(super) fn files(schema: &Schema, r4: &Model) -> Result<Vec<(String, TokenStream)>> {
    let mut files = BTreeMap::new();
    for profile in &schema.profiles {
        let resolved = resolve::profile(schema, profile, r4)?;
        files.insert(format!("{}.rs", resolved.module.name), emit::profile(&resolved));
    }
    files.insert("extensions.rs".to_owned(), emit::extensions(schema));
    files.insert("valuesets.rs".to_owned(), lists::valuesets(schema)?);
    files.insert("vocabulary.rs".to_owned(), lists::vocabulary(schema));
    files.insert(super::INDEX.to_owned(), emit::index(schema));
    Ok(files.into_iter().collect())
}

/// Reads all schema files of the directory.
pub(super) fn read(directory: &Path) -> Result<Schema> {
    let mut schema = Schema::default();
    for (name, text) in super::schema_texts(directory)? {
        parse::parse(&text, &format!("{SCHEMAS}/{name}.schema"), &mut schema)?;
    }
    Ok(schema)
}

/// All schema files together.
#[derive(Debug, Default)]
pub(super) struct Schema {
    profiles: Vec<Profile>,
    extensions: Vec<Extension>,
    /// Extensions of others: only constants.
    urls: Vec<Url>,
    /// Code systems.
    systems: Vec<Url>,
    /// Systems of identifiers.
    namings: Vec<Url>,
    lists: Vec<List>,
}

/// A profile of the R4 resource of the same name.
#[derive(Debug)]
struct Profile {
    name: String,
    url: String,
    note: Option<String>,
    /// The elements that may occur: the fields.
    elements: Vec<Element>,
    /// The names of elements that must not occur; a choice has `[x]`.
    forbidden: Vec<String>,
    /// The names of extensions that must not occur, as `urls` has them.
    forbidden_extensions: Vec<String>,
}

/// A line of a profile.
#[derive(Debug)]
struct Element {
    name: String,
    /// The most is none for a part that must not occur.
    cardinality: Option<Cardinality>,
    place: Place,
    /// The types that a reference may point to.
    targets: Vec<String>,
    fixed: Option<Fixed>,
    /// The lists that its codes are on.
    codes: Vec<Binding>,
    note: Option<String>,
    parts: Vec<Element>,
}

/// Where the values of an element are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// In the element of R4 of the same name.
    Native,
    /// In an extension of the same name.
    Extension {
        /// Whether the field holds the first value only, though there may be more.
        first: bool,
    },
}

/// The value that an element always has.
#[derive(Debug, Clone, PartialEq)]
enum Fixed {
    Text(String),
    Code { system: String, code: String },
}

/// A list that codes of an element are on.
#[derive(Debug, Clone, PartialEq)]
struct Binding {
    list: String,
    /// Whether other codes are allowed too.
    is_open: bool,
}

/// A line of the table of extensions.
#[derive(Debug)]
struct Extension {
    name: String,
    /// The first is written, all are read.
    urls: Vec<String>,
    /// The type of the value.
    value: String,
    targets: Vec<String>,
    note: Option<String>,
}

/// A list of codes.
#[derive(Debug)]
struct List {
    name: String,
    url: String,
    codes: Vec<Code>,
}

#[derive(Debug)]
struct Code {
    /// The name of its system.
    system: String,
    code: String,
    display: String,
    variant: Option<String>,
    note: Option<String>,
}

/// A URL that becomes a constant.
#[derive(Debug)]
struct Url {
    name: String,
    url: String,
    note: Option<String>,
}
