//! Everyday work with messages at a server: new ones to try things out with, a second version, an empty
//! queue, files that are there already.

use std::fs;
use std::process::Stdio;

use koppeltaal_messaging::Event;
use koppeltaal_sandbox::SandboxConfig;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::remote::{PLAN, World};
use crate::support::{command, fixtures, koppeltaal, koppeltaal_reading, stderr, stdout};

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
fn a_sandbox_takes_a_new_message_of_every_event() {
    let runtime = Runtime::new().expect("a runtime");
    let sandbox = runtime.block_on(SandboxConfig::new().portal_and_game().start()).expect("a sandbox");
    for event in Event::ALL {
        for format in ["json", "xml"] {
            let message = koppeltaal(&["new", "message", event.code(), "--format", format]);
            assert_eq!(message.status.code(), Some(0), "{event}: {}", stderr(&message));
            let valid = koppeltaal_reading(&message.stdout, &["validate", "--strict", "-"]);
            assert_eq!(stdout(&valid), "standard input: nothing found\n", "{event} in {format}");
            let mut send =
                command(&["send", "-", "--no-versions", "--server", sandbox.url(), "--username", "portal"]);
            send.env("KOPPELTAAL_PASSWORD", "portal").stdin(Stdio::piped());
            send.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut send = send.spawn().expect("the binary runs");
            let mut input = send.stdin.take().expect("piped");
            std::io::Write::write_all(&mut input, &message.stdout).expect("written");
            drop(input);
            let sent = send.wait_with_output().expect("the binary ends");
            assert_eq!(sent.status.code(), Some(0), "{event} in {format}: {}", stderr(&sent));
        }
    }
    runtime.block_on(sandbox.stop());
}

#[test]
fn a_new_message_is_of_the_domain_that_is_given() {
    let message = koppeltaal(&["new", "message", "CreateOrUpdatePatient", "--domain", "Zonnedauw & co"]);
    let read = koppeltaal_fhir::ReadOptions::strict().json(&message.stdout).expect("a message");
    let bundle = read.document.into_bundle().expect("a bundle");
    assert_eq!(koppeltaal_messaging::domain_of(&bundle), Some("Zonnedauw & co"));
    assert_eq!(bundle.category.len(), 2);
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
