//! The list of refused requests, in Rust and over HTTP.

mod common;

use std::time::Duration;

use common::{Client, FORMATS, Format, bundle, header_mut, http, plan, start, world};
use koppeltaal_sandbox::{Fault, FaultKind, RefusedRequest};
use reqwest::Method;
use serde_json::{Value, json};

/// Status, code and place of a refused request.
fn short(refused: &RefusedRequest) -> (u16, &str, &str) {
    (
        refused.status,
        refused.code.as_deref().unwrap_or_default(),
        refused.place.as_deref().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_refused_request_says_where_and_why() {
    for format in FORMATS {
        let sandbox = start().await;
        let portal = Client::portal(&sandbox, format);
        let mut message = plan("m1", "1");
        message.entry[1].content =
            bundle("messages/CreateOrUpdatePatient-minimal").entry.pop().and_then(|entry| entry.content);
        portal.send_message(message).await.issues(422);
        let mut message = plan("m1", "1");
        message.entry[1].id = None;
        message.entry[1].link.clear();
        portal.send_message(message).await.issues(400);
        let mut message = plan("m1", "1");
        header_mut(&mut message).data.clear();
        portal.send_message(message).await.issues(400);
        portal.send_message(plan("m1", "1")).await.bundle();
        portal.send_message(plan("m2", "1")).await.issues(409);

        let refusals = sandbox.refusals();
        let found: Vec<_> = refusals.iter().map(short).collect();
        let expected = [
            (422, "business-rule", "entry[1]"),
            (400, "required", "entry[1]"),
            (400, "required", "entry[0].content.data[0]"),
            (409, "conflict", "entry[1]"),
        ];
        assert_eq!(found, expected, "{refusals:#?}");
        let first = &refusals[0];
        assert_eq!(first.method, "POST");
        assert_eq!(first.route.as_deref(), Some("/FHIR/Koppeltaal/Mailbox"));
        assert_eq!(first.instance.as_deref(), Some("portal"));
        assert_eq!(first.rule, Some("The focal resource is of the wrong kind for the event."));
        assert_eq!(first.expected.as_deref(), Some("a CarePlan, for CreateOrUpdateCarePlan"));
    }
}

#[tokio::test]
async fn the_list_is_also_an_address_of_the_page() {
    let sandbox = start().await;
    let url = format!("{}/sandbox/refusals", sandbox.url());
    let list =
        async || -> Value { http().get(&url).send().await.expect("an answer").json().await.expect("JSON") };
    assert_eq!(list().await, json!([]));
    sandbox.advance_clock(Duration::from_secs(60));
    Client::anonymous(&sandbox, Format::Json).get("metadata?x=1").await;
    Client::anonymous(&sandbox, Format::Json).get("MessageHeader").await.issues(401);
    let mut list = list().await;
    let when = list[0]["when"].take();
    assert_eq!(when, json!(sandbox.refusals()[0].when.as_str()));
    let expected = json!([{
        "when": null, "method": "GET", "route": "/FHIR/Koppeltaal/MessageHeader", "instance": null,
        "status": 401, "code": "login", "rule": "Authentication failed: no credentials given",
        "place": "Authorization", "expected": "Basic or Bearer",
    }]);
    assert_eq!(list, expected);
    let foreign = http().get(&url).header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(foreign.status(), 403);
}

#[tokio::test]
async fn only_the_last_refused_requests_are_kept() {
    let sandbox = start().await;
    let portal = Client::portal(&sandbox, Format::Json);
    portal.get("Other/1/_history/1").await.issues(404);
    for _ in 0..500 {
        portal.get("nothing").await.issues(404);
    }
    let refusals = sandbox.refusals();
    assert_eq!(refusals.len(), 500);
    assert!(refusals.iter().all(|refused| refused.route.is_none()), "the first is gone");
}

#[tokio::test]
async fn the_refusals_of_oauth_and_of_the_hub_are_in_the_list() {
    let sandbox = world().start().await.expect("a sandbox");
    let base = sandbox.url();
    let form = [("grant_type", "nonsense"), ("client_id", "game")];
    http().post(format!("{base}/OAuth2/Koppeltaal/Token")).form(&form).send().await.expect("an answer");
    let portal = Client::portal(&sandbox, Format::Json);
    portal.send(portal.request(Method::GET, &format!("{base}/signalr/start"))).await;
    sandbox.set_faults([Fault::new(FaultKind::Status { status: 503, html: true })]);
    portal.get("metadata").await;
    let refusals = sandbox.refusals();
    let found: Vec<_> =
        refusals.iter().map(|refused| (refused.status, refused.rule.unwrap_or_default())).collect();
    let expected = [
        (400, "grant_type is not supported"),
        (400, "The transport is missing or not known."),
        (503, "A fault that was asked for."),
    ];
    assert_eq!(found, expected);
    assert_eq!(refusals[0].code.as_deref(), Some("unsupported_grant_type"));
    assert_eq!(refusals[1].route.as_deref(), Some("/signalr/{*path}"));
}
