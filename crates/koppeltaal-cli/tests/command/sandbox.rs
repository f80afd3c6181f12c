//! `koppeltaal sandbox`, run as a program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::{Folder, command, json_lines, koppeltaal, stderr, stdout};

/// A sandbox that is killed at the end of the test, whether the test passes or fails.
struct SandboxProcess {
    child: Child,
    ready: String,
}

impl SandboxProcess {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut ready = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("a line");
        Self { child, ready }
    }

    /// Kills it, and gives what it has printed on standard error.
    fn log(mut self) -> String {
        let _ = self.child.kill();
        let mut log = String::new();
        self.child.stderr.as_mut().expect("piped").read_to_string(&mut log).expect("text");
        log
    }

    /// Where it listens, from the ready line.
    fn address(&self) -> &str {
        let (_, rest) = self.ready.split_once("listening on ").expect("the ready line says where");
        rest.split_once(',').expect("the users follow").0
    }
}

impl Drop for SandboxProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    ask(address, "GET", path, "")
}

/// Makes one request as the user `game`, whose password is `game`.
fn ask(address: &str, method: &str, path: &str, body: &str) -> String {
    let mut connection = TcpStream::connect(address).expect("it listens");
    let length = body.len();
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic Z2FtZTpnYW1l\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn the_ready_line_says_where_the_sandbox_listens_and_who_may_come_in() {
    let sandbox = SandboxProcess::start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let address = sandbox.address();
    let expected = format!(
        "ready: http://{address} listening on {address}, users portal (password portal, domain Sandbox), \
         game (password game, domain Sandbox)\n"
    );
    assert_eq!(sandbox.ready, expected);
    let answer = get(address, "/FHIR/Koppeltaal/metadata");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Conformance"), "{answer}");
}

#[test]
fn the_public_url_is_in_the_links_of_the_sandbox() {
    let url = "https://koppeltaal.example/test";
    let sandbox = SandboxProcess::start(&["sandbox", "--listen", "127.0.0.1:0", "--public-url", url]);
    assert!(sandbox.ready.starts_with(&format!("ready: {url} listening on 127.0.0.1:")), "{}", sandbox.ready);
    let answer = get(sandbox.address(), "/FHIR/Koppeltaal/metadata");
    assert!(answer.contains(&format!("{url}/OAuth2/Koppeltaal/")), "{answer}");
}

#[test]
fn a_sandbox_that_cannot_start_says_why() {
    let first = SandboxProcess::start(&["sandbox", "--listen", "127.0.0.1:0"]);
    let second = koppeltaal(&["sandbox", "--listen", first.address()]);
    assert_eq!((second.status.code(), stdout(&second)), (Some(2), String::new()));
    assert!(stderr(&second).contains(first.address()), "{}", stderr(&second));

    let output = koppeltaal(&["sandbox", "--listen", "127.0.0.1:0", "--public-url", "koppeltaal"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("public URL"), "{}", stderr(&output));

    let output = koppeltaal(&["sandbox", "--listen", "example.com:80"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "error: --listen: \"example.com:80\" does not say where to listen: it has to be ADDRESS:PORT, \
                    localhost:PORT, or a port\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_port_or_localhost_is_enough_to_say_where_to_listen() {
    for listen in ["0", "localhost:0"] {
        let sandbox = SandboxProcess::start(&["sandbox", "--listen", listen]);
        assert!(sandbox.address().starts_with("127.0.0.1:"), "{}", sandbox.ready);
    }
}

/// A message whose header has no event. It names a patient and a domain.
const WITHOUT_EVENT: &str = r#"{"resourceType":"Bundle","title":"Lieke","category":[{
    "term":"http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Sandbox","scheme":"http://hl7.org/fhir/tag/security"}],
    "entry":[{"id":"urn:uuid:1","content":{"resourceType":"MessageHeader","identifier":"m-Lieke"}}]}"#;

const MAILBOX: &str = "/FHIR/Koppeltaal/Mailbox";

/// Asks for three things, of which the second is refused, and gives the log.
fn log_with(arguments: &[&str]) -> String {
    let sandbox = SandboxProcess::start(&[&["sandbox", "--listen", "0"], arguments].concat());
    let address = sandbox.address();
    get(address, "/FHIR/Koppeltaal/metadata");
    let refused = ask(address, "POST", MAILBOX, WITHOUT_EVENT);
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    get(
        address,
        "/FHIR/Koppeltaal/MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim&Patient=Lieke",
    );
    let log = sandbox.log();
    assert!(!log.contains("Lieke"), "{log}");
    log
}

/// Lines of the log without what differs from run to run: times.
fn without_times(log: &str) -> Vec<String> {
    let without = |line: &str| {
        let (_, line) = line.split_once("Z ").expect("a time of day");
        let (before, rest) = line.split_once(" in ").expect("a duration");
        let (_, after) = rest.split_once(" ms").expect("a duration");
        format!("{before}{after}")
    };
    log.lines().map(without).collect()
}

const REFUSED: &str = "POST /FHIR/Koppeltaal/Mailbox game: 400: The MessageHeader has no event. \
                       At entry[0].content.event. (required)";

#[test]
fn a_refused_request_is_printed_with_its_rule_and_place() {
    assert_eq!(without_times(&log_with(&[])), [REFUSED]);
    assert_eq!(log_with(&["--log", "off"]), "");
}

#[test]
fn every_request_is_printed_on_demand() {
    let expected = [
        "GET /FHIR/Koppeltaal/metadata game: 200",
        REFUSED,
        "GET /FHIR/Koppeltaal/MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim game: 200",
    ];
    assert_eq!(without_times(&log_with(&["--log"])), expected);
    assert_eq!(without_times(&log_with(&["--log", "text"])), expected);
}

#[test]
fn the_log_can_be_read_by_programs() {
    let log = log_with(&["--log", "json"]);
    let lines: Vec<serde_json::Value> = json_lines(&log);
    assert_eq!(lines.len(), 3, "{log}");
    assert_eq!((&lines[0]["status"], &lines[0]["level"]), (&200.into(), &"debug".into()));
    let mut refused = lines[1].clone();
    for name in ["when", "duration_ms"] {
        assert!(!refused[name].is_null(), "{refused}");
        refused.as_object_mut().expect("an object").remove(name);
    }
    let expected = serde_json::json!({
        "level": "info", "message": "refused", "method": "POST", "route": MAILBOX, "instance": "game", "status": 400,
        "code": "required", "rule": "The MessageHeader has no event.", "place": "entry[0].content.event",
    });
    assert_eq!(refused, expected);
}

#[test]
fn a_configuration_that_is_printed_can_be_used() {
    let printed = koppeltaal(&["sandbox", "--print-config"]);
    assert_eq!((printed.status.code(), stderr(&printed)), (Some(0), String::new()));
    let directory = Folder::new("sandbox-print");
    let path = directory.join("sandbox.toml");
    std::fs::write(&path, stdout(&printed)).expect("a file");
    let sandbox =
        SandboxProcess::start(&["sandbox", "--config", path.to_str().expect("text"), "--listen", "0"]);
    assert!(
        sandbox.ready.contains("users portal (password portal, domain Sandbox), game"),
        "{}",
        sandbox.ready
    );
}

#[test]
fn a_configuration_file_decides_who_may_come_in() {
    let directory = Folder::new("sandbox-config");
    let path = directory.join("world.toml");
    let text =
        "listen = '127.0.0.1:0'\n[[instances]]\nusername = 'epd'\npassword = 'e'\ndomain = 'Zonnedauw'\n";
    std::fs::write(&path, text).expect("a file");
    let sandbox = SandboxProcess::start(&["sandbox", "--config", path.to_str().expect("text")]);
    assert!(sandbox.ready.ends_with("users epd (password e, domain Zonnedauw)\n"), "{}", sandbox.ready);
    assert!(get(sandbox.address(), "/FHIR/Koppeltaal/metadata").starts_with("HTTP/1.1 200"));

    std::fs::write(&path, "[[instances]]\nuser = 'epd'\n").expect("a file");
    for (file, part) in [(path.to_str().expect("text"), "line 2"), ("nowhere.toml", "nowhere.toml")] {
        let output = koppeltaal(&["sandbox", "--config", file]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    // What is wrong is told with the file, the line, and what to do.
    let instance = "[[instances]]\nusername = 'epd'\npassword = 'e'\ndomain = 'Zonnedauw'\n";
    for (text, part) in [
        (String::new(), "world.toml: there are no [[instances]], so nobody could log in: add one"),
        (
            instance.repeat(2),
            "world.toml: line 5: two application instances are called \"epd\": give one of them",
        ),
    ] {
        std::fs::write(&path, text).expect("a file");
        let output = koppeltaal(&["sandbox", "--config", path.to_str().expect("text")]);
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn what_was_answered_survives_a_sudden_end() {
    let directory = Folder::new("sandbox-data");
    let path = directory.join("sandbox.sqlite");
    let arguments = ["sandbox", "--listen", "127.0.0.1:0", "--data", path.to_str().expect("text")];
    let body = r#"{"resourceType":"Other","code":{"coding":[{"system":"http://ggz.koppeltaal.nl/fhir/Koppeltaal/OtherResourceUsage","code":"ActivityDefinition"}]}}"#;
    for expected in 1..=3 {
        let sandbox = SandboxProcess::start(&arguments);
        let list = ask(sandbox.address(), "GET", "/FHIR/Koppeltaal/Other?code=ActivityDefinition", "");
        assert!(list.contains(&format!("\"totalResults\":\"{expected}\"")), "{list}");
        let created = ask(sandbox.address(), "POST", "/FHIR/Koppeltaal/Other", body);
        assert!(created.starts_with("HTTP/1.1 201"), "{created}");
        // This kills the sandbox instead of asking it to stop.
        drop(sandbox);
    }
}

#[cfg(unix)]
#[test]
fn the_sandbox_stops_when_it_is_asked_to() {
    for signal in ["INT", "TERM"] {
        let mut sandbox = SandboxProcess::start(&["sandbox", "--listen", "127.0.0.1:0"]);
        let killed = Command::new("kill").args(["-s", signal, &sandbox.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert_eq!(sandbox.child.wait().expect("it ends").code(), Some(0), "SIG{signal}");
    }
}
