//! Both formats of R4: what is read is written again, in the other format too, and what is wrong is found.

use std::fs;
use std::path::Path;

use koppeltaal_r4::datatypes::{Extension, ExtensionValue};
use koppeltaal_r4::resources::{Bundle, Parameters, Patient, Task, TaskInput, TaskStatus};
use koppeltaal_r4::{Format, Limits, ReadError, ReadOptions, Resource, Rule, Severity};

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/r4");
    fs::read_to_string(folder.join(name)).expect("the fixture")
}

fn json(text: &str) -> Resource {
    ReadOptions::tolerant().json(text.as_bytes()).expect("readable").document
}

/// The rules and places of the findings in a text.
fn findings(format: Format, text: &str) -> Vec<(Severity, Rule, String)> {
    let read = ReadOptions::tolerant().read(format, text.as_bytes()).expect("readable");
    read.findings.into_iter().map(|finding| (finding.severity, finding.rule, finding.path)).collect()
}

#[test]
fn fixtures_look_like_this_in_both_formats() {
    insta::glob!("../../../fixtures/r4", "*.json", |path: &Path| {
        let text = fs::read(path).expect("the fixture");
        let read = ReadOptions::tolerant().json(&text).expect("readable");
        let mut shown = String::new();
        for finding in &read.findings {
            shown.push_str(&format!("{}\n", finding.with_content()));
        }
        shown.push_str(&read.document.to_json_pretty().expect("writable"));
        shown.push('\n');
        // What only JSON can hold, a type that no build models and that is kept as text, has no XML.
        match read.document.to_xml_pretty() {
            Ok(xml) => shown.push_str(&xml),
            Err(error) => shown.push_str(&error.to_string()),
        }
        insta::assert_snapshot!(shown);
    });
}

#[test]
fn a_fixture_comes_back_from_json_as_it_was() {
    for name in ["patient.json", "task.json", "bundle.json"] {
        let text = fixture(name);
        let written = json(&text).to_json().expect("writable");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&written), value(&text), "{name}");
        // Digits carry meaning, and `Value` drops them.
        for digits in ["7.50", "0.010", "1.0"] {
            assert_eq!(written.contains(digits), text.contains(digits), "{name} {digits}");
        }
    }
}

#[test]
fn an_exponent_stays_in_both_formats() {
    let text = r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueDecimal":1E-22}]}"#;
    let xml = json(text).to_xml().expect("writable");
    assert!(xml.contains(r#"<valueDecimal value="1E-22"/>"#), "{xml}");
    let read = ReadOptions::strict().xml(xml.as_bytes()).expect("valid");
    assert_eq!(read.document.to_json().expect("writable"), text);
}

#[test]
fn a_patient_comes_back_from_xml_as_it_was() {
    let patient = json(&fixture("patient.json"));
    let xml = patient.to_xml().expect("writable");
    assert!(xml.starts_with(r#"<Patient xmlns="http://hl7.org/fhir"><id value="roos-7"/><meta>"#), "{xml}");
    let read = ReadOptions::strict().xml(xml.as_bytes()).expect("valid");
    assert_eq!(read.document.to_json().expect("writable"), patient.to_json().expect("writable"));
}

#[test]
fn a_bundle_holds_resources_of_types_that_this_build_does_not_model() {
    let resource = json(&fixture("bundle.json"));
    let bundle: &Bundle = resource.get().expect("a bundle");
    let types: Vec<&str> = bundle
        .entry
        .iter()
        .filter_map(|entry| entry.resource.as_ref())
        .map(Resource::resource_type)
        .collect();
    assert_eq!(types, ["Organization", "Binary", "StructureDefinition"]);
    let found = findings(Format::Json, &fixture("bundle.json"));
    assert_eq!(found, [(Severity::Information, Rule::UNKNOWN_RESOURCE, "entry[2].resource".to_owned())]);
}

#[test]
fn a_change_leaves_the_rest_as_it_was() {
    let mut resource = json(&fixture("task.json"));
    resource.get_mut::<Task>().expect("a task").status = TaskStatus::Completed.into();
    let changed = resource.to_json().expect("writable");
    let before = json(&fixture("task.json")).to_json().expect("writable");
    assert_eq!(changed, before.replace(r#""status":"in-progress""#, r#""status":"completed""#));
    assert!(changed.contains(r#""mood":{ "colour": "blue" }"#), "{changed}");
}

#[test]
fn both_formats_find_the_same_faults() {
    let cases = [
        (
            r#"{"resourceType":"Task","id":"a_b","status":"begun","intent":"order"}"#,
            r#"<Task xmlns="http://hl7.org/fhir"><id value="a_b"/><status value="begun"/><intent value="order"/></Task>"#,
            vec![(Severity::Error, Rule::FORMAT, "id"), (Severity::Error, Rule::CODE, "status")],
        ),
        (
            r#"{"resourceType":"Task","status":"draft","authoredOn":"2024-05-01T10:00:00"}"#,
            r#"<Task xmlns="http://hl7.org/fhir"><status value="draft"/><authoredOn value="2024-05-01T10:00:00"/></Task>"#,
            vec![(Severity::Error, Rule::FORMAT, "authoredOn"), (Severity::Error, Rule::MINIMUM, "intent")],
        ),
        (
            r#"{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2024"}"#,
            r#"<Patient xmlns="http://hl7.org/fhir"><deceasedBoolean value="true"/><deceasedDateTime value="2024"/></Patient>"#,
            vec![(Severity::Error, Rule::CHOICE, "deceasedDateTime")],
        ),
        (
            r#"{"resourceType":"Patient","telecom":[{"rank":0}],"nickname":"Roos"}"#,
            r#"<Patient xmlns="http://hl7.org/fhir"><telecom><rank value="0"/></telecom><nickname value="Roos"/></Patient>"#,
            vec![
                (Severity::Error, Rule::FORMAT, "telecom[0].rank"),
                (Severity::Error, Rule::UNKNOWN_ELEMENT, "nickname"),
            ],
        ),
    ];
    for (json, xml, expected) in cases {
        let mut expected: Vec<_> =
            expected.into_iter().map(|(severity, rule, path)| (severity, rule, path.to_owned())).collect();
        expected.sort();
        for (format, text) in [(Format::Json, json), (Format::Xml, xml)] {
            let mut found = findings(format, text);
            found.sort();
            assert_eq!(found, expected, "{text}");
            let refused = ReadOptions::strict().read(format, text.as_bytes());
            assert!(matches!(refused, Err(ReadError::Invalid(_))), "{text}");
        }
    }
}

#[test]
fn habits_of_dstu1_are_unknown_in_r4_and_nothing_of_them_is_lost() {
    let text = r#"{"resourceType":"Patient","_id":"x","fhir_comments":["y"]}"#;
    let read = ReadOptions::tolerant().json(text.as_bytes()).expect("readable");
    assert!(read.has_errors());
    assert_eq!(read.document.to_json().expect("writable"), text);
    let attribute = r#"<Patient xmlns="http://hl7.org/fhir" id="x"><active value="true"/></Patient>"#;
    let read = ReadOptions::tolerant().xml(attribute.as_bytes()).expect("readable");
    assert_eq!(read.findings[0].rule, Rule::UNKNOWN_ATTRIBUTE);
    assert_eq!(read.document.to_xml().expect("writable"), attribute);
    let feed = ReadOptions::tolerant().xml(br#"<feed xmlns="http://www.w3.org/2005/Atom"/>"#);
    assert!(matches!(feed, Err(ReadError::NotFhir { .. })), "{feed:?}");
}

#[test]
fn a_second_resource_in_an_entry_is_kept() {
    let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><resource><Patient xmlns="http://hl7.org/fhir"/><Task xmlns="http://hl7.org/fhir"/></resource></entry></Bundle>"#;
    let read = ReadOptions::tolerant().xml(xml.as_bytes()).expect("readable");
    assert!(read.findings.iter().any(|finding| finding.rule == Rule::CONTAINED));
    let written = read.document.to_xml().expect("writable");
    assert!(written.contains("<Patient") && written.contains("<Task"), "{written}");
}

#[test]
fn the_entries_of_a_bundle_and_depth_have_limits() {
    let limits = Limits { entries: 2, ..Limits::default() };
    for format in Format::ALL {
        let bundle = json(&fixture("bundle.json").replace("StructureDefinition", "Task"));
        let text = bundle.write(format).expect("writable");
        let refused = ReadOptions::tolerant().limits(limits).read(format, text.as_bytes());
        assert!(matches!(refused, Err(ReadError::Limit { .. })), "{format}: {refused:?}");
    }
    let deep = format!(
        "{}{}",
        r#"{"resourceType":"Parameters","parameter":[{"name":"a","part":["#,
        r#"{"name":"a","part":["#.repeat(200)
    );
    let refused = ReadOptions::tolerant().json(deep.as_bytes());
    assert!(matches!(refused, Err(ReadError::Limit { .. })), "{refused:?}");
}

#[test]
fn references_are_found_in_inputs_extensions_and_entries() {
    let mut found = Vec::new();
    json(&fixture("task.json")).visit_references(|path, reference| {
        found.push(format!("{path} {}", reference.reference));
    });
    assert_eq!(
        found,
        [
            "contained[0].patient Patient/roos-7",
            "extension[0].valueReference ActivityDefinition/sleep",
            "for Patient/roos-7",
            "requester Practitioner/p1",
            "owner #buddy",
        ]
    );
    let patient = json(&fixture("patient.json"));
    let entry = koppeltaal_r4::resources::BundleEntry { resource: Some(patient), ..Default::default() };
    let mut bundle: Resource = Bundle { entry: vec![entry], ..Bundle::default() }.into();
    bundle.visit_references_mut(|_, reference| reference.reference = "changed".into());
    let mut changed = Vec::new();
    bundle.visit_references(|path, reference| {
        changed.push((path.to_string(), reference.reference.to_string()));
    });
    assert!(changed.iter().any(|(path, _)| path == "entry[0].resource.managingOrganization"), "{changed:?}");
    assert!(changed.iter().all(|(_, reference)| reference == "changed"));
}

#[test]
fn a_value_in_memory_is_checked_by_the_same_rules() {
    let input = TaskInput { value: None, ..TaskInput::default() };
    let task: Resource = Task { id: "ok".into(), input: vec![input], ..Task::default() }.into();
    let mut places: Vec<String> = task.check().into_iter().map(|finding| finding.path).collect();
    places.sort();
    assert_eq!(places, ["input[0].type", "input[0].valueBase64Binary", "intent", "status"]);
    let extension = Extension {
        url: "http://example.org/x".into(),
        value: Some(ExtensionValue::PositiveInt(std::num::NonZeroU32::MIN.into())),
        ..Extension::default()
    };
    let patient: Resource = Patient { extension: vec![extension], ..Patient::default() }.into();
    assert!(patient.check().is_empty());
    assert!(Resource::from(Parameters::default()).check().is_empty());
}

#[test]
fn every_default_type_is_modelled() {
    for name in [
        "ActivityDefinition",
        "AuditEvent",
        "Binary",
        "Bundle",
        "CapabilityStatement",
        "CareTeam",
        "Device",
        "Endpoint",
        "OperationOutcome",
        "Organization",
        "Parameters",
        "Patient",
        "Practitioner",
        "RelatedPerson",
        "Subscription",
        "Task",
    ] {
        let text = format!(r#"{{"resourceType":"{name}","id":"a"}}"#);
        assert!(!matches!(json(&text), Resource::Unknown(_)), "{name}");
        assert_eq!(json(&text).to_json().expect("writable"), text);
    }
}
