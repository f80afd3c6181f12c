//! Quirks of deployed senders: read where the meaning is clear, and written again as they were.

use koppeltaal_fhir::resources::DiagnosticReportStatus;
use koppeltaal_messaging::profiles::*;
use koppeltaal_messaging::valuesets::{self, ActivityKind, AdministrativeGender};
use koppeltaal_messaging::{CodeSystem as _, Profile, Reference};

use crate::{extension, json, other, read, resource};

/// An activity with these extensions.
fn activity(extensions: &[String]) -> CarePlanActivity {
    let json = format!(
        r#"{{"resourceType": "CarePlan", "activity": [{{"extension": [{}], "prohibited": false}}]}}"#,
        extensions.join(", ")
    );
    read::<CarePlan>(&json).activity.remove(0)
}

#[test]
fn a_percentage_is_read_from_a_decimal_and_stays_one_until_it_changes() {
    let percentage = |value: &str| {
        let text =
            other("CarePlanActivityStatus", &extension("CarePlanActivityStatus#PercentageCompleted", value));
        (read::<CarePlanActivityStatus>(&text), text)
    };
    let (mut status, text) = percentage(r#""valueDecimal": 99.90"#);
    assert_eq!(status.percentage_completed, Some(99));
    assert_eq!(json(status.clone()), json(resource(&text)));
    status.percentage_completed = Some(100);
    assert!(json(status).contains(r#""valueInteger": 100"#));
    assert_eq!(percentage(r#""valueDecimal": 45"#).0.percentage_completed, Some(45));
    assert_eq!(percentage(r#""valueDecimal": 99999999999"#).0.percentage_completed, None);
    assert_eq!(percentage(r#""valueString": "helft""#).0.percentage_completed, None);
}

#[test]
fn rich_text_is_read_from_xhtml_of_either_format() {
    let markup = r#"<div xmlns="http://www.w3.org/1999/xhtml"><p>Dag <b>Lieke</b> &amp; co.</p></div>"#;
    let quoted = markup.replace('"', "\\\"");
    let from_json: UserMessage = read(&other(
        "UserMessage",
        &extension("UserMessage#Content", &format!(r#""valueXhtml": "{quoted}""#)),
    ));
    assert_eq!(from_json.content.as_deref(), Some(markup));
    let xml = format!(
        r#"<Other xmlns="http://hl7.org/fhir"><extension url="http://ggz.koppeltaal.nl/fhir/Koppeltaal/UserMessage#Content">
            <valueXhtml> {markup} </valueXhtml></extension></Other>"#
    );
    let document = koppeltaal_fhir::ReadOptions::tolerant().xml(xml.as_bytes()).expect("XML").document;
    let mut message =
        UserMessage::from_fhir(document.get::<koppeltaal_fhir::resources::Other>().expect("other").clone());
    assert_eq!(message.content.as_deref(), Some(markup));
    message.content = Some("kort".to_owned());
    let written = json(message);
    assert!(written.contains(r#""valueString": "kort""#) && !written.contains("valueXhtml"), "{written}");
}

#[test]
fn a_sub_activity_of_koppeltaal_1_0_has_its_identifier_as_value() {
    let mut activity = activity(&[extension("CarePlan#SubActivity", r#""valueString": "nacht-1""#)]);
    let part = &mut activity.sub_activity[0];
    assert_eq!((part.identifier.as_deref(), &part.status), (Some("nacht-1"), &None));
    part.status = Some(valuesets::ActivityStatus::Completed);
    let plan = CarePlan { activity: vec![activity.clone()], ..CarePlan::default() };
    assert!(json(plan).contains(r#""valueString": "nacht-1""#), "the identifier has not changed");
    activity.sub_activity[0].identifier = Some("nacht-2".to_owned());
    let written = json(CarePlan { activity: vec![activity], ..CarePlan::default() });
    assert!(written.contains("CarePlan#SubActivityIdentifier") && !written.contains("nacht-1"), "{written}");
}

#[test]
fn extensions_of_results_may_have_a_name_for_a_url() {
    let text = r#"{"resourceType": "DiagnosticReport", "extension": [
        {"url": "Activity", "valueString": "a2"},
        {"url": "Questionnaire", "valueResource": {"reference": "https://rom.example/fhir/Questionnaire/71"}}
    ], "status": "Achieved"}"#;
    let mut result: CarePlanActivityResult = read(text);
    assert_eq!(result.activity.as_deref(), Some("a2"));
    assert_eq!(result.questionnaire, [Reference::from("https://rom.example/fhir/Questionnaire/71")]);
    assert_eq!(result.status, Some(DiagnosticReportStatus::from("Achieved")));
    result.activity = Some("a3".to_owned());
    assert_eq!(json(result), json(resource(&text.replace("a2", "a3"))));
}

#[test]
fn an_activity_status_may_be_a_code_a_coding_or_unlisted() {
    let status = |value: &str| activity(&[extension("CarePlan#ActivityStatus", value)]).status;
    assert_eq!(status(r#""valueCode": "Available""#), Some(valuesets::ActivityStatus::Available));
    assert_eq!(status(r#""valueCoding": {"code": "Available"}"#), Some(valuesets::ActivityStatus::Available));
    let unlisted = status(
        r#""valueCoding": {"system": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlanActivityStatus", "code": "Paused", "display": "Rust"}"#,
    )
    .expect("a status");
    assert_eq!((unlisted.code(), unlisted.display(), unlisted.position()), ("Paused", Some("Rust"), None));
    assert_eq!(status(r#""valueBoolean": true"#), None);
}

#[test]
fn a_display_of_the_senders_own_stays_with_its_code_and_goes_with_it() {
    let kind = r#""valueCoding": {"system": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/ActivityKind", "code": "ELearning", "display": "E-Learning"}"#;
    let mut activity = activity(&[extension("CarePlan#ActivityKind", kind)]);
    assert_eq!(activity.kind, Some(ActivityKind::ELearning));
    let write = |activity: &CarePlanActivity| {
        json(CarePlan { activity: vec![activity.clone()], ..CarePlan::default() })
    };
    assert!(write(&activity).contains("E-Learning"));
    activity.kind = Some(ActivityKind::Game);
    assert!(!write(&activity).contains("E-Learning"));
}

#[test]
fn a_null_flavour_of_gender_is_not_a_value_and_is_written_again() {
    let text = r#"{"resourceType": "Patient", "gender": {"coding": [
        {"system": "http://hl7.org/fhir/v3/NullFlavor", "code": "UNK"}]}, "birthDate": "1983-02-18T00:00:00"}"#;
    let mut patient: Patient = read(text);
    assert_eq!(patient.gender, None);
    assert_eq!(patient.birth_date, "1983-02-18T00:00:00".parse().ok());
    assert!(json(patient.clone()).contains("NullFlavor"));
    patient.gender = Some(AdministrativeGender::Female);
    assert!(!json(patient).contains("NullFlavor"));
}

#[test]
fn prohibited_may_be_missing_and_then_stays_missing() {
    let text = r#"{"resourceType": "CarePlan", "activity": [{"notes": "x"}]}"#;
    let mut plan: CarePlan = read(text);
    assert!(!plan.activity[0].prohibited);
    assert_eq!(json(plan.clone()), json(resource(text)));
    plan.activity[0].prohibited = true;
    assert!(json(plan).contains(r#""prohibited": true"#));
}

#[test]
fn a_coding_outside_its_code_element_determines_the_kind() {
    let text = r#"{"resourceType": "Other", "coding": {
        "system": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/OtherResourceUsage", "code": "UserMessage"}}"#;
    let message = UserMessage::from_resource_ref(&resource(text)).expect("its coding says so");
    assert_eq!(CareTeam::from_resource_ref(&resource(text)), None);
    assert_eq!(json(message), json(resource(text)));
}

#[test]
fn an_extension_of_an_unclear_type_is_kept_unchanged() {
    let start = extension("CarePlan#StartDate", r#""valueBoolean": true"#);
    let mut activity = activity(&[start]);
    assert_eq!(activity.start_date, None);
    assert_eq!(activity.extension.len(), 1);
    activity.extension.clear();
    activity.start_date = "2023-03-16".parse().ok();
    let written = json(CarePlan { activity: vec![activity], ..CarePlan::default() });
    assert!(
        written.contains(r#""valueDateTime": "2023-03-16""#) && !written.contains("valueBoolean"),
        "{written}"
    );
}
