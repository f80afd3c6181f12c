//! What is tried again, and what is not.

use std::time::{Duration, Instant};

use koppeltaal_messaging::Acknowledgement;
use koppeltaal_transport::{ClientBuilder, Error, RetryPolicy};

use crate::server::{Server, Step, care_plan, fixture, json, status, taken_port, with_headers};
use crate::stopped_clock::StoppedClock;

fn quick() -> RetryPolicy {
    RetryPolicy::default().with_min_delay(Duration::from_millis(5)).with_max_delay(Duration::from_millis(20))
}

fn builder(server: &Server) -> ClientBuilder {
    server.builder().retry(quick())
}

fn busy() -> Step {
    status(503, "text/plain", "busy")
}

fn empty() -> Step {
    json(fixture("bundles/search-empty.json"))
}

#[tokio::test]
async fn reads_are_tried_again_after_passing_trouble() {
    for trouble in
        [busy(), status(502, "text/html", "<html>"), status(429, "text/plain", ""), Step::Close(Vec::new())]
    {
        let server = Server::playing([trouble.clone(), trouble, empty()]).await;
        let client = builder(&server).build().expect("a client");
        assert_eq!(client.message("1").await.expect("an answer at last"), None);
        assert_eq!(server.asked().len(), 3);
    }
}

#[tokio::test]
async fn retries_end() {
    let server = Server::playing(std::iter::repeat_n(busy(), 10)).await;
    let client = builder(&server).build().expect("a client");
    let error = client.message("1").await.expect_err("still busy");
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 4, "the first try and three retries");
}

#[tokio::test]
async fn refusals_are_not_tried_again() {
    let outcome = fixture("resources/operationoutcome.json");
    for refusal in
        [status(401, "text/html", ""), status(409, "application/json", outcome), status(500, "text/html", "")]
    {
        let server = Server::playing([refusal, empty()]).await;
        let client = builder(&server).build().expect("a client");
        client.message("1").await.expect_err("a refusal");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn writes_that_may_have_been_done_are_not_tried_again() {
    for trouble in
        [busy(), status(504, "text/html", "<html>"), Step::Close(Vec::new()), status(500, "text/html", "")]
    {
        let server = Server::playing([trouble.clone(), trouble]).await;
        let client = builder(&server).build().expect("a client");
        assert!(client.send(&care_plan()).await.expect_err("open").is_outcome_unknown());
        assert!(client.claim().await.expect_err("open").is_outcome_unknown());
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn an_acknowledgement_whose_answer_is_lost_is_given_again_unless_it_releases_the_message() {
    let message = fixture("messages/CreateOrUpdateCarePlan-full.json");
    let accepted = json(fixture("resources/messageheader.json"));
    for (acknowledgement, requests) in [
        (Acknowledgement::Success, 3),
        (Acknowledgement::Failure("no such activity".to_owned()), 3),
        (Acknowledgement::Release, 2),
    ] {
        let steps = [json(&message), Step::Close(Vec::new()), accepted.clone()];
        let server = Server::playing(steps).await;
        let client = builder(&server).build().expect("a client");
        let message = client.claim().await.expect("an answer").expect("a message");
        let result = client.acknowledge(&message.header, &acknowledgement).await;
        assert_eq!(server.asked().len(), requests, "{acknowledgement:?}");
        match acknowledgement {
            // Somebody else may have claimed the message by now.
            Acknowledgement::Release => assert!(result.expect_err("lost").is_outcome_unknown()),
            _ => result.expect("accepted the second time"),
        }
    }
}

#[tokio::test]
async fn writes_that_were_declined_unprocessed_are_tried_again() {
    let declined = [status(429, "text/plain", ""), with_headers(503, &[("Retry-After", "0")], "")];
    for declined in declined {
        let server = Server::playing([declined, json(fixture("bundles/mailbox-reply.json"))]).await;
        let client = builder(&server).build().expect("a client");
        client.send(&care_plan()).await.expect("a reply");
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].body, asked[1].body, "the same message");
    }
}

#[tokio::test]
async fn writes_that_never_reached_the_server_are_tried_again() {
    // Nobody listens for the first tries, somebody for a later one.
    let socket = taken_port();
    let address = socket.local_addr().expect("an address");
    let policy = RetryPolicy::default().with_retries(8).with_min_delay(Duration::from_millis(50));
    let client = koppeltaal_transport::Client::builder(&format!("http://{address}")).retry(policy).build();
    let client = client.expect("a client");
    let script = crate::server::Script::new([json(fixture("bundles/mailbox-reply.json"))]);
    let late = {
        let script = script.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(120)).await;
            let listener = socket.listen(1).expect("a listener");
            let (socket, _) = listener.accept().await.expect("a connection");
            script.serve(0, socket).await;
        }
    };
    tokio::spawn(late);
    client.send(&care_plan()).await.expect("a reply at last");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let server = Server::playing([with_headers(503, &[("Retry-After", "1")], ""), empty()]).await;
    let client = builder(&server).build().expect("a client");
    let started = Instant::now();
    client.message("1").await.expect("an answer");
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_retry_after_beyond_the_total_timeout_ends_the_operation_at_once() {
    let server = Server::playing([with_headers(503, &[("Retry-After", "3600")], ""), empty()]).await;
    let client = builder(&server).build().expect("a client");
    let error = client.message("1").await.expect_err("too long to wait");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_total_timeout_covers_all_tries() {
    let server = Server::playing(std::iter::repeat_n(Step::Hang, 10)).await;
    let client = builder(&server)
        .request_timeout(Duration::from_secs(600))
        .total_timeout(Duration::from_secs(900))
        .build()
        .expect("a client");
    let clock = StoppedClock::start();
    let asking = tokio::spawn(async move { client.message("1").await });
    clock.until(|| server.asked().len() == 1).await;
    clock.advance(Duration::from_secs(600)).await;
    // The longest wait between two tries.
    clock.advance(Duration::from_millis(20)).await;
    clock.until(|| server.asked().len() == 2).await;
    // The second try gets the 300 s that the first left, less the wait between them.
    clock.advance(Duration::from_secs(300)).await;
    let error = asking.await.expect("no panic").expect_err("no answer");
    let Error::Timeout { limit } = error else { panic!("{error:?}") };
    assert!((Duration::from_secs(299)..=Duration::from_secs(300)).contains(&limit), "{limit:?}");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn clones_share_one_budget_of_retries() {
    let server = Server::playing(std::iter::repeat_n(busy(), 100)).await;
    let client = builder(&server).build().expect("a client");
    for _ in 0..10 {
        client.clone().message("1").await.expect_err("busy");
    }
    // Ten retries to begin with, and one more for every fifth request: far less than three each.
    let retries = server.asked().len() - 10;
    assert!((10..=12).contains(&retries), "{retries}");
}
