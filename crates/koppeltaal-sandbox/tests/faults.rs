//! Faults on purpose, as clients meet them.

mod common;

use std::time::Duration;

use common::{Client, FORMATS, Format, PATIENCE, http, plan, start, world};
use koppeltaal_messaging::{Event, ProcessingStatus as Status};
use koppeltaal_sandbox::{ConfigError, Fault, FaultKind, Sandbox};
use reqwest::Method;
use serde_json::json;

const CLAIM: &str = "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";
const METADATA: &str = "metadata";

async fn with(fault: Fault, format: Format) -> (Sandbox, Client) {
    let sandbox = world().fault(fault).start().await.expect("a sandbox");
    let game = Client::game(&sandbox, format);
    (sandbox, game)
}

#[tokio::test]
async fn an_answer_can_be_late() {
    // How late is measured by a clock that stands still: in `src/http/faults.rs`.
    let late = Fault::new(FaultKind::Latency { pause: Duration::from_millis(1) }).times(1);
    let (sandbox, game) = with(late, Format::Json).await;
    game.get(METADATA).await.document();
    sandbox.set_faults([Fault::new(FaultKind::Latency { pause: PATIENCE * 2 })]);
    let asked = tokio::time::timeout(Duration::from_millis(20), game.get(METADATA));
    assert!(asked.await.is_err(), "there is no answer before its time");
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
async fn a_status_can_say_when_to_come_back() {
    for (format, html) in FORMATS.into_iter().zip([false, true]) {
        let busy = Fault::new(FaultKind::Status { status: 503, html }).retry_after(Duration::from_secs(7));
        let (sandbox, game) = with(busy.clone().times(1), format).await;
        let answer = game.get(METADATA).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "7"));
        sandbox.set_faults([Fault::new(FaultKind::Status { status: 503, html })]);
        assert!(!game.get(METADATA).await.headers.contains_key("retry-after"));
        let written = json!({ "kind": "status", "status": 503, "html": html, "retry_after": 7 });
        assert_eq!(serde_json::to_value(&busy).expect("JSON"), written);
        assert_eq!(serde_json::from_value::<Fault>(written).expect("a fault"), busy);
    }
    let misplaced = json!({ "kind": "cut", "retry_after": 7 });
    let error = serde_json::from_value::<Fault>(misplaced).expect_err("no answer, no header").to_string();
    assert!(error.contains("unknown field `retry_after` for this kind of fault"), "{error}");
}

#[tokio::test]
async fn a_status_that_is_none_is_refused() {
    for number in [0, 42, 100, 199, 1000, u16::MAX] {
        for html in [false, true] {
            let fault = Fault::new(FaultKind::Status { status: number, html });
            assert_eq!(world().fault(fault.clone()).check(), Err(ConfigError::FaultStatus(number)));
            let (sandbox, game) = (start().await, Client::game);
            sandbox.set_faults([fault]);
            let details = game(&sandbox, Format::Json).get(METADATA).await.details(500);
            assert_eq!(details, ConfigError::FaultStatus(number).to_string());
        }
    }
    for number in [200, 999] {
        let fault = Fault::new(FaultKind::Status { status: number, html: false });
        assert_eq!(world().fault(fault).check(), Ok(()));
    }
}

#[tokio::test]
async fn a_body_can_break_off_or_come_slowly() {
    for format in FORMATS {
        let (sandbox, game) = with(Fault::new(FaultKind::HalfBody).times(1), format).await;
        let answer = game.request(Method::GET, METADATA).send().await.expect("a head");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect_err("half a body");
        sandbox.set_faults([Fault::new(FaultKind::SlowBody { pause: Duration::from_millis(1) })]);
        game.get(METADATA).await.document();
    }
}

#[tokio::test]
async fn half_a_body_can_come_slowly() {
    let (sandbox, game) = with(Fault::new(FaultKind::HalfBody), Format::Json).await;
    for pause in [None, Some(Duration::from_millis(1))] {
        let slow = pause.map(|pause| Fault::new(FaultKind::SlowBody { pause }));
        sandbox.set_faults([Fault::new(FaultKind::HalfBody)].into_iter().chain(slow));
        let mut answer = game.request(Method::GET, METADATA).send().await.expect("a head");
        let length = answer.content_length().expect("a length");
        let mut came = 0;
        let error = loop {
            match answer.chunk().await {
                Ok(part) => came += part.expect("no end").len() as u64,
                Err(error) => break error,
            }
        };
        assert_eq!(came, length / 2, "{pause:?}: {error}");
    }
}

#[tokio::test]
async fn of_an_answer_without_a_body_not_even_a_half_comes() {
    let (_sandbox, game) = with(Fault::new(FaultKind::HalfBody), Format::Json).await;
    game.request(Method::OPTIONS, METADATA).send().await.expect_err("no answer");
}

#[tokio::test]
async fn a_claim_can_run_out_at_once() {
    for format in FORMATS {
        let fault = Fault::new(FaultKind::ClaimExpires).path("MessageHeader").times(1);
        let (sandbox, game) = with(fault, format).await;
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
    for wrong in [json!([{ "kind": "nonsense" }]), json!([{ "kind": "cut", "instance": "nobody" }])] {
        assert_eq!(http().put(url(&sandbox)).json(&wrong).send().await.expect("an answer").status(), 422);
    }
}

#[tokio::test]
async fn a_fault_can_be_of_one_instance() {
    for format in FORMATS {
        let fault = Fault::new(FaultKind::Status { status: 503, html: false }).instance("portal");
        let (sandbox, game) = with(fault, format).await;
        let portal = Client::portal(&sandbox, format);
        game.claim().await.bundle();
        // Without credentials it is nobody's request.
        Client::anonymous(&sandbox, format).get(METADATA).await.document();
        portal.claim().await.details(503);
        sandbox.set_faults([Fault::new(FaultKind::LostPush).instance("portal")]);
        portal.send_message(plan("m1", "1")).await.bundle();
        game.claim().await.header_entry();
    }
}

#[tokio::test]
async fn a_fault_can_be_of_one_event() {
    for format in FORMATS {
        let status = FaultKind::Status { status: 503, html: false };
        let (sandbox, game) = with(Fault::new(status).event(Event::CreateOrUpdateCarePlan), format).await;
        let portal = Client::portal(&sandbox, format);
        portal.send_message(plan("m1", "1")).await.details(503);
        let patient = common::bundle("messages/CreateOrUpdatePatient-minimal");
        portal.send_message(patient).await.bundle();
        assert_eq!(sandbox.messages("game").expect("an instance").len(), 1, "the care plan did not come");
        // A claim that names the event meets it, another one does not.
        game.get(&format!("{CLAIM}&event=CreateOrUpdateCarePlan")).await.details(503);
        let (entry, header) = game.claim().await.header_entry();
        // An acknowledgement meets the faults of the event in its header.
        sandbox.set_faults([Fault::new(status).event(Event::CreateOrUpdatePatient)]);
        let url = entry.id.expect("an id");
        game.acknowledge(&url, &header, Status::Success).await.details(503);
        sandbox.set_faults([]);
        game.acknowledge(&url, &header, Status::Success).await.document();
    }
}

#[tokio::test]
async fn what_happens_to_the_answer_of_a_claim_can_depend_on_its_event() {
    for format in FORMATS {
        let (sandbox, game) = with(
            Fault::new(FaultKind::Cut).event(Event::CreateOrUpdateCarePlan).path("MessageHeader"),
            format,
        )
        .await;
        let portal = Client::portal(&sandbox, format);
        portal.send_message(common::bundle("messages/CreateOrUpdatePatient-minimal")).await.bundle();
        portal.send_message(plan("m1", "1")).await.bundle();
        game.claim().await.header_entry();
        game.request(Method::GET, CLAIM).send().await.expect_err("no answer");
        // It was claimed all the same.
        let statuses =
            sandbox.messages("game").expect("an instance").into_iter().map(|message| message.status);
        assert_eq!(statuses.collect::<Vec<_>>(), [Status::Claimed, Status::Claimed]);
    }
}

#[tokio::test]
async fn a_claim_that_runs_out_at_once_can_be_of_one_event() {
    let fault = Fault::new(FaultKind::ClaimExpires).event(Event::CreateOrUpdateCarePlan).times(1);
    let (sandbox, game) = with(fault, Format::Json).await;
    let portal = Client::portal(&sandbox, Format::Json);
    portal.send_message(common::bundle("messages/CreateOrUpdatePatient-minimal")).await.bundle();
    portal.send_message(plan("m1", "1")).await.bundle();
    game.claim().await.header_entry();
    game.claim().await.header_entry();
    let statuses = sandbox.messages("game").expect("an instance").into_iter().map(|message| message.status);
    assert_eq!(statuses.collect::<Vec<_>>(), [Status::Claimed, Status::New]);
}

#[test]
fn faults_say_the_same_in_rust_json_and_toml() {
    let fault = Fault::new(FaultKind::Latency { pause: Duration::from_millis(150) })
        .path("Mailbox")
        .instance("portal")
        .event(Event::CreateOrUpdateCarePlan)
        .times(2);
    let json = json!({
        "kind": "latency", "milliseconds": 150, "path": "Mailbox", "instance": "portal",
        "event": "CreateOrUpdateCarePlan", "times": 2,
    });
    assert_eq!(serde_json::to_value(&fault).expect("JSON"), json);
    assert_eq!(serde_json::from_value::<Fault>(json).expect("a fault"), fault);
    let toml = "kind = 'latency'\nmilliseconds = 150\npath = 'Mailbox'\ninstance = 'portal'\n\
                event = 'CreateOrUpdateCarePlan'\ntimes = 2\n";
    assert_eq!(toml::from_str::<Fault>(toml).expect("a fault"), fault);
    assert!(serde_json::from_value::<Fault>(json!({ "kind": "cut", "event": "Lieke" })).is_err());
}

#[test]
fn a_fault_with_an_unknown_field_or_an_impossible_status_is_refused() {
    let in_toml = |text: &str| toml::from_str::<Fault>(text).expect_err("no fault").to_string();
    for (text, part) in [
        ("kind = 'cut'\npth = 'Mailbox'", "unknown field `pth`"),
        ("kind = 'cut'\nstatus = 503", "unknown field `status`"),
        ("kind = 'status'\nstatus = 503\nmilliseconds = 5", "unknown field `milliseconds`"),
        ("kind = 'status'\nstatus = 42", "expected a status from 200 to 999, found 42"),
        ("kind = 'status'\nstatus = 1000", "expected a status from 200 to 999, found 1000"),
        ("kind = 'latency'", "missing field `milliseconds`"),
    ] {
        let error = in_toml(text);
        assert!(error.contains(part), "{error}");
    }
    let null = json!({ "kind": "cut", "path": null });
    assert_eq!(serde_json::from_value::<Fault>(null).expect("a fault"), Fault::new(FaultKind::Cut));
}
