//! `koppeltaal convert`, as scripts use it.

use std::fs;
use std::path::PathBuf;

use crate::support::{fixtures, koppeltaal, koppeltaal_reading, stderr, stdout};
use koppeltaal_fhir::{Document, ReadOptions};

/// The valid fixtures that exist in both formats. The paths have no extension and are relative to the folder
/// of fixtures.
fn pairs() -> Vec<PathBuf> {
    let mut pairs = Vec::new();
    for folder in ["messages", "resources", "bundles"] {
        for entry in fs::read_dir(fixtures().join(folder)).expect("the folder is there") {
            let path = PathBuf::from(folder).join(entry.expect("readable").file_name());
            let is_valid = !path.to_string_lossy().contains("-quirky");
            if is_valid && path.extension().is_some_and(|ending| ending == "xml") {
                let other = fixtures().join(path.with_extension("json"));
                pairs.extend(other.exists().then(|| path.with_extension("")));
            }
        }
    }
    pairs.sort();
    assert!(pairs.len() > 40, "{pairs:?}");
    pairs
}

fn read(text: &[u8]) -> Document {
    let read = if text.trim_ascii_start().starts_with(b"{") {
        ReadOptions::strict().json(text)
    } else {
        ReadOptions::strict().xml(text)
    };
    read.expect("a valid document").document
}

#[test]
fn every_fixture_converts_to_what_its_twin_holds() {
    for pair in pairs() {
        for (from, to) in [("xml", "json"), ("json", "xml")] {
            let file = pair.with_extension(from);
            let output = koppeltaal(&["convert", &file.to_string_lossy(), "--to", to]);
            assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{file:?}");
            // The twins differ where one of the formats cannot carry something, so both are compared after a
            // conversion to the first format.
            let back = koppeltaal_reading(&output.stdout, &["convert", "-", "--to", from, "--compact"]);
            assert_eq!(back.status.code(), Some(0), "{file:?}");
            let twin = fs::read(fixtures().join(pair.with_extension(to))).expect("readable");
            let twin = koppeltaal_reading(&twin, &["convert", "-", "--to", from, "--compact"]);
            assert_eq!(read(&back.stdout), read(&twin.stdout), "{file:?}");
        }
    }
}

#[test]
fn compact_output_is_one_line_and_holds_the_same() {
    for to in ["json", "xml"] {
        let file = "messages/CreateOrUpdateCarePlan-full.xml";
        let compact = koppeltaal(&["convert", file, "--to", to, "--compact"]);
        let pretty = koppeltaal(&["convert", file, "--to", to]);
        assert_eq!(stdout(&compact).lines().count(), 1);
        assert!(stdout(&pretty).lines().count() > 500);
        assert_eq!(read(&compact.stdout), read(&pretty.stdout));
    }
}

#[test]
fn a_file_can_be_written_in_the_format_that_it_has() {
    let output = koppeltaal(&["convert", "resources/patient.json", "--to", "json"]);
    let original = fs::read(fixtures().join("resources/patient.json")).expect("readable");
    assert_eq!(read(&output.stdout), read(&original));
}

#[test]
fn violations_are_warnings_and_the_conversion_goes_on() {
    let output = koppeltaal(&["convert", "messages/UpdateCarePlanActivityStatus-quirky.xml", "--to", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("{\n"), "{}", stdout(&output));
    insta::assert_snapshot!(stderr(&output));
}

#[test]
fn what_cannot_be_read_gives_code_2_and_no_output() {
    let cases: [(&[u8], &str); 5] = [
        (b"", "empty"),
        (b"Service Unavailable", "neither JSON nor XML"),
        (b"{\"resourceType\": \"Patient\", ", "malformed"),
        (b"<html><body>Login</body></html>", "not-fhir"),
        (b"<!DOCTYPE feed [<!ENTITY a 'b'>]><feed xmlns='http://www.w3.org/2005/Atom'/>", "malformed"),
    ];
    for (text, expected) in cases {
        let output = koppeltaal_reading(text, &["convert", "-", "--to", "xml"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stdout(&output), "");
        let errors = stderr(&output);
        assert!(errors.contains("standard input") && errors.contains(expected), "{errors}");
    }
    let output = koppeltaal(&["convert", "nowhere.xml", "--to", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: nowhere.xml: "), "{}", stderr(&output));
}

#[test]
fn what_the_other_format_cannot_carry_gives_code_2_and_no_output() {
    let text = br#"{"resourceType":"Patient","name":[{"text":"a\u0000b"}]}"#;
    let output = koppeltaal_reading(text, &["convert", "-", "--to", "xml"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    assert!(stderr(&output).contains("U+0000"), "{}", stderr(&output));
}

#[test]
fn html_in_a_narrative_is_repaired_on_request() {
    let text = br#"{"resourceType":"Patient",
        "text":{"status":"generated","div":"<DIV>Bed & bad<br>om acht uur</DIV>"}}"#;
    let output = koppeltaal_reading(text, &["convert", "-", "--to", "xml"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    let output = koppeltaal_reading(text, &["convert", "-", "--to", "xml", "--repair-narrative"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains(">Bed &amp; bad<br/>om acht uur</div>"), "{}", stdout(&output));
    assert!(stderr(&output).contains("narrative-repaired"), "{}", stderr(&output));
}
