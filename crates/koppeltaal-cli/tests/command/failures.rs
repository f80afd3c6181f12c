//! The kinds of failures that programs tell apart, in the JSON object on standard error.

use std::process::Stdio;

use serde_json::Value;

use crate::pages::server;
use crate::support::{Folder, command, json_lines, stderr};

/// The failure of a command at a server that gives this answer to everything.
fn failure(answer: &str, arguments: &[&str]) -> (Value, Value) {
    let answer = answer.to_owned();
    let server = server(move |_| answer.clone());
    let mut command = command(arguments);
    command.args(["--server", &server, "--username", "portal", "--output", "json"]);
    command.env("KOPPELTAAL_PASSWORD", "Geheim1").stdin(Stdio::null());
    let output = command.output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    let failure = &json_lines(&stderr(&output))[0];
    (failure["error"].clone(), failure["text"].clone())
}

#[test]
fn an_answer_that_cannot_be_used_is_not_called_wrong_usage() {
    let header = r#"{"resourceType":"MessageHeader"}"#;
    let list = |id: &str| format!(r#"{{"resourceType":"Bundle","entry":[{{{id}"content":{header}}}]}}"#);
    let folder = Folder::reserve("failures");
    let folder = folder.to_str().expect("text");
    let (kind, text) = failure(&list(""), &["messages", "--save", folder]);
    assert_eq!(kind, "protocol", "{text}");
    let id = r#""id":"https://k.example/MessageHeader/a.b","#;
    let (kind, text) = failure(&list(id), &["messages", "--save", folder]);
    assert_eq!(kind, "protocol", "{text}");
}

#[test]
fn a_file_that_cannot_be_used_is_not_called_wrong_usage() {
    for arguments in [
        &["send", "README.md"][..],
        &["send", "resources/patient.json"],
        &["send", "nowhere.json"],
        &["activity", "put", "resources/patient.json"],
        &["refresh", "resources/patient.json"],
    ] {
        let (kind, text) = failure("{}", arguments);
        assert_eq!(kind, "unusable-file", "{text}");
        let file = arguments.last().expect("a file");
        assert!(text.as_str().is_some_and(|text| text.starts_with(&format!("{file}: "))), "{text}");
    }
    for endless in ["--all", "--follow"] {
        let (kind, _) = failure("{}", &["receive", endless, "--ack", "release"]);
        assert_eq!(kind, "usage", "{endless}");
    }
    let (kind, text) = failure("{}", &["receive", "--ack", "success", "--reason", "no such activity"]);
    assert_eq!(kind, "usage", "{text}");
    for special in [":memory:", "file:x"] {
        let (kind, _) = failure("{}", &["receive", "--ack", "none", "--versions", special]);
        assert_eq!(kind, "usage", "{special}");
    }
}
