//! The fixtures: for each profile the least that it demands, and everything that it has.

use std::fs;
use std::path::PathBuf;

use koppeltaal_r4::{ReadOptions, Resource};
use koppeltaal2::{Profile, profiles, validate};

fn fixture(name: &str) -> Resource {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/koppeltaal2").join(name);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = ReadOptions::strict().json(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(read.findings, [], "{name}");
    read.document
}

/// Reads both fixtures of a profile without a finding, and gives them in the form of the profile.
fn read<P: Profile + std::fmt::Debug>() -> (P, P) {
    let [minimal, full] = ["minimal", "full"].map(|kind| {
        let name = format!("{}-{kind}.json", P::NAME.to_ascii_lowercase());
        let resource = fixture(&name);
        assert_eq!(validate(&resource), [], "{name}");
        let profile = P::from_resource_ref(&resource).unwrap_or_else(|| panic!("{name} is no {}", P::NAME));
        assert_eq!(profile.validate(), [], "{name}");
        let back: Resource = profile.clone().into_fhir().into();
        assert_eq!(back, resource, "{name}");
        profile
    });
    assert_eq!(full.version_id(), Some("3"));
    assert!(full.resource_origin().is_some() && full.last_updated().is_some());
    (minimal, full)
}

/// The names of the fields of a struct that hold nothing, by its debug text.
fn empty_fields(profile: &impl std::fmt::Debug) -> Vec<String> {
    let text = format!("{profile:#?}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let fields = lines.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once(": "));
    let is_empty = |value: &str| matches!(value, "None," | "[]," | "-,");
    fields.filter(|(_, value)| is_empty(value)).map(|(name, _)| name.to_owned()).collect()
}

macro_rules! fixtures {
    ($($test:ident $name:ident)*) => {$(
        #[test]
        fn $test() {
            let (minimal, full) = read::<profiles::$name>();
            assert_eq!(empty_fields(&full), Vec::<String>::new(), "the full fixture has all fields");
            assert!(!empty_fields(&minimal).is_empty(), "the minimal fixture has not all fields");
        }
    )*};
}

fixtures! {
    patients_are_read Patient
    practitioners_are_read Practitioner
    related_persons_are_read RelatedPerson
    care_teams_are_read CareTeam
    organizations_are_read Organization
    devices_are_read Device
    endpoints_are_read Endpoint
    activity_definitions_are_read ActivityDefinition
    tasks_are_read Task
    subscriptions_are_read Subscription
    audit_events_are_read AuditEvent
}

#[test]
fn the_fields_of_a_task_are_what_the_text_says() {
    let (_, task) = read::<profiles::Task>();
    let reference = task.instantiates.as_ref().expect("a definition");
    assert_eq!(reference.reference.as_str(), Some("ActivityDefinition/vuurtoren"));
    assert_eq!(task.status.to_string(), "in-progress");
    assert_eq!(task.id(), Some("spel-lieke"));
    // The portal's own extension is kept.
    assert!(task.rest().extension.iter().any(|extension| extension.url.ends_with("/colour")));
}

#[test]
fn both_places_to_launch_an_activity_and_its_publisher_are_fields() {
    let (_, definition) = read::<profiles::ActivityDefinition>();
    assert_eq!(definition.endpoint.len(), 2);
    assert_eq!(definition.publisher_id[0].as_str(), Some("vuurtoren-uitgever"));
}

#[test]
fn each_fixture_is_the_same_in_xml() {
    insta::glob!("../../../../fixtures/koppeltaal2", "*.json", |path: &std::path::Path| {
        let text = std::fs::read(path).expect("the fixture");
        let resource = ReadOptions::strict().json(&text).expect("R4").document;
        let xml = resource.to_xml_pretty().expect("writable");
        let back = ReadOptions::strict().xml(xml.as_bytes()).expect("R4").document;
        assert_eq!(back.to_json().expect("writable"), resource.to_json().expect("writable"));
        assert!(koppeltaal2::validate(&back).is_empty());
        insta::assert_snapshot!(xml);
    });
}
