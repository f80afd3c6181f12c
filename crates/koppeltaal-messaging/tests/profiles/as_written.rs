//! A typed value is written in canonical form, and reads back as itself.

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, Identifier};
use koppeltaal_fhir::resources::{CarePlanActivityCategory, CarePlanStatus};
use koppeltaal_messaging::profiles::*;
use koppeltaal_messaging::valuesets::{
    self, ActivityKind, ApplicationRoles, CarePlanParticipantRole, CarePlanRelationTypes,
};
use koppeltaal_messaging::{Profile, Reference};

use crate::{json, read};

/// A care plan with something in every field.
fn plan() -> CarePlan {
    let teun = Reference::from("https://epd.example/fhir/Practitioner/77").with_display("Teun Haverkruid");
    let team = Reference::from("https://epd.example/fhir/CareTeam/31");
    CarePlan {
        patient: Some("https://epd.example/fhir/Patient/2041".into()),
        status: Some(CarePlanStatus::Active),
        participant: vec![CarePlanParticipant {
            role: Some(CarePlanParticipantRole::Requester),
            member: Some(teun.clone()),
            care_team: vec![team.clone()],
            ..Default::default()
        }],
        goal: vec![CarePlanGoal {
            id: Some("doel-slaap".to_owned()),
            description: Some("Zes van de zeven nachten doorslapen.".to_owned()),
            ..Default::default()
        }],
        activity: vec![CarePlanActivity {
            id: Some("a1".to_owned()),
            identifier: Some("https://portal.example/fhir/CarePlan/900#a1".to_owned()),
            definition: Some("VUURTOREN".to_owned()),
            kind: Some(ActivityKind::ELearning),
            sub_activity: vec![CarePlanSubActivity {
                identifier: Some("nacht-1".to_owned()),
                status: Some(valuesets::ActivityStatus::Completed),
                ..Default::default()
            }],
            goal: vec!["doel-slaap".to_owned()],
            participant: vec![CarePlanActivityParticipant {
                member: Some("https://portal.example/fhir/RelatedPerson/2041-1".into()),
                role: Some(CarePlanParticipantRole::Caregiver),
                care_team: vec![team],
                ..Default::default()
            }],
            start_date: "2023-03-16T00:00:00+01:00".parse().ok(),
            status: Some(valuesets::ActivityStatus::InProgress),
            started: "2023-03-17T20:15:00+01:00".parse().ok(),
            simple: Some(CarePlanSimple {
                category: Some(CarePlanActivityCategory::Procedure),
                performer: vec![teun],
                ..Default::default()
            }),
            extension: vec![Extension {
                url: "https://portal.example/fhir/CarePlan#Uitgelicht".to_owned(),
                value: Some(ExtensionValue::Boolean(true.into())),
                ..Extension::default()
            }],
            ..Default::default()
        }],
        relation: vec![CarePlanRelation {
            r#type: Some(CarePlanRelationTypes::Parent),
            reference: Some("https://portal.example/fhir/CarePlan/899".into()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn a_care_plan_is_written_as_koppeltaal_has_it() {
    insta::assert_snapshot!(json(plan()));
}

#[test]
fn a_typed_value_reads_back_as_itself_with_nothing_left_over() {
    let read = CarePlan::from_fhir(plan().into_fhir());
    assert_eq!(read, plan());
    assert!(
        read.rest.is_empty()
            && read.activity[0].rest.is_empty()
            && read.activity[0].sub_activity[0].rest.is_empty()
    );

    let application = Application {
        identifier: Some(Identifier { value: "vuurtoren-game".into(), ..Identifier::default() }),
        url: Some("https://game.example/launch".into()),
        roles: vec![ApplicationRoles::Game, ApplicationRoles::PatientPortal],
        ..Default::default()
    };
    assert_eq!(Application::from_fhir(application.clone().into_fhir()), application);
    let status = CarePlanActivityStatus {
        activity: Some("a1".to_owned()),
        activity_status: Some(valuesets::ActivityStatus::Completed),
        percentage_completed: Some(100),
        ..Default::default()
    };
    assert_eq!(CarePlanActivityStatus::from_resource_ref(&status.clone().into()), Some(status));
}

#[test]
fn a_change_leaves_the_rest_of_the_message_alone() {
    // Extensions in another order than the schema, an unknown one between them, ids on elements, a narrative.
    let text = r#"{"resourceType": "CarePlan", "text": {"status": "generated", "div": "<div>Plan</div>"},
        "activity": [{"extension": [
            {"id": "e1", "url": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlan#ActivityStatus", "valueCode": "Waiting"},
            {"url": "https://portal.example/fhir/CarePlan#Uitgelicht", "valueBoolean": true},
            {"url": "http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlan#ActivityIdentifier", "valueString": "a1"}
        ], "prohibited": false}], "notes": "n"}"#;
    let mut plan: CarePlan = read(text);
    plan.activity[0].status = Some(valuesets::ActivityStatus::Available);
    plan.activity[0].end_date = "2023-06-01".parse().ok();
    insta::assert_snapshot!(json(plan));
}

#[test]
fn removing_from_a_list_does_not_give_its_id_to_another() {
    let text = r#"{"resourceType": "Patient", "careProvider": [
        {"id": "first", "reference": "https://epd.example/fhir/Practitioner/77"},
        {"id": "second", "reference": "https://epd.example/fhir/Practitioner/78"},
        {"reference": "https://epd.example/fhir/Organization/1"}]}"#;
    let mut patient: Patient = read(text);
    patient.care_provider.remove(0);
    patient.care_provider.push("https://epd.example/fhir/Practitioner/79".into());
    let fhir = patient.into_fhir();
    let ids: Vec<_> = fhir.care_provider.iter().map(|reference| reference.id.as_deref()).collect();
    assert_eq!(ids, [Some("second"), None, None]);
}

#[test]
fn a_value_that_is_set_to_none_is_not_written() {
    let mut plan: CarePlan = read(&json(plan()));
    plan.patient = None;
    plan.activity[0].status = None;
    plan.participant[0].role = None;
    let written = json(plan);
    assert!(
        !written.contains("Patient/2041")
            && !written.contains("#ActivityStatus")
            && !written.contains("Requester")
    );
}
