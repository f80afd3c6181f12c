//! What the commands about messages do with what is there already: versions, files, an empty queue.

use std::fs;

use serde_json::Value;

use crate::remote::{PLAN, World};
use crate::support::{fixtures, stderr, stdout};

#[test]
fn a_changed_file_is_sent_as_the_next_version() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let text = fs::read_to_string(fixtures().join(PLAN)).expect("the fixture");
    let file = world.file("again.json");
    fs::write(&file, text.replace("c43f4204", "d43f4204").replace("planned", "active")).expect("a file");
    let output = world.run("portal", &["send", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let remarks = stderr(&output);
    assert!(
        remarks.lines().all(|line| line.starts_with("version ") && line.ends_with(" filled in")),
        "{remarks}"
    );
    assert!(remarks.contains(" of CarePlan/910 filled in"), "{remarks}");
    // The file is in conflict with itself when nothing is filled in, or when nothing is known.
    fs::write(&file, text.replace("c43f4204", "e43f4204")).expect("a file");
    for option in ["--exact", "--no-versions"] {
        let output = world.run("portal", &["send", &file, option]);
        assert_eq!((output.status.code(), stderr(&output).contains("filled in")), (Some(1), false));
    }
}

#[test]
fn an_empty_queue_is_called_empty_for_people() {
    let world = World::start();
    for (arguments, remark) in
        [(&["receive", "--ack", "success"][..], "no message waits\n"), (&["messages"], "no messages\n")]
    {
        let output = world.run("game", arguments);
        assert_eq!((output.status.code(), stdout(&output)), (Some(0), String::new()));
        assert_eq!(stderr(&output), remark);
        assert!(world.json("game", arguments).is_empty());
    }
}

#[test]
fn saved_messages_replace_no_other_file() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let number = &world.json("game", &["messages"])[0]["number"];
    let number = number.as_str().expect("a number");
    let (folder, file) = (world.file("saved"), world.file("one.json"));
    fs::create_dir_all(&folder).expect("a folder");
    let (existing, saved_beside) = (format!("{folder}/{number}.json"), format!("{folder}/{number}-2.json"));
    fs::write(&existing, "of another server").expect("a file");
    let saved = world.json("game", &["messages", "--save", &folder]);
    assert_eq!(saved[0]["file"], Value::from(saved_beside));
    assert_eq!(fs::read_to_string(&existing).expect("it is there"), "of another server");

    fs::write(&file, "of somebody else").expect("a file");
    let output = world.run("game", &["message", number, "--save", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("choose another name"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "of somebody else");
}

#[test]
fn programs_get_a_message_as_json_or_as_a_string_of_xml() {
    let world = World::start();
    world.done("portal", &["send", PLAN]);
    let number = world.json("game", &["messages"])[0]["number"].as_str().expect("a number").to_owned();
    let message = &world.json("game", &["message", &number])[0];
    assert_eq!(message["message"]["resourceType"], "Bundle");
    assert_eq!(message["event"], "CreateOrUpdateCarePlan");
    let received = &world.json("game", &["receive", "--ack", "success", "--format", "xml"])[0];
    assert!(received["message"].as_str().is_some_and(|text| text.starts_with("<feed")), "{received}");
}
