//! Checking a value in memory against the structure of its version of FHIR: what an application built, before
//! it is sent.
//!
//! The rules are those of reading that still apply to a value: cardinality, formats, closed codes, unknown
//! content. Order, duplicates and JSON's types exist only in text.

use crate::document::Content;
use crate::findings::{Failure, Finding, Report, Rule};
use crate::limits::Limits;
use crate::model::Model;
use crate::primitives::{AnyPrimitive, AnyPrimitiveList};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::{EXTENSION, FieldSchema, FieldSet, Shape, Structure, StructureList, Walker};
use crate::unknown::UnknownContent;
use crate::xhtml::Xhtml;

/// The violations of the schema in a value. Without one of severity error, what is written is valid by the
/// schema, except perhaps inside resources that this build does not model.
///
/// `more` reports what the schema cannot say.
pub fn check(
    model: &'static Model,
    content: Content<'_>,
    more: impl FnOnce(&mut Report<'_>) -> Result<(), Failure>,
) -> Vec<Finding> {
    let mut report = walk(model, content);
    // A check of a value never ends early, so there is no error to pass on.
    let _ = more(&mut report);
    report.into_findings().kept
}

fn walk(model: &'static Model, content: Content<'_>) -> Report<'static> {
    let mut checker = Checker { report: Report::checking(model), present: FieldSet::default() };
    match content {
        Content::Resource(resource) => checker.any_resource(resource),
        Content::Bundle { bundle, .. } => {
            checker.structure_content(bundle);
        }
    }
    checker.report
}

struct Checker {
    report: Report<'static>,
    /// The fields of the structure that is being walked.
    present: FieldSet,
}

impl Checker {
    /// Reports a finding. A check of a value never ends early, so there is no error to pass on.
    fn report(&mut self, report: impl FnOnce(&mut Report<'static>) -> Result<(), Failure>) {
        let _ = report(&mut self.report);
    }

    /// Walks one step down, unless the value is nested too deep to be written anyway.
    fn inside(&mut self, name: &'static str, index: Option<usize>, check: impl FnOnce(&mut Self)) {
        if self.report.enter(name, index, 0).is_err() {
            let found = "a value nested deeper than any reader accepts";
            self.report(|report| report.finding(Rule::MAXIMUM, name, 0).expected("less depth").found(found));
            return;
        }
        check(self);
        self.report.leave();
    }

    fn any_resource(&mut self, resource: &dyn AnyResource) {
        if let Some(structure) = resource.content() {
            self.structure_content(structure);
        } else if !self.report.model().resource_types.contains(&resource.type_name()) {
            // A type that this build does not model is no fault of the value.
            self.report(|report| report.unknown_resource(resource.type_name(), 0));
        }
    }

    /// Checks the content of a structure, and returns the fields that are present.
    fn structure_content(&mut self, value: &dyn Structure) -> FieldSet {
        let schema = value.schema();
        if let Some(id) = value.id().filter(|_| !schema.has_uri_as_id) {
            self.report(|report| report.id(id, 0));
        }
        let outer = std::mem::take(&mut self.present);
        value.walk(self);
        let present = std::mem::replace(&mut self.present, outer);
        self.report(|report| report.missing_fields(schema, present, 0));
        for node in value.unknown() {
            if !matches!(node.content, UnknownContent::Atom(..)) {
                self.report(|report| report.unknown_element(schema.name, node.name(), 0));
            }
        }
        present
    }

    fn structure_value(&mut self, field: &'static FieldSchema, index: Option<usize>, value: &dyn Structure) {
        self.inside(field.name, index, |checker| {
            let present = checker.structure_content(value);
            if field.shape == Shape::Unextended && present.contains(EXTENSION) {
                checker.report(|report| report.no_extension_here(0));
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
            checker.report(|report| report.value("", value, value.verdict(), 0));
            if field.shape == Shape::Signature {
                let markup = value.wire_text().unwrap_or_default();
                checker.report(|report| report.signature("", &markup, 0));
            }
            if value.is_empty_element() {
                checker.report(|report| report.empty_element("", 0));
            }
            if let Some(companions) = value.companions() {
                checker.structure_content(companions);
            }
        });
    }
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

    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource) {
        self.present.insert(field.group());
        self.inside(field.name, None, |checker| checker.any_resource(value));
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        self.present.insert(field.group());
        for index in 0..values.len() {
            if let Some(resource) = values.get(index) {
                self.inside(field.name, Some(index), |checker| checker.any_resource(resource));
            }
        }
    }

    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml) {
        self.present.insert(field.group());
        let examined = value.examine(Limits::default());
        self.report(|report| match examined {
            Ok(examination) => report.narrative(field.name, examination.findings, 0),
            Err(refusal) => report.refused_narrative(field.name, refusal, 0),
        });
    }

    fn attribute(&mut self, field: &'static FieldSchema, _: &str) {
        self.present.insert(field.group());
    }
}
