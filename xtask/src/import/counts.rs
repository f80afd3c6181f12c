//! Checks that the import is complete: the numbers are those of DSTU1, and every name has a definition.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::xsd::Node;
use crate::schema::{Definition, Role, Shape, TypeName};

/// The counts for the schemas of 0.0.82, found by another program.
pub(crate) const EXPECTED: Counts = Counts {
    resources: 48,
    binary: 1,
    components: 119,
    data_types: 17,
    restrictions: 5,
    primitives: 14,
    code_lists: 81,
    codes: 468,
    choices: 29,
    elements: DECLARED_ELEMENTS - ELEMENTS_NOT_WRITTEN,
};

/// The element declarations inside types, each member of a choice counted.
pub(crate) const DECLARED_ELEMENTS: usize = 1_320;

/// The declared elements that have no line in the text: 49 references in `Resource.Inline`, and the five
/// elements that each of the five restrictions repeats.
pub(crate) const ELEMENTS_NOT_WRITTEN: usize = 49 + 5 * 5;

/// The number of definitions of each kind, and of the things in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    resources: usize,
    binary: usize,
    components: usize,
    data_types: usize,
    restrictions: usize,
    primitives: usize,
    code_lists: usize,
    codes: usize,
    choices: usize,
    /// Elements; each member of a choice counts, the content of Binary does not.
    elements: usize,
}

impl Counts {
    /// Counts the definitions and the things in them.
    pub(crate) fn from_definitions<'a>(definitions: impl IntoIterator<Item = &'a Definition>) -> Self {
        let mut counts = Self::default();
        for definition in definitions {
            match definition {
                Definition::Structure(structure) => {
                    match structure.role {
                        Role::Abstract => {}
                        Role::Resource => counts.resources += 1,
                        Role::Component => counts.components += 1,
                        Role::Type => counts.data_types += 1,
                        // The content of Binary is text, not an element.
                        Role::Binary => {
                            counts.binary += 1;
                            continue;
                        }
                    }
                    for field in &structure.fields {
                        match &field.shape {
                            Shape::Attribute(_) => {}
                            Shape::Element(_) => counts.elements += 1,
                            Shape::Choice(alternatives) => {
                                counts.choices += 1;
                                counts.elements += alternatives.len();
                            }
                        }
                    }
                }
                Definition::Restriction(_) => counts.restrictions += 1,
                Definition::Primitive(_) => counts.primitives += 1,
                Definition::Codes(codes) => {
                    counts.code_lists += 1;
                    counts.codes += codes.literals.len();
                }
            }
        }
        counts
    }

    /// One line for each count.
    pub(crate) fn report(&self) -> String {
        [
            ("resources", self.resources),
            ("Binary", self.binary),
            ("components", self.components),
            ("data types", self.data_types),
            ("restrictions of Quantity", self.restrictions),
            ("primitives", self.primitives),
            ("lists of codes", self.code_lists),
            ("codes in them", self.codes),
            ("choices", self.choices),
            ("elements written", self.elements),
        ]
        .iter()
        .map(|(label, number)| format!("{number:>5}  {label}\n"))
        .collect()
    }
}

/// The number of element declarations inside the types of one XSD file.
pub(crate) fn declared_elements(schema: &Node) -> usize {
    fn within(node: &Node) -> usize {
        node.children.iter().map(|child| usize::from(child.name == "element") + within(child)).sum()
    }
    schema.children_named("complexType").map(within).sum()
}

/// Refuses a base or a type of a field that is not defined anywhere, and a name that is defined twice.
pub(crate) fn check_names(definitions: &[&Definition]) -> Result<()> {
    let mut types = BTreeSet::from(["xhtml", "idref"]);
    let mut lists = BTreeSet::new();
    for definition in definitions {
        let known = if matches!(definition, Definition::Codes(_)) { &mut lists } else { &mut types };
        if !known.insert(definition.name()) {
            bail!("{} is defined twice", definition.name());
        }
    }
    for definition in definitions {
        let name = definition.name();
        let base = match definition {
            Definition::Structure(structure) => structure.base.as_deref(),
            Definition::Restriction(restriction) => Some(restriction.base.as_str()),
            Definition::Primitive(_) | Definition::Codes(_) => None,
        };
        if let Some(base) = base.filter(|base| !types.contains(base)) {
            bail!("{name}: its base {base} is not defined");
        }
        let Definition::Structure(structure) = definition else { continue };
        for field in &structure.fields {
            for type_name in field.shape.types() {
                let defined = match type_name {
                    TypeName::Plain(plain) => types.contains(plain.as_str()),
                    TypeName::Code(list) => lists.contains(list.as_str()),
                };
                if !defined {
                    bail!("{name}.{}: its type {type_name} is not defined", field.name);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_names;
    use crate::schema::parse;

    #[test]
    fn names_without_a_definition_are_refused() {
        for (text, expected) in [
            ("type A : B", "A: its base B is not defined"),
            ("restriction A : B", "A: its base B is not defined"),
            ("abstract A\n    b 0..1 string", "A.b: its type string is not defined"),
            ("abstract A\n    b 0..1 code(A)", "A.b: its type code(A) is not defined"),
        ] {
            let definitions = parse(text, "sample").expect("well formed");
            let error = check_names(&definitions.iter().collect::<Vec<_>>()).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        let good = "codes C\n    d\nabstract A\n    b 0..1 code(C)\n    c 0..1 A\n    d 1..1 xhtml";
        let definitions = parse(good, "sample").expect("well formed");
        assert!(check_names(&definitions.iter().collect::<Vec<_>>()).is_ok());
        assert!(check_names(&[&definitions[0], &definitions[0]]).is_err());
    }
}
