//! Trace headers, and the AuditEvents of REST interactions.

use reqwest::Method;
use serde_json::{Value, json};

use super::common::{Server, patient};

fn codes(event: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&event["subtype"][0]["code"]), text(&event["action"]), text(&event["outcome"]))
}

#[tokio::test]
async fn every_interaction_leaves_an_event_that_its_trace_finds() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.post("/Patient", &patient("Jansen")).await.expect(201);
    let path = format!("/Patient/{}", created.id());
    let id = created.id();
    for (number, method, path, subtype, action, outcome, what) in [
        (1, Method::GET, path.clone(), "read", "R", "0", Some(format!("Patient/{id}/_history/1"))),
        (
            2,
            Method::GET,
            format!("{path}/_history/1"),
            "read",
            "R",
            "0",
            Some(format!("Patient/{id}/_history/1")),
        ),
        (
            3,
            Method::GET,
            format!("{path}/_history"),
            "read",
            "R",
            "0",
            Some(format!("Patient/{id}/_history/1")),
        ),
        (4, Method::GET, "/Patient?active=true".into(), "search-type", "E", "0", None),
        (5, Method::GET, "/metadata".into(), "capabilities", "R", "0", None),
        (6, Method::GET, "/Patient/none".into(), "read", "R", "4", None),
        (7, Method::PUT, path.clone(), "update", "U", "4", Some(format!("Patient/{id}/_history/1"))),
        (8, Method::DELETE, path.clone(), "delete", "D", "0", None),
        (9, Method::POST, "/Patient".into(), "create", "C", "4", None),
    ] {
        let trace = format!("trace-{number}");
        let request = epd
            .request(method, &path)
            .header("x-trace-id", &trace)
            .header("x-request-id", format!("r{number}"));
        let reply = epd.send(request.header("x-correlation-id", "cause")).await;
        assert_eq!(reply.header("x-trace-id"), trace);
        assert_eq!(reply.header("x-request-id"), format!("r{number}"));
        let found = epd.get(&format!("/AuditEvent?traceId={trace}")).await.expect(200).json();
        assert_eq!(found["total"], 1, "{path}: {found}");
        let event = &found["entry"][0]["resource"];
        assert_eq!(codes(event), (subtype.into(), action.into(), outcome.into()), "{path}");
        assert_eq!(event["type"]["code"], "rest");
        assert_eq!(event["entity"][0]["what"]["reference"].as_str(), what.as_deref(), "{path}: {event}");
        assert_eq!(event["source"]["site"], "127.0.0.1");
        assert_eq!(event["source"]["observer"]["reference"], "Device/server");
        assert_eq!(event["outcomeDesc"].is_string(), outcome == "4");
        if number != 5 {
            assert_eq!(event["agent"][0]["who"], json!({"reference": "Device/epd", "type": "Device"}));
            assert_eq!(event["agent"][0]["type"]["coding"][0]["code"], "110153");
        }
        for (name, value) in [("traceId", &trace), ("requestId", &format!("r{number}"))] {
            assert_eq!(epd.get(&format!("/AuditEvent?{name}={value}")).await.json()["total"], 1, "{name}");
        }
    }
    assert_eq!(epd.get("/AuditEvent?correlationId=cause&_count=0").await.json()["total"], 9);
}

#[tokio::test]
async fn the_event_of_a_search_has_its_query_and_what_was_found() {
    let server = Server::start().await;
    let epd = server.epd();
    let created = epd.create(&patient("Jansen")).await;
    let request = epd.request(Method::GET, "/Patient?name=jan&_count=5").header("x-trace-id", "t1");
    epd.send(request).await.expect(200);
    let event = &epd.get("/AuditEvent?traceId=t1").await.json()["entry"][0]["resource"];
    let entities = event["entity"].as_array().expect("entities");
    assert_eq!(entities.len(), 2);
    assert_eq!(entities[0]["role"]["code"], "24");
    assert_eq!(entities[0]["type"]["code"], "Patient");
    // `/Patient?name=jan&_count=5` in base64.
    assert_eq!(entities[0]["query"], "L1BhdGllbnQ/bmFtZT1qYW4mX2NvdW50PTU=");
    assert_eq!(entities[1]["what"]["reference"], format!("{created}/_history/1"));
}

#[tokio::test]
async fn posting_an_audit_event_leaves_no_other() {
    let server = Server::start().await;
    let epd = server.epd();
    let event = super::common::resource(
        "AuditEvent",
        json!({
        "type": {"code": "110100"}, "recorded": "2026-03-30T10:00:00Z",
        "agent": [{"who": {"reference": "Device/epd"}, "requestor": true}],
        "source": {"observer": {"reference": "Device/epd"}}}),
    );
    epd.post("/AuditEvent", &event).await.expect(201);
    assert_eq!(server.store.all("AuditEvent").len(), 1);
}

#[tokio::test]
async fn what_was_sent_is_not_in_the_event_of_a_refusal() {
    let server = Server::start().await;
    let epd = server.epd();
    let mut wrong = patient("Jansen");
    wrong["birthDate"] = json!("GEHEIM");
    wrong["gender"] = json!("GEHEIM");
    let refused = epd.post("/Patient", &wrong).await.expect(422);
    assert!(refused.text.contains("GEHEIM"));
    let broken = epd.request(Method::POST, "/Patient").header("content-type", "application/fhir+json");
    epd.send(broken.body("{\"resourceType\": \"Patient\", \"GEHEIM\" }")).await.expect(400);
    for event in server.store.all("AuditEvent") {
        let text = event.resource.to_json().expect("JSON");
        assert!(text.contains("outcomeDesc") && !text.contains("GEHEIM"), "{text}");
    }
}

#[tokio::test]
async fn old_audit_events_make_room_for_new_ones() {
    let limits = crate::store::StoreLimits { audit_events: 5, ..Default::default() };
    let server = Server::with(limits, Default::default()).await;
    let epd = server.epd();
    for _ in 0..20 {
        epd.get("/Device/epd").await.expect(200);
    }
    assert_eq!(server.store.all("AuditEvent").len(), 5);
}
