//! Visits the references in a resource: those of the elements of its type, and those in extensions of the resource and
//! its parts. Covers the types that Koppeltaal exchanges; references hidden in data types (the assigner of an
//! identifier, the value set of a coding) never point to a resource of a message.

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::resources::{
    CarePlan, CarePlanActivity, CarePlanGoal, CarePlanParticipant, CarePlanSimple, Device, DiagnosticReport,
    DiagnosticReportImage, MessageHeader, MessageHeaderDestination, MessageHeaderResponse, Observation,
    ObservationRelated, Organization, OrganizationContact, Other, Patient, PatientContact, PatientLink,
    Practitioner, PractitionerQualification, Questionnaire, QuestionnaireGroup, QuestionnaireQuestion,
    QuestionnaireQuestionData, RelatedPerson,
};

/// Something that can hold references.
pub(crate) trait References {
    /// Shows `visit` every reference inside, in no particular order.
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference));
}

impl<T: References> References for Option<T> {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        if let Some(value) = self {
            value.visit_references(visit);
        }
    }
}

impl<T: References> References for Vec<T> {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        for value in self {
            value.visit_references(visit);
        }
    }
}

impl References for ResourceReference {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        visit(self);
        self.extension.visit_references(visit);
    }
}

impl References for Extension {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        self.extension.visit_references(visit);
        if let Some(ExtensionValue::Resource(reference)) = &mut self.value {
            reference.visit_references(visit);
        }
    }
}

impl References for QuestionnaireQuestionData {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        if let Self::Resource(reference) = self {
            reference.visit_references(visit);
        }
    }
}

/// Says in which fields of a type references are.
macro_rules! references_in {
    ($($type:ident { $($field:ident),* })*) => {
        $(impl References for $type {
            fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
                self.extension.visit_references(visit);
                self.modifier_extension.visit_references(visit);
                $(self.$field.visit_references(visit);)*
            }
        })*
    };
}

references_in! {
    CarePlan { contained, patient, concern, participant, goal, activity }
    CarePlanParticipant { member }
    CarePlanGoal { concern }
    CarePlanActivity { action_resulting, detail, simple }
    CarePlanSimple { location, performer, product }
    Device { contained, owner, location, patient }
    DiagnosticReport { contained, subject, performer, request_detail, specimen, result, imaging_study, image }
    DiagnosticReportImage { link }
    MessageHeader { contained, response, destination, enterer, author, receiver, responsible, data }
    MessageHeaderDestination { target }
    MessageHeaderResponse { details }
    Observation { contained, subject, specimen, performer, related }
    ObservationRelated { target }
    Organization { contained, part_of, contact, location }
    OrganizationContact {}
    Other { contained, subject, author }
    Patient { contained, contact, care_provider, managing_organization, link }
    PatientContact { organization }
    PatientLink { other }
    Practitioner { contained, organization, location, qualification }
    PractitionerQualification { issuer }
    Questionnaire { contained, subject, author, source, encounter, group }
    QuestionnaireGroup { subject, group, question }
    QuestionnaireQuestion { options, data, group }
    RelatedPerson { contained, patient }
}

impl References for Resource {
    fn visit_references(&mut self, visit: &mut dyn FnMut(&mut ResourceReference)) {
        match self {
            Self::CarePlan(resource) => resource.visit_references(visit),
            Self::Device(resource) => resource.visit_references(visit),
            Self::DiagnosticReport(resource) => resource.visit_references(visit),
            Self::MessageHeader(resource) => resource.visit_references(visit),
            Self::Observation(resource) => resource.visit_references(visit),
            Self::Organization(resource) => resource.visit_references(visit),
            Self::Other(resource) => resource.visit_references(visit),
            Self::Patient(resource) => resource.visit_references(visit),
            Self::Practitioner(resource) => resource.visit_references(visit),
            Self::Questionnaire(resource) => resource.visit_references(visit),
            Self::RelatedPerson(resource) => resource.visit_references(visit),
            // Koppeltaal exchanges no other type; inside `contained` one may occur and is left as it is.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(id: &str) -> ResourceReference {
        ResourceReference { reference: id.into(), ..ResourceReference::default() }
    }

    fn found(mut resource: Resource) -> Vec<String> {
        let mut found = Vec::new();
        resource
            .visit_references(&mut |reference| found.extend(reference.reference.as_str().map(str::to_owned)));
        found.sort();
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
        let plan = CarePlan {
            contained: vec![Other { subject: Some(to("contained")), ..Other::default() }.into()],
            patient: Some(to("patient")),
            participant: vec![participant],
            activity: vec![CarePlanActivity { simple: Some(simple), ..CarePlanActivity::default() }],
            ..CarePlan::default()
        };
        assert_eq!(found(plan.into()), ["contained", "member", "nested", "patient", "performer"]);
    }
}
