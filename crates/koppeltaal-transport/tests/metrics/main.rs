//! What the client reports to the `metrics` facade. The recorder is set for the whole process.

#[path = "../support/metrics_recorder.rs"]
mod metrics_recorder;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "../it/server.rs"]
mod server;

use std::time::Duration;

use koppeltaal_transport::{ClientAuthentication, Credentials, RetryPolicy, Session, Tokens};

use crate::metrics_recorder::MetricsRecorder;
use crate::server::{Server, fixture, json, status};

#[tokio::test]
async fn operations_retries_and_refreshes_are_counted_and_operations_timed() {
    let recorder = MetricsRecorder::install();
    let busy = status(503, "text/plain", "busy");
    let server = Server::playing([
        busy,
        json(fixture("bundles/search-empty.json")),
        status(403, "text/html", "<html>"),
    ])
    .await;
    let policy = RetryPolicy::default().with_min_delay(Duration::from_millis(1));
    let client = server.builder().retry(policy).build().expect("a client");
    client.message("1").await.expect("an answer");
    client.claim().await.expect_err("forbidden");
    let before_the_session = [
        "koppeltaal_operation_duration_seconds operation=claim: 1",
        "koppeltaal_operation_duration_seconds operation=message: 1",
        "koppeltaal_operations_total operation=claim result=forbidden: 1",
        "koppeltaal_operations_total operation=message result=ok: 1",
        "koppeltaal_retries_total operation=message: 1",
    ];
    assert_eq!(recorder.metrics(), before_the_session);

    let server = Server::answering(|asked| {
        Some(match asked.target.as_str() {
            "/OAuth2/Koppeltaal/Token" if asked.body.contains("r1") => {
                json(r#"{"access_token":"b","token_type":"bearer","expires_in":1,"refresh_token":"r2"}"#)
            }
            "/OAuth2/Koppeltaal/Token" => status(400, "application/json", r#"{"error":"invalid_grant"}"#),
            _ if asked.header("authorization") == Some("Bearer b") => {
                json(fixture("bundles/search-empty.json"))
            }
            target if target.ends_with("/metadata") => json(r#"{"resourceType":"Conformance"}"#),
            _ => server::with_headers(401, &[("WWW-Authenticate", r#"Bearer error="invalid_token""#)], ""),
        })
    })
    .await;
    let tokens = Tokens::new("a").expect("a token").with_refresh_token("r1");
    let session = Session::new(tokens).with_refresh(ClientAuthentication::public("game"));
    let client = server.builder().credentials(Credentials::bearer(session)).build().expect("a client");
    client.claim().await.expect("an answer with a new token");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    client.claim().await.expect_err("the new token has expired, and there is no other");
    let metrics = recorder.metrics();
    for metric in
        ["koppeltaal_token_refreshes_total result=ok: 1", "koppeltaal_token_refreshes_total result=oauth: 1"]
    {
        assert!(metrics.iter().any(|found| found == metric), "{metrics:?}");
    }
}
