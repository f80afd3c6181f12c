//! Lists of codes read codings, keep what they do not list, and write the display of the table.

use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{CodeableConcept, Coding};
use koppeltaal_r4::resources::{Patient, Task};
use koppeltaal2::valuesets::{AuditEventType, DefinitionTopic, TaskCode};
use koppeltaal2::vocabulary::code_system;
use koppeltaal2::{Profile as _, ValueSet as _, profiles};

#[test]
fn a_code_is_written_with_its_system_and_display() {
    let coding = Coding::from(DefinitionTopic::SelfTreatment);
    assert_eq!(coding.code_in(code_system::DEFINITION_TOPIC), Some("self-treatment"));
    assert_eq!(coding.display.as_str(), Some("Zelfhulp"));
    assert_eq!(DefinitionTopic::from_coding(&coding), DefinitionTopic::SelfTreatment);
}

#[test]
fn a_code_of_another_system_is_another_code() {
    let other = Coding::new("urn:other", "view");
    let code = TaskCode::from_coding(&other);
    assert_eq!(code, TaskCode::Other(Box::new(other.clone())));
    assert_eq!(code.to_coding(), other);
}

#[test]
fn a_concept_is_read_by_the_code_that_is_listed() {
    let coding = vec![Coding::new("urn:other", "110100"), AuditEventType::ApplicationActivity.into()];
    let concept = CodeableConcept { coding, ..Default::default() };
    assert_eq!(AuditEventType::from_concept(&concept), Some(AuditEventType::ApplicationActivity));
    assert_eq!(AuditEventType::from_concept(&CodeableConcept::default()), None);
}

#[test]
fn a_resource_of_another_type_comes_back_unchanged() {
    let patient: Resource = Patient { id: "1".into(), ..Default::default() }.into();
    assert_eq!(profiles::Task::from_resource_ref(&patient), None);
    assert_eq!(profiles::Task::from_resource(patient.clone()), Err(patient));
    let task: Resource = Task { id: "2".into(), ..Default::default() }.into();
    assert_eq!(profiles::Task::from_resource(task).expect("a task").id(), Some("2"));
}
