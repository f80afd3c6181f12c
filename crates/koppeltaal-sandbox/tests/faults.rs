//! Faults on purpose, as clients meet them.

mod common;

use std::time::{Duration, Instant};

use common::{Client, FORMATS, Format, http, plan, start, world};
use koppeltaal_messaging::ProcessingStatus as Status;
use koppeltaal_sandbox::{Fault, FaultKind, Sandbox};
use reqwest::Method;
use serde_json::json;

const METADATA: &str = "metadata";

async fn with(fault: Fault, format: Format) -> (Sandbox, Client) {
    let sandbox = world().fault(fault).start().await.expect("a sandbox");
    let game = Client::game(&sandbox, format);
    (sandbox, game)
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let (_sandbox, game) =
        with(Fault::new(FaultKind::Latency { pause: Duration::from_millis(150) }).times(1), Format::Json)
            .await;
    let asked = Instant::now();
    game.get(METADATA).await.document();
    assert!(asked.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_connection_can_be_closed_before_or_after_the_work() {
    let kinds = [(FaultKind::Refuse, 0), (FaultKind::Cut, 1)];
    for ((kind, waiting), format) in kinds.into_iter().flat_map(|kind| FORMATS.map(|format| (kind, format))) {
        let (sandbox, game) = with(Fault::new(kind).path("Mailbox").times(1), format).await;
        let portal = Client::portal(&sandbox, format);
        let post = portal.request(Method::POST, "Mailbox").body(format.write(plan("m1", "1")));
        let error = post.send().await.expect_err("no answer");
        assert!(error.is_request(), "{error:?}");
        assert_eq!(game.get("MessageHeader/_search").await.bundle().entry.len(), waiting, "{kind:?}");
        portal.send_message(plan("m1", "1")).await.bundle();
        assert_eq!(game.get("MessageHeader/_search").await.bundle().entry.len(), 1);
    }
}

#[tokio::test]
async fn errors_can_come_as_an_outcome_and_as_html() {
    for format in FORMATS {
        let (sandbox, game) =
            with(Fault::new(FaultKind::Status { status: 503, html: true }).times(1), format).await;
        let page = game.get(METADATA).await;
        assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
        assert!(page.body.contains("<html>"));
        sandbox.set_faults([Fault::new(FaultKind::Status { status: 500, html: false })]);
        game.get(METADATA).await.details(500);
        sandbox.set_faults([]);
        game.get(METADATA).await.document();
    }
}

#[tokio::test]
async fn a_body_can_break_off_or_come_slowly() {
    for format in FORMATS {
        let (sandbox, game) = with(Fault::new(FaultKind::HalfBody).times(1), format).await;
        let answer = game.request(Method::GET, METADATA).send().await.expect("a head");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect_err("half a body");
        sandbox.set_faults([Fault::new(FaultKind::SlowBody { pause: Duration::from_millis(20) })]);
        let asked = Instant::now();
        game.get(METADATA).await.document();
        assert!(asked.elapsed() >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn a_claim_can_run_out_at_once() {
    for format in FORMATS {
        let (sandbox, game) = with(Fault::new(FaultKind::ClaimExpires).times(1), format).await;
        Client::portal(&sandbox, format).send_message(plan("m1", "1")).await.bundle();
        let (_, first) = game.claim().await.header_entry();
        assert_eq!(common::status_of(&first), Status::Claimed);
        let (_, second) = game.claim().await.header_entry();
        assert_eq!(first.identifier, second.identifier);
        assert!(game.claim().await.bundle().entry.is_empty());
    }
}

#[tokio::test]
async fn faults_are_set_by_an_address_that_is_off_unless_it_is_switched_on() {
    let sandbox = start().await;
    let url = |sandbox: &Sandbox| format!("{}/sandbox/faults", sandbox.url());
    let faults = json!([{ "kind": "status", "status": 502, "path": "metadata", "times": 1 }]);
    assert_eq!(http().put(url(&sandbox)).json(&faults).send().await.expect("an answer").status(), 404);

    let sandbox = world().admin(true).start().await.expect("a sandbox");
    let game = Client::game(&sandbox, Format::Json);
    let set = http().put(url(&sandbox)).json(&faults).send().await.expect("an answer");
    assert_eq!(set.status(), 200);
    let shown = http().get(url(&sandbox)).send().await.expect("an answer").text().await.expect("text");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown[0]["times"], 1);
    game.get(METADATA).await.details(502);
    game.get(METADATA).await.document();
    let wrong = json!([{ "kind": "nonsense" }]);
    assert_eq!(http().put(url(&sandbox)).json(&wrong).send().await.expect("an answer").status(), 422);
}
