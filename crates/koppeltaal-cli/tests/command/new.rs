//! `koppeltaal new message`: what it writes is valid, and a server takes it.

use std::process::Stdio;

use koppeltaal_messaging::Event;
use koppeltaal_sandbox::SandboxConfig;
use tokio::runtime::Runtime;

use crate::support::{command, koppeltaal, koppeltaal_reading, stderr, stdout};

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
