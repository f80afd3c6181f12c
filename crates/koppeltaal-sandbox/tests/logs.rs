//! What the sandbox logs about requests: enough to see why one was refused, and nothing of what was sent.

mod common;
#[path = "../../koppeltaal-transport/tests/secrets/log.rs"]
mod log;

use common::{Client, Format, bundle, header_mut, plan, start};
use log::Log;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use tracing::Level;

/// Texts that the test sends, none of which may be in the log.
const SENT: [&str; 8] =
    ["Lieke", "999911120", "epd.example", "portal.example", "m-secret", "wacht", "wöord", "UmFuZG9t"];

#[tokio::test]
async fn each_request_is_logged_with_its_reason_and_without_content() {
    let (log, _guard) = Log::start(Level::TRACE);
    let sandbox = start().await;
    let portal = Client::portal(&sandbox, Format::Json);
    let game = Client::game(&sandbox, Format::Xml);

    // A message with a name, then the same one without the version that it has now.
    let mut message = bundle("messages/CreateOrUpdatePatient-full");
    header_mut(&mut message).identifier = "m-secret".into();
    for entry in &mut message.entry {
        for link in &mut entry.link {
            link.href = link.href.split("/_history").next().unwrap_or_default().to_owned();
        }
    }
    portal.send_message(message.clone()).await.bundle();
    header_mut(&mut message).identifier = "m-secret-2".into();
    portal.send_message(message.clone()).await.issues(409);
    game.claim().await.bundle();
    // What is refused before it is a message.
    header_mut(&mut message).identifier = None.into();
    portal.send_message(message.clone()).await.issues(400);
    portal
        .with_body(
            Method::POST,
            "Mailbox",
            r#"{"resourceType": "Bundle", "Lieke": {"999911120": 1"#.to_owned(),
        )
        .await
        .issues(400);
    let html = portal.request(Method::POST, "Mailbox").header(CONTENT_TYPE, "text/Lieke").body("Lieke");
    portal.send(html).await.issues(415);
    portal.get("MessageHeader/_search?Patient=https://epd.example/Patient/1&event=Lieke").await.issues(400);
    portal.get("Other/Lieke/_history/999911120").await.issues(404);
    portal.get("Patient/999911120").await.issues(404);
    Client::new(&sandbox, "portal", "wacht:wrong", Format::Json).get("MessageHeader").await.issues(401);
    Client::bearer(&sandbox, "UmFuZG9tIHRva2Vu", Format::Json).send_message(plan("m", "1")).await.issues(401);

    let method = Method::from_bytes(b"Lieke").expect("a word");
    portal.send(portal.request(method, "Mailbox")).await.issues(405);

    let text = log.text();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("koppeltaal_sandbox::requests")).collect();
    let expected = [
        r#"answered method="POST" route="/FHIR/Koppeltaal/Mailbox" instance="portal" event="CreateOrUpdatePatient" status=200"#,
        r#"refused method="POST" route="/FHIR/Koppeltaal/Mailbox" instance="portal" status=409"#,
        r#"route="/FHIR/Koppeltaal/MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim" instance="game" event="CreateOrUpdatePatient" status=200"#,
        r#"code="required" rule="The MessageHeader has no identifier." place="entry[0].content.identifier""#,
        r#"code="structure" rule="The body is not well-formed." place="line 1, column"#,
        r#"status=415"#,
        r#"code="invalid" rule="The parameter is not an event." place="event" expected="a code of Koppeltaal's events""#,
        r#"route="/FHIR/Koppeltaal/Other/{id}/_history/{version}" instance="portal" status=404"#,
        r#"refused method="GET" instance="portal" status=404"#,
        r#"route="/FHIR/Koppeltaal/MessageHeader" instance="portal" status=401"#,
        r#"refused method="POST" route="/FHIR/Koppeltaal/Mailbox" status=401"#,
        r#"refused method="other" route="/FHIR/Koppeltaal/Mailbox""#,
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(
        lines[1].contains(r#"code="conflict" rule="No version specified for the focal resource"#),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains(r#"place="entry[1]" expected="the current version""#), "{}", lines[1]);

    let refused = serde_json::to_string(&sandbox.refusals()).expect("JSON");
    for sent in SENT {
        assert!(!text.contains(sent), "{sent} is in the log: {text}");
        assert!(!refused.contains(sent), "{sent} is in the list: {refused}");
    }
}
