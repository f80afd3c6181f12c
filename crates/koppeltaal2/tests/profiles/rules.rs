//! The rules of the profiles are checked, each at its place.

use koppeltaal_r4::Finding;
use koppeltaal_r4::datatypes::{Coding, Extension, ExtensionValue, Identifier, Reference};
use koppeltaal_r4::resources::{self, Bundle, BundleEntry, DeviceStatus, TaskIntent, TaskStatus};
use koppeltaal2::profiles::{ActivityDefinition, Device, Endpoint, Patient, RelatedPerson, Task};
use koppeltaal2::valuesets::{ContactRole, FamilyRelation};
use koppeltaal2::vocabulary::extension;
use koppeltaal2::{Profile as _, ValueSet as _, rules, validate};

/// Rule and place of each finding.
fn places(findings: &[Finding]) -> Vec<(&'static str, &str)> {
    findings.iter().map(|finding| (finding.rule.id(), finding.path.as_str())).collect()
}

fn task() -> Task {
    Task {
        identifier: vec![Identifier::new("https://portal.example/tasks", "1")],
        status: TaskStatus::Ready.into(),
        intent: TaskIntent::Order.into(),
        r#for: Some(Reference::to("Patient/7")),
        owner: Some(Reference::to("Patient/7")),
        ..Default::default()
    }
}

#[test]
fn what_the_profile_demands_must_be_there() {
    assert_eq!(task().validate(), []);
    let lacking = Task { identifier: Vec::new(), owner: None, ..task() };
    assert_eq!(
        places(&lacking.validate()),
        [(rules::MINIMUM.id(), "identifier"), (rules::MINIMUM.id(), "owner")]
    );
    let definition = ActivityDefinition::default().validate();
    assert!(places(&definition).contains(&(rules::MINIMUM.id(), "extension")), "{definition:?}");
}

#[test]
fn what_the_profile_forbids_must_not_be_there() {
    let mut task = task();
    task.edit_fhir(|task| task.note.push(koppeltaal_r4::datatypes::Annotation::default()));
    assert!(places(&task.validate()).contains(&(rules::FORBIDDEN.id(), "note")));
    let mut patient = Patient::default();
    patient.edit_fhir(|patient| {
        patient.deceased = Some(resources::PatientDeceased::Boolean(false.into()));
        patient.extension.push(Extension { url: extension::NATIONALITY.to_owned(), ..Default::default() });
    });
    let found = patient.validate();
    assert!(places(&found).contains(&(rules::FORBIDDEN.id(), "deceased[x]")), "{found:?}");
    assert!(places(&found).contains(&(rules::FORBIDDEN.id(), "extension[0]")), "{found:?}");
}

#[test]
fn fixed_values_are_compared() {
    let identifier = vec![Identifier::new("urn:other", "1")];
    let device = Device { identifier, status: DeviceStatus::Active.into(), ..Default::default() };
    assert!(places(&device.validate()).contains(&(rules::VALUE.id(), "identifier[0].system")));
    let connection_type = Some(Coding::new("urn:other", "hti-smart-on-fhir"));
    let endpoint = Endpoint { connection_type, ..Default::default() };
    assert!(places(&endpoint.validate()).contains(&(rules::VALUE.id(), "connectionType")));
}

#[test]
fn a_reference_to_another_type_is_a_finding() {
    let owner = |to: &str| Task { owner: Some(Reference::to(to)), ..task() };
    for good in ["CareTeam/1", "https://host.example/fhir/DEFAULT/CareTeam/1/_history/2", "urn:uuid:1", "#a"]
    {
        assert_eq!(owner(good).validate(), [], "{good}");
    }
    for bad in ["Device/1", "https://host.example/fhir/DEFAULT/Device/1/_history/2"] {
        assert_eq!(places(&owner(bad).validate()), [(rules::REFERENCE_TYPE.id(), "owner")], "{bad}");
    }
}

#[test]
fn an_extension_has_a_value_of_its_type_and_no_second_one() {
    let origin =
        |value| Extension { url: extension::RESOURCE_ORIGIN.to_owned(), value, ..Default::default() };
    let mut task = task();
    task.edit_fhir(|task| {
        task.extension.push(origin(Some(ExtensionValue::Boolean(true.into()))));
        task.extension.push(origin(Some(ExtensionValue::Reference(Box::new(Reference::to("Task/1"))))));
    });
    assert_eq!(
        places(&task.validate()),
        [
            (rules::VALUE.id(), "extension[0].value"),
            (rules::REFERENCE_TYPE.id(), "extension[1].value"),
            (rules::MAXIMUM.id(), "extension"),
        ]
    );
}

#[test]
fn a_resource_names_its_profile_also_in_a_bundle() {
    let mut fhir = task().into_fhir();
    fhir.meta = None;
    let entry = vec![BundleEntry { resource: Some(fhir.into()), ..Default::default() }];
    let bundle = Bundle { entry, r#type: resources::BundleType::Searchset.into(), ..Default::default() };
    let findings = validate(&bundle.into());
    assert_eq!(places(&findings), [(rules::PROFILE_URL.id(), "entry[0].resource.meta.profile")]);
}

#[test]
fn a_code_of_a_closed_list_is_on_it() {
    let with = |coding: Coding| {
        let related = RelatedPerson { relationship: vec![coding.into()], ..Default::default() };
        places(&related.validate()).contains(&(rules::CODE.id(), "relationship[0]"))
    };
    assert!(!with(ContactRole::Neighbour.into()));
    assert!(!with(FamilyRelation::Niece.into()));
    assert!(with(Coding::new(ContactRole::Neighbour.to_coding().system.to_string(), "2500")));
}
