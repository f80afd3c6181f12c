//! The tables of the profiles, and where values depart from them.

use std::collections::BTreeSet;

use koppeltaal_fhir::datatypes::{CodeableConcept, Extension, HumanName};
use koppeltaal_fhir::resources::{CarePlanStatus, DiagnosticReportStatus};
use koppeltaal_fhir::{Finding, Rule, Severity};
use koppeltaal_messaging::profiles::*;
use koppeltaal_messaging::valuesets;
use koppeltaal_messaging::{ElementType, Profile, Reference, Validator, rules};

use crate::{every_profile, extension, other, read};

/// The findings of a value, each as `path: rule, found`.
fn findings(profile: &impl Profile) -> Vec<String> {
    let text = |rule: &Rule, found: &str| match *rule {
        rules::PROFILE_MINIMUM => "missing".to_owned(),
        rules::PROFILE_CODE => format!("unlisted {found}"),
        rules::PROFILE_VALUE => "unread".to_owned(),
        other => format!("{other} {found}"),
    };
    let findings = profile.validate();
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.path, text(&finding.rule, &finding.found)))
        .collect()
}

#[test]
fn a_missing_element_is_named_with_its_place() {
    let plan = CarePlan {
        participant: vec![CarePlanParticipant::default()],
        activity: vec![
            CarePlanActivity {
                start_date: "2023-03-16".parse().ok(),
                status: Some(valuesets::ActivityStatus::Waiting),
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
        findings(&plan),
        [
            "status: missing",
            "participant[0].member: missing",
            "activity[1].subActivity[0].identifier: missing",
            "activity[1].startDate: missing",
            "activity[1].status: unlisted \"Paused\"",
        ]
    );
}

#[test]
fn missing_parts_of_data_types_are_found_too() {
    let nickname = HumanName { family: vec!["Duinroos".into()], ..HumanName::default() };
    let patient = Patient { name: vec![nickname, HumanName::default()], ..Patient::default() };
    assert_eq!(
        findings(&patient),
        ["name[1].family: missing", "name[0].given: missing", "name[1].given: missing"]
    );
    assert_eq!(findings(&Patient::default()), ["name: missing"]);
}

#[test]
fn a_known_extension_that_no_field_took_is_named() {
    let to =
        |url: &str| extension("UserMessage#To", &format!(r#""valueResource": {{"reference": "{url}"}}"#));
    let twice =
        [to("https://epd.example/fhir/Patient/1"), to("https://epd.example/fhir/Patient/2")].join(", ");
    let message: UserMessage = read(&other("UserMessage", &twice));
    assert_eq!(message.to, Some(Reference::from("https://epd.example/fhir/Patient/1")));
    assert!(findings(&message).contains(&"to: unread".to_owned()));
}

#[test]
fn a_definition_has_path_cardinality_type_binding_and_extension() {
    let rule = CarePlan::ELEMENTS.iter().find(|rule| rule.path == "CarePlan.activity.status").expect("a row");
    assert!(rule.required && !rule.repeats);
    assert_eq!(rule.element_type, ElementType::Value("Coding"));
    let binding = rule.binding.map(|binding| (binding.list, binding.open));
    assert_eq!(binding, Some(("ActivityStatus", false)));
    assert_eq!(rule.extension, Some("http://ggz.koppeltaal.nl/fhir/Koppeltaal/CarePlan#ActivityStatus"));
    let rule =
        MESSAGE_HEADER_ELEMENTS.iter().find(|rule| rule.path == "MessageHeader.patient").expect("a row");
    assert_eq!(rule.element_type, ElementType::Reference(&["Patient"]));
}

#[test]
fn one_list_has_the_elements_of_every_profile() {
    let paths: Vec<_> = ELEMENTS.iter().flat_map(|(_, rules)| rules.iter().map(|rule| rule.path)).collect();
    for path in ["CarePlan.activity.startDate", "MessageHeader.source.software", "OperationOutcome.issue"] {
        assert!(paths.contains(&path), "{path}");
    }
    for (profile, rules) in ELEMENTS {
        assert!(rules.iter().all(|rule| rule.path.split('.').next() == Some(*profile)), "{profile}");
    }
}

#[test]
fn what_only_dstu1_requires_is_a_finding_of_the_profile_and_one_of_the_validator() {
    let result = CarePlanActivityResult {
        activity: Some("a1".to_owned()),
        status: Some(DiagnosticReportStatus::Final),
        name: Some(CodeableConcept::default()),
        issued: Some("2023-03-16T10:00:00+01:00".parse().expect("a time")),
        subject: Some("https://epd.example/fhir/Patient/2041".into()),
        performer: Some("https://epd.example/fhir/Organization/1".into()),
        ..CarePlanActivityResult::default()
    };
    let expected = ["error [cardinality-min] diagnostic: expected a dateTime or Period, found nothing"];
    let said = |findings: Vec<Finding>| {
        findings.iter().map(|finding| finding.with_content().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(result.validate()), expected);
    assert_eq!(said(Validator::default().validate_resource(&result.into())), expected);
}

#[test]
fn the_validator_checks_every_profile() {
    // A missing element is a finding of the schema where both demand it, so only the paths are compared.
    let paths = |findings: Vec<Finding>| findings.into_iter().map(|one| one.path).collect::<BTreeSet<_>>();
    let mut telling = 0;
    macro_rules! check {
        ($($profile:ident),*) => {
            $({
                // Extensions of the profile without a value are findings of the profiles that have some.
                let urls = $profile::ELEMENTS.iter().filter_map(|element| element.extension);
                let empty = urls.map(|url| Extension { url: url.to_owned(), ..Extension::default() });
                let resource = $profile { extension: empty.collect(), ..Default::default() }.into();
                let expected = paths($profile::from_resource_ref(&resource).expect("one of its kind").validate());
                telling += usize::from(!expected.is_empty());
                let found = paths(Validator::default().validate_resource(&resource));
                assert!(found.is_superset(&expected), "{}: {found:?}", $profile::NAME);
            })*
        };
    }
    every_profile!(check);
    assert!(telling > 10, "{telling} profiles with findings");
}

#[test]
fn a_code_that_dstu1_does_not_list_breaks_its_schema() {
    let plan = CarePlan { status: Some(CarePlanStatus::from("paused")), ..CarePlan::default() };
    let finding = plan.validate().remove(0);
    assert_eq!(
        (finding.rule, finding.severity, finding.path.as_str()),
        (Rule::CODE, Severity::Error, "status")
    );
    let name = HumanName {
        r#use: koppeltaal_fhir::datatypes::NameUse::from("alias").into(),
        ..HumanName::default()
    };
    let patient = Patient { name: vec![name], ..Patient::default() };
    assert!(findings(&patient).contains(&"name[0].use: code-unlisted \"alias\"".to_owned()));
}

#[test]
fn a_reference_to_another_kind_is_named() {
    let plan =
        CarePlan { patient: Some("https://epd.example/fhir/Practitioner/77".into()), ..CarePlan::default() };
    let found = "patient: reference-type https://epd.example/fhir/Practitioner/77";
    assert!(findings(&plan).contains(&found.to_owned()));
    for unclear in ["https://epd.example/fhir/Other/1", "https://epd.example/fhir/Patienten/1", "641"] {
        let plan = CarePlan { patient: Some(unclear.into()), ..CarePlan::default() };
        assert!(!findings(&plan).iter().any(|finding| finding.contains("reference-type")), "{unclear}");
    }
}

#[test]
fn an_absent_field_with_a_default_applies_it() {
    let mut definition = ActivityDefinition::default();
    assert!(definition.is_active() && !definition.is_archived());
    assert_eq!(definition.launch_type().to_string(), "Web");
    definition.is_active = Some(false);
    assert!(!definition.is_active());
}
