//! What deployed clients of the 1.x era rely on, though no standard says it. Each of these was found by
//! running or reading a client.

mod common;

use common::{Client, FORMATS, Format, fixture, plan, processing, start, status_of, world};
use koppeltaal_fhir::resources::{CarePlan, MessageHeader, Patient};
use koppeltaal_messaging::vocabulary::extension::message_header;
use koppeltaal_messaging::{Header, ProcessingState, ProcessingStatus as Status};
use koppeltaal_sandbox::Application;
use reqwest::Method;
use serde_json::{Value, json};

/// One client treats an answer without content as a failure to parse, unless its status is 200 or 201.
#[tokio::test]
async fn every_answer_to_a_json_client_says_that_it_is_json_and_has_content() {
    let game = Application::new("game")
        .launch_url("https://game.example/")
        .redirect_uri("https://game.example/login");
    let sandbox = world().application(game).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Json);
    let stored =
        portal.with_body(Method::POST, "Other", fixture("resources/other-storageitem", Format::Json)).await;
    let item = stored.header("content-location").split_once("/_history/").expect("a version").0.to_owned();
    let launch = "?client_id=game&patient=https://p.example/Patient/1&user=u";
    let oauth = format!("{}/OAuth2/Koppeltaal", sandbox.url());
    for (method, path, status) in [
        (Method::GET, "metadata", 200),
        (Method::GET, "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim", 200),
        (Method::GET, "MessageHeader/_search?_count=%F0", 400),
        (Method::GET, "MessageHeader?_id=none", 200),
        (Method::PUT, "MessageHeader/1", 400),
        (Method::GET, "Other?code=ActivityDefinition", 200),
        (Method::GET, "Other/%F0", 400),
        (Method::POST, "Other", 400),
        (Method::POST, "Mailbox", 400),
        (Method::DELETE, "Mailbox", 405),
        (Method::DELETE, &item, 200),
        (Method::DELETE, &item, 404),
        (Method::GET, "nowhere", 404),
        (Method::GET, &format!("{}/nowhere", sandbox.url()), 404),
        (Method::GET, &format!("{oauth}/Launch{launch}"), 302),
        (Method::GET, &format!("{oauth}/Launch"), 400),
        (Method::GET, &format!("{oauth}/MobileLaunch{launch}"), 200),
        (Method::GET, &format!("{oauth}/Authorize"), 400),
        (Method::GET, &format!("{oauth}/Token"), 400),
        (Method::POST, &format!("{oauth}/Token"), 400),
    ] {
        let answer = portal.send(portal.request(method.clone(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let content_type = answer.header("content-type");
        assert!(content_type.starts_with("application/json"), "{method} {path}: {content_type}");
        assert!(status == 302 || answer.json().is_object(), "{method} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn links_are_lists_and_totals_are_text_in_every_bundle() {
    let sandbox = start().await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    game.with_body(Method::POST, "Other", fixture("resources/other-activitydefinition", Format::Json))
        .await
        .document();
    portal.send_message(plan("m1", "1")).await.bundle();
    for path in [
        "MessageHeader/_search?_summary=true",
        "MessageHeader/_search?_id=m1",
        "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim",
        "Other?code=ActivityDefinition",
    ] {
        let bundle = game.get(path).await.json();
        assert_eq!(bundle["totalResults"], "1", "{path}");
        assert!(bundle["link"].is_array(), "{path}");
        let entries = bundle["entry"].as_array().expect("entries");
        assert!(!entries.is_empty() && entries.iter().all(|entry| entry["link"].is_array()), "{path}");
    }
}

/// A client that sorts headers by their numbers takes the highest for the newest.
#[tokio::test]
async fn numbers_and_versions_of_headers_grow() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let mut last = (0, String::new());
        for id in ["1", "2", "3"] {
            portal.send_message(plan(id, id)).await.bundle();
            let (entry, _) = game.claim().await.header_entry();
            let (url, version) =
                entry.link("self").and_then(|link| link.split_once("/_history/")).expect("a version");
            assert_eq!(entry.id.as_deref(), Some(url));
            let (_, number) = url.rsplit_once("/MessageHeader/").expect("an address");
            let next = (number.parse::<u64>().expect("a number"), version.to_owned());
            assert!(next.0 > last.0 && next.1 > last.1, "{next:?} after {last:?}");
            last = next;
        }
    }
}

#[tokio::test]
async fn the_processing_status_always_says_when_it_last_changed() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        portal.send_message(plan("m1", "1")).await.bundle();
        let shown = async |status| {
            let (_, header) = game.get("MessageHeader/_search?_id=m1").await.header_entry();
            assert_eq!(status_of(&header), status);
            assert!(processing(&header).last_changed().is_some(), "{status}");
            let extension =
                header.extension.iter().find(|part| part.url == message_header::PROCESSING_STATUS);
            let first = &extension.expect("a status").extension[0].url;
            assert_eq!(first, message_header::PROCESSING_STATUS_STATUS, "{status}");
        };
        shown(Status::New).await;
        let (entry, header) = game.claim().await.header_entry();
        shown(Status::Claimed).await;
        game.acknowledge(&entry.id.expect("an id"), &header, Status::Success).await.document();
        shown(Status::Success).await;
    }
}

/// Clients send back a header that they built anew, without the parts that they do not know.
#[tokio::test]
async fn of_an_acknowledgement_only_the_status_counts() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        portal.send_message(plan("m1", "1")).await.bundle();
        let (entry, received) = game.claim().await.header_entry();
        let rebuilt = MessageHeader { identifier: "another".into(), ..MessageHeader::default() };
        let mut rebuilt = Header::from(rebuilt);
        let state = ProcessingState::new(Status::Success, koppeltaal_fhir::primitives::Instant::now());
        rebuilt.set_processing(&state.with_exception("left over")).expect("the first status");
        game.put(entry.link("self").expect("a self link"), rebuilt.into_fhir()).await.document();

        let (_, header) = game.get("MessageHeader/_search?_id=m1").await.header_entry();
        assert_eq!((status_of(&header), processing(&header).exception()), (Status::Success, None));
        let without_status = |header: MessageHeader| {
            let mut header = Header::from(header);
            header.clear_processing();
            header.into_fhir()
        };
        assert_eq!(without_status(header), without_status(received));
    }
}

/// Header entries as senders write them: times without offset and with microseconds, numbers as ids, empty
/// lists, one link instead of a list, older code systems.
#[tokio::test]
async fn what_deployed_senders_write_is_taken() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 6] = [
        ("an id of the sender's own", |message| {
            message["entry"][0]["id"] = json!("https://portal.example/fhir/MessageHeader/140231");
        }),
        ("no id", |message| {
            message["entry"][0].as_object_mut().expect("an object").remove("id");
        }),
        ("times", |message| {
            message["entry"][0]["content"]["timestamp"] = json!("2023-03-14T10:26:53.123456");
            message["updated"] = json!("2023-03-14T10:26:53.123456");
        }),
        ("one link", |message| {
            let link = message["entry"][1]["link"][0].take();
            message["entry"][1]["link"] = link;
        }),
        ("numbers and empty lists", |message| {
            message["entry"][1]["content"]["id"] = json!(910);
            message["entry"][1]["content"]["concern"] = json!([]);
            message["entry"][2]["content"]["telecom"] = json!([]);
        }),
        ("an older code system", |message| {
            message["entry"][2]["content"]["gender"] = json!({ "coding": [{ "system": "http://hl7.org/fhir/vs/administrative-gender", "code": "F" }] });
        }),
    ];
    for (what, change) in changes {
        let sandbox = start().await;
        let mut message: Value = serde_json::from_str(&Format::Json.write(plan("m1", "1"))).expect("JSON");
        change(&mut message);
        let portal = Client::portal(&sandbox, Format::Json);
        let answer = portal.with_body(Method::POST, "Mailbox", message.to_string()).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        let claimed = Client::game(&sandbox, Format::Json).claim().await;
        let bundle = claimed.bundle();
        let content = |place: usize| bundle.entry[place].content.as_ref().expect("a resource");
        assert!(content(1).get::<CarePlan>().is_some_and(|plan| !plan.activity.is_empty()), "{what}");
        assert!(content(2).get::<Patient>().is_some_and(|patient| !patient.name.is_empty()), "{what}");
    }
}

/// The instant of a message is its sender's, however it is written.
#[tokio::test]
async fn a_time_without_offset_reaches_the_receiver_as_it_was_written() {
    let sandbox = start().await;
    let mut message: Value = serde_json::from_str(&Format::Json.write(plan("m1", "1"))).expect("JSON");
    message["entry"][0]["content"]["timestamp"] = json!("2023-03-14T10:26:53.123456");
    let portal = Client::portal(&sandbox, Format::Json);
    portal.with_body(Method::POST, "Mailbox", message.to_string()).await.bundle();
    for format in FORMATS {
        let found = Client::game(&sandbox, format).get("MessageHeader/_search?_id=m1").await;
        assert!(found.body.contains("2023-03-14T10:26:53.123456"), "{}", found.body);
    }
}

#[tokio::test]
async fn a_definition_may_name_an_application_that_nobody_configured() {
    for format in FORMATS {
        let sandbox = start().await;
        let definition = fixture("resources/other-activitydefinition", format);
        let named = definition.replace("vuurtoren-game", "never-heard-of");
        assert_ne!(named, definition);
        let created = Client::game(&sandbox, format).with_body(Method::POST, "Other", named).await;
        assert_eq!(created.status, 201, "{}", created.body);
        assert!(created.body.contains("never-heard-of"));
    }
}

#[tokio::test]
async fn a_launch_needs_no_known_patient_and_takes_a_definition_for_its_resource() {
    let game = Application::new("game").launch_url("https://game.example/start");
    let sandbox = world().application(game).start().await.expect("a sandbox");
    let portal = Client::portal(&sandbox, Format::Json);
    for resource in ["https://portal.example/fhir/CarePlan/910#b1", "SLAAPDAGBOEK"] {
        let launch =
            portal.request(Method::GET, &format!("{}/OAuth2/Koppeltaal/Launch", sandbox.url())).query(&[
                ("client_id", "game"),
                ("patient", "https://portal.example/fhir/Patient/never-seen"),
                ("user", "https://portal.example/fhir/Practitioner/never-seen"),
                ("resource", resource),
            ]);
        let answer = portal.send(launch).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        assert!(answer.header("location").starts_with("https://game.example/start?iss="));
    }
}
