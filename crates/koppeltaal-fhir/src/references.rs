//! Visiting the references in a resource or a bundle, to look at them or to change them.

use koppeltaal_fhir_base::ElementPath;
use koppeltaal_fhir_base::resource::AnyResource as _;
use koppeltaal_fhir_base::visit::{visit, visit_mut};

use crate::bundle::Bundle;
use crate::generated::datatypes::ResourceReference;
use crate::resource::Resource;

impl Resource {
    /// Shows `visit` every [`ResourceReference`] in the resource, each with its place, in the order in which
    /// elements are written: those in elements, in extensions (also of primitives), and in contained
    /// resources.
    ///
    /// What is kept as text is not searched: unknown elements, and resources of a type that this build does
    /// not model.
    ///
    /// ```
    /// use koppeltaal_fhir::Resource;
    /// use koppeltaal_fhir::datatypes::ResourceReference;
    /// use koppeltaal_fhir::resources::CarePlan;
    ///
    /// let patient = ResourceReference { reference: "Patient/1".into(), ..Default::default() };
    /// let plan: Resource = CarePlan { patient: Some(patient), ..Default::default() }.into();
    /// let mut found = Vec::new();
    /// plan.visit_references(|path, reference| found.push(format!("{path} -> {}", reference.reference)));
    /// assert_eq!(found, ["patient -> Patient/1"]);
    /// ```
    pub fn visit_references(&self, visitor: impl FnMut(ElementPath<'_>, &ResourceReference)) {
        if let Some(structure) = self.content() {
            visit(structure, visitor);
        }
    }

    /// The same as [`visit_references`](Self::visit_references), to change the references. Resources that a
    /// clone shares are copied first.
    pub fn visit_references_mut(&mut self, visitor: impl FnMut(ElementPath<'_>, &mut ResourceReference)) {
        if let Some(structure) = self.content_mut() {
            visit_mut(structure, visitor);
        }
    }
}

impl Bundle {
    /// Shows `visit` every [`ResourceReference`] in the resources of the entries, as
    /// [`Resource::visit_references`] does; each place starts at the bundle: `entry[0].content.patient`.
    pub fn visit_references(&self, visitor: impl FnMut(ElementPath<'_>, &ResourceReference)) {
        visit(self, visitor);
    }

    /// The same as [`visit_references`](Self::visit_references), to change the references. Resources that a
    /// clone shares are copied first.
    pub fn visit_references_mut(&mut self, visitor: impl FnMut(ElementPath<'_>, &mut ResourceReference)) {
        visit_mut(self, visitor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Entry;
    use crate::generated::datatypes::{Extension, ExtensionValue, Identifier};
    use crate::generated::resources::{
        CarePlan, CarePlanActivity, CarePlanParticipant, CarePlanSimple, Other, Patient,
    };

    fn to(id: &str) -> ResourceReference {
        ResourceReference { reference: id.into(), ..ResourceReference::default() }
    }

    fn extension(id: &str) -> Extension {
        Extension { value: Some(ExtensionValue::Resource(Box::new(to(id)))), ..Extension::default() }
    }

    /// A care plan with a reference in each of the places that can have one.
    fn plan() -> Resource {
        let outer = Extension { extension: vec![extension("nested")], ..Extension::default() };
        let participant = CarePlanParticipant {
            extension: vec![outer],
            member: Some(to("member")),
            ..CarePlanParticipant::default()
        };
        let simple = CarePlanSimple { performer: vec![to("performer")], ..CarePlanSimple::default() };
        let mut assigner = Identifier { assigner: Some(Box::new(to("assigner"))), ..Identifier::default() };
        assigner.value.push_extension(extension("primitive"));
        CarePlan {
            contained: vec![Other { subject: Some(to("contained")), ..Other::default() }.into()],
            identifier: vec![assigner],
            patient: Some(ResourceReference { extension: vec![extension("referring")], ..to("patient") }),
            participant: vec![participant],
            activity: vec![CarePlanActivity { simple: Some(simple), ..CarePlanActivity::default() }],
            ..CarePlan::default()
        }
        .into()
    }

    const FOUND: [(&str, &str); 8] = [
        ("contained[0].subject", "contained"),
        ("identifier[0].value.extension[0].valueResource", "primitive"),
        ("identifier[0].assigner", "assigner"),
        ("patient", "patient"),
        ("patient.extension[0].valueResource", "referring"),
        ("participant[0].extension[0].extension[0].valueResource", "nested"),
        ("participant[0].member", "member"),
        ("activity[0].simple.performer[0]", "performer"),
    ];

    #[test]
    fn references_are_found_in_elements_extensions_and_contained_resources() {
        let mut found = Vec::new();
        plan().visit_references(|path, reference| {
            found.push((path.to_string(), reference.reference.to_string()));
        });
        assert_eq!(found, FOUND.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn references_that_are_changed_are_those_that_are_found() {
        let mut plan = plan();
        let mut found = Vec::new();
        plan.visit_references_mut(|path, reference| {
            found.push((path.to_string(), reference.reference.to_string()));
            reference.reference = "changed".into();
        });
        assert_eq!(found, FOUND.map(|(path, text)| (path.to_owned(), text.to_owned())));
        plan.visit_references(|path, reference| {
            assert_eq!(reference.reference.as_str(), Some("changed"), "{path}");
        });
    }

    #[test]
    fn a_bundle_shows_the_references_of_its_entries() {
        let entry = Entry { content: Some(plan()), ..Entry::default() };
        let patient = Entry { content: Some(Patient::default().into()), ..Entry::default() };
        let mut bundle = Bundle { entry: vec![patient, entry], ..Bundle::default() };
        let expected = FOUND.map(|(path, _)| format!("entry[1].content.{path}"));
        let mut found = Vec::new();
        bundle.visit_references(|path, _| found.push(path.to_string()));
        assert_eq!(found, expected);
        let before = bundle.clone();
        found.clear();
        bundle.visit_references_mut(|path, _| found.push(path.to_string()));
        assert_eq!(found, expected);
        assert_eq!(bundle, before);
    }

    #[test]
    fn a_resource_that_a_clone_shares_is_copied_before_a_reference_changes() {
        let mut changed = plan();
        let kept = changed.clone();
        changed.visit_references_mut(|_, reference| reference.reference = "changed".into());
        assert_eq!(kept, plan());
        assert_ne!(changed, kept);
    }

    proptest::proptest! {
        #[test]
        fn both_visits_show_the_same_references_and_looking_changes_nothing(mut document in crate::arbitrary::any_document()) {
            let mut found = Vec::new();
            let mut found_to_change = Vec::new();
            let before = document.clone();
            match &mut document {
                crate::Document::Resource(resource) => {
                    resource.visit_references(|path, one| found.push((path.to_string(), one.clone())));
                    resource.visit_references_mut(|path, one| found_to_change.push((path.to_string(), one.clone())));
                }
                crate::Document::Bundle(bundle) => {
                    bundle.visit_references(|path, one| found.push((path.to_string(), one.clone())));
                    bundle.visit_references_mut(|path, one| found_to_change.push((path.to_string(), one.clone())));
                }
            }
            proptest::prop_assert_eq!(found, found_to_change);
            proptest::prop_assert_eq!(document, before);
        }
    }
}
