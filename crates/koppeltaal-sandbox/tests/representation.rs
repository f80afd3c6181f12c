//! Everything that is accepted is handed out in JSON and in XML. Content that one of them cannot carry is
//! refused when it is posted, with an outcome that says why.

mod common;

use common::files::{Directory, change};
use common::{Client, FORMATS, Format, plan, start, world};
use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, ReadOptions, Resource};
use koppeltaal_messaging::profiles::{ActivityDefinition, StorageItem};
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{ProcessingStatus as Status, Reference};
use koppeltaal_sandbox::{ConfigError, Sandbox, StartError};
use reqwest::Method;

/// The message with `with` in place of the first `place`.
fn posted(format: Format, text: &str, place: &str, with: &str) -> String {
    assert!(text.contains(place), "{format:?}: {place} in {text}");
    text.replacen(place, with, 1)
}

/// Checks that a message is refused that one format cannot carry: the sender is told why, and no receiver
/// gets it.
async fn is_refused(sandbox: &Sandbox, format: Format, body: String) {
    let portal = Client::portal(sandbox, format);
    let answer = portal.with_body(Method::POST, "Mailbox", body.clone()).await;
    let details = answer.details(422);
    let other = if format == Format::Json { "XML" } else { "JSON" };
    assert!(details.contains("hands everything out in JSON and in XML"), "{details}");
    assert!(details.contains(&format!("it cannot be written as {other}")), "{details}");
    for receiver in FORMATS {
        assert!(Client::game(sandbox, receiver).claim().await.bundle().entry.is_empty(), "{body}");
    }
}

#[tokio::test]
async fn a_message_that_json_can_carry_and_xml_cannot_is_refused() {
    let sandbox = start().await;
    let text = Format::Json.write(plan("m1", "1"));
    let url = r#""id":"https://portal.example/fhir/CarePlan/1""#;
    for (place, with) in [
        // Characters that XML does not have, a type that is not modelled, and a narrative that is not XHTML.
        (r#""resourceType":"CarePlan""#, r#""resourceType":"CarePlan","modified":"a\u0007""#),
        (r#""resourceType":"CarePlan""#, r#""resourceType":"CarePlan","notes":"a\u0000b""#),
        (r#""resourceType":"CarePlan""#, r#""resourceType":"CarePlan","whoKnows":{"a":["\u001f"]}"#),
        (r#""resourceType":"CarePlan""#, r#""resourceType":"CarePlan","contained":[{"resourceType":"Foo"}]"#),
        (
            r#""resourceType":"CarePlan""#,
            r#""resourceType":"CarePlan","text":{"status":"generated","div":"<div><p>unclosed</div>"}"#,
        ),
        (url, r#""title":"\u0001","id":"https://portal.example/fhir/CarePlan/1""#),
        (r#""m1""#, r#""m\u00011""#),
    ] {
        is_refused(&sandbox, Format::Json, posted(Format::Json, &text, place, with)).await;
    }
    // Without these, the message is accepted.
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
}

#[tokio::test]
async fn a_message_that_xml_can_carry_and_json_cannot_is_refused() {
    let directory = Directory::new("xml-only");
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    let text = Format::Xml.write(plan("m1", "1"));
    let foo = "<contained><Foo/></contained>";
    for (place, with) in [
        ("<patient>", format!("{foo}<patient>")),
        (
            "<MessageHeader xmlns=\"http://hl7.org/fhir\">",
            format!("<MessageHeader xmlns=\"http://hl7.org/fhir\">{foo}"),
        ),
    ] {
        is_refused(&sandbox, Format::Xml, posted(Format::Xml, &text, place, &with)).await;
    }
    Client::portal(&sandbox, Format::Xml).send_message(plan("m1", "1")).await.bundle();
    sandbox.stop().await;
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    assert_eq!(sandbox.number_set_aside(), 0);
    assert_eq!(
        Client::game(&sandbox, Format::Json).claim().await.header_entry().1.identifier.as_str(),
        Some("m1")
    );
}

fn definition() -> Other {
    ActivityDefinition {
        activity_definition_identifier: Some("G".into()),
        name: Some("Game".into()),
        kind: Some(ActivityKind::Game),
        ..ActivityDefinition::default()
    }
    .into()
}

/// The definition with a part that only XML can carry.
fn definition_of_xml() -> String {
    let text = Format::Xml.write(definition());
    let (start, rest) = text.split_once("<extension").expect("an extension");
    format!("{start}<contained><Foo/></contained><extension{rest}")
}

#[tokio::test]
async fn a_definition_that_one_format_cannot_carry_is_refused_and_no_list_suffers() {
    let sandbox = start().await;
    let (json, xml) = (Client::game(&sandbox, Format::Json), Client::game(&sandbox, Format::Xml));
    let created = json.post("Other", definition()).await;
    let url = created.header("content-location").to_owned();
    for (method, url) in [(Method::POST, "Other"), (Method::PUT, url.as_str())] {
        let details = xml.with_body(method.clone(), url, definition_of_xml()).await.details(422);
        assert!(details.contains("it cannot be written as JSON"), "{details}");
        let body = Format::Json.write(definition()).replace("\"Game\"", "\"Ga\\u0002me\"");
        let details = json.with_body(method, url, body).await.details(422);
        assert!(details.contains("it cannot be written as XML"), "{details}");
    }
    for client in [&json, &xml] {
        assert_eq!(client.get("Other?code=ActivityDefinition").await.bundle().entry.len(), 1);
    }
}

#[tokio::test]
async fn a_configured_definition_that_one_format_cannot_carry_is_named_at_the_start() {
    let read = ReadOptions::tolerant().xml(definition_of_xml().as_bytes()).expect("a definition");
    let definition = read.document.get::<Other>().expect("an Other").clone();
    match world().activity_definition(common::DOMAIN, definition).start().await {
        Err(StartError::Config(error @ ConfigError::Definition { .. })) => {
            let error = error.to_string();
            assert!(error.contains(common::DOMAIN) && error.contains("JSON"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

fn item(key: &str) -> Other {
    StorageItem {
        content_type: Some("text/plain".into()),
        content: Some("QUJD".into()),
        patient_identifier: Some(Reference::from("https://portal.example/fhir/Patient/7")),
        object_type: Some("level".into()),
        object_key: Some(key.into()),
        ..StorageItem::default()
    }
    .into()
}

#[tokio::test]
async fn an_item_that_one_format_cannot_carry_is_refused() {
    let sandbox = start().await;
    let json = Client::game(&sandbox, Format::Json);
    json.post("Other", item("1")).await.document();
    json.post("Other", item("a\u{3}b")).await.details(422);
    let binary = json.request(
        Method::POST,
        "Binary?patient=https://portal.example/fhir/Patient/7&objectType=picture&objectKey=a%03b",
    );
    json.send(binary.header("content-type", "image/png").body("x")).await.details(422);
    for format in FORMATS {
        let list = Client::game(&sandbox, format).get("Other?code=StorageItem").await.bundle();
        assert_eq!(list.entry.len(), 1);
    }
}

#[tokio::test]
async fn an_acknowledgement_whose_exception_xml_cannot_carry_is_refused() {
    let sandbox = start().await;
    let (json, xml) = (Client::game(&sandbox, Format::Json), Client::game(&sandbox, Format::Xml));
    Client::portal(&sandbox, Format::Json).send_message(plan("m1", "1")).await.bundle();
    let (entry, header) = json.claim().await.header_entry();
    let mut header = koppeltaal_messaging::Header::from(header);
    let now = koppeltaal_fhir::primitives::Instant::now();
    let mut failed = |exception: &str| {
        let state =
            koppeltaal_messaging::ProcessingState::new(Status::Failed, now.clone()).with_exception(exception);
        header.clear_processing();
        header.set_processing(&state).expect("a first status");
        Document::from(Resource::from(header.fhir().clone()))
    };
    let url = entry.id.expect("an id");
    let details = json.put(&url, failed("stack\u{1b}[31m")).await.details(422);
    assert!(details.contains("XML"), "{details}");
    json.put(&url, failed("stack")).await.document();
    assert_eq!(xml.get("MessageHeader/_search").await.bundle().entry.len(), 1);
}

#[tokio::test]
async fn a_refusal_that_quotes_what_xml_cannot_carry_is_said_all_the_same() {
    let sandbox = start().await;
    let client = Client::portal(&sandbox, Format::Xml);
    let answer = client.get("MessageHeader/_search?_query=%01").await;
    assert_eq!(answer.details(500), "The query '\u{fffd}' is not supported");
    let answer = client.get("MessageHeader/_search?event=%01").await;
    assert_eq!(answer.details(400), "'\u{fffd}' is not an event.");
}

/// A message with a thousand of these elements in its patient, each behind much white space.
fn airy(identifier: &str, contact: &str) -> String {
    let text = Format::Xml.write(plan(identifier, "1"));
    let (start, rest) = text.split_once("</name></Patient>").expect("a patient");
    let contact = format!("\n{}{contact}", " ".repeat(200));
    format!("{start}</name>{}</Patient>{rest}", contact.repeat(1000))
}

#[tokio::test]
async fn a_message_with_much_white_space_is_read_again_when_the_sandbox_starts() {
    let directory = Directory::new("airy");
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Xml);
    let words = "komt elke dag even langs ".repeat(10);
    let neighbour = format!(
        r#"<contact><name><text value="Noor Zomerhof"/></name><telecom><value value="{words}"/></telecom></contact>"#
    );
    portal.with_body(Method::POST, "Mailbox", airy("m1", &neighbour)).await.bundle();
    // White space gives empty elements no more memory.
    let refused = portal.with_body(Method::POST, "Mailbox", airy("m2", "<contact/>")).await;
    let details = refused.details(400);
    assert!(details.contains("in memory"), "{details}");
    sandbox.stop().await;
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    assert_eq!(sandbox.number_set_aside(), 0);
    let claimed = Client::game(&sandbox, Format::Json).claim().await;
    assert!(claimed.body.contains("\"m1\""));
}

#[tokio::test]
async fn a_message_of_an_earlier_data_file_that_xml_cannot_carry_is_set_aside() {
    let directory = Directory::new("earlier");
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Json);
    portal.send_message(plan("m1", "1")).await.bundle();
    portal.send_message(plan("m2", "2")).await.bundle();
    sandbox.stop().await;
    // As a member of JSON within JSON.
    let poison = r#"UPDATE record SET state = replace(state, '\"resourceType\":\"CarePlan\"',
        '\"resourceType\":\"CarePlan\",\"notes\":\"\\u0001\"') WHERE kind = 'message' AND key = '1'"#;
    change(&directory.file(), poison);
    let sandbox = world().data(directory.file()).start().await.expect("a sandbox");
    assert_eq!(sandbox.number_set_aside(), 3, "the message, its delivery and its receipt");
    for format in FORMATS {
        let game = Client::game(&sandbox, format);
        assert_eq!(game.get("MessageHeader/_search").await.bundle().entry.len(), 1);
    }
}
