//! Connections that fail: the error depends on how far the request got.

use std::time::{Duration, Instant};

use koppeltaal_messaging::Acknowledgement;
use koppeltaal_transport::{Client, Error, RetryPolicy, UnreachableReason};

use crate::server::{CARE_PLAN, Server, Step, care_plan, fixture, json, taken_port};

fn half(step: Step) -> Step {
    let Step::Answer(mut bytes) = step else { panic!("an answer") };
    bytes.truncate(bytes.len() / 2);
    Step::Close(bytes)
}

#[tokio::test]
async fn nobody_listening_means_never_sent() {
    let socket = taken_port();
    let url = format!("http://{}", socket.local_addr().expect("an address"));
    let client = Client::builder(&url).retry(RetryPolicy::never()).build().expect("a client");
    for error in [
        client.send(&care_plan()).await.map(drop),
        client.claim().await.map(drop),
        client.message("1").await.map(drop),
    ] {
        let error = error.expect_err("nobody there");
        assert!(matches!(error, Error::Unreachable { reason: UnreachableReason::Refused, .. }), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(error.to_string(), "the server cannot be reached: the connection is refused");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_a_post_open_but_not_a_read() {
    let answer = json(fixture("bundles/mailbox-reply.json"));
    for step in [half(answer), Step::Close(Vec::new()), Step::Close(b"HTTP/1.1 200 O".to_vec())] {
        let server = Server::playing([step.clone(), step.clone(), step]).await;
        let client = server.client();
        let error = client.send(&care_plan()).await.expect_err("no answer");
        let Error::UnknownOutcome { message_identifier, source } = &error else { panic!("{error:?}") };
        assert_eq!(message_identifier.as_deref(), Some(CARE_PLAN));
        assert!(matches!(**source, Error::Interrupted { .. }), "{error:?}");
        assert!(!error.is_retryable());

        let error = client.claim().await.expect_err("no answer");
        assert!(matches!(error, Error::UnknownOutcome { message_identifier: None, .. }), "{error:?}");

        let error = client.message("1").await.expect_err("no answer");
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_silent_server_costs_the_request_timeout() {
    let server = Server::playing([Step::Hang, Step::Hang]).await;
    let client = server.builder().request_timeout(Duration::from_millis(150)).build().expect("a client");
    let started = Instant::now();
    let error = client.message("1").await.expect_err("no answer");
    assert!(matches!(error, Error::Timeout { limit } if limit == Duration::from_millis(150)), "{error:?}");
    assert!(started.elapsed() >= Duration::from_millis(150));

    let error = client.send(&care_plan()).await.expect_err("no answer");
    assert!(error.is_outcome_unknown() && error.is_timeout(), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stalls_costs_the_request_timeout() {
    // More is announced than comes, and the connection stays open.
    let stalled = Step::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_vec());
    let server = Server::playing([stalled]).await;
    let client = server.builder().request_timeout(Duration::from_millis(150)).build().expect("a client");
    let error = client.message("1").await.expect_err("half an answer");
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_does_not_open_in_time_means_never_sent() {
    // Somebody takes the connection and never answers the TLS handshake.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let client = Client::builder(&format!("https://localhost:{}", address.port()))
        .root_certificates_pem(include_bytes!("../tls/authority.pem"))
        .retry(RetryPolicy::never())
        .connect_timeout(Duration::from_millis(200))
        .build()
        .expect("a client");
    let error = client.send(&care_plan()).await.expect_err("no handshake");
    assert!(matches!(error, Error::Unreachable { reason: UnreachableReason::Timeout, .. }), "{error:?}");
    assert!(error.is_timeout() && error.is_retryable());
    drop(listener);
}

#[tokio::test]
async fn a_server_that_closed_an_idle_connection_is_reached_by_a_new_one() {
    let reply = json(fixture("bundles/search-empty.json"));
    let Step::Answer(bytes) = reply.clone() else { panic!("an answer") };
    let server = Server::playing([Step::Close(bytes), reply]).await;
    // Whether the client sees the end of the connection before it writes the next request is chance; a read
    // is tried again if it did not.
    let client = server.builder().retry(RetryPolicy::default()).build().expect("a client");
    client.message("1").await.expect("an answer");
    client.message("1").await.expect("an answer on a new connection");
    assert_eq!(server.asked().iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn dropping_an_operation_leaves_the_client_usable() {
    let server = Server::playing([Step::Hang, json(fixture("bundles/search-empty.json"))]).await;
    let client = server.client();
    let dropped = tokio::time::timeout(Duration::from_millis(100), client.claim()).await;
    assert!(dropped.is_err());
    assert_eq!(client.claim().await.expect("an answer"), None);
}

#[tokio::test]
async fn a_lost_acknowledgement_names_its_message() {
    let message = fixture("messages/UpdateCarePlanActivityStatus-full.json");
    let server = Server::playing([json(message), Step::Close(Vec::new())]).await;
    let client = server.client();
    let message = client.claim().await.expect("an answer").expect("a message");
    let error = client.acknowledge(&message.header, &Acknowledgement::Success).await.expect_err("no answer");
    let Error::UnknownOutcome { message_identifier, .. } = &error else { panic!("{error:?}") };
    assert_eq!(message_identifier.as_deref(), message.header.identifier());
}
