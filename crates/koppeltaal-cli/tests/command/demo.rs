//! `koppeltaal demo`: the story that it tells, and the messages that it saves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Folder, koppeltaal, same_every_time, shown, stderr, stdout};

/// The story without the line about the format, and without the address and the versions, which differ from
/// run to run.
fn story(format: &str) -> String {
    let output = koppeltaal(&["demo", "--format", format]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{}", shown(&output));
    let text = stdout(&output);
    assert!(text.contains(&format!("The messages are in {}\n", format.to_uppercase())), "{text}");
    same_every_time(&text)
        .lines()
        .filter(|line| !line.starts_with("The messages are in"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_demo_tells_the_same_story_in_both_formats() {
    let json = story("json");
    assert_eq!(json, story("xml"));
    insta::assert_snapshot!(json);
}

const POSTED: [&str; 5] = [
    "01-CreateOrUpdateCarePlan",
    "02-UpdateCarePlanActivityStatus",
    "03-UpdateCarePlanActivityStatus",
    "04-CreateOrUpdateCarePlan",
    "05-CreateOrUpdateCarePlan",
];

#[test]
fn the_demo_saves_what_it_posts_and_all_of_it_is_valid() {
    for format in ["json", "xml"] {
        let directory = Folder::reserve(&format!("saved-{format}"));
        let saving = directory.to_str().expect("UTF-8");
        let output = koppeltaal(&["demo", "--format", format, "--save", saving]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

        let mut names: Vec<_> = fs::read_dir(&*directory)
            .expect("the directory was made")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
            .collect();
        names.sort();
        assert_eq!(names, POSTED.map(|name| format!("{name}.{format}")));

        let files: Vec<_> = names.iter().map(|name| directory.join(name).display().to_string()).collect();
        let mut arguments = vec!["validate", "--strict"];
        arguments.extend(files.iter().map(String::as_str));
        let output = koppeltaal(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    }
}

#[test]
fn the_demo_saves_messages_with_the_versions_that_they_have_when_they_are_posted() {
    let directory = Folder::reserve("versions");
    let output = koppeltaal(&["demo", "--save", directory.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let versions = |name: &str, resource: &str| -> Vec<String> {
        let text = fs::read_to_string(directory.join(format!("{name}.json"))).expect("it is there");
        let marker = format!("/{resource}/_history/");
        let mut versions: Vec<_> = text.split(&marker).skip(1).collect();
        versions.iter_mut().for_each(|rest| *rest = rest.split('"').next().unwrap_or_default());
        versions.into_iter().map(str::to_owned).collect()
    };
    assert!(versions(POSTED[0], "CarePlan/31").is_empty());
    let of_plan = versions(POSTED[3], "CarePlan/31");
    assert!(!of_plan.is_empty());
    assert_eq!(versions(POSTED[4], "CarePlan/31"), of_plan, "both sessions have the first version");
    assert!(!versions(POSTED[3], "Patient/2041").is_empty());
    assert!(versions(POSTED[1], "CarePlanActivityStatus/718").is_empty());
    assert!(!versions(POSTED[2], "CarePlanActivityStatus/718").is_empty());
}

/// Needs `xmllint` and the official XSDs, whose folder the variable `DSTU1_XSD` names:
/// `DSTU1_XSD=.../dstu1/xsd cargo test -p koppeltaal-cli -- --ignored`.
#[test]
#[ignore = "needs xmllint and the official XSDs"]
fn what_the_demo_posts_in_xml_is_valid_by_the_official_schema() {
    let schemas =
        PathBuf::from(std::env::var_os("DSTU1_XSD").expect("DSTU1_XSD names the folder of the XSDs"));
    let directory = Folder::reserve("schema");
    let saving = directory.to_str().expect("UTF-8");
    assert_eq!(koppeltaal(&["demo", "--format", "xml", "--save", saving]).status.code(), Some(0));
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schemas.join("fhir-atom-single.xsd"))
        .args(POSTED.map(|name| directory.join(format!("{name}.xml"))))
        .output()
        .expect("xmllint runs");
    assert!(output.status.success(), "{}", shown(&output));
}

#[test]
fn the_demo_needs_a_directory_to_save_in() {
    let output = koppeltaal(&["demo", "--save", "README.md"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
    assert!(stderr(&output).starts_with("error: the messages cannot be saved: "), "{}", stderr(&output));
}
