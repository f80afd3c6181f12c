//! Checking a value in memory against the structure of DSTU1: what an application built, before it is sent.
//!
//! The same rules as reading, as far as they survive reading: cardinality, formats, closed codes, and what is unknown.
//! Order, duplicates and JSON's types only exist in text.

use crate::document::Document;
use crate::finding::{Finding, Rule, Severity};
use crate::primitive::{AnyPrimitive, AnyPrimitiveList};
use crate::report::{Limits, Report};
use crate::resource::{RESOURCE_TYPES, Resource};
use crate::structure::{FieldSchema, FieldSet, Shape, Structure, StructureList, Walker};
use crate::unknown::UnknownContent;
use crate::xhtml::{ONE_DIV, ONE_SIGNATURE, Xhtml, check_signature};

const ERROR: Severity = Severity::Error;

impl Document {
    /// What the schema of DSTU1 finds wrong with the document.
    ///
    /// No finding of severity error means that what is written of it is valid by the schema, apart from the inside of
    /// resources that this build does not model.
    pub fn check(&self) -> Vec<Finding> {
        let mut checker = Checker::default();
        match self {
            Self::Bundle(bundle) => {
                checker.structure_content(bundle);
                let _ = checker.report.tombstones(bundle, 0);
            }
            Self::Resource(resource) => checker.any_resource(resource),
        }
        checker.report.into_findings().kept
    }
}

impl Resource {
    /// What the schema of DSTU1 finds wrong with the resource, as [`Document::check`].
    pub fn check(&self) -> Vec<Finding> {
        let mut checker = Checker::default();
        checker.any_resource(self);
        checker.report.into_findings().kept
    }
}

struct Checker {
    report: Report<'static>,
    /// The fields of the structure that is being walked.
    present: FieldSet,
}

impl Default for Checker {
    fn default() -> Self {
        Self { report: Report::checking(), present: FieldSet::default() }
    }
}

impl Checker {
    /// A report without a text never ends a check, so there is no error to pass on.
    fn find(&mut self, rule: Rule, name: &str, expected: &str, found: impl std::fmt::Display) {
        let _ = self.report.find((ERROR, rule), name, 0, expected, found);
    }

    /// Walks one step down, unless the value is nested too deep to be written anyway.
    fn inside(&mut self, name: &'static str, index: Option<usize>, check: impl FnOnce(&mut Self)) {
        if self.report.enter(name, index, 0).is_err() {
            self.find(Rule::MAXIMUM, name, "less depth", "a value nested deeper than any reader accepts");
            return;
        }
        check(self);
        self.report.leave();
    }

    fn any_resource(&mut self, resource: &Resource) {
        match resource {
            Resource::Unknown(unknown) if !RESOURCE_TYPES.contains(&unknown.resource_type()) => {
                self.find(Rule::UNKNOWN_RESOURCE, "", "a resource type of DSTU1", unknown.resource_type());
            }
            _ => {}
        }
        if let Some(structure) = resource.structure() {
            self.structure_content(structure);
        }
    }

    fn structure_content(&mut self, value: &dyn Structure) {
        if let Some(id) = value.id().filter(|_| !value.schema().has_uri_as_id) {
            let _ = self.report.id(id, 0);
        }
        let outer = std::mem::take(&mut self.present);
        value.walk(self);
        let schema = value.schema();
        for field in schema.missing(self.present) {
            self.find(Rule::MINIMUM, field.name, "a value", "nothing");
        }
        for node in value.unknown() {
            if matches!(node.content, UnknownContent::Atom(..)) {
                continue;
            }
            self.find(Rule::UNKNOWN_ELEMENT, node.name(), schema.name, "something the type does not have");
        }
        self.present = outer;
    }

    fn structure_value(&mut self, field: &'static FieldSchema, index: Option<usize>, value: &dyn Structure) {
        self.inside(field.name, index, |checker| {
            checker.structure_content(value);
            if field.shape == Shape::Unextended && has_extension(value) {
                checker.find(Rule::UNKNOWN_ELEMENT, "extension", "no extension here", "one");
            }
        });
    }

    fn primitive_value(
        &mut self,
        field: &'static FieldSchema,
        index: Option<usize>,
        value: &dyn AnyPrimitive,
    ) {
        self.inside(field.name, index, |checker| {
            let _ = checker.report.value("", value, value.verdict(), 0);
            if field.shape == Shape::Signature
                && let Err(refusal) =
                    check_signature(&value.wire_text().unwrap_or_default(), Limits::default())
            {
                checker.find(Rule::BUNDLE, "", ONE_SIGNATURE, refusal.into_problem());
            }
            if value.is_hollow() {
                let found = "neither value nor extension";
                let _ = checker.report.find((Severity::Warning, Rule::EMPTY), "", 0, "a value", found);
            }
            if let Some(companions) = value.companions() {
                checker.structure_content(companions);
            }
        });
    }
}

fn has_extension(value: &dyn Structure) -> bool {
    struct Seek(bool);
    impl Walker for Seek {
        fn primitive(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitive) {}
        fn primitives(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitiveList) {}
        fn structure(&mut self, _: &'static FieldSchema, _: &dyn Structure) {}
        fn structures(&mut self, field: &'static FieldSchema, _: &dyn StructureList) {
            self.0 |= field.name == "extension";
        }
        fn resource(&mut self, _: &'static FieldSchema, _: &Resource) {}
        fn resources(&mut self, _: &'static FieldSchema, _: &[Resource]) {}
        fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {}
        fn attribute(&mut self, _: &'static FieldSchema, _: &str) {}
    }
    let mut seek = Seek(false);
    value.walk(&mut seek);
    seek.0
}

impl Walker for Checker {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        self.present.insert(field.group());
        self.primitive_value(field, None, value);
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        self.present.insert(field.group());
        for index in 0..values.len() {
            self.primitive_value(field, Some(index), values.get(index));
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.present.insert(field.group());
        self.structure_value(field, None, value);
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        self.present.insert(field.group());
        for index in 0..values.len() {
            self.structure_value(field, Some(index), values.get(index));
        }
    }

    fn resource(&mut self, field: &'static FieldSchema, value: &Resource) {
        self.present.insert(field.group());
        self.inside(field.name, None, |checker| checker.any_resource(value));
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &[Resource]) {
        self.present.insert(field.group());
        for (index, resource) in values.iter().enumerate() {
            self.inside(field.name, Some(index), |checker| checker.any_resource(resource));
        }
    }

    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml) {
        self.present.insert(field.group());
        let problems = match value.examine(Limits::default()) {
            Ok(examination) => examination.problems,
            Err(refusal) => vec![(ONE_DIV.to_owned(), refusal.into_problem())],
        };
        for (expected, found) in problems {
            self.find(Rule::NARRATIVE, field.name, &expected, found);
        }
    }

    fn attribute(&mut self, field: &'static FieldSchema, _: &str) {
        self.present.insert(field.group());
    }
}
