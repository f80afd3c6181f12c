//! `koppeltaal sandbox`, run as a program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::{command, koppeltaal, stderr, stdout};

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
}

#[test]
fn a_configuration_file_decides_who_may_come_in() {
    let directory = std::env::temp_dir().join(format!("koppeltaal-config-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
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
    std::fs::remove_dir_all(directory).expect("it is there");
}

#[test]
fn what_was_answered_survives_a_sudden_end() {
    let directory = std::env::temp_dir().join(format!("koppeltaal-data-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
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
    std::fs::remove_dir_all(directory).expect("it is there");
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
