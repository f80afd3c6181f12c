//! Every fixture in the other format, and the findings of reading it: a change of either shows here.
#![cfg(feature = "all-resources")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use koppeltaal_fhir::{Format, ReadOptions};

/// The findings, then the document in the other format.
fn other_format(path: &Path, format: Format) -> String {
    let text = std::fs::read(path).expect("readable");
    let read = ReadOptions::tolerant().read(format, &text).expect("fixtures can be read");
    let mut snapshot = String::new();
    for finding in &read.findings {
        let _ = writeln!(snapshot, "{}", finding.with_content());
    }
    let other = if format == Format::Json { Format::Xml } else { Format::Json };
    let written = read.document.write_pretty(other).expect("fixtures can be written");
    let _ = write!(snapshot, "{}{written}", if snapshot.is_empty() { "" } else { "\n" });
    snapshot
}

fn snapshots(format: Format) {
    insta::glob!("../../../fixtures", &format!("{{resources,bundles,messages}}/*.{format}"), |path| {
        insta::assert_snapshot!(other_format(path, format));
    });
}

#[test]
fn xml_fixtures_become_the_json_they_should() {
    snapshots(Format::Xml);
}

#[test]
fn json_fixtures_become_the_xml_they_should() {
    snapshots(Format::Json);
}

/// The data types of DSTU1 by an element that has them, and Koppeltaal's resources.
const COVERED: &[&str] = &[
    "valueBoolean",
    "valueInteger",
    "valueDecimal",
    "valueBase64Binary",
    "valueInstant",
    "valueString",
    "valueUri",
    "valueDate",
    "valueDateTime",
    "valueCode",
    "valueAttachment",
    "valueIdentifier",
    "valueCodeableConcept",
    "valueCoding",
    "valueQuantity",
    "valueRange",
    "valuePeriod",
    "valueRatio",
    "valueResource",
    "valueSampledData",
    "valueHumanName",
    "valueAddress",
    "valueContact",
    "valueSchedule",
    "repeat",
    "onsetAge",
    "length",
    "dataOid",
    "dataUuid",
    "dataId",
    "text",
    "contained",
    "modifierExtension",
    "Binary",
    "CarePlan",
    "Conformance",
    "Device",
    "DiagnosticReport",
    "MessageHeader",
    "Observation",
    "OperationOutcome",
    "Organization",
    "Other",
    "Patient",
    "Practitioner",
    "Profile",
    "Questionnaire",
    "RelatedPerson",
    "ValueSet",
];

#[test]
fn the_fixtures_cover_every_data_type_and_every_resource_of_koppeltaal() {
    let mut missing: BTreeSet<&str> = COVERED.iter().copied().collect();
    insta::glob!("../../../fixtures", "{resources,bundles,messages}/*.xml", |path| {
        let text = std::fs::read_to_string(path).expect("readable");
        missing.retain(|name| !text.contains(&format!("<{name} ")) && !text.contains(&format!("<{name}>")));
    });
    assert!(missing.is_empty(), "no fixture has {missing:?}");
}
