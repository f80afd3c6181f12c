//! A bearer token is about one patient, and so is everything that a client can do with it.

mod common;

use common::files::Directory;
use common::oauth::{PATIENT, confidential, start, tokens};
use common::{Answer, Client, FORMATS, Format, bundle, header_mut, set_header_patient, world};
use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::resources::{CarePlan, DiagnosticReport, Other, Patient};
use koppeltaal_fhir::{Bundle, Entry, Link, Resource};
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_messaging::{ProcessingStatus, Reference};
use koppeltaal_sandbox::Sandbox;

const OTHER: &str = "https://portal.example/fhir/Patient/8";
const PLAN: &str = "https://portal.example/fhir/CarePlan/70";

/// The game with a token of [`PATIENT`].
async fn game(sandbox: &Sandbox, format: Format) -> Client {
    let reply = tokens(sandbox).await;
    Client::bearer(sandbox, reply["access_token"].as_str().expect("a token"), format)
}

fn to(url: &str) -> ResourceReference {
    ResourceReference { reference: url.into(), ..ResourceReference::default() }
}

fn entry(url: &str, content: impl Into<Resource>) -> Entry {
    Entry {
        id: Some(url.into()),
        link: vec![Link::new("self", url)],
        content: Some(content.into()),
        ..Entry::default()
    }
}

/// A message with a care plan; header and plan name this patient.
fn plan_of(identifier: &str, url: &str, patient: &str) -> Bundle {
    let mut message = bundle("messages/CreateOrUpdateCarePlan-minimal");
    set_header_patient(&mut message, patient);
    let header = header_mut(&mut message);
    header.identifier = identifier.into();
    header.data[0].reference = url.into();
    message.entry.truncate(1);
    message.entry.push(entry(url, CarePlan { patient: Some(to(patient)), ..CarePlan::default() }));
    message
}

fn plan_in(message: &mut Bundle) -> &mut CarePlan {
    message.entry[1].content.as_mut().and_then(|content| content.get_mut()).expect("a plan second")
}

fn refused(answer: &Answer) {
    assert!(answer.details(403).ends_with("is not about the patient of the token."), "{}", answer.body);
}

type Change = fn(&mut Bundle);

/// Ways to slip another patient into a message whose header names the right one.
const DISGUISES: [(&str, Change); 10] = [
    ("the plan's patient", |message| plan_in(message).patient = Some(to(OTHER))),
    ("the plan's patient, with a version", |message| {
        plan_in(message).patient = Some(to(&format!("{OTHER}/_history/1")));
    }),
    ("the plan's patient, by a URL that does not look like one", |message| {
        plan_in(message).patient = Some(to("https://portal.example/persons/8"));
    }),
    ("the plan's patient, relative", |message| plan_in(message).patient = Some(to("Patient/8"))),
    ("a reference in an extension", |message| {
        plan_in(message).extension.push(Extension {
            url: "https://portal.example/seen-with".into(),
            value: Some(ExtensionValue::Resource(Box::new(to(OTHER)))),
            ..Extension::default()
        });
    }),
    ("a reference in a contained resource", |message| {
        let inner = Other { subject: Some(to(OTHER)), ..Other::default() };
        plan_in(message).contained.push(inner.into());
    }),
    ("a patient beside the plan", |message| message.entry.push(entry(OTHER, Patient::default()))),
    ("a patient beside the plan, by a URL that does not look like one", |message| {
        message.entry.push(entry("https://portal.example/persons/8", Patient::default()));
    }),
    ("the subject of another resource", |message| {
        let report = DiagnosticReport { subject: Some(to(OTHER)), ..DiagnosticReport::default() };
        message.entry.push(entry("https://portal.example/fhir/DiagnosticReport/1", report));
    }),
    ("the header", |message| set_header_patient(message, OTHER)),
];

#[tokio::test]
async fn a_message_with_a_token_names_no_other_patient_anywhere() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let game = game(&sandbox, format).await;
        for (place, disguise) in DISGUISES {
            let mut message = plan_of("m1", PLAN, PATIENT);
            disguise(&mut message);
            let answer = game.send_message(message).await;
            assert_eq!(answer.status, 403, "{place}: {}", answer.body);
            refused(&answer);
        }
        let mut message = plan_of("m1", PLAN, PATIENT);
        plan_in(&mut message).patient = Some(to("Patient/7"));
        message.entry.push(entry(PATIENT, Patient::default()));
        game.send_message(message).await.bundle();
        let queued = Client::game(&sandbox, format).get("MessageHeader/_search").await.bundle();
        assert_eq!(queued.entry.len(), 1, "nothing of what was refused went anywhere");
    }
}

#[tokio::test]
async fn what_receivers_may_read_in_another_way_is_not_taken_with_a_token() {
    let sandbox = start(confidential()).await;
    let (json, xml) =
        (Format::Json.write(plan_of("m1", PLAN, PATIENT)), Format::Xml.write(plan_of("m1", PLAN, PATIENT)));
    let ours = format!(r#"<patient><reference value="{PATIENT}"/></patient>"#);
    let theirs = ours.replace(PATIENT, OTHER);
    let member = format!(r#""patient":{{"reference":"{PATIENT}"}}"#);
    let other = member.replace(PATIENT, OTHER);
    let array = format!(r#""patient":[{{"reference":"{OTHER}"}}]"#);
    let contained = format!(r#"<contained><Foo xmlns="http://hl7.org/fhir">{OTHER}</Foo></contained>{ours}"#);
    assert!(xml.contains(&ours) && json.contains(&member));
    for (format, message) in [
        (Format::Xml, xml.replace(&ours, &[&*ours, &*theirs].concat())),
        (Format::Xml, xml.replace(&ours, &contained)),
        (Format::Json, json.replace(&member, &[&*member, ",", &*other].concat())),
        (Format::Json, json.replace(&member, &array)),
    ] {
        let answer = game(&sandbox, format).await.with_body(reqwest::Method::POST, "Mailbox", message).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    let mut message = plan_of("m1", PLAN, PATIENT);
    message.entry.push(entry(OTHER, koppeltaal_fhir::resources::Organization::default()));
    refused(&game(&sandbox, Format::Json).await.send_message(message).await);
}

#[tokio::test]
async fn a_second_content_of_an_entry_hides_nothing() {
    let sandbox = start(confidential()).await;
    let portal = Client::portal(&sandbox, Format::Xml);
    let message = Format::Xml.write(plan_of("m1", PLAN, PATIENT));
    let (start, end) = message.rsplit_once("</entry>").expect("an entry");
    let second = format!(
        r#"<content type="text/xml"><Patient xmlns="http://hl7.org/fhir"><text>{OTHER}</text></Patient></content>"#
    );
    let answer =
        portal.with_body(reqwest::Method::POST, "Mailbox", format!("{start}{second}</entry>{end}")).await;
    assert_eq!(answer.details(400), "The entry of a CarePlan has a second content.");
}

#[tokio::test]
async fn a_token_does_not_touch_what_was_about_another_patient() {
    for format in FORMATS {
        let data = Directory::new(&format!("bounds-{format:?}"));
        let config = || world().application(confidential()).data(data.file());
        let sandbox = config().start().await.expect("a sandbox");
        let portal = Client::portal(&sandbox, format);
        portal.send_message(plan_of("theirs", PLAN, OTHER)).await.bundle();
        sandbox.stop().await;

        let sandbox = config().start().await.expect("a sandbox with the same data");
        let game = game(&sandbox, format).await;
        // The other patient's plan: as focal resource, beside the focal resource, and in a reference.
        refused(&game.send_message(plan_of("m1", PLAN, PATIENT)).await);
        let mut beside = plan_of("m2", "https://game.example/CarePlan/1", PATIENT);
        beside.entry.push(entry(PLAN, CarePlan::default()));
        refused(&game.send_message(beside).await);
        let mut linked = plan_of("m3", "https://game.example/CarePlan/1", PATIENT);
        plan_in(&mut linked).concern.push(to(PLAN));
        refused(&game.send_message(linked).await);
    }
}

#[tokio::test]
async fn a_repeated_identifier_of_another_patient_gives_no_receipt() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        // The application itself, by its own credentials.
        let basic = Client::game(&sandbox, format);
        basic.send_message(plan_of("same", PLAN, OTHER)).await.bundle();
        let game = game(&sandbox, format).await;
        refused(&game.send_message(plan_of("same", "https://game.example/CarePlan/1", PATIENT)).await);
        let mine = plan_of("mine", "https://game.example/CarePlan/1", PATIENT);
        let first = game.send_message(mine.clone()).await;
        let again = game.send_message(mine).await;
        assert_eq!(first.header_entry().1.response, again.header_entry().1.response);
    }
}

#[tokio::test]
async fn what_a_token_opens_is_about_its_patient_at_every_address() {
    for format in FORMATS {
        let sandbox = start(confidential()).await;
        let basic = Client::game(&sandbox, format);
        Client::portal(&sandbox, format).send_message(plan_of("theirs", PLAN, OTHER)).await.bundle();
        let hidden = basic.get("MessageHeader/_search").await.header_entry();
        let url = hidden.0.id.clone().expect("an id");
        let number = url.rsplit('/').next().expect("a number").to_owned();
        let own = basic.send_message(plan_of("sent", "https://game.example/CarePlan/2", OTHER)).await;
        let own = own.header_entry().0.id.expect("an id");
        let item = item(OTHER, "k1");
        let stored = basic.post("Other?code=StorageItem", item.clone()).await;
        let stored = stored.header("content-location").to_owned();
        let (stored, _) = stored.split_once("/_history/").expect("a version");
        let binary = stored.replace("Other/StorageItem:", "Binary/");
        let definition = common::fixture("resources/other-activitydefinition", format);
        let defined = basic.with_body(reqwest::Method::POST, "Other", definition.clone()).await;
        let defined = defined.header("content-location").to_owned();

        let game = game(&sandbox, format).await;
        let found_nothing: [String; 12] = [
            "MessageHeader/_search".into(),
            "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim".into(),
            format!("MessageHeader/_search?Patient={OTHER}"),
            format!("MessageHeader/_search?_id={url}"),
            format!("MessageHeader/_search?_id={number}"),
            format!("MessageHeader/_search?_id={own}"),
            "MessageHeader/_search?_id=theirs".into(),
            "MessageHeader/_search?_id=sent".into(),
            "Other?code=StorageItem".into(),
            format!("Other?code=StorageItem&patient={OTHER}"),
            format!("Binary?patient={OTHER}"),
            "Binary/_search?objectKey=k1".into(),
        ];
        for path in found_nothing {
            assert!(game.get(&path).await.bundle().entry.is_empty(), "{path}");
        }
        for path in [stored, &binary] {
            game.get(path).await.details(404);
            game.send(game.request(reqwest::Method::DELETE, path)).await.details(404);
            game.with_body(reqwest::Method::PUT, path, format.write(self::item(PATIENT, "k1")))
                .await
                .details(404);
        }
        game.acknowledge(&url, &hidden.1, ProcessingStatus::Success).await.details(404);
        refused(&game.post("Other?code=StorageItem", item).await);
        let mut linked = self::item(PATIENT, "k2");
        linked.subject = Some(to(OTHER));
        refused(&game.post("Other?code=StorageItem", linked).await);
        let query = format!("Binary?patient={OTHER}&objectType=level&objectKey=k3");
        refused(&game.with_body(reqwest::Method::POST, &query, format.write(Patient::default())).await);
        // A definition is about nobody and matters to everybody: it can be read.
        refused(&game.with_body(reqwest::Method::POST, "Other", definition.clone()).await);
        refused(&game.with_body(reqwest::Method::PUT, &defined, definition).await);
        game.get(&defined).await.document();
        assert!(!game.get("Other?code=ActivityDefinition").await.bundle().entry.is_empty());
        // A launch needs Basic credentials.
        let launch =
            format!("{}/OAuth2/Koppeltaal/Launch?client_id=game&patient={OTHER}&user=u", sandbox.url());
        game.get(&launch).await.details(401);
    }
}

fn item(patient: &str, key: &str) -> Other {
    StorageItem {
        content_type: Some("text/plain".into()),
        content: Some("QUJD".into()),
        patient_identifier: Some(Reference::from(patient)),
        object_type: Some("level".into()),
        object_key: Some(key.into()),
        ..StorageItem::default()
    }
    .into()
}
