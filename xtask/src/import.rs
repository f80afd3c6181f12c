//! `cargo xtask import DIR` reads the official XSD files of DSTU1 and writes their structure, without their
//! prose, to `schemas/dstu1`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::schema::{self, Definition, Role};
use counts::Counts;
use definitions::Types;
use xsd::File;

mod choice;
mod counts;
mod definitions;
mod xsd;

/// The first line of every file that the import writes.
const COMMENT: &str = "Structure of FHIR DSTU1 (0.0.82), written by `cargo xtask import`; do not edit.";

/// The file that includes all others. Its types are those that all resources share.
const START: &str = "fhir-base.xsd";

/// Reads the XSD files in a directory and replaces the schema files of this workspace.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let files = xsd::load_all(directory, START)?;
    let schemas = definitions_by_file(&files)?;

    let all: Vec<&Definition> = schemas.values().flatten().collect();
    counts::check_names(&all)?;
    let counts = Counts::from_definitions(all);
    ensure!(
        counts == counts::EXPECTED,
        "the schemas hold\n{}expected\n{}",
        counts.report(),
        counts::EXPECTED.report()
    );
    let declared: usize = files.iter().map(|file| counts::declared_elements(&file.schema)).sum();
    ensure!(
        declared == counts::DECLARED_ELEMENTS,
        "the types of the XSD files declare {declared} elements, expected {}",
        counts::DECLARED_ELEMENTS
    );

    write_schemas(COMMENT, &schemas, &target())?;
    print!("{}", counts.report());
    println!(
        "{declared:>5}  elements declared in the XSD files, {} not written",
        counts::ELEMENTS_NOT_WRITTEN
    );
    println!("{:>5}  files in schemas/dstu1", schemas.len());
    Ok(())
}

/// The directory that holds the schema files.
fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/dstu1")
}

/// The definitions of each schema file, by file name.
fn definitions_by_file(files: &[File]) -> Result<BTreeMap<String, Vec<Definition>>> {
    let types = Types::collect(files)?;
    let mut schemas = BTreeMap::new();
    for file in files {
        let definitions = types.definitions(file)?;
        if definitions.is_empty() {
            continue;
        }
        let name = if file.name == START {
            "datatypes.schema".to_owned()
        } else {
            let resource = resource_name(&definitions).with_context(|| file.name.clone())?;
            format!("{}.schema", resource.to_ascii_lowercase())
        };
        ensure!(!schemas.contains_key(&name), "{}: {name} already comes from another file", file.name);
        schemas.insert(name, definitions);
    }
    Ok(schemas)
}

/// The name of the only resource in a file. Binary counts as a resource.
fn resource_name(definitions: &[Definition]) -> Result<&str> {
    let mut names = definitions.iter().filter_map(|definition| match definition {
        Definition::Structure(structure) if matches!(structure.role, Role::Resource | Role::Binary) => {
            Some(structure.name.as_str())
        }
        _ => None,
    });
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name),
        (None, _) => bail!("no resource in this file, expected one"),
        (Some(first), Some(second)) => {
            bail!("two resources in this file, {first} and {second}, expected one")
        }
    }
}

/// Writes the files and removes schema files that are no longer made.
pub(crate) fn write_schemas(
    comment: &str,
    schemas: &BTreeMap<String, Vec<Definition>>,
    target: &Path,
) -> Result<()> {
    fs::create_dir_all(target).with_context(|| format!("cannot make {}", target.display()))?;
    for (name, definitions) in schemas {
        let text = schema::print(comment, definitions);
        // Only this text is kept of the definitions, so reading it back must give the same definitions.
        ensure!(
            schema::parse(&text, name)? == *definitions,
            "{name} reads back differently: a name or a code does not fit the text form"
        );
        let path = target.join(name);
        if fs::read_to_string(&path).ok().as_deref() == Some(text.as_str()) {
            continue;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for entry in fs::read_dir(target).with_context(|| format!("cannot list {}", target.display()))? {
        let path = entry.with_context(|| format!("cannot list {}", target.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".schema") && !schemas.contains_key(name) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{COMMENT, counts, target};
    use crate::schema::{parse, print};

    /// The files in the repository are complete and have the form that the import writes.
    #[test]
    fn the_schema_files_are_complete() {
        let mut all = Vec::new();
        for entry in fs::read_dir(target()).expect("schemas/dstu1 is there") {
            let path = entry.expect("schemas/dstu1 can be listed").path();
            let text = fs::read_to_string(&path).expect("a text file");
            let name = path.file_name().and_then(|name| name.to_str()).expect("a file name");
            let definitions = parse(&text, name).expect("a well-formed schema file");
            assert_eq!(print(COMMENT, &definitions), text, "{name}");
            all.extend(definitions);
        }
        assert_eq!(counts::Counts::from_definitions(&all), counts::EXPECTED);
        counts::check_names(&all.iter().collect::<Vec<_>>()).expect("every name is defined");
    }
}
