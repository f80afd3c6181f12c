//! Visits the references in a resource, each with its path: those in elements at any depth, in extensions,
//! and in contained resources. The implementations for the types of DSTU1 are generated; this is the visitor
//! that they call.

use std::sync::Arc;

use koppeltaal_fhir::datatypes::ResourceReference;

use crate::findings::Segment;

/// Something that can hold references.
pub(crate) trait References {
    /// Shows the visitor every reference, in the order of the elements.
    fn visit_references(&mut self, visitor: &mut Visitor<'_>);
}

/// Where a visit is, and what it does with each reference.
pub(crate) struct Visitor<'a> {
    path: Vec<Segment>,
    visit: &'a mut dyn FnMut(&[Segment], &mut ResourceReference),
}

/// Calls `visit` with each reference in `value` and its path.
pub(crate) fn visit_references(
    value: &mut impl References,
    visit: &mut dyn FnMut(&[Segment], &mut ResourceReference),
) {
    value.visit_references(&mut Visitor { path: Vec::new(), visit });
}

impl Visitor<'_> {
    /// Visits a value of a field, with its position if the field repeats.
    pub(crate) fn inside(
        &mut self,
        name: &'static str,
        index: Option<usize>,
        value: &mut (impl References + ?Sized),
    ) {
        self.path.push((name, index));
        value.visit_references(self);
        self.path.pop();
    }

    /// Visits a field that occurs at most once.
    pub(crate) fn one(&mut self, name: &'static str, value: &mut Option<impl References>) {
        if let Some(value) = value {
            self.inside(name, None, value);
        }
    }

    /// Visits a field that repeats.
    pub(crate) fn list(&mut self, name: &'static str, values: &mut [impl References]) {
        for (index, value) in values.iter_mut().enumerate() {
            self.inside(name, Some(index), value);
        }
    }

    /// Visits a choice of types, whose alternatives have names of their own.
    pub(crate) fn choice(&mut self, value: &mut Option<impl References>) {
        if let Some(value) = value {
            value.visit_references(self);
        }
    }
}

/// Copies a value that others share, because the visitor may change it.
impl<T: References + Clone> References for Arc<T> {
    fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
        Arc::make_mut(self).visit_references(visitor);
    }
}

impl<T: References> References for Box<T> {
    fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
        (**self).visit_references(visitor);
    }
}

impl References for ResourceReference {
    fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
        (visitor.visit)(&visitor.path, self);
        visitor.list("extension", &mut self.extension);
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::Resource;
    use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, Identifier};
    use koppeltaal_fhir::resources::{
        CarePlan, CarePlanActivity, CarePlanParticipant, CarePlanSimple, Other,
    };

    use super::*;
    use crate::findings::path_text;

    fn to(id: &str) -> ResourceReference {
        ResourceReference { reference: id.into(), ..ResourceReference::default() }
    }

    fn found(mut resource: Resource) -> Vec<(String, String)> {
        let mut found = Vec::new();
        visit_references(&mut resource, &mut |path, reference| {
            found.extend(reference.reference.as_str().map(|text| (path_text(path), text.to_owned())));
        });
        found
    }

    #[test]
    fn references_are_found_in_elements_extensions_and_contained_resources() {
        let inner = Extension {
            value: Some(ExtensionValue::Resource(Box::new(to("nested")))),
            ..Extension::default()
        };
        let outer = Extension { extension: vec![inner], ..Extension::default() };
        let participant = CarePlanParticipant {
            extension: vec![outer],
            member: Some(to("member")),
            ..CarePlanParticipant::default()
        };
        let simple = CarePlanSimple { performer: vec![to("performer")], ..CarePlanSimple::default() };
        let assigner = Identifier { assigner: Some(Box::new(to("assigner"))), ..Identifier::default() };
        let plan = CarePlan {
            contained: vec![Other { subject: Some(to("contained")), ..Other::default() }.into()],
            identifier: vec![assigner],
            patient: Some(to("patient")),
            participant: vec![participant],
            activity: vec![CarePlanActivity { simple: Some(simple), ..CarePlanActivity::default() }],
            ..CarePlan::default()
        };
        let expected = [
            ("contained[0].subject", "contained"),
            ("identifier[0].assigner", "assigner"),
            ("patient", "patient"),
            ("participant[0].extension[0].extension[0].valueResource", "nested"),
            ("participant[0].member", "member"),
            ("activity[0].simple.performer[0]", "performer"),
        ];
        assert_eq!(found(plan.into()), expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }
}
