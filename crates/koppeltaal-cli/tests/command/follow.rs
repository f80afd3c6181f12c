//! `watch` and `receive --follow`: when they look, what they outlast, and how they end.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use koppeltaal_sandbox::{Fault, FaultKind};
use serde_json::Value;

use crate::remote::{PLAN, STATUS, World};
use crate::support::interrupt;

#[test]
fn following_ends_when_it_is_asked_to() {
    for arguments in [&["receive", "--ack", "success", "--follow", "--interval", "1"][..], &["watch"]] {
        let world = World::start();
        world.done("portal", &["send", PLAN]);
        let mut command = world.command("game", &[arguments, &["--output", "json"]].concat());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let message: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(message["event"], "CreateOrUpdateCarePlan");
        interrupt(&child);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn what_comes_while_somebody_follows_is_pushed_and_not_waited_for() {
    for arguments in [&["receive", "--ack", "success", "--follow"][..], &["watch"]] {
        let world = World::start();
        world.done("portal", &["send", PLAN]);
        // The interval is a day, so the timer plays no part.
        let arguments = [arguments, &["--interval", "86400", "--output", "json"]].concat();
        let mut command = world.command("game", &arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut event = || {
            let line = lines.next().expect("a line").expect("text");
            serde_json::from_str::<Value>(&line).expect("JSON")["event"].clone()
        };
        assert_eq!(event(), "CreateOrUpdateCarePlan");
        // The first look is over: this message has to be pushed.
        world.done("portal", &["send", STATUS, "--format", "xml"]);
        assert_eq!(event(), "UpdateCarePlanActivityStatus");
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }
}

#[test]
fn who_follows_goes_on_after_an_error_that_passes() {
    for arguments in [&["receive", "--ack", "success", "--follow"][..], &["watch"]] {
        let world = World::start();
        world.done("portal", &["send", PLAN]);
        let failing = Fault::new(FaultKind::Status { status: 503, html: false });
        world.sandbox().set_faults([failing]);
        let arguments = [arguments, &["--interval", "86400", "--output", "json"]].concat();
        let mut command = world.command("game", &arguments);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut warnings = BufReader::new(child.stderr.take().expect("piped")).lines();
        let warning = warnings.next().expect("a line").expect("text");
        assert!(warning.starts_with("warning: "), "{warning}");
        world.sandbox().set_faults([]);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let message: Value =
            serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON");
        assert_eq!(message["event"], "CreateOrUpdateCarePlan");
        interrupt(&child);
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{arguments:?}");
    }
}
