//! `koppeltaal validate`, as people and programs see it.

use std::fs;

use crate::support::{
    Folder, command, fixtures, json_lines, koppeltaal, koppeltaal_reading, shown, stderr, stdout,
};
use serde_json::Value;

const RIGHT: &str = "resources/patient.xml";
const WRONG: &str = "messages/CreateOrUpdateCarePlan-quirky.xml";

#[test]
fn people_see_each_finding_with_its_line() {
    insta::assert_snapshot!(shown(&koppeltaal(&["validate", WRONG, RIGHT])));
}

#[test]
fn a_strict_check_ends_at_the_first_violation_of_each_file() {
    let other = "messages/UpdateCarePlanActivityStatus-quirky.xml";
    insta::assert_snapshot!(shown(&koppeltaal(&["validate", "--strict", WRONG, RIGHT, other])));
}

#[test]
fn programs_get_one_object_per_file() {
    let output = koppeltaal(&["validate", "--output", "json", WRONG, RIGHT, "nowhere.xml"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(2), String::new()));
    let files: Vec<Value> = json_lines(&stdout(&output));
    let verdicts: Vec<_> = files.iter().map(|file| (&file["file"], &file["verdict"])).collect();
    assert_eq!(
        verdicts,
        [
            (&Value::from(WRONG), &Value::from("invalid")),
            (&Value::from(RIGHT), &Value::from("valid")),
            (&Value::from("nowhere.xml"), &Value::from("unreadable")),
        ]
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&files[0]).expect("it was JSON"));
    assert_eq!(files[1]["findings"], Value::Array(Vec::new()));
    assert_eq!(files[2].get("format"), None);
}

#[test]
fn a_message_on_one_line_is_shown_in_part() {
    let message = fs::read(fixtures().join(WRONG)).expect("readable");
    let line = koppeltaal_reading(&message, &["convert", "-", "--to", "xml", "--compact"]);
    let output = koppeltaal_reading(&line.stdout, &["validate", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).lines().all(|line| line.chars().count() < 200), "{}", stdout(&output));
    assert!(stdout(&output).contains("…"), "{}", stdout(&output));
}

#[test]
fn exit_codes_tell_clean_wrong_and_unreadable_apart() {
    for (files, code) in [
        (&[RIGHT][..], 0),
        (&[WRONG], 1),
        (&["nowhere.xml"], 2),
        (&[RIGHT, WRONG, RIGHT], 1),
        (&[WRONG, "nowhere.xml", RIGHT], 2),
        (&["README.md"], 2),
    ] {
        for output in ["text", "json"] {
            for strict in [&[][..], &["--strict"]] {
                let arguments = [&["validate", "--output", output][..], strict, files].concat();
                assert_eq!(koppeltaal(&arguments).status.code(), Some(code), "{arguments:?}");
            }
        }
    }
}

#[test]
fn text_that_is_cut_short_is_unreadable_at_its_end() {
    let output = koppeltaal_reading(b"<Patient xmlns=\"http://hl7.org/fhir\">\n  <birth", &["validate", "-"]);
    insta::assert_snapshot!(shown(&output));
}

/// The files of a folder that are not wrong on purpose, and what `validate --output json` says of each.
fn verdicts(folder: &str) -> Vec<Value> {
    let files = fs::read_dir(fixtures().join(folder)).expect("the folder is there");
    let names =
        files.map(|file| format!("{folder}/{}", file.expect("readable").file_name().to_string_lossy()));
    let names: Vec<_> = names.filter(|name| !name.contains("-quirky")).collect();
    let mut arguments = vec!["validate", "--output", "json"];
    arguments.extend(names.iter().map(String::as_str));
    let output = koppeltaal(&arguments);
    assert_eq!(stderr(&output), "");
    let verdicts: Vec<Value> = json_lines(&stdout(&output));
    assert_eq!(verdicts.len(), names.len());
    verdicts
}

#[test]
fn every_message_that_is_not_wrong_on_purpose_is_clean() {
    let verdicts = verdicts("messages");
    assert!(verdicts.len() >= 32, "{} messages", verdicts.len());
    for verdict in verdicts {
        assert_eq!(verdict["verdict"], "valid", "{verdict}");
        let findings = verdict["findings"].as_array().expect("a list").iter();
        let rules: Vec<_> = findings.filter_map(|finding| finding["rule"].as_str()).collect();
        // The smallest care plan leaves out the care team, which 1.3.5 asks for but does not require.
        let asked_for = verdict["file"].as_str().expect("a name").contains("CreateOrUpdateCarePlan-minimal");
        assert_eq!(rules, if asked_for { &["care-team-missing"][..] } else { &[] }, "{verdict}");
    }
}

#[test]
fn resources_that_break_no_schema_are_only_told_what_the_profiles_want() {
    let verdicts: Vec<_> = ["resources", "bundles"].into_iter().flat_map(verdicts).collect();
    assert!(verdicts.len() > 50);
    // Some files are examples of the standard and not of the profiles. One has every way to write a date.
    let profile = [
        "profile-cardinality-min",
        "requester-missing",
        "activity-identifier",
        "care-team-missing",
        "value-format",
    ];
    for verdict in verdicts {
        for finding in verdict["findings"].as_array().expect("a list") {
            assert!(profile.iter().any(|rule| finding["rule"] == *rule), "{} {finding}", verdict["file"]);
        }
    }
}

#[test]
fn escape_sequences_in_a_file_do_not_reach_the_terminal() {
    let folder = Folder::new("validate");
    let file = folder.join("escapes.json");
    // Control characters raw and as an escape of JSON, in a value and in the name of a member, which the
    // finding quotes.
    let text =
        "{\"resourceType\":\"Patient\",\"active\":\"\\u001b[2Jyes\",\n\"\\u001b[3J\":1, \"\u{202E}[4J\":1}";
    fs::write(&file, text).expect("writable");
    let mut command = command(&["validate", &file.display().to_string()]);
    // As on a terminal, colours are kept, and so would any other escape sequence be.
    let output = command.env("CLICOLOR_FORCE", "1").output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    let printed = stdout(&output);
    assert!(printed.contains("[3J") && printed.contains("[4J"), "{printed:?}");
    assert!(printed.contains("\u{1B}["), "{printed:?}");
    for sequence in ["\u{1B}[2J", "\u{1B}[3J", "\u{202E}"] {
        assert!(!printed.contains(sequence), "{printed:?}");
    }
}
