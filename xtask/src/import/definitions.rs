//! Turns the declarations of XSD files into definitions of the schema text.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::choice;
use super::xsd::{File, Node};
use crate::schema::{
    Cardinality, Codes, Definition, Field, Primitive, Restriction, Role, Shape, Structure, TypeName,
};

/// The simple types that get no definition: `xmlIdRef` is written as the type `idref`, and the two lists of
/// resource names are not the type of anything.
const SIMPLE_TYPES_LEFT_OUT: [&str; 3] = ["xmlIdRef", "ResourceType", "ResourceNamesPlusBinary"];

/// The named types of all files. A type may be used in other files than the one that declares it.
pub(crate) struct Types<'a> {
    simple: BTreeMap<&'a str, &'a Node>,
    complex: BTreeMap<&'a str, &'a Node>,
}

impl<'a> Types<'a> {
    /// Collects the types, and refuses a name that is declared twice.
    pub(crate) fn collect(files: &'a [File]) -> Result<Self> {
        let mut types = Self { simple: BTreeMap::new(), complex: BTreeMap::new() };
        for file in files {
            types.collect_file(&file.schema).with_context(|| file.name.clone())?;
        }
        Ok(types)
    }

    fn collect_file(&mut self, schema: &'a Node) -> Result<()> {
        schema.only_children(&["include", "import", "element", "simpleType", "complexType"])?;
        for (kind, known) in [("simpleType", &mut self.simple), ("complexType", &mut self.complex)] {
            for node in schema.children_named(kind) {
                let name = node.required("name")?;
                ensure!(known.insert(name, node).is_none(), "line {}: {name} is declared twice", node.line);
            }
        }
        Ok(())
    }

    /// The definitions of one file: base types, primitives, resource, components, data types, restrictions,
    /// code lists, and within each kind in the order of the schema.
    pub(crate) fn definitions(&self, file: &File) -> Result<Vec<Definition>> {
        let mut definitions = Vec::new();
        for node in file.schema.children_named("complexType") {
            let name = node.required("name")?;
            let definition = self.complex_type(name, node);
            let place = || format!("{}, line {}, type {name}", file.name, node.line);
            definitions.extend(definition.with_context(place)?);
        }
        for node in file.schema.children_named("simpleType") {
            let name = node.required("name")?;
            let wrapper = name.strip_suffix("-list").or_else(|| name.strip_suffix("-primitive"));
            ensure!(
                SIMPLE_TYPES_LEFT_OUT.contains(&name)
                    || wrapper.is_some_and(|it| self.complex.contains_key(it)),
                "{}, line {}: simple type {name}: expected `-list` or `-primitive` after the name of a type",
                file.name,
                node.line
            );
        }
        definitions.sort_by_key(rank);
        Ok(definitions)
    }

    /// The definition of a complex type. `Resource.Inline` has none: as the type of a field it is `Resource`.
    fn complex_type(&self, name: &str, node: &Node) -> Result<Option<Definition>> {
        if name == "Resource.Inline" {
            return Ok(None);
        }
        if let Some(content) = node.child("simpleContent") {
            return self.binary(name, content).map(Some);
        }
        let Some(content) = node.child("complexContent") else {
            return Ok(Some(structure(Role::Abstract, name, None, self.fields(node)?)));
        };
        if let Some(restriction) = content.child("restriction") {
            return self.restriction(name, restriction).map(Some);
        }
        let extension = content.child("extension").context("expected xs:extension or xs:restriction")?;
        if let Some(value) =
            extension.children_named("attribute").find(|it| it.attribute("name") == Some("value"))
        {
            return self.wrapper(name, value.required("type")?).map(Some);
        }
        let base = extension.required("base")?;
        let role = match (base, name) {
            (_, "BackboneElement" | "Resource") => Role::Abstract,
            ("Resource", _) => Role::Resource,
            ("BackboneElement", _) if name.contains('.') => Role::Component,
            ("Element", _) => Role::Type,
            _ => bail!("base {base}: expected Element, Resource, or BackboneElement for a name with a dot"),
        };
        Ok(Some(structure(role, name, Some(base), self.fields(extension)?)))
    }

    /// The definition of Binary, which is text with attributes.
    fn binary(&self, name: &str, content: &Node) -> Result<Definition> {
        let extension = content.child("extension").context("expected xs:extension")?;
        extension.only_children(&["attribute"])?;
        let mut fields = self.fields(extension)?;
        fields.push(Field {
            targets: Vec::new(),
            binding: None,
            name: "content".to_owned(),
            cardinality: Cardinality { required: true, repeats: false },
            shape: Shape::Element(TypeName::Plain(attribute_type(extension.required("base")?)?.to_owned())),
        });
        Ok(structure(Role::Binary, name, None, fields))
    }

    /// A restriction repeats the fields of its base, without those that the base inherits. The text form
    /// cannot say more about it, so a restriction that does anything else is refused.
    fn restriction(&self, name: &str, node: &Node) -> Result<Definition> {
        let base = node.required("base")?;
        let declared =
            self.complex.get(base).and_then(|base| base.child("complexContent")?.child("extension"));
        let inherited = declared.with_context(|| format!("base {base}: expected a data type"))?;
        let mut fields = self.fields(node)?;
        fields.retain(|field| !matches!(field.shape, Shape::Attribute(_)));
        ensure!(fields == self.fields(inherited)?, "expected the same elements as in {base}");
        Ok(Definition::Restriction(Restriction { name: name.to_owned(), base: base.to_owned() }))
    }

    /// The definition of a type that has only a `value`: a closed list of codes, or a primitive.
    fn wrapper(&self, name: &str, value_type: &str) -> Result<Definition> {
        let simple =
            self.simple.get(value_type).with_context(|| format!("unknown value type {value_type}"))?;
        if self.is_code(name) {
            let restriction = simple.child("restriction").context("expected xs:restriction")?;
            restriction.only_children(&["enumeration"])?;
            let values =
                restriction.children_named("enumeration").map(|it| it.required("value").map(str::to_owned));
            return Ok(Definition::Codes(Codes {
                name: name.to_owned(),
                literals: values.collect::<Result<_>>()?,
            }));
        }
        ensure!(
            value_type.strip_suffix("-primitive") == Some(name),
            "value type {value_type}: expected {name}-list or {name}-primitive"
        );
        primitive(name, simple).with_context(|| value_type.to_owned()).map(Definition::Primitive)
    }

    /// Whether a type is a code of a closed list.
    fn is_code(&self, name: &str) -> bool {
        self.simple.contains_key(format!("{name}-list").as_str())
    }

    /// The attributes and elements that a type adds to its base, attributes first.
    fn fields(&self, node: &Node) -> Result<Vec<Field>> {
        node.only_children(&["sequence", "attribute"])?;
        let mut fields = Vec::new();
        for attribute in node.children_named("attribute") {
            let required = match attribute.attribute("use") {
                None | Some("optional") => false,
                Some("required") => true,
                Some(other) => {
                    bail!("line {}: use=\"{other}\": expected optional or required", attribute.line)
                }
            };
            fields.push(Field {
                targets: Vec::new(),
                binding: None,
                name: attribute.required("name")?.to_owned(),
                cardinality: Cardinality { required, repeats: false },
                shape: Shape::Attribute(TypeName::Plain(
                    attribute_type(attribute.required("type")?)?.to_owned(),
                )),
            });
        }
        for sequence in node.children_named("sequence") {
            ensure!(
                sequence.attribute("maxOccurs").is_none(),
                "line {}: a sequence that repeats",
                sequence.line
            );
            sequence.only_children(&["element", "choice"])?;
            for member in &sequence.children {
                let field = if member.name == "choice" { self.choice(member) } else { self.element(member) };
                fields.push(field.with_context(|| format!("line {}", member.line))?);
            }
        }
        Ok(fields)
    }

    fn element(&self, node: &Node) -> Result<Field> {
        let cardinality = cardinality(node)?;
        let (name, type_name) = match node.attribute("ref") {
            // The content of a narrative is the only element of another namespace.
            Some("xhtml:div") => ("div", TypeName::Plain("xhtml".to_owned())),
            Some(other) => bail!("ref=\"{other}\": expected xhtml:div"),
            None => (node.required("name")?, self.type_name(node.required("type")?)),
        };
        Ok(Field {
            name: name.to_owned(),
            cardinality,
            shape: Shape::Element(type_name),
            targets: Vec::new(),
            binding: None,
        })
    }

    /// The field of a choice. Its bounds are declared on the choice, and not on its members.
    fn choice(&self, node: &Node) -> Result<Field> {
        let cardinality = cardinality(node)?;
        ensure!(!cardinality.repeats, "a choice that repeats");
        node.only_children(&["element"])?;
        let mut members = Vec::new();
        for member in &node.children {
            ensure!(
                member.attribute("minOccurs").is_none() && member.attribute("maxOccurs").is_none(),
                "line {}: a choice member with bounds of its own",
                member.line
            );
            members.push((member.required("name")?, member.required("type")?));
        }
        ensure!(members.len() > 1, "a choice of {} members, expected at least two", members.len());
        let name = choice::prefix(&members)?.to_owned();
        let types = members.iter().map(|(_, type_name)| self.type_name(type_name)).collect();
        Ok(Field { name, cardinality, shape: Shape::Choice(types), targets: Vec::new(), binding: None })
    }

    fn type_name(&self, name: &str) -> TypeName {
        match name {
            "Resource.Inline" => TypeName::Plain("Resource".to_owned()),
            "xmlIdRef" => TypeName::Plain("idref".to_owned()),
            _ if self.is_code(name) => TypeName::Code(name.to_owned()),
            _ => TypeName::Plain(name.to_owned()),
        }
    }
}

fn structure(role: Role, name: &str, base: Option<&str>, fields: Vec<Field>) -> Definition {
    Definition::Structure(Structure { role, name: name.to_owned(), base: base.map(str::to_owned), fields })
}

/// The primitive whose values an attribute, or the text of Binary, holds: `id-primitive` is `id`, and
/// `xs:string` is `string`.
fn attribute_type(name: &str) -> Result<&str> {
    name.strip_suffix("-primitive")
        .or_else(|| name.strip_prefix("xs:"))
        .with_context(|| format!("type {name}: expected a name with `-primitive` or `xs:`"))
}

fn cardinality(node: &Node) -> Result<Cardinality> {
    let required = match node.attribute("minOccurs") {
        Some("0") => false,
        None | Some("1") => true,
        Some(other) => bail!("minOccurs=\"{other}\": expected 0 or 1"),
    };
    let repeats = match node.attribute("maxOccurs") {
        None | Some("1") => false,
        Some("unbounded") => true,
        Some(other) => bail!("maxOccurs=\"{other}\": expected 1 or unbounded"),
    };
    Ok(Cardinality { required, repeats })
}

/// The facts about the value of a primitive. Its base is named, or is a union of named types.
fn primitive(name: &str, simple: &Node) -> Result<Primitive> {
    let restriction = simple.child("restriction").context("expected xs:restriction")?;
    restriction.only_children(&["simpleType", "pattern", "minLength"])?;
    let bases = match restriction.attribute("base") {
        Some(base) => base,
        None => restriction
            .child("simpleType")
            .and_then(|inner| inner.child("union"))
            .context("expected a base or a union")?
            .required("memberTypes")?,
    };
    ensure!(restriction.children_named("pattern").count() <= 1, "more than one pattern");
    let pattern =
        restriction.child("pattern").map(|it| it.required("value").map(str::to_owned)).transpose()?;
    let min_length = match restriction.child("minLength") {
        Some(fact) => Some(fact.required("value")?.parse().context("minLength: expected a number")?),
        None => None,
    };
    let bases = bases.split_whitespace().map(str::to_owned).collect();
    Ok(Primitive { name: name.to_owned(), bases, pattern, min_length })
}

/// The place of a definition's kind in its file.
fn rank(definition: &Definition) -> u8 {
    match definition {
        Definition::Structure(structure) => match structure.role {
            Role::Abstract => 0,
            Role::Resource | Role::Binary => 2,
            Role::Component => 3,
            Role::Type => 4,
        },
        Definition::Primitive(_) => 1,
        Definition::Restriction(_) => 5,
        Definition::Codes(_) => 6,
    }
}

#[cfg(test)]
mod tests;
