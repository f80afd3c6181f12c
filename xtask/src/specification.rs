//! `cargo xtask specification DIR` checks that `schemas/koppeltaal` has every row of the tables `profile.tsv`
//! and `valuesets.tsv`.
//!
//! The tables restate Koppeltaal's documentation and are not part of the repository. [`DEPARTURES`] lists
//! where the schema differs on purpose, and why. A departure that no row needs is an error.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::codegen::names::upper_first;
use crate::codegen::profiles::{self, Field, Place, Schema, Structure};
use crate::codegen::{self, SCHEMAS};
use crate::schema::Definition;

/// Where the schema differs from the tables: the path of the row, its column, and the reason. After the
/// column `name` comes the name that the schema uses.
const DEPARTURES: &[(&str, &str, &str)] = &[
    ("ActivityDefinition.type", "name kind", "its extension is called ActivityKind"),
    ("CarePlan.activity.type", "name kind", "its extension is called ActivityKind"),
    ("CarePlan.activity.subactivity", "name subActivity", "written so elsewhere"),
    ("CarePlanActivityStatus.subactivity", "name subActivity", "written so elsewhere"),
    ("CarePlan.activity.goal", "type", "an idref is text: the id of a goal"),
    ("CarePlan.activity.id", "element", "every struct has the id of its element"),
    ("CarePlanActivityResult.status", "binding", "the wire holds DSTU1's list"),
    ("StorageItem.applicationIdentifier", "cardinality", "set by the server, so a sender has none"),
    ("StorageItem.applicationIdentifier", "extension", "not documented; the URL is a guess by analogy"),
    ("StorageItem.domainName", "cardinality", "set by the server, so a sender has none"),
    ("StorageItem.domainName", "extension", "not documented; the URL is a guess by analogy"),
    ("StorageItem.contentType", "binding", "MIME types are no list"),
    ("RelatedPerson.relationship", "binding", "RoleCode is open and not listed"),
];

/// Compares the tables in a directory with the schema. Fails when a row is missing or differs.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let root = crate::workspace_root()?;
    let schema = profiles::read(&root.join(profiles::SCHEMAS))?;
    let mut comparison = Comparison { schema: &schema, differences: Vec::new(), used: Vec::new() };
    let rows = read(&directory.join("profile.tsv"))?;
    for row in &rows {
        comparison.profile_row(row).with_context(|| row.join("\t"))?;
    }
    let standard = standard_lists(&root)?;
    let codes = read(&directory.join("valuesets.tsv"))?;
    for row in &codes {
        comparison.code_row(row, &standard).with_context(|| row.join("\t"))?;
    }
    for (path, column, _) in DEPARTURES {
        let name = column.split(' ').next().unwrap_or(column);
        if !comparison.used.contains(&(path, name)) {
            comparison.differences.push(format!("{path}: no row needs the departure in {name}"));
        }
    }
    let differences = comparison.differences;
    if differences.is_empty() {
        println!(
            "{} rows of profiles and {} of value sets are in {}, with {} departures",
            rows.len(),
            codes.len(),
            profiles::SCHEMAS,
            DEPARTURES.len()
        );
        return Ok(());
    }
    bail!("{} differences:\n  {}", differences.len(), differences.join("\n  "))
}

/// The rows of a table, without comments and the line of column names.
fn read(path: &Path) -> Result<Vec<Vec<String>>> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    let rows: Vec<_> = rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    ensure!(!rows.is_empty(), "{} has no rows", path.display());
    Ok(rows)
}

/// The closed lists of DSTU1 by name.
fn standard_lists(root: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let schemas = codegen::read_schemas(&root.join(SCHEMAS))?;
    let lists = schemas.into_values().flatten().filter_map(|definition| match definition {
        Definition::Codes(codes) => Some((codes.name, codes.literals)),
        _ => None,
    });
    Ok(lists.collect())
}

struct Comparison<'a> {
    schema: &'a Schema,
    differences: Vec<String>,
    /// The departures that were needed.
    used: Vec<(&'static str, &'static str)>,
}

impl<'a> Comparison<'a> {
    /// The departure in a column of a row, if there is one: for the column `name` the name in the schema,
    /// else an empty text. Notes that the departure was needed.
    fn departure(&mut self, path: &str, column: &str) -> Option<&'static str> {
        let is_wanted = |departure: &&(&str, &'static str, &str)| {
            departure.0 == path && departure.1.split(' ').next() == Some(column)
        };
        let (path, detail, _) = DEPARTURES.iter().find(is_wanted)?;
        let mut words = detail.split(' ');
        self.used.push((path, words.next()?));
        Some(words.next().unwrap_or_default())
    }

    fn compare(&mut self, path: &str, column: &str, expected: &str, found: &str) {
        if expected != found && self.departure(path, column).is_none() {
            self.differences
                .push(format!("{path}: {column} is {found:?} in the schema, {expected:?} in the table"));
        }
    }

    fn profile_row(&mut self, row: &[String]) -> Result<()> {
        let [resource, path, cardinality, type_text, binding, extension, ..] = row else {
            bail!("expected seven columns")
        };
        let full = format!("{resource}.{path}");
        let Some(field) = self.find(resource, path)? else {
            if self.departure(&full, "element").is_none() {
                self.differences.push(format!("{full} is not in the schema"));
            }
            return Ok(());
        };
        self.compare(&full, "cardinality", cardinality, &field.cardinality.to_string());
        self.compare(&full, "type", &expected_type(type_text), &type_of(field, path));
        let url = match &field.place {
            Place::Extension { url, .. } => url.as_str(),
            Place::Native(_) | Place::Kept => "",
        };
        self.compare(&full, "extension", extension, url);
        let list = field.binding.as_ref().map(|binding| self.system_of(&binding.list)).transpose()?;
        let expected = if binding.is_empty() { String::new() } else { profiles::absolute(binding) };
        self.compare(&full, "binding", &expected, list.unwrap_or_default());
        Ok(())
    }

    /// The field at a path, through components and the parts of data types.
    fn find(&mut self, resource: &str, path: &str) -> Result<Option<&'a Field>> {
        let mut structure = Some(self.structure(resource)?);
        let mut parts: &[Field] = &[];
        let mut found = None;
        let mut walked = resource.to_owned();
        for segment in path.split('.') {
            walked = format!("{walked}.{segment}");
            let renamed = self.departure(&walked, "name");
            let name = renamed.unwrap_or(segment);
            let fields = structure.map_or(parts, |structure| structure.fields.as_slice());
            // An alternative of a choice is called by the choice's name and its type.
            let is_wanted = |field: &&Field| {
                let is_alternative = |ty: &String| format!("{}{}", field.name, upper_first(ty)) == *name;
                field.name == name || field.types.len() > 1 && field.types.iter().any(is_alternative)
            };
            let Some(field) = fields.iter().find(is_wanted) else { return Ok(None) };
            structure = field.types.first().and_then(|name| self.component(name));
            parts = &field.parts;
            found = Some(field);
        }
        Ok(found)
    }

    fn structure(&self, name: &str) -> Result<&'a Structure> {
        let found = self.schema.structures.iter().find(|structure| structure.name == name);
        found.with_context(|| format!("no profile {name}"))
    }

    fn component(&self, name: &str) -> Option<&'a Structure> {
        self.schema.structures.iter().find(|structure| structure.is_component && structure.name == name)
    }

    /// The system of a list, which is ours or one of DSTU1.
    fn system_of(&self, list: &str) -> Result<&'a str> {
        let ours =
            self.schema.lists.iter().find(|known| known.name == list).map(|known| known.systems[0].as_str());
        let systems = || self.schema.systems.iter().find(|system| system.dstu1.as_deref() == Some(list));
        Ok(ours.or_else(|| Some(systems()?.url.as_str())).unwrap_or_default())
    }

    fn code_row(&mut self, row: &[String], standard: &BTreeMap<String, Vec<String>>) -> Result<()> {
        let [system, code, display] = row else { bail!("expected three columns") };
        let place = format!("{system} {code}");
        if let Some(list) = self.schema.lists.iter().find(|list| list.systems[0] == *system) {
            match list.codes.iter().find(|listed| listed.code == *code) {
                Some(listed) => self.compare(&place, "display", display, &listed.display),
                None => self.differences.push(format!("{place} is not listed")),
            }
            return Ok(());
        }
        let of_system = self.schema.systems.iter().find(|known| known.url == *system);
        let list = of_system.and_then(|system| system.dstu1.as_ref()).context("no list of this system")?;
        let codes = standard.get(list).with_context(|| format!("DSTU1 has no list {list}"))?;
        if !codes.contains(code) {
            self.differences.push(format!("{place} is not in DSTU1's list {list}"));
        }
        Ok(())
    }
}

/// A type from the table, in the form that [`type_of`] gives a type from the schema.
fn expected_type(text: &str) -> String {
    match text.split_once('(') {
        Some(("Resource", targets)) => {
            let mut targets: Vec<_> = targets.trim_end_matches(')').split('|').collect();
            targets.sort_unstable();
            format!("Resource({})", targets.join("|"))
        }
        _ => text.to_owned(),
    }
}

/// The type of a field in the schema, in the form of the table.
fn type_of(field: &Field, path: &str) -> String {
    match field.types.as_slice() {
        [name] if name == "Resource" => {
            let mut targets: Vec<_> = field.targets.iter().map(String::as_str).collect();
            targets.sort_unstable();
            format!("Resource({})", targets.join("|"))
        }
        [name] if name.contains('.') => "group".to_owned(),
        [name] => name.clone(),
        several => {
            let is_in_path = |name: &&String| path.ends_with(&upper_first(name));
            several.iter().find(is_in_path).cloned().unwrap_or_else(|| {
                let targets = field.targets.join("|");
                several
                    .iter()
                    .map(
                        |name| if name == "Resource" { format!("Resource({targets})") } else { name.clone() },
                    )
                    .collect::<Vec<_>>()
                    .join("|")
            })
        }
    }
}
