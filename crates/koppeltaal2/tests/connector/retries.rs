//! What is tried again, and what is not.

use std::time::Duration;

use koppeltaal2::Error;
use koppeltaal2::profiles::Task;

use crate::server::{Reply, Server, key, task};

/// Answers the first requests to the FHIR server with `first`, one after the other, then with a Task.
async fn server(first: Vec<fn() -> Reply>) -> Server {
    let mut first = first.into_iter();
    Server::start(move |asked| {
        asked
            .target
            .starts_with("/fhir/Task")
            .then(|| first.next().map_or_else(|| Reply::json(200, &task("7", 1, "ready")), |reply| reply()))
    })
    .await
}

#[tokio::test]
async fn after_a_401_a_request_is_made_once_more_with_a_new_token() {
    let refused = || Reply::text(401, "text/plain", "");
    let server = server(vec![refused]).await;
    let connector = server.connector().await;
    connector.read::<Task>("7").await.expect("a task");
    assert_eq!((server.asked().len(), server.tokens()), (2, 2));
    connector.read::<Task>("7").await.expect("a task");
    assert_eq!(server.tokens(), 2, "the token is kept");

    let server = self::server(vec![refused, refused, refused]).await;
    let error = server.connector().await.read::<Task>("7").await.expect_err("no access");
    assert!(matches!(error, Error::Unauthenticated(_)), "{error}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_write_is_made_again_after_a_401_too() {
    let server = server(vec![|| Reply::text(401, "text/plain", "")]).await;
    server.connector().await.create(Task::default()).await.expect("a task");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_read_waits_for_a_server_that_is_busy() {
    let server = server(vec![
        || Reply::text(429, "text/html", "<html>").header("retry-after", "0"),
        || Reply::text(503, "text/html", "<html>"),
        || Reply::text(502, "text/html", "<html>"),
    ])
    .await;
    server.connector().await.read::<Task>("7").await.expect("a task");
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    let ids: std::collections::HashSet<_> = asked.iter().map(|asked| asked.header("x-request-id")).collect();
    assert_eq!(ids.len(), 4, "each request has an id of its own");
}

#[tokio::test]
async fn a_read_is_not_repeated_for_ever() {
    let server = Server::start(|asked| {
        asked.target.starts_with("/fhir/Task").then(|| Reply::text(503, "text/plain", ""))
    })
    .await;
    let error = server.connector().await.read::<Task>("7").await.expect_err("busy");
    assert!(matches!(error, Error::Unavailable { .. }) && error.is_transient(), "{error}");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_wait_that_is_longer_than_the_operation_may_take_is_an_error_at_once() {
    let server = Server::start(|asked| {
        asked
            .target
            .starts_with("/fhir/Task")
            .then(|| Reply::text(429, "text/plain", "").header("retry-after", "3000"))
    })
    .await;
    let error = server.connector().await.read::<Task>("7").await.expect_err("busy");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3000)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_a_busy_server_asks_of_one_request_all_keep() {
    let server = Server::start({
        let mut refused = false;
        move |asked| match asked.on("Task") {
            "" => None,
            _ if !refused => {
                refused = true;
                Some(Reply::text(429, "text/plain", "").header("retry-after", "1"))
            }
            _ => Some(Reply::json(200, &task("7", 1, "ready"))),
        }
    })
    .await;
    let connector = server.connector().await;
    let started = std::time::Instant::now();
    let reads = (0..5).map(|number| {
        let connector = connector.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(100 * number)).await;
            connector.read::<Task>("7").await.expect("a task");
        }
    });
    futures_util::future::join_all(reads).await;
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.asked().len(), 6, "only the first was refused");
}

#[tokio::test]
async fn a_write_is_repeated_only_if_the_server_declined_it() {
    let server = server(vec![|| Reply::text(429, "text/plain", ""), || {
        Reply::text(503, "text/plain", "").header("retry-after", "0")
    }])
    .await;
    server.connector().await.create(Task::default()).await.expect("a task");
    assert_eq!(server.asked().len(), 3);

    let server = self::server(vec![|| Reply::text(503, "text/plain", "")]).await;
    let error = server.connector().await.create(Task::default()).await.expect_err("busy");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_no_fhir_or_too_large_says_so() {
    let server = Server::start(|asked| match &*asked.target {
        "/fhir/Task/html" => Some(Reply::text(200, "text/html", "<html>Roos Jansen</html>")),
        "/fhir/Task/patient" => {
            Some(Reply::text(200, "application/fhir+json", r#"{"resourceType":"Patient","id":"1"}"#))
        }
        "/fhir/Task/anonymous" => {
            Some(Reply::text(200, "application/fhir+json", r#"{"resourceType":"Task"}"#))
        }
        "/fhir/Task/moved" => {
            Some(Reply::text(302, "text/plain", "").header("location", "https://evil.example"))
        }
        "/fhir/Task/large" => Some(Reply::text(200, "application/fhir+json", &" ".repeat(3_000))),
        _ => None,
    })
    .await;
    let domain = server.domain().max_response_bytes(2_000).discover().await.expect("a domain");
    let connector = domain.connect("module", key());
    for (id, text) in [
        ("html", "not FHIR in JSON"),
        ("patient", "another type"),
        ("anonymous", "without an id"),
        ("moved", "a redirect"),
        ("large", "larger than the limit"),
    ] {
        let error = connector.read::<Task>(id).await.expect_err("no task");
        assert!(matches!(error, Error::Answer { .. }), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(text) && !shown.contains("Roos"), "{shown}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_and_nothing_was_done() {
    let server = Server::start(|_| None).await;
    let mut domain = server.domain();
    let mut own = koppeltaal_smart::SmartConfiguration::default();
    own.token_endpoint = Some(format!("{}/token", server.url()));
    domain = domain.configuration(own);
    let connector = domain.discover().await.expect("a domain").connect("module", key());
    connector.scopes().await.expect("a token");
    // The port of a listener that was closed.
    let gone =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let elsewhere = koppeltaal2::Domain::builder(&format!("http://{gone}/fhir"))
        .retry(koppeltaal2::RetryPolicy::never())
        .configuration(connector.domain().configuration().clone());
    let connector =
        elsewhere.discover().await.expect("what the application says itself").connect("module", key());
    let error = connector.create(Task::default()).await.expect_err("nobody there");
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_transient(), "{error}");
}
