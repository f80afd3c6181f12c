//! The schemas as the generator needs them: types flattened, fields numbered, every name resolved.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};

use super::names;
use crate::schema::{Binding, Cardinality, Definition, Role, Shape, Structure, TypeName};

/// The resources that Koppeltaal's services need, besides those that it profiles: every build has them.
const SERVICE_RESOURCES: &[&str] = &["Binary", "Conformance", "Profile", "ValueSet"];

/// The resources of R4 that Koppeltaal 2.0 uses, and those of its REST interface: every build has them.
const R4_RESOURCES: &[&str] = &[
    "ActivityDefinition",
    "AuditEvent",
    "Binary",
    "Bundle",
    "CapabilityStatement",
    "CareTeam",
    "Device",
    "Endpoint",
    "OperationOutcome",
    "Organization",
    "Parameters",
    "Patient",
    "Practitioner",
    "RelatedPerson",
    "Subscription",
    "Task",
];

/// Resources of R4 that no build models: `StructureDefinition` holds `ElementDefinition`, whose choices have
/// more alternatives than a `FieldSet` holds.
const R4_TOO_LARGE: &[&str] = &["structuredefinition"];

/// The module of the data types that only `all-resources` needs.
pub(crate) const MORE_DATATYPES: &str = "moredatatypes";

/// A version of FHIR.
pub(crate) struct Standard {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it is published.
    pub(crate) url: &'static str,
    /// Whether Age, Duration and their like take extensions.
    pub(crate) extends_restrictions: bool,
    /// Whether the optional values in components are boxed.
    pub(crate) boxes_components: bool,
}

pub(crate) static DSTU1: Standard = Standard {
    name: "DSTU1",
    url: "http://hl7.org/fhir/DSTU1",
    extends_restrictions: false,
    boxes_components: false,
};
pub(crate) static R4: Standard = Standard {
    name: "R4",
    url: "http://hl7.org/fhir/R4",
    extends_restrictions: true,
    boxes_components: true,
};

/// The model of all generated code of one version.
pub(crate) struct Model {
    pub(crate) standard: &'static Standard,
    /// The names of all resources of the standard, in order.
    pub(crate) resource_types: Vec<String>,
    /// One per schema file, `datatypes` included, by name.
    pub(crate) modules: Vec<Module>,
}

/// The module that one schema file becomes.
pub(crate) struct Module {
    /// The file's name without ending.
    pub(crate) name: String,
    pub(crate) standard: &'static Standard,
    /// Whether every build has it.
    pub(crate) always: bool,
    /// Whether some builds have more data types than this module has.
    pub(crate) has_more: bool,
    pub(crate) types: Vec<Type>,
    pub(crate) codes: Vec<CodeList>,
}

/// One struct.
pub(crate) struct Type {
    /// The name in the standard.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Where the type is first used, such as `Patient.contact`; for a resource or data type, its name.
    pub(crate) path: String,
    pub(crate) fields: Vec<Field>,
}

/// One field of a struct. The alternatives of a choice have consecutive indexes, from `index` on.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) index: usize,
    pub(crate) cardinality: Cardinality,
    pub(crate) content: Content,
    /// The types that a reference may point to.
    pub(crate) targets: Vec<String>,
    pub(crate) binding: Option<Binding>,
}

/// What a field holds.
pub(crate) enum Content {
    /// An XML attribute: `String`.
    Attribute,
    Xhtml,
    AnyResource,
    /// A primitive, by its name in the standard. `text`: as the text of the element itself (Binary).
    Primitive {
        name: String,
        text: bool,
    },
    /// A string that DSTU1 wants as the text of the element, but everybody writes as its `value`
    /// (CarePlan.activity.goal).
    IdReference,
    Code {
        list: String,
    },
    /// A data type or component. `unextended`: a restriction that takes no extensions.
    Structure {
        name: String,
        standard_name: String,
        unextended: bool,
    },
    Choice {
        enumeration: String,
        alternatives: Vec<Content>,
    },
}

/// A closed list of codes.
pub(crate) struct CodeList {
    pub(crate) name: String,
    pub(crate) codes: Vec<String>,
    pub(crate) variants: Vec<String>,
}

/// What the definitions of all files say about a name.
struct Names<'a> {
    standard: &'static Standard,
    structures: BTreeMap<&'a str, &'a Structure>,
    restrictions: BTreeMap<&'a str, &'a str>,
    primitives: BTreeSet<&'a str>,
    lists: BTreeSet<&'a str>,
}

impl Model {
    /// Resolves the definitions of all schema files. `profiled` are the resources that Koppeltaal profiles;
    /// every build has them, and the feature `all-resources` adds the others.
    pub(crate) fn new<'a>(
        schemas: &BTreeMap<String, Vec<Definition>>,
        profiled: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
        let files = SERVICE_RESOURCES.iter().copied().chain(profiled).map(str::to_ascii_lowercase);
        let always: BTreeSet<String> = files.chain(["datatypes".to_owned()]).collect();
        Self::of(&DSTU1, schemas, &always, resource_types(schemas))
    }

    /// The model of R4. The resources of every build come with the data types that they need; the feature
    /// `all-resources` adds the others, and the data types that only these need.
    pub(crate) fn r4(schemas: &BTreeMap<String, Vec<Definition>>) -> Result<Self> {
        let files = R4_RESOURCES.iter().map(|name| name.to_ascii_lowercase());
        let always: BTreeSet<String> = files.chain(["datatypes".to_owned()]).collect();
        let needed_always = needed(schemas, &always);
        let mut chosen = schemas.clone();
        chosen.retain(|file, _| !R4_TOO_LARGE.contains(&file.as_str()));
        let needed_by_any = needed(schemas, &chosen.keys().cloned().collect());
        if let Some(datatypes) = chosen.get_mut("datatypes") {
            datatypes.retain(|definition| needed_by_any.contains(definition.name()));
            let (common, more) =
                datatypes.drain(..).partition(|definition| needed_always.contains(definition.name()));
            *datatypes = common;
            chosen.insert(MORE_DATATYPES.to_owned(), more);
        }
        Self::of(&R4, &chosen, &always, resource_types(schemas))
    }

    fn of(
        standard: &'static Standard,
        schemas: &BTreeMap<String, Vec<Definition>>,
        always: &BTreeSet<String>,
        resource_types: Vec<String>,
    ) -> Result<Self> {
        let names = Names::of(standard, schemas);
        let mut modules = Vec::new();
        for (file, definitions) in schemas {
            let mut module = Module {
                name: file.clone(),
                standard,
                always: always.contains(file),
                has_more: schemas.contains_key(MORE_DATATYPES),
                types: Vec::new(),
                codes: Vec::new(),
            };
            for definition in definitions {
                match definition {
                    Definition::Structure(structure) if structure.role != Role::Abstract => {
                        module.types.push(
                            names.resolve(structure).with_context(|| format!("type {}", structure.name))?,
                        );
                    }
                    Definition::Codes(codes) => module.codes.push(CodeList {
                        name: codes.name.clone(),
                        codes: codes.literals.clone(),
                        variants: names::variants(&codes.name, &codes.literals)?,
                    }),
                    Definition::Structure(_) | Definition::Restriction(_) | Definition::Primitive(_) => {}
                }
            }
            modules.push(module);
        }
        let model = Self { standard, resource_types, modules };
        model.check_clashes()?;
        Ok(model)
    }

    /// The resources, Binary included, each with its module.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&Module, &Type)> {
        self.modules.iter().flat_map(|module| {
            let resources = module.types.iter().filter(|ty| matches!(ty.role, Role::Resource | Role::Binary));
            resources.map(move |ty| (module, ty))
        })
    }

    /// All generated names share one namespace for their users.
    fn check_clashes(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for module in &self.modules {
            for ty in &module.types {
                ensure!(seen.insert(names::type_name(&ty.name)), "two types are called {}", ty.name);
                for field in &ty.fields {
                    if let Content::Choice { enumeration, .. } = &field.content {
                        ensure!(seen.insert(enumeration.clone()), "two types are called {enumeration}");
                    }
                }
            }
            for list in &module.codes {
                ensure!(seen.insert(list.name.clone()), "two types are called {}", list.name);
            }
        }
        Ok(())
    }
}

/// The names of the resources, in order.
fn resource_types(schemas: &BTreeMap<String, Vec<Definition>>) -> Vec<String> {
    let is_resource = |definition: &&Definition| {
        matches!(definition, Definition::Structure(structure)
            if matches!(structure.role, Role::Resource | Role::Binary))
    };
    schemas.values().flatten().filter(is_resource).map(|definition| definition.name().to_owned()).collect()
}

/// The names of all definitions that the resources in some files need, directly or not.
fn needed(schemas: &BTreeMap<String, Vec<Definition>>, files: &BTreeSet<String>) -> BTreeSet<String> {
    let by_name: BTreeMap<&str, &Definition> =
        schemas.values().flatten().map(|definition| (definition.name(), definition)).collect();
    let resources = files.iter().filter(|file| *file != "datatypes").filter_map(|file| schemas.get(file));
    let mut open: Vec<&Definition> = resources.flatten().collect();
    let mut needed = BTreeSet::new();
    while let Some(definition) = open.pop() {
        if !needed.insert(definition.name().to_owned()) {
            continue;
        }
        let names: Vec<&str> = match definition {
            Definition::Restriction(restriction) => vec![&restriction.base],
            Definition::Structure(structure) => {
                let types = structure.fields.iter().flat_map(|field| field.shape.types());
                let names = types.map(|name| match name {
                    TypeName::Plain(name) | TypeName::Code(name) => name.as_str(),
                });
                names.chain(structure.base.as_deref()).collect()
            }
            Definition::Primitive(_) | Definition::Codes(_) => Vec::new(),
        };
        open.extend(names.iter().filter_map(|name| by_name.get(name)));
    }
    needed
}

impl<'a> Names<'a> {
    fn of(standard: &'static Standard, schemas: &'a BTreeMap<String, Vec<Definition>>) -> Self {
        let mut names = Self {
            standard,
            structures: BTreeMap::new(),
            restrictions: BTreeMap::new(),
            primitives: BTreeSet::new(),
            lists: BTreeSet::new(),
        };
        for definition in schemas.values().flatten() {
            match definition {
                Definition::Structure(structure) => {
                    names.structures.insert(&structure.name, structure);
                }
                Definition::Restriction(restriction) => {
                    names.restrictions.insert(&restriction.name, &restriction.base);
                }
                Definition::Primitive(primitive) => {
                    names.primitives.insert(&primitive.name);
                }
                Definition::Codes(codes) => {
                    names.lists.insert(&codes.name);
                }
            }
        }
        names
    }

    fn resolve(&self, structure: &Structure) -> Result<Type> {
        let mut fields = Vec::new();
        let mut index = 0;
        let mut flattened = self.flattened(structure)?;
        // Attributes are in the start tag, before any element of a base type.
        flattened.sort_by_key(|field| !matches!(field.shape, Shape::Attribute(_)));
        for field in flattened {
            // The id of an element is a plain field of every struct and has no entry in the table.
            if field.name == "id" && matches!(field.shape, Shape::Attribute(_)) {
                continue;
            }
            let content = self.content(structure, field).with_context(|| format!("field {}", field.name))?;
            let width =
                if let Content::Choice { alternatives, .. } = &content { alternatives.len() } else { 1 };
            fields.push(Field {
                name: field.name.clone(),
                index,
                cardinality: field.cardinality,
                content,
                targets: field.targets.clone(),
                binding: field.binding.clone(),
            });
            index += width;
        }
        ensure!(index <= 128, "{index} fields: FieldSet holds 128");
        Ok(Type { name: structure.name.clone(), role: structure.role, path: self.path_of(structure), fields })
    }

    /// The fields in wire order: those of the base types first.
    fn flattened(&self, structure: &'a Structure) -> Result<Vec<&'a crate::schema::Field>> {
        let mut fields = match &structure.base {
            None => Vec::new(),
            Some(base) => {
                let base =
                    self.structures.get(base.as_str()).with_context(|| format!("no base type {base}"))?;
                self.flattened(base)?
            }
        };
        fields.extend(&structure.fields);
        Ok(fields)
    }

    fn content(&self, structure: &Structure, field: &crate::schema::Field) -> Result<Content> {
        Ok(match &field.shape {
            Shape::Attribute(_) => Content::Attribute,
            Shape::Element(name) => self.single(name, structure.role == Role::Binary)?,
            Shape::Choice(alternatives) => Content::Choice {
                enumeration: format!(
                    "{}{}",
                    names::type_name(&structure.name),
                    names::upper_first(&field.name)
                ),
                alternatives: alternatives
                    .iter()
                    .map(|name| self.single(name, false))
                    .collect::<Result<_>>()?,
            },
        })
    }

    fn single(&self, name: &TypeName, text: bool) -> Result<Content> {
        let name = match name {
            TypeName::Code(list) => {
                ensure!(self.lists.contains(list.as_str()), "no code list {list}");
                return Ok(Content::Code { list: list.clone() });
            }
            TypeName::Plain(name) => name.as_str(),
        };
        Ok(match name {
            "Resource" => Content::AnyResource,
            "xhtml" => Content::Xhtml,
            "idref" => Content::IdReference,
            _ if self.primitives.contains(name) => Content::Primitive { name: name.to_owned(), text },
            _ => {
                let (target, unextended) = match self.restrictions.get(name) {
                    Some(base) => (*base, !self.standard.extends_restrictions),
                    None => (name, false),
                };
                if !self.structures.contains_key(target) {
                    bail!("no type {name}");
                }
                Content::Structure {
                    name: names::type_name(target),
                    standard_name: name.to_owned(),
                    unextended,
                }
            }
        })
    }

    /// For a component, the path of the first field that holds it. For any other type, its name.
    fn path_of(&self, structure: &Structure) -> String {
        if structure.role != Role::Component {
            return structure.name.clone();
        }
        let own_resource = structure.name.split('.').next().unwrap_or_default();
        let holder = self.structures.values().find_map(|other| {
            // A recursive component is described by the place that is not inside itself.
            let same_resource =
                other.name.split('.').next() == Some(own_resource) && other.name != structure.name;
            let wanted = TypeName::Plain(structure.name.clone());
            let field =
                other.fields.iter().find(|field| same_resource && field.shape.types().contains(&wanted))?;
            Some((*other, field))
        });
        match holder {
            // Two components may hold each other. One step up is enough, and more might never end.
            Some((other, field)) if other.role == Role::Component && other.name > structure.name => {
                format!("{}.{}", other.name, field.name)
            }
            Some((other, field)) => format!("{}.{}", self.path_of(other), field.name),
            None => structure.name.clone(),
        }
    }
}
