//! `koppeltaal v2`: the demo, the sandbox, and what asks a domain.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::support::{
    Folder, command, json_lines, koppeltaal, koppeltaal_reading, same_every_time, shown, stderr, stdout,
};

#[test]
fn the_demo_tells_its_story_and_saves_valid_resources() {
    let folder = Folder::reserve("v2-demo");
    let output = koppeltaal(&["v2", "demo", "--save", folder.to_str().expect("UTF-8")]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()), "{}", shown(&output));
    insta::assert_snapshot!(same_every_time(&stdout(&output)));

    let output = koppeltaal(&["v2", "validate", folder.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(stdout(&output).contains("27 valid"), "{}", stdout(&output));
}

/// A domain that is stopped at the end of the test.
struct Domain {
    child: Child,
    keys: Folder,
    base: String,
    administration: String,
}

impl Domain {
    fn start() -> Self {
        let keys = Folder::reserve("v2-keys");
        let folder = keys.to_str().expect("UTF-8");
        let mut child = command(&["v2", "sandbox", "--listen", "0", "--people", "--keys", folder])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let (mut base, mut administration) = (String::new(), String::new());
        for line in BufReader::new(child.stdout.as_mut().expect("piped")).lines() {
            let line = line.expect("text");
            if let Some(rest) = line.strip_prefix("application administration: client id ") {
                administration = rest.to_owned();
            }
            if let Some(rest) = line.strip_prefix("ready: ") {
                base = rest.split(' ').next().unwrap_or_default().to_owned();
                break;
            }
        }
        Self { child, keys, base, administration }
    }

    /// Kills it, and gives what it has printed on standard error.
    fn log(mut self) -> String {
        let _ = self.child.kill();
        let mut log = String::new();
        self.child.stderr.as_mut().expect("piped").read_to_string(&mut log).expect("text");
        log
    }

    /// Runs a command as the administration.
    fn ask(&self, arguments: &[&str]) -> Output {
        let key = self.keys.file("administration.pem");
        let domain = ["--fhir-base", &self.base, "--client-id", &self.administration, "--key", &key];
        koppeltaal(&[&["v2", arguments[0]], &domain[..], &arguments[1..]].concat())
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_domain_is_searched_and_read_with_the_key_that_the_sandbox_wrote() {
    let domain = Domain::start();
    let output = domain.ask(&["search", "Patient?active=true&_sort=_id", "--output", "json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
    let patients = json_lines(&stdout(&output));
    assert!(patients.len() >= 2, "{patients:?}");
    let reference = patients[0]["reference"].as_str().expect("a reference");

    let output = domain.ask(&["get", reference]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let patient: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(format!("Patient/{}", patient["id"].as_str().expect("an id")), reference);
    let output = domain.ask(&["get", &format!("{reference}/_history/1"), "--format", "xml"]);
    assert!(stdout(&output).starts_with("<Patient"), "{}", shown(&output));

    let output = domain.ask(&["search", "Patient", "--limit", "1"]);
    assert_eq!(stdout(&output).lines().count(), 1);
    assert_eq!(stderr(&output), "there may be more: --limit lists more than 1\n");
}

#[test]
fn a_domain_says_no_with_1_and_why() {
    let domain = Domain::start();
    let output = domain.ask(&["get", "Task/none"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(stderr(&output).starts_with("error: not found: read of Task"), "{}", shown(&output));

    let output = domain.ask(&["search", "Task?colour=red"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(stderr(&output).contains("the server says: "), "{}", shown(&output));

    for (arguments, expected) in [
        (["get", "Task"], "is no reference: give one such as Task/ID"),
        (
            ["get", "Observation/1"],
            "Koppeltaal 2.0 has no \"Observation\"; its types are ActivityDefinition,",
        ),
        (["search", "Observation"], "Koppeltaal 2.0 has no \"Observation\""),
    ] {
        let output = domain.ask(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
        assert!(stderr(&output).contains(expected), "{}", shown(&output));
    }
}

#[test]
fn the_sandbox_says_why_it_refuses_and_names_nobody() {
    let domain = Domain::start();
    assert_eq!(domain.ask(&["get", "Patient/8e2b6f04-0000-4a57-9f10-2c6de1b7a901"]).status.code(), Some(1));
    let mut stranger = Domain::start();
    stranger.administration = "somebody-else".to_owned();
    assert_eq!(stranger.ask(&["get", "Task/1"]).status.code(), Some(2));
    let log = domain.log();
    let client = log.lines().find(|line| line.contains("Patient/{id}")).unwrap_or_else(|| panic!("{log}"));
    assert!(client.contains(": 404: there is no Patient with this id."), "{log}");
    assert!(!log.contains("8e2b6f04-0000"), "{log}");
    let log = stranger.log();
    assert!(log.contains("/oauth2/token: 401"), "{log}");
}

#[test]
fn a_key_that_cannot_be_used_is_named() {
    let folder = Folder::new("v2-no-key");
    let file = folder.file("key.pem");
    std::fs::write(&file, "no key").expect("written");
    let domain = ["--fhir-base", "http://127.0.0.1:9/fhir", "--client-id", "x", "--key", &file];
    let output = koppeltaal(&[&["v2", "get", "Task/1"], &domain[..]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("key.pem: the text has no PEM block"), "{}", shown(&output));
}

#[test]
fn what_departs_from_a_profile_is_shown_with_its_place() {
    let output = koppeltaal(&["v2", "validate", "koppeltaal2"]);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));

    let task = r#"{"resourceType": "Task",
  "meta": {"profile": ["http://koppeltaal.nl/fhir/StructureDefinition/KT2Task"]},
  "identifier": [{"system": "https://portal.example/tasks", "value": "1"}],
  "status": "ready", "intent": "order",
  "priority": "stat",
  "owner": {"reference": "Patient/7"}}"#;
    let output = koppeltaal_reading(task.as_bytes(), &["v2", "validate", "-"]);
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    insta::assert_snapshot!(shown(&output));
}
