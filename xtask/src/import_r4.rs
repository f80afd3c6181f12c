//! `cargo xtask import-r4 DIR`: reads the official definitions of FHIR R4 (`StructureDefinition`s as JSON)
//! and writes their structure, without any of their prose, to `schemas/r4`.
//!
//! `DIR` holds `primitive-types`, `complex-types` and `resources`, one `StructureDefinition` a file, and
//! `required-codes.tsv` with the codes of the value sets that elements are bound to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::import::write_schemas;
use crate::schema::{Definition, Role};
use definitions::{Definitions, ValueSets};

mod definitions;
mod json;

/// The first line of every file that the import writes.
const COMMENT: &str = "Structure of FHIR R4 (4.0.1), written by `cargo xtask import-r4`; do not edit.";

/// The file of the data types, and of the lists of codes that several files need.
const DATATYPES: &str = "datatypes.schema";

/// Where the schema files are, below the root of the workspace.
const TARGET: &str = "schemas/r4";

/// What R4 is known to hold: a definition that gets lost on the way is noticed.
const RESOURCES: usize = 146;
const PRIMITIVES: usize = 20;

/// Reads the definitions in a directory and replaces the schema files of this workspace.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let value_sets = ValueSets::read(&directory.join("required-codes.tsv"))?;
    let mut definitions = Definitions::new(&value_sets);
    let mut files: BTreeMap<String, Vec<Definition>> = BTreeMap::new();
    let datatypes = files.entry(DATATYPES.to_owned()).or_default();
    for structure in json::read_directory(&directory.join("primitive-types"))? {
        datatypes.extend(definitions.primitive(&structure)?);
    }
    for structure in json::read_directory(&directory.join("complex-types"))? {
        datatypes.extend(definitions.structure(&structure, DATATYPES)?);
    }
    for structure in json::read_directory(&directory.join("resources"))? {
        let name = structure["type"].as_str().context("a definition without a type")?;
        let is_abstract = structure["abstract"].as_bool() == Some(true);
        let file = if is_abstract { DATATYPES.to_owned() } else { format!("{}.schema", name.to_lowercase()) };
        let own = definitions.structure(&structure, &file)?;
        files.entry(file).or_default().extend(own);
    }
    for (list, users) in definitions.lists_in_use() {
        let file = one_of(&users).unwrap_or(DATATYPES);
        let definition = Definition::Codes(value_sets.list(&list)?);
        files.entry(file.to_owned()).or_default().push(definition);
    }

    let all = || files.values().flatten();
    let resources = all()
        .filter(|one| matches!(one, Definition::Structure(structure) if structure.role == Role::Resource))
        .count();
    let primitives = all().filter(|one| matches!(one, Definition::Primitive(_))).count();
    ensure!(resources == RESOURCES, "{resources} resources, expected {RESOURCES}");
    ensure!(primitives == PRIMITIVES - 1, "{primitives} primitives, expected {PRIMITIVES} with xhtml");
    write_schemas(COMMENT, &files, &crate::workspace_root()?.join(TARGET))?;
    println!("{resources} resources, {} files in {TARGET}", files.len());
    Ok(())
}

/// The only one of a set.
fn one_of(names: &BTreeSet<String>) -> Option<&str> {
    match names.len() {
        1 => names.first().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{COMMENT, RESOURCES, TARGET};
    use crate::schema::{Definition, Role, parse, print};

    /// The files in the repository are complete and have the form that the import writes.
    #[test]
    fn the_schema_files_of_r4_are_complete() {
        let target = crate::workspace_root().expect("a workspace").join(TARGET);
        let mut resources = 0;
        for entry in fs::read_dir(target).expect("schemas/r4 is there") {
            let path = entry.expect("schemas/r4 can be listed").path();
            let text = fs::read_to_string(&path).expect("a text file");
            let name = path.file_name().and_then(|name| name.to_str()).expect("a file name");
            let definitions = parse(&text, name).expect("a well-formed schema file");
            assert_eq!(print(COMMENT, &definitions), text, "{name}");
            resources += definitions
                .iter()
                .filter(
                    |one| matches!(one, Definition::Structure(structure) if structure.role == Role::Resource),
                )
                .count();
        }
        assert_eq!(resources, RESOURCES);
    }
}
