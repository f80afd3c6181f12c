//! The tables of the profiles, and values held against them.

use koppeltaal_fhir::datatypes::HumanName;
use koppeltaal_messaging::profiles::*;
use koppeltaal_messaging::valuesets::{ActivityStatus, MESSAGE_EVENT, PROCESSING_STATUS};
use koppeltaal_messaging::{DeviationKind, Event, ProcessingStatus, Profile, Reference};

use crate::{extension, other, read};

/// The deviations of a value, each as `path: what`.
fn deviations(profile: &impl Profile) -> Vec<String> {
    let name = |kind: &DeviationKind| match kind {
        DeviationKind::Missing => "missing".to_owned(),
        DeviationKind::UnlistedCode(code) => format!("unlisted {}", code.code.as_deref().unwrap_or("-")),
        DeviationKind::Unread => "unread".to_owned(),
        other => format!("{other:?}"),
    };
    profile
        .deviations()
        .iter()
        .map(|deviation| format!("{}: {}", deviation.path, name(&deviation.kind)))
        .collect()
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    let plan = CarePlan {
        participant: vec![CarePlanParticipant::default()],
        activity: vec![
            CarePlanActivity {
                start_date: "2023-03-16".parse().ok(),
                status: Some(ActivityStatus::Waiting),
                ..CarePlanActivity::default()
            },
            CarePlanActivity {
                status: Some("Paused".into()),
                sub_activity: vec![CarePlanSubActivity::default()],
                ..CarePlanActivity::default()
            },
        ],
        ..CarePlan::default()
    };
    assert_eq!(
        deviations(&plan),
        [
            "CarePlan.status: missing",
            "CarePlan.participant[0].member: missing",
            "CarePlan.activity[1].subActivity[0].identifier: missing",
            "CarePlan.activity[1].startDate: missing",
            "CarePlan.activity[1].status: unlisted Paused",
        ]
    );
}

#[test]
fn parts_of_data_types_are_asked_for_too() {
    let nickname = HumanName { family: vec!["Duinroos".into()], ..HumanName::default() };
    let patient = Patient { name: vec![nickname, HumanName::default()], ..Patient::default() };
    assert_eq!(
        deviations(&patient),
        [
            "Patient.name[1].family: missing",
            "Patient.name[0].given: missing",
            "Patient.name[1].given: missing"
        ]
    );
    assert_eq!(deviations(&Patient::default()), ["Patient.name: missing"]);
}

#[test]
fn a_known_extension_that_no_field_took_is_named() {
    let to =
        |url: &str| extension("UserMessage#To", &format!(r#""valueResource": {{"reference": "{url}"}}"#));
    let twice =
        [to("https://epd.example/fhir/Patient/1"), to("https://epd.example/fhir/Patient/2")].join(", ");
    let message: UserMessage = read(&other("UserMessage", &twice));
    assert_eq!(message.to, Some(Reference::from("https://epd.example/fhir/Patient/1")));
    assert!(deviations(&message).contains(&"UserMessage.to: unread".to_owned()));
}

#[test]
fn rules_say_path_cardinality_type_binding_and_extension() {
    let rule = CarePlan::RULES.iter().find(|rule| rule.path == "CarePlan.activity.status").expect("a row");
    assert!(rule.required && !rule.repeats);
    assert_eq!(rule.type_name, "Coding(ActivityStatus)");
    assert_eq!(rule.binding.map(|binding| (binding.list, binding.open)), Some(("ActivityStatus", false)));
    assert_eq!(rule.extension, Some("http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlan#ActivityStatus"));
    let rule = MESSAGE_HEADER_RULES.iter().find(|rule| rule.path == "MessageHeader.patient").expect("a row");
    assert_eq!(rule.type_name, "Resource(Patient)");
}

#[test]
fn lists_written_by_hand_have_the_codes_of_the_schema() {
    let events: Vec<_> = Event::ALL.iter().map(|event| (event.code(), event.code())).collect();
    assert_eq!(events, MESSAGE_EVENT);
    let mut statuses: Vec<_> = ProcessingStatus::ALL.iter().map(|status| status.code()).collect();
    let mut listed: Vec<_> = PROCESSING_STATUS.iter().map(|(code, _)| *code).collect();
    statuses.sort_unstable();
    listed.sort_unstable();
    assert_eq!(statuses, listed);
}

#[test]
fn an_absent_field_with_a_default_applies_it() {
    let mut definition = ActivityDefinition::default();
    assert!(definition.is_active() && !definition.is_archived());
    assert_eq!(definition.launch_type().to_string(), "Web");
    definition.is_active = Some(false);
    assert!(!definition.is_active());
}
