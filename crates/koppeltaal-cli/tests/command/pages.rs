//! A list of messages without an end; and a server with canned answers, which other tests use too.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use crate::support::{command, stderr, stdout};

/// A server with answers in JSON: the conformance statement, and for every other request `answer` of its
/// number. It ends with the test.
pub(crate) fn server(answer: impl Fn(usize) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let mut number = 0;
        for socket in listener.incoming().flatten() {
            let mut socket = BufReader::new(socket);
            let (mut line, mut first, mut length) = (String::new(), String::new(), 0);
            while socket.read_line(&mut line).is_ok_and(|read| read > 0) && line != "\r\n" {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                if first.is_empty() {
                    first.clone_from(&line);
                }
                line.clear();
            }
            let _ = socket.read_exact(&mut vec![0; length]);
            let body = if first.contains("/metadata") {
                r#"{"resourceType":"Conformance","name":"Koppeltaal"}"#.to_owned()
            } else {
                number += 1;
                answer(number)
            };
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ";
            // An error means that the client is gone.
            let _ = write!(socket.get_mut(), "{head}{}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_list_without_an_end_is_followed_for_a_number_of_pages() {
    let server = server(|number| {
        format!(
            r#"{{"resourceType":"Bundle","link":[{{"rel":"next","href":"MessageHeader/_search?page={number}"}}],
                "entry":[{{"id":"https://k.example/MessageHeader/{number}","content":{{"resourceType":"MessageHeader"}}}}]}}"#
        )
    });
    let run = |arguments: &[&str]| {
        let mut command = command(arguments);
        command.args(["--server", &server, "--username", "portal"]).env("KOPPELTAAL_PASSWORD", "Geheim1");
        command.stdin(Stdio::null()).output().expect("the binary runs")
    };
    let output = run(&["messages", "--max-pages", "3"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 3);
    assert!(stderr(&output).contains("more than 3 pages"), "{}", stderr(&output));
    // Without the option there is a default.
    let output = run(&["messages"]);
    assert_eq!((output.status.code(), stdout(&output).lines().count()), (Some(2), 1000));
    // A list that fills the limit is complete.
    let output = run(&["messages", "--max-pages", "3", "--limit", "3"]);
    assert_eq!((output.status.code(), stdout(&output).lines().count()), (Some(0), 3), "{}", stderr(&output));
}
