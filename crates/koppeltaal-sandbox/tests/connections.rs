//! No client can block the server: silent and slow ones are given up, and stopping does not wait for them.

mod common;

use std::time::Duration;

use common::{Client, Format, PATIENCE, http, world};
use koppeltaal_sandbox::{Limits, Sandbox, SandboxConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const HALF_A_HEADER: &str = "GET /FHIR/Koppeltaal/metadata HTTP/1.1\r\nHost: ";
const HALF_A_BODY: &str = "POST /FHIR/Koppeltaal/Mailbox HTTP/1.1\r\nHost: a\r\nAuthorization: Basic cG9ydGFsOnBvcnRhbA==\r\n\
                           Content-Length: 100\r\n\r\n{";

async fn start(change: impl FnOnce(&mut Limits)) -> Sandbox {
    let mut limits = Limits::default();
    change(&mut limits);
    SandboxConfig::new().portal_and_game().limits(limits).start().await.expect("a sandbox")
}

async fn saying(sandbox: &Sandbox, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(sandbox.address()).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("it is sent");
    stream
}

/// What comes until the server ends the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is cut may end with an error.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("the connection ends");
    String::from_utf8(text).expect("text")
}

#[tokio::test]
async fn stopping_does_not_wait_for_clients_that_say_nothing() {
    let sandbox = start(|limits| limits.stop_time = Duration::from_millis(50)).await;
    let silent = [
        saying(&sandbox, "").await,
        saying(&sandbox, HALF_A_HEADER).await,
        saying(&sandbox, HALF_A_BODY).await,
    ];
    timeout(PATIENCE, sandbox.stop()).await.expect("it stops");
    for stream in silent {
        assert!(!rest(stream).await.contains("200 OK"));
    }
}

#[tokio::test]
async fn dropping_ends_the_connections_too() {
    let sandbox = start(|_| {}).await;
    let silent = saying(&sandbox, HALF_A_BODY).await;
    // After this answer, the server has read the request above.
    http().get(format!("{}/FHIR/Koppeltaal/metadata", sandbox.url())).send().await.expect("an answer");
    drop(sandbox);
    assert_eq!(rest(silent).await, "");
}

#[tokio::test]
async fn a_request_that_does_not_come_in_time_is_given_up() {
    let sandbox = start(|limits| limits.request_time = Duration::from_millis(100)).await;
    let header = saying(&sandbox, HALF_A_HEADER).await;
    let body = saying(&sandbox, HALF_A_BODY).await;
    assert!(!rest(header).await.contains("200 OK"));
    let answer = rest(body).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not come in time"), "{answer}");
}

#[tokio::test]
async fn connections_above_the_limit_wait_until_one_ends() {
    let sandbox = start(|limits| {
        limits.connections = 2;
        limits.request_time = PATIENCE * 2;
    })
    .await;
    let silent = [saying(&sandbox, HALF_A_HEADER).await, saying(&sandbox, HALF_A_HEADER).await];
    let asked = http().get(format!("{}/FHIR/Koppeltaal/metadata", sandbox.url())).send();
    let mut asked = Box::pin(asked);
    assert!(timeout(Duration::from_millis(100), &mut asked).await.is_err(), "both places are taken");
    drop(silent);
    let answer = timeout(PATIENCE, asked).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_sandbox_that_listens_everywhere_is_reached_by_loopback() {
    let everywhere = "0.0.0.0:0".parse().expect("an address");
    let sandbox = world().listen(everywhere).start().await.expect("a sandbox");
    assert_eq!(sandbox.url(), format!("http://127.0.0.1:{}", sandbox.address().port()));
    assert_eq!(Client::anonymous(&sandbox, Format::Json).get("metadata").await.status, 200);
    // A client that does not say which host it means gets that address too.
    let bare = saying(&sandbox, "GET /FHIR/Koppeltaal/metadata HTTP/1.0\r\n\r\n").await;
    assert!(rest(bare).await.contains(&format!("{}/OAuth2", sandbox.url())));
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_given_up() {
    let sandbox = start(|limits| {
        limits.connections = 1;
        limits.request_time = Duration::from_millis(200);
    })
    .await;
    let url = format!("{}/FHIR/Koppeltaal/Binary?patient=p&objectType=t&objectKey=k", sandbox.url());
    let content = vec![b'x'; 10 << 20];
    let stored =
        http().post(url).basic_auth("game", Some("game")).body(content).send().await.expect("an answer");
    assert_eq!(stored.status(), 201);
    let ask =
        "GET /FHIR/Koppeltaal/Binary/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Z2FtZTpnYW1l\r\n\r\n";
    // It asks for 10 MiB and reads none of it, on the one connection that there may be.
    drop(stored);
    let _greedy = saying(&sandbox, ask).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let other = http().get(format!("{}/FHIR/Koppeltaal/metadata", sandbox.url())).send();
    assert_eq!(timeout(PATIENCE, other).await.expect("in time").expect("an answer").status(), 200);
}
