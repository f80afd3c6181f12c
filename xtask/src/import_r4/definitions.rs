//! From `StructureDefinition`s to the definitions of the schema text: names, cardinalities, types, the
//! targets of references, and the lists of codes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::codegen::upper_first;
use crate::schema::{
    Binding, Codes, Definition, Field, Primitive, Restriction, Role, Shape, Structure, TypeName, cardinality,
};

/// Where the types and value sets of the standard are.
const STRUCTURES: &str = "http://hl7.org/fhir/StructureDefinition/";
const VALUE_SETS: &str = "http://hl7.org/fhir/ValueSet/";

/// A list with more codes stays a plain code with its binding: the names of all types, of all licences.
const LONGEST_LIST: usize = 100;

/// The XML schema types of the primitives whose values are no plain text.
const BASES: &[(&str, &str)] = &[
    ("boolean", "xs:boolean"),
    ("integer", "xs:int"),
    ("unsignedInt", "xs:nonNegativeInteger"),
    ("positiveInt", "xs:positiveInteger"),
    ("decimal", "xs:decimal"),
    ("base64Binary", "xs:base64Binary"),
    ("instant", "xs:dateTime"),
    ("time", "xs:time"),
    ("uri", "xs:anyURI"),
    ("url", "xs:anyURI"),
    ("canonical", "xs:anyURI"),
    ("oid", "xs:anyURI"),
    ("uuid", "xs:anyURI"),
];

/// The codes of value sets that a base type is bound to, by the URL of the value set.
pub(super) struct ValueSets(BTreeMap<String, Vec<String>>);

impl ValueSets {
    /// Reads the table: value set, system, code, display.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in text.lines().skip(1) {
            let mut cells = line.split('\t');
            let (Some(set), Some(_), Some(code)) = (cells.next(), cells.next(), cells.next()) else {
                continue;
            };
            let codes = sets.entry(set.to_owned()).or_default();
            if !codes.iter().any(|known| known == code) {
                codes.push(code.to_owned());
            }
        }
        Ok(Self(sets))
    }

    /// The list of codes that a value set is, if it is short enough to be a type.
    fn list_of(&self, value_set: &str) -> Option<String> {
        let codes = self.0.get(value_set)?;
        (codes.len() <= LONGEST_LIST).then(|| list_name(value_set))
    }

    /// The list with a name.
    pub(super) fn list(&self, name: &str) -> Result<Codes> {
        let codes = self.0.iter().find(|(value_set, _)| list_name(value_set) == name);
        let (_, literals) = codes.with_context(|| format!("no list of codes {name}"))?;
        Ok(Codes { name: name.to_owned(), literals: literals.clone() })
    }
}

/// The name of a value set's list: `administrative-gender` becomes `AdministrativeGender`.
fn list_name(value_set: &str) -> String {
    let name = value_set.strip_prefix(VALUE_SETS).unwrap_or(value_set);
    name.split(|character: char| !character.is_ascii_alphanumeric()).map(upper_first).collect()
}

/// Makes the definitions, and notes which file needs which list of codes.
pub(super) struct Definitions<'a> {
    value_sets: &'a ValueSets,
    lists: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Definitions<'a> {
    pub(super) fn new(value_sets: &'a ValueSets) -> Self {
        Self { value_sets, lists: BTreeMap::new() }
    }

    /// The lists that are needed, each with the files that need it.
    pub(super) fn lists_in_use(self) -> BTreeMap<String, BTreeSet<String>> {
        self.lists
    }

    /// The definition of a primitive; none for the markup of narratives, which is no value.
    pub(super) fn primitive(&self, definition: &Value) -> Result<Option<Definition>> {
        let name = definition["type"].as_str().context("a primitive without a type")?;
        if name == "xhtml" {
            return Ok(None);
        }
        let base = BASES.iter().find(|(known, _)| *known == name).map_or("xs:string", |(_, base)| base);
        let value = elements(definition)?
            .iter()
            .find(|element| element["path"].as_str().is_some_and(|path| path.ends_with(".value")));
        let pattern = value.and_then(|value| extension(&value["type"][0], "regex", "valueString"));
        Ok(Some(Definition::Primitive(Primitive {
            name: name.to_owned(),
            bases: vec![base.to_owned()],
            pattern: pattern.map(str::to_owned),
            min_length: None,
        })))
    }

    /// The definitions of a data type or resource and of its components.
    pub(super) fn structure(&mut self, definition: &Value, file: &str) -> Result<Vec<Definition>> {
        let name = definition["type"].as_str().context("a definition without a type")?;
        let base = definition["baseDefinition"].as_str().and_then(|base| base.strip_prefix(STRUCTURES));
        if base == Some("Quantity") {
            let restriction = Restriction { name: name.to_owned(), base: "Quantity".to_owned() };
            return Ok(vec![Definition::Restriction(restriction)]);
        }
        let role = match (definition["abstract"].as_bool(), definition["kind"].as_str()) {
            (Some(true), _) => Role::Abstract,
            (_, Some("resource")) => Role::Resource,
            _ => Role::Type,
        };
        let elements = elements(definition)?;
        let mut structures = vec![Structure {
            role,
            name: name.to_owned(),
            base: base.map(str::to_owned),
            fields: Vec::new(),
        }];
        for element in elements.iter().skip(1) {
            let path = element["path"].as_str().context("an element without a path")?;
            // Inherited.
            if element.get("base").is_some() {
                continue;
            }
            let (parent, label) = path.rsplit_once('.').with_context(|| format!("the path {path}"))?;
            let field = self.field(element, path, label, file).with_context(|| path.to_owned())?;
            if is_component(element) {
                let base = element["type"][0]["code"].as_str().map(str::to_owned);
                let name = component(path);
                structures.push(Structure { role: Role::Component, name, base, fields: Vec::new() });
            }
            let parent = component(parent);
            let holder = structures.iter_mut().find(|structure| structure.name == parent);
            holder.with_context(|| format!("no structure {parent}"))?.fields.push(field);
        }
        Ok(structures.into_iter().map(Definition::Structure).collect())
    }

    fn field(&mut self, element: &Value, path: &str, label: &str, file: &str) -> Result<Field> {
        let bounds = format!("{}..{}", element["min"], element["max"].as_str().unwrap_or_default());
        let mut targets: Vec<String> = Vec::new();
        let mut types = Vec::new();
        if let Some(reference) = element["contentReference"].as_str() {
            types.push(TypeName::Plain(component(reference.trim_start_matches('#'))));
        } else if is_component(element) {
            types.push(TypeName::Plain(component(path)));
        }
        let binding = binding(element);
        let required = binding.as_ref().filter(|binding| binding.strength == "required");
        let list = required.and_then(|binding| self.value_sets.list_of(&binding.value_set));
        let mut has_list = false;
        let own_types = element["type"].as_array().filter(|_| types.is_empty());
        for one in own_types.into_iter().flatten() {
            let mut name = one["code"].as_str().context("a type without a code")?;
            if name.starts_with("http://hl7.org/fhirpath/") {
                name = extension(one, "structuredefinition-fhir-type", "valueUrl").unwrap_or("string");
            }
            for target in one["targetProfile"].as_array().into_iter().flatten() {
                let target = target.as_str().and_then(|target| target.strip_prefix(STRUCTURES));
                let target = target.context("a target outside of the standard")?;
                if target != "Resource" && !targets.iter().any(|known| known == target) {
                    targets.push(target.to_owned());
                }
            }
            types.push(match (&list, name) {
                (Some(list), "code") => {
                    has_list = true;
                    self.lists.entry(list.clone()).or_default().insert(file.to_owned());
                    TypeName::Code(list.clone())
                }
                // The definitions call it a string, and the standard's text an id.
                (_, "string") if path == "Resource.id" => TypeName::Plain("id".to_owned()),
                _ => TypeName::Plain(name.to_owned()),
            });
        }
        let is_attribute = element["representation"][0].as_str() == Some("xmlAttr");
        let (name, shape) = match label.strip_suffix("[x]") {
            Some(prefix) => (prefix, Shape::Choice(types)),
            None => {
                ensure!(types.len() == 1, "{} types, expected one", types.len());
                let single = types.remove(0);
                (label, if is_attribute { Shape::Attribute(single) } else { Shape::Element(single) })
            }
        };
        Ok(Field {
            name: name.to_owned(),
            cardinality: cardinality(&bounds)?,
            shape,
            targets,
            binding: binding.filter(|_| !has_list),
        })
    }
}

fn elements(definition: &Value) -> Result<&Vec<Value>> {
    definition["snapshot"]["element"].as_array().context("a definition without elements")
}

/// Whether the elements inside stand in the same definition.
fn is_component(element: &Value) -> bool {
    matches!(element["type"][0]["code"].as_str(), Some("BackboneElement" | "Element"))
}

/// The name of the component at a path: `Bundle.entry.request` becomes `Bundle.Entry.Request`.
fn component(path: &str) -> String {
    path.split('.').map(upper_first).collect::<Vec<_>>().join(".")
}

fn binding(element: &Value) -> Option<Binding> {
    let strength = element["binding"]["strength"].as_str()?;
    // The value sets are those of this version.
    let value_set = element["binding"]["valueSet"].as_str()?.split('|').next()?;
    (strength != "example")
        .then(|| Binding { strength: strength.to_owned(), value_set: value_set.to_owned() })
}

/// The value of an extension of the standard's own.
fn extension<'v>(holder: &'v Value, name: &str, value: &str) -> Option<&'v str> {
    let extensions = holder["extension"].as_array()?;
    let own = |extension: &&Value| {
        extension["url"].as_str().and_then(|url| url.strip_prefix(STRUCTURES)) == Some(name)
    };
    extensions.iter().find(own)?[value].as_str()
}
