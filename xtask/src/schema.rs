//! The schema text: the structure of a version of FHIR in a compact, line based form, one file per resource
//! under `schemas/dstu1` and `schemas/r4`. Here are its data model and its printed form; `parse` is the other
//! direction.
//!
//! A definition starts at the margin, its lines are indented, `#` starts a comment line:
//!
//! ```text
//! resource Patient : Resource
//!     identifier   0..*  Identifier
//!     deceased[x]  0..1  boolean | dateTime
//!     link         0..*  Patient.Link
//!
//! codes LinkType
//!     replace
//!     refer
//! ```
//!
//! A field of R4 may say more: the types that a reference points to, and the value set that its codes are
//! bound to:
//!
//! ```text
//!     generalPractitioner  0..*  Reference -> Organization | Practitioner
//!     maritalStatus        0..1  CodeableConcept ~extensible http://hl7.org/fhir/ValueSet/marital-status
//! ```
//!
//! The kinds of definition are `abstract`, `resource`, `component`, `type`, `binary`, `restriction`,
//! `primitive` and `codes`. Three types have no definition: `Resource` as the type of a field is any resource
//! or Binary, `xhtml` is the `div` of a narrative, `idref` is an identifier in the text of an element.

use std::fmt;

mod parse;
#[cfg(test)]
mod tests;

pub(crate) use parse::{cardinality, parse};

/// One definition of a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Definition {
    /// Something with fields: a resource, a component, a data type, a base type.
    Structure(Structure),
    /// A data type that equals its base type but takes no extensions.
    Restriction(Restriction),
    /// A type with one `value`.
    Primitive(Primitive),
    /// A closed list of codes.
    Codes(Codes),
}

/// A definition with fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Structure {
    /// What kind of structure it is.
    pub(crate) role: Role,
    /// The name in the schemas, for components `Resource.Name`.
    pub(crate) name: String,
    /// The structure whose fields come before these; `Element` and `Binary` have none.
    pub(crate) base: Option<String>,
    /// The fields of its own, attributes first, then elements in wire order.
    pub(crate) fields: Vec<Field>,
}

/// What a structure is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A base that never occurs by itself: `Element`, `BackboneElement`, `Resource`.
    Abstract,
    /// A resource.
    Resource,
    /// A part of one resource.
    Component,
    /// A data type.
    Type,
    /// Binary, whose `content` is the text of the element itself.
    Binary,
}

/// A field of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name on the wire; for a choice the prefix, without `[x]`; for an attribute without `@`.
    pub(crate) name: String,
    /// How often the field may occur.
    pub(crate) cardinality: Cardinality,
    /// The position of the field and what it holds.
    pub(crate) shape: Shape,
    /// The types that a reference or a canonical may point to; none if it is any, and in DSTU1.
    pub(crate) targets: Vec<String>,
    /// The value set of the codes in it, unless they are a list of this schema. R4 only.
    pub(crate) binding: Option<Binding>,
}

/// How the codes of a field are bound to a value set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// `required`, `extensible` or `preferred`.
    pub(crate) strength: String,
    /// The URL of the value set.
    pub(crate) value_set: String,
}

/// The position of a field and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An XML attribute.
    Attribute(TypeName),
    /// An element with one type.
    Element(TypeName),
    /// At most one element out of several: the element name is the prefix and the name of the type with an
    /// upper-case first letter, or `Resource` for `ResourceReference`.
    Choice(Vec<TypeName>),
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TypeName {
    /// A primitive, data type or component, or one of `Resource`, `xhtml` and `idref`.
    Plain(String),
    /// A code out of the closed list of this name.
    Code(String),
}

/// How often a field may occur; DSTU1 knows no other bounds than these four combinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cardinality {
    /// Whether at least one is needed.
    pub(crate) required: bool,
    /// Whether more than one is allowed.
    pub(crate) repeats: bool,
}

/// A data type that equals its base type but takes no extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restriction {
    /// The name in the schemas.
    pub(crate) name: String,
    /// The data type it repeats.
    pub(crate) base: String,
}

/// A type with one `value`, and what the schemas say about that value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Primitive {
    /// The name in the schemas.
    pub(crate) name: String,
    /// The XML schema types of which the value must fit at least one, with their `xs:` prefix.
    pub(crate) bases: Vec<String>,
    /// The XML schema regular expression that the whole value must match too.
    pub(crate) pattern: Option<String>,
    /// The least number of characters.
    pub(crate) min_length: Option<u32>,
}

/// A closed list of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Codes {
    /// The name of the list.
    pub(crate) name: String,
    /// The codes as they are on the wire, in schema order.
    pub(crate) literals: Vec<String>,
}

impl Definition {
    /// The name of the definition.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Structure(structure) => &structure.name,
            Self::Restriction(restriction) => &restriction.name,
            Self::Primitive(primitive) => &primitive.name,
            Self::Codes(codes) => &codes.name,
        }
    }
}

impl Role {
    /// The word that starts the definition.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Abstract => "abstract",
            Self::Resource => "resource",
            Self::Component => "component",
            Self::Type => "type",
            Self::Binary => "binary",
        }
    }
}

impl Shape {
    /// The types the field may have: one, or the alternatives of a choice.
    pub(crate) fn types(&self) -> &[TypeName] {
        match self {
            Self::Attribute(type_name) | Self::Element(type_name) => std::slice::from_ref(type_name),
            Self::Choice(alternatives) => alternatives,
        }
    }
}

/// Writes a whole file: the comment line, then the definitions with a blank line before each.
pub(crate) fn print(comment: &str, definitions: &[Definition]) -> String {
    let mut text = format!("# {comment}\n");
    for definition in definitions {
        text.push('\n');
        text.push_str(&definition.to_string());
    }
    text
}

impl fmt::Display for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(structure) => structure.fmt(formatter),
            Self::Restriction(Restriction { name, base }) => {
                writeln!(formatter, "restriction {name} : {base}")
            }
            Self::Primitive(primitive) => primitive.fmt(formatter),
            Self::Codes(Codes { name, literals }) => {
                writeln!(formatter, "codes {name}")?;
                literals.iter().try_for_each(|literal| writeln!(formatter, "    {literal}"))
            }
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.role.keyword(), self.name)?;
        if let Some(base) = &self.base {
            write!(formatter, " : {base}")?;
        }
        writeln!(formatter)?;
        let labels: Vec<String> = self.fields.iter().map(Field::label).collect();
        let width = labels.iter().map(String::len).max().unwrap_or(0);
        for (label, field) in labels.iter().zip(&self.fields) {
            let types: Vec<String> = field.shape.types().iter().map(ToString::to_string).collect();
            write!(formatter, "    {label:width$}  {}  {}", field.cardinality, types.join(" | "))?;
            if !field.targets.is_empty() {
                write!(formatter, " -> {}", field.targets.join(" | "))?;
            }
            if let Some(Binding { strength, value_set }) = &field.binding {
                write!(formatter, " ~{strength} {value_set}")?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

impl Field {
    /// The name as it is written, with the mark of its shape.
    fn label(&self) -> String {
        match self.shape {
            Shape::Attribute(_) => format!("@{}", self.name),
            Shape::Element(_) => self.name.clone(),
            Shape::Choice(_) => format!("{}[x]", self.name),
        }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => formatter.write_str(name),
            Self::Code(list) => write!(formatter, "code({list})"),
        }
    }
}

impl fmt::Display for Cardinality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.required, self.repeats) {
            (false, false) => "0..1",
            (true, false) => "1..1",
            (false, true) => "0..*",
            (true, true) => "1..*",
        })
    }
}

impl fmt::Display for Primitive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "primitive {} : {}", self.name, self.bases.join(" | "))?;
        if let Some(pattern) = &self.pattern {
            write!(formatter, " /{pattern}/")?;
        }
        if let Some(length) = self.min_length {
            write!(formatter, " minLength={length}")?;
        }
        writeln!(formatter)
    }
}
