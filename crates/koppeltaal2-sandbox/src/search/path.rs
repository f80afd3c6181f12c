//! [`Path`]: which elements of a resource a search parameter looks at, and the walk that finds them.
//!
//! A path is written as names with dots between them. `extension(URL)` stands for the extensions with that
//! URL, `telecom(system=phone)` for the contacts whose system is a phone. The name of a choice (`value`)
//! stands for each of its types.

use std::any::Any;

use koppeltaal_fhir_base::Xhtml;
use koppeltaal_fhir_base::primitives::primitive::{AnyPrimitive, AnyPrimitiveList};
use koppeltaal_fhir_base::resource::{AnyResource, ResourceList};
use koppeltaal_fhir_base::structure::{FieldSchema, Structure, StructureList, Walker};
use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::Extension;

/// Where in a resource the values of a search parameter are.
#[derive(Debug)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug)]
struct Step {
    name: &'static str,
    filter: Filter,
}

#[derive(Debug)]
enum Filter {
    None,
    /// The URL of an extension.
    Url(&'static str),
    /// A member, and the value that it must have.
    Member(&'static str, &'static str),
}

/// An element that a path leads to.
pub(crate) enum Leaf<'a> {
    Primitive(&'a dyn AnyPrimitive),
    Structure(&'a dyn Any),
}

impl Path {
    /// Reads a path of the table of parameters.
    pub(crate) fn parse(text: &'static str) -> Self {
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let end = rest.find(['.', '(']).unwrap_or(rest.len());
            let name = &rest[..end];
            rest = &rest[end..];
            let mut filter = Filter::None;
            if let Some((inside, after)) = rest.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
                filter = match inside.split_once('=') {
                    Some((member, value)) => Filter::Member(member, value),
                    None => Filter::Url(inside),
                };
                rest = after;
            }
            rest = rest.strip_prefix('.').unwrap_or(rest);
            steps.push(Step { name, filter });
        }
        Self(steps)
    }

    /// Shows `found` each element of the resource that the path leads to.
    pub(crate) fn walk(&self, resource: &Resource, found: &mut dyn FnMut(Leaf<'_>)) {
        if let Some(structure) = AnyResource::content(resource) {
            descend(structure, &self.0, found);
        }
    }
}

fn descend(value: &dyn Structure, steps: &[Step], found: &mut dyn FnMut(Leaf<'_>)) {
    match steps {
        [] => found(Leaf::Structure(value)),
        [step, rest @ ..] => value.walk(&mut Finder { step, rest, found }),
    }
}

struct Finder<'a> {
    step: &'a Step,
    rest: &'a [Step],
    found: &'a mut dyn FnMut(Leaf<'_>),
}

impl Finder<'_> {
    fn is_named(&self, field: &'static FieldSchema) -> bool {
        let Some(rest) = field.name.strip_prefix(self.step.name) else { return false };
        rest.is_empty()
            || field.choice.is_some() && rest.starts_with(|first: char| first.is_ascii_uppercase())
    }

    fn is_wanted(&self, value: &dyn Structure) -> bool {
        match self.step.filter {
            Filter::None => true,
            Filter::Url(url) => {
                let value: &dyn Any = value;
                value.downcast_ref::<Extension>().is_some_and(|extension| extension.url == url)
            }
            Filter::Member(member, wanted) => {
                let mut is_wanted = false;
                let step = Step { name: member, filter: Filter::None };
                let mut compare = |leaf: Leaf<'_>| {
                    if let Leaf::Primitive(value) = leaf {
                        is_wanted |= value.wire_text().as_deref() == Some(wanted);
                    }
                };
                value.walk(&mut Finder { step: &step, rest: &[], found: &mut compare });
                is_wanted
            }
        }
    }

    fn structure_value(&mut self, value: &dyn Structure) {
        if self.is_wanted(value) {
            descend(value, self.rest, self.found);
        }
    }
}

impl Walker for Finder<'_> {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if self.rest.is_empty() && self.is_named(field) {
            (self.found)(Leaf::Primitive(value));
        }
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        if self.rest.is_empty() && self.is_named(field) {
            for index in 0..values.len() {
                (self.found)(Leaf::Primitive(values.get(index)));
            }
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        if self.is_named(field) {
            self.structure_value(value);
        }
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        if self.is_named(field) {
            for index in 0..values.len() {
                self.structure_value(values.get(index));
            }
        }
    }

    fn resource(&mut self, _: &'static FieldSchema, _: &dyn AnyResource) {}

    fn resources(&mut self, _: &'static FieldSchema, _: &dyn ResourceList) {}

    fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {}

    fn attribute(&mut self, _: &'static FieldSchema, _: &str) {}
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::ReadOptions;
    use koppeltaal_r4::datatypes::Reference;

    use super::*;

    fn found(path: &'static str) -> Vec<String> {
        let text = br#"{"resourceType": "Patient", "active": true, "deceasedBoolean": false,
            "extension": [{"url": "urn:a", "valueReference": {"reference": "Device/1"}},
                {"url": "urn:b", "valueCode": "b"}],
            "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}, {"value": "3"}],
            "name": [{"given": ["A", "B"]}, {"given": ["C"]}]}"#;
        let patient = ReadOptions::tolerant().json(text).expect("a patient").document;
        let mut found = Vec::new();
        Path::parse(path).walk(&patient, &mut |leaf| {
            found.push(match leaf {
                Leaf::Primitive(value) => value.wire_text().unwrap_or_default().into_owned(),
                Leaf::Structure(value) => match value.downcast_ref::<Reference>() {
                    Some(reference) => format!("-> {}", reference.reference),
                    None => "?".to_owned(),
                },
            });
        });
        found
    }

    #[test]
    fn a_path_leads_through_lists_choices_extensions_and_filters() {
        assert_eq!(found("active"), ["true"]);
        assert_eq!(found("name.given"), ["A", "B", "C"]);
        assert_eq!(found("deceased"), ["false"]);
        assert_eq!(found("extension(urn:a).value"), ["-> Device/1"]);
        assert_eq!(found("extension(urn:b).value"), ["b"]);
        assert_eq!(found("telecom(system=email).value"), ["2"]);
        assert_eq!(found("telecom"), ["?", "?", "?"]);
        assert!(found("activ").is_empty() && found("gender").is_empty() && found("active.x").is_empty());
    }
}
