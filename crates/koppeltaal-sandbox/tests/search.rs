//! Finding messages over real sockets: lists, pages, filters, one message by its id, empty results.

mod common;

use common::{Client, FORMATS, Format, bundle, header_mut, plan, start, status_of};
use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_messaging::{Header, ProcessingStatus as Status, ResourceUrl};
use koppeltaal_sandbox::Sandbox;

/// Posts this many messages, each about a care plan of its own.
async fn post_plans(sandbox: &Sandbox, count: usize) {
    let portal = Client::portal(sandbox, Format::Json);
    for id in 1..=count {
        portal.send_message(plan(&format!("m{id}"), &id.to_string())).await.bundle();
    }
}

fn identifiers(bundle: &Bundle) -> Vec<String> {
    Header::all_from_bundle(bundle).filter_map(|header| header.identifier().map(str::to_owned)).collect()
}

fn numbers(bundle: &Bundle) -> Vec<u64> {
    let ids = bundle.entry.iter().filter_map(|entry| entry.id.as_deref());
    ids.map(|id| id.rsplit_once('/').and_then(|(_, number)| number.parse().ok()).expect(id)).collect()
}

#[tokio::test]
async fn an_empty_result_in_json_still_has_a_list_of_entries_and_its_total_as_text() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    for path in [
        "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim",
        "MessageHeader/_search?_summary=true&_count=10",
        "MessageHeader/_search?_id=4711",
        "Other/_search?code=ActivityDefinition",
    ] {
        let answer = game.get(path).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").starts_with("application/json"));
        let json = answer.json();
        assert_eq!(json["entry"], serde_json::json!([]), "{path}");
        assert_eq!(json["totalResults"], "0", "{path}");
        assert!(json["link"].is_array(), "{path}");
    }
}

#[tokio::test]
async fn an_empty_result_in_xml_is_a_feed_without_entries() {
    let sandbox = start().await;
    let answer = Client::game(&sandbox, Format::Xml).claim().await;
    assert!(answer.header("content-type").starts_with("application/atom+xml"));
    let bundle = answer.bundle();
    assert_eq!(bundle.total_results.get(), Some(&0));
    assert!(bundle.entry.is_empty());
}

#[tokio::test]
async fn a_list_holds_headers_only_with_or_without_summary() {
    for format in FORMATS {
        let sandbox = start().await;
        post_plans(&sandbox, 3).await;
        let game = Client::game(&sandbox, format);
        for path in ["MessageHeader/_search?_summary=true", "MessageHeader/_search?", "MessageHeader"] {
            let list = game.get(path).await.bundle();
            assert_eq!(identifiers(&list), ["m1", "m2", "m3"]);
            assert_eq!(list.total_results.get(), Some(&3));
            assert!(list.resources().all(|resource| resource.get::<MessageHeader>().is_some()));
            assert!(numbers(&list).is_sorted());
        }
    }
}

#[tokio::test]
async fn pages_are_followed_by_their_next_links_to_the_end() {
    for format in FORMATS {
        let sandbox = start().await;
        post_plans(&sandbox, 5).await;
        let game = Client::game(&sandbox, format);
        let mut found = Vec::new();
        let mut next =
            Some("MessageHeader/_search?_summary=true&_count=2&Event=CreateOrUpdateCarePlan".to_owned());
        let mut pages = 0;
        while let Some(path) = next {
            let page = game.get(&path).await.bundle();
            pages += 1;
            found.extend(identifiers(&page));
            assert_eq!(page.total_results.get(), Some(&5));
            for rel in ["fhir-base", "self", "first", "last"] {
                assert!(page.link(rel).is_some_and(|href| href.starts_with(sandbox.url())), "{rel}");
            }
            next = page.link("next").map(str::to_owned);
            if let Some(next) = &next {
                assert!(
                    next.contains("_summary=true") && next.contains("Event=CreateOrUpdateCarePlan"),
                    "{next}"
                );
            }
        }
        assert_eq!(pages, 3);
        assert_eq!(found, ["m1", "m2", "m3", "m4", "m5"]);
    }
}

#[tokio::test]
async fn lists_are_filtered_by_parameters_of_any_case() {
    let sandbox = start().await;
    post_plans(&sandbox, 2).await;
    let (portal, game) = (Client::portal(&sandbox, Format::Json), Client::game(&sandbox, Format::Json));
    let mut of_other = plan("m3", "3");
    let other: ResourceUrl = "https://epd.example/fhir/Patient/2041".parse().expect("a URL");
    let mut header = Header::from(header_mut(&mut of_other).clone());
    header.set_patient(Some(&other));
    *header_mut(&mut of_other) = header.into_fhir();
    portal.send_message(of_other).await.bundle();
    portal.send_message(bundle("messages/CreateOrUpdatePractitioner-minimal")).await.bundle();
    game.claim().await.header_entry();

    let list = |query: &'static str| {
        let game = game.clone();
        async move { identifiers(&game.get(&format!("MessageHeader/_search?{query}")).await.bundle()) }
    };
    assert_eq!(list("Patient=https://epd.example/fhir/Patient/2041").await, ["m3"]);
    assert_eq!(list("patient=https%3A%2F%2Fepd.example%2Ffhir%2FPatient%2F2041/_history/7").await, ["m3"]);
    assert_eq!(list("Event=CreateOrUpdateCarePlan&ProcessingStatus=New").await, ["m2", "m3"]);
    assert_eq!(list("processingStatus=Claimed").await, ["m1"]);
    assert_eq!(list("event=CreateOrUpdateUserMessage").await, [] as [&str; 0]);
    assert_eq!(list("event=CreateOrUpdatePractitioner").await.len(), 1);
}

#[tokio::test]
async fn a_claim_can_be_limited_to_a_patient_but_not_to_a_status() {
    for format in FORMATS {
        let sandbox = start().await;
        post_plans(&sandbox, 1).await;
        let game = Client::game(&sandbox, format);
        let claim = "MessageHeader/_search?_query=MessageHeader.GetNextNewAndClaim";
        let refused = game.get(&format!("{claim}&processingStatus=New")).await;
        assert_eq!(refused.details(400), "ProcessingStatus is not allowed together with _query.");
        let nobody = game.get(&format!("{claim}&Patient=https://epd.example/fhir/Patient/2041")).await;
        assert!(nobody.bundle().entry.is_empty());
        let claimed = game.get(&format!("{claim}&Patient=https://epd.example/fhir/Patient/3007")).await;
        assert_eq!(claimed.bundle().entry.len(), 4);
    }
}

#[tokio::test]
async fn one_message_is_found_by_each_form_of_its_id_and_not_claimed_by_that() {
    for format in FORMATS {
        let sandbox = start().await;
        post_plans(&sandbox, 1).await;
        let game = Client::game(&sandbox, format);
        let list = game.get("MessageHeader/_search?_summary=true").await.bundle();
        let url = list.entry[0].id.clone().expect("an id");
        let versioned = list.entry[0].link("self").expect("a self link").to_owned();
        let number = numbers(&list)[0].to_string();
        for id in [number.as_str(), &url, &versioned, "m1"] {
            let found = game.get(&format!("MessageHeader/_search?_id={id}")).await;
            assert_eq!(found.bundle().entry.len(), 4, "the whole message by {id}");
            assert_eq!(status_of(&found.header_entry().1), Status::New);
            assert!(found.bundle().link("next").is_none());
        }
        Client::portal(&sandbox, format).send_message(plan("987654", "2")).await.bundle();
        let found = game.get("MessageHeader/_search?_id=987654").await.header_entry().1;
        assert_eq!(found.identifier.as_str(), Some("987654"));
        assert!(game.get("MessageHeader/_search?_id=no-such-message").await.bundle().entry.is_empty());
        let stranger = Client::stranger(&sandbox, format);
        assert!(stranger.get(&format!("MessageHeader/_search?_id={number}")).await.bundle().entry.is_empty());
    }
}

#[tokio::test]
async fn a_sender_that_saw_no_answer_finds_its_message_by_identifier() {
    for format in FORMATS {
        let sandbox = start().await;
        post_plans(&sandbox, 1).await;
        let found = Client::portal(&sandbox, format).get("MessageHeader/_search?_id=m1").await;
        let (_, header) = found.header_entry();
        assert_eq!(header.identifier.as_str(), Some("m1"));
        assert!(Header::from(header.clone()).processing().is_none(), "it is in no queue of the sender");
        let version = header.data[0].reference.as_str().expect("a reference");
        assert!(version.starts_with("https://portal.example/fhir/CarePlan/1/_history/"), "{version}");
    }
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_refused() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    for (query, status) in [
        ("_count=many", 400),
        ("page=0", 400),
        ("event=NoSuchEvent", 400),
        ("ProcessingStatus=Lost", 400),
        ("_query=MessageHeader.NoSuchQuery", 500),
    ] {
        game.get(&format!("MessageHeader/_search?{query}")).await.details(status);
    }
}

#[tokio::test]
async fn a_count_of_zero_gives_the_total_only() {
    let sandbox = start().await;
    post_plans(&sandbox, 2).await;
    let json = Client::game(&sandbox, Format::Json).get("MessageHeader/_search?_count=0").await.json();
    assert_eq!((&json["totalResults"], &json["entry"]), (&"2".into(), &serde_json::json!([])));
}
