//! `koppeltaal validate` and `convert` with folders and many files.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Folder, fixtures, json_lines, koppeltaal, shown, stderr, stdout};

/// A folder with two valid files, one invalid, one that cannot be read, and others that are left out: hidden
/// ones, and one with another ending.
fn archive(name: &str) -> Folder {
    let archive = Folder::new(name);
    let inner = archive.join("2024");
    fs::create_dir_all(inner.join(".git")).expect("a folder");
    for (from, to) in [
        ("resources/patient.json", "patient.json"),
        ("messages/CreateOrUpdatePatient-full.xml", "2024/message.XML"),
        ("messages/CreateOrUpdateActivityDefinition-quirky.json", "2024/quirky.json"),
        ("resources/patient.json", "2024/.git/patient.json"),
    ] {
        fs::copy(fixtures().join(from), archive.join(to)).expect("copied");
    }
    fs::write(inner.join("broken.json"), "{\"resourceType\": \"Patient\", ").expect("written");
    fs::write(inner.join("notes.txt"), "no resource").expect("written");
    archive
}

/// What the command prints, with FOLDER for the path of the folder.
fn run(arguments: &[&str], folder: &Path) -> String {
    shown(&koppeltaal(arguments)).replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn a_folder_is_validated_with_all_that_is_in_it_and_totals_at_the_end() {
    let archive = archive("validate");
    insta::assert_snapshot!(run(&["validate", &archive.display().to_string()], &archive));
}

#[test]
fn quiet_leaves_the_totals_and_what_could_not_be_read() {
    let archive = archive("quiet");
    insta::assert_snapshot!(run(
        &["validate", "--quiet", &archive.display().to_string(), "nowhere"],
        &archive
    ));
    // There are no totals of a single file.
    let output = koppeltaal(&["validate", "--quiet", "messages/CreateOrUpdateCarePlan-quirky.xml"]);
    assert_eq!(
        (output.status.code(), stdout(&output), stderr(&output)),
        (Some(1), String::new(), String::new())
    );
}

#[test]
fn json_lines_come_in_the_order_of_the_names_however_many_there_are() {
    let many = Folder::new("many");
    for number in 0..300 {
        fs::copy(fixtures().join("resources/patient.json"), many.join(format!("{number:03}.json")))
            .expect("copied");
    }
    let output = koppeltaal(&["validate", "--output", "jsonl", &many.display().to_string()]);
    let names: Vec<_> = json_lines(&stdout(&output)).into_iter().map(|line| line["file"].clone()).collect();
    let expected: Vec<_> = (0..300)
        .map(|number| Value::from(many.join(format!("{number:03}.json")).display().to_string()))
        .collect();
    assert_eq!(names, expected);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_folder_is_converted_under_the_same_names() {
    let archive = archive("convert");
    let target = Folder::new("converted");
    let (from, to) = (archive.display().to_string(), target.display().to_string());
    let text = run(&["convert", &from, "--to", "xml", "--out-dir", &to], &archive);
    insta::assert_snapshot!(text);
    for name in ["patient.xml", "2024/message.xml", "2024/quirky.xml"] {
        let output = koppeltaal(&["validate", &target.join(name).display().to_string()]);
        assert_ne!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
    }
    assert!(!target.join("2024/broken.xml").exists());
}

#[test]
fn files_that_are_there_are_replaced_only_when_that_is_asked_for() {
    let target = Folder::new("force");
    let file = target.join("patient.xml");
    fs::write(&file, "of somebody else").expect("written");
    let to = target.display().to_string();
    let convert = ["convert", "resources/patient.json", "--to", "xml", "-o", &to];
    let output = koppeltaal(&convert);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--force"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "of somebody else");
    let output = koppeltaal(&[&convert[..], &["--force"]].concat());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    assert!(fs::read_to_string(&file).expect("it is there").starts_with("<Patient"));
    // Even then, one input does not replace what another one was converted to.
    let twins =
        ["convert", "resources/patient.json", "resources/patient.xml", "--to", "xml", "-o", &to, "--force"];
    let output = koppeltaal(&twins);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("convert them separately"), "{}", stderr(&output));
}

#[test]
fn converted_documents_are_lines_for_programs() {
    let files = ["resources/patient.json", "resources/patient.xml", "nowhere.xml"];
    for (format, is_json) in [("json", true), ("xml", false)] {
        let output = koppeltaal(&[&["convert", "--to", format, "--output", "jsonl"][..], &files].concat());
        assert_eq!((output.status.code(), stderr(&output)), (Some(2), String::new()));
        let lines = json_lines(&stdout(&output));
        let verdicts: Vec<_> =
            lines.iter().map(|line| line["verdict"].as_str().expect("a verdict")).collect();
        assert_eq!(verdicts, ["converted", "converted", "unreadable"]);
        for line in &lines[..2] {
            let document = &line["document"];
            match is_json {
                true => assert_eq!(document["resourceType"], "Patient"),
                false => assert!(document.as_str().is_some_and(|text| text.starts_with("<Patient"))),
            }
        }
    }
    let target = Folder::new("lines");
    let to = target.display().to_string();
    let output = koppeltaal(&["convert", "--to", "xml", "--output", "json", files[0], "-o", &to]);
    let line = &json_lines(&stdout(&output))[0];
    assert_eq!(line["written"], Value::from(target.join("patient.xml").display().to_string()));
    assert_eq!(line.get("document"), None);
}

#[test]
fn several_files_are_not_mixed_on_standard_output() {
    for arguments in [&["resources/patient.json", "resources/patient.xml"][..], &["resources"]] {
        let output = koppeltaal(&[&["convert", "--to", "xml"][..], arguments].concat());
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
        assert!(stderr(&output).contains("--out-dir"), "{}", stderr(&output));
    }
}

#[test]
fn one_file_is_not_called_files() {
    let folder = Folder::new("one");
    fs::copy(fixtures().join("resources/patient.json"), folder.join("patient.json")).expect("copied");
    let output = koppeltaal(&["validate", &folder.display().to_string()]);
    assert!(stdout(&output).starts_with("1 file: 1 JSON\n"), "{}", stdout(&output));
}
