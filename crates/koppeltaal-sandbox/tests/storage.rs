//! The storage service over real sockets, as `Other` and as `Binary`.

mod common;

use std::time::Duration;

use common::{Client, FORMATS, Format, start, world};
use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::primitives::Base64Binary;
use koppeltaal_fhir::resources::{Binary, Other};
use koppeltaal_messaging::Reference;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_sandbox::{Limits, Sandbox};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};

const PATIENT: &str = "https://portal.example/fhir/Patient/7";

fn item(object_type: &str, object_key: &str, content: &str) -> StorageItem {
    StorageItem {
        content_type: Some("text/plain".into()),
        content: Some(content.into()),
        patient_identifier: Some(Reference::from(PATIENT)),
        object_type: Some(object_type.into()),
        object_key: Some(object_key.into()),
        ..StorageItem::default()
    }
}

fn keys(list: &Bundle) -> Vec<String> {
    let items = list.entry.iter().filter_map(|entry| entry.content.as_ref()?.get::<Other>().cloned());
    items.map(|other| StorageItem::from(other).object_key.expect("a key")).collect()
}

async fn store(client: &Client, object_type: &str, object_key: &str) -> String {
    let stored =
        client.post("Other?code=StorageItem", Other::from(item(object_type, object_key, "QUJD"))).await;
    assert_eq!(stored.status, 201, "{}", stored.body);
    stored.header("content-location").to_owned()
}

async fn found(client: &Client, query: &str) -> Vec<String> {
    keys(&client.get(&format!("Other?code=StorageItem&{query}")).await.bundle())
}

#[tokio::test]
async fn an_item_is_stored_read_changed_and_deleted() {
    for format in FORMATS {
        let sandbox = start().await;
        let game = Client::game(&sandbox, format);
        let stored = game.post("Other?code=StorageItem", Other::from(item("level", "1", "QUJD"))).await;
        let location = stored.header("content-location").to_owned();
        let (url, _) = location.split_once("/_history/").expect("a version");
        let base = format!("{}/FHIR/Koppeltaal/Other/StorageItem:", sandbox.url());
        let number = url.strip_prefix(&base).expect("an address");
        assert_eq!((stored.status, stored.header("location")), (201, location.as_str()));
        let shown = StorageItem::from(stored.resource::<Other>());
        assert_eq!(shown.application_identifier.as_deref(), Some("game"));
        assert_eq!(shown.domain_name.as_deref(), Some(common::DOMAIN));
        assert!(shown.last_modified.is_some());
        assert_eq!(shown.content.as_ref().map(Base64Binary::as_str), Some("QUJD"));

        for path in [
            url.to_owned(),
            format!("Other/{number}?code=StorageItem&patient={PATIENT}"),
            location.clone(),
            format!("Other/StorageItem:{number}?patient={PATIENT}/_history/1"),
        ] {
            assert_eq!(game.get(&path).await.header("content-location"), location, "{path}");
        }
        game.get(&format!("Other/{number}?code=StorageItem&patient=https://x/Patient/2")).await.details(404);

        sandbox.advance_clock(Duration::from_secs(5));
        let changed = Other::from(item("level", "1", "REVG"));
        let second = game.put(&format!("Other/{number}?code=StorageItem"), changed.clone()).await;
        let modified = StorageItem::from(second.resource::<Other>()).last_modified.expect("a time");
        assert!(modified.as_str() > shown.last_modified.expect("a time").as_str());
        let stale = game.put(&location, changed.clone()).await;
        assert_eq!(stale.details(409), "The specified resource version is not correct");
        assert_eq!(stale.issues(409)[0].resource, Some(url.into()));
        let current = second.header("content-location").to_owned();
        assert!(current > location);
        game.get(&location).await.details(404);
        game.put(&current, changed).await.document();

        let deleted = game.send(game.request(Method::DELETE, url)).await;
        assert_eq!(deleted.issues(200).len(), 1);
        game.get(url).await.details(404);
        game.send(game.request(Method::DELETE, url)).await.details(404);
    }
}

#[tokio::test]
async fn the_server_fills_in_what_is_its_own() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    let claimed = StorageItem {
        application_identifier: Some("portal".into()),
        domain_name: Some("Elsewhere".into()),
        last_modified: Some("2001-01-01T00:00:00Z".parse().expect("an instant")),
        content: Some("QU JD\n".into()),
        ..item("level", "1", "")
    };
    let stored = StorageItem::from(game.post("Other", Other::from(claimed)).await.resource::<Other>());
    assert_eq!(stored.application_identifier.as_deref(), Some("game"));
    assert_eq!(stored.domain_name.as_deref(), Some(common::DOMAIN));
    assert!(stored.last_modified.is_some_and(|time| time.year() > 2001));
    assert_eq!(stored.content.expect("content").as_str(), "QUJD");
}

#[tokio::test]
async fn items_are_found_by_type_key_and_time() {
    for format in FORMATS {
        let sandbox = start().await;
        let game = Client::game(&sandbox, format);
        store(&game, "level", "world-1").await;
        sandbox.advance_clock(Duration::from_secs(3600));
        let second = store(&game, "level", "world-12").await;
        sandbox.advance_clock(Duration::from_secs(3600));
        store(&game, "score", "my-world").await;

        let item = StorageItem::from(game.get(&second).await.resource::<Other>());
        let time = item.last_modified.expect("a time").as_str().to_owned();
        let number =
            second.split_once("StorageItem:").and_then(|(_, rest)| rest.split('/').next()).expect("a number");
        for (query, expected) in [
            ("", &["world-1", "world-12", "my-world"][..]),
            ("objectType=level", &["world-1", "world-12"]),
            ("ObjectType=level", &["world-1", "world-12"]),
            ("objectType=lev", &[]),
            ("objectKey=world", &["world-1", "world-12"]),
            ("objectKey:exact=world-1", &["world-1"]),
            ("objectKey:contains=world", &["world-1", "world-12", "my-world"]),
            ("objectKey:contains=world&objectType=score", &["my-world"]),
            (&format!("_id={number}"), &["world-12"]),
            (&format!("_id=StorageItem:{number}"), &["world-12"]),
            (&format!("_id={second}"), &["world-12"]),
            ("_id=nothing", &[]),
            (&format!("lastUpdated={time}"), &["world-12"]),
            (&format!("lastUpdated=%3E{time}"), &["my-world"]),
            (&format!("lastUpdated=%3E%3D{time}"), &["world-12", "my-world"]),
            (&format!("lastUpdated=%3C{time}"), &["world-1"]),
            (&format!("lastUpdated=%3C%3D{time}"), &["world-1", "world-12"]),
            (&format!("lastUpdated=%3E{time}&lastUpdated=%3C{time}"), &[]),
            (&format!("patient={PATIENT}&_sort:desc=lastUpdated"), &["my-world", "world-12", "world-1"]),
            ("_sort=lastUpdated", &["world-1", "world-12", "my-world"]),
            ("patient=https://portal.example/fhir/Patient/8", &[]),
        ] {
            assert_eq!(found(&game, query).await, expected, "{query}");
        }
        // Some clients do not encode the plus of an offset.
        for offset in ["+00:00", "%2B00:00"] {
            let time = time.replace('Z', offset);
            for (prefix, expected) in [("", 1), ("%3C%3D", 2), ("%3E", 1)] {
                let path = format!("Other?code=StorageItem&lastUpdated={prefix}{time}");
                assert_eq!(keys(&game.get(&path).await.bundle()).len(), expected, "{path}");
            }
        }
        game.get("Other?code=StorageItem&lastUpdated=yesterday").await.details(400);
        game.get("Other?code=StorageItem&_sort=objectKey").await.details(400);

        let page = game.get("Other/_search?code=StorageItem&_count=2").await.bundle();
        assert_eq!((page.entry.len(), page.total_results.get()), (2, Some(&3)));
        assert_eq!(keys(&game.get(page.link("next").expect("a next page")).await.bundle()), ["my-world"]);
    }
}

#[tokio::test]
async fn an_item_belongs_to_its_application() {
    let sandbox = start().await;
    let (game, portal) = (Client::game(&sandbox, Format::Json), Client::portal(&sandbox, Format::Json));
    let location = store(&game, "level", "1").await;
    assert_eq!(found(&portal, "").await, [""; 0]);
    portal.get(&location).await.details(404);
    portal.put(&location, Other::from(item("level", "1", "REVG"))).await.details(404);
    portal
        .send(portal.request(Method::DELETE, location.split_once("/_history/").expect("a version").0))
        .await
        .details(404);
    // The same key of another application is another item.
    store(&portal, "level", "1").await;
}

#[tokio::test]
async fn a_key_is_unique_per_patient_and_type() {
    for format in FORMATS {
        let sandbox = start().await;
        let game = Client::game(&sandbox, format);
        let first = store(&game, "level", "1").await;
        let other_type = store(&game, "score", "1").await;
        let twice = game.post("Other?code=StorageItem", Other::from(item("level", "1", "QUJD"))).await;
        assert!(twice.issues(409)[0].is("duplicate"));
        let other_patient = StorageItem {
            patient_identifier: Some(Reference::from("https://x.example/Patient/8")),
            ..item("level", "1", "QUJD")
        };
        assert_eq!(game.post("Other", Other::from(other_patient)).await.status, 201);
        let moved = game.put(&other_type, Other::from(item("level", "1", "QUJD"))).await;
        assert!(moved.issues(409)[0].is("duplicate"));
        game.put(&first, Other::from(item("level", "2", "QUJD"))).await.document();
        store(&game, "level", "1").await;
    }
}

#[tokio::test]
async fn items_without_what_they_need_are_refused() {
    for format in FORMATS {
        let sandbox = start().await;
        let game = Client::game(&sandbox, format);
        let bare = StorageItem { object_key: None, content_type: None, ..item("level", "1", "QUJD") };
        let refused = game.post("Other?code=StorageItem", Other::from(bare)).await;
        assert_eq!(refused.details(400), "The StorageItem has no ContentType, ObjectKey.");
        let refused =
            game.post("Other?code=StorageItem", Other::from(item("level", "1", "not base64!"))).await;
        assert_eq!(refused.details(400), "The content is not base64.");
        game.post("Other?code=StorageItem", Bundle::default()).await.details(400);
        Client::anonymous(&sandbox, format).get("Other?code=StorageItem").await.details(401);
    }
}

#[tokio::test]
async fn storage_is_bounded() {
    let mut limits = Limits::default();
    // Each takes a few KB, whatever its content.
    (limits.storage_items, limits.storage_bytes) = (2, 100_000);
    let sandbox = world().limits(limits).start().await.expect("a sandbox");
    let game = Client::game(&sandbox, Format::Json);
    let location = store(&game, "level", "1").await;
    let large = game.put(&location, Other::from(item("level", "1", &"QUJD".repeat(25_000)))).await;
    assert!(large.issues(503)[0].is("too-costly"));
    assert_eq!(large.header("retry-after"), "10");
    store(&game, "level", "2").await;
    game.post("Other", Other::from(item("level", "3", "QQ=="))).await.details(503);
    game.send(game.request(Method::DELETE, &location.replace("/_history/", "?v="))).await.issues(200);
    store(&game, "level", "3").await;
}

/// Bytes that are not text.
const BYTES: &[u8] = &[0, 159, 146, 150, 13, 10];

async fn stored_binary(sandbox: &Sandbox) -> (Client, String) {
    let game = Client::game(sandbox, Format::Json);
    let request = game
        .request(Method::POST, &format!("Binary?patient={PATIENT}&objectType=picture&objectKey=1"))
        .header(CONTENT_TYPE, "image/png")
        .body(BYTES);
    let stored = game.send(request).await;
    assert_eq!(stored.status, 201, "{}", stored.body);
    let location = stored.header("content-location").to_owned();
    (game, location.split_once("/_history/").expect("a version").0.to_owned())
}

#[tokio::test]
async fn content_can_be_stored_and_read_as_it_is() {
    let sandbox = start().await;
    let (game, url) = stored_binary(&sandbox).await;
    let read = common::http().get(&url).basic_auth("game", Some("g")).send().await.expect("an answer");
    assert_eq!(read.headers()[CONTENT_TYPE], "image/png");
    assert_eq!(read.headers()["x-content-type-options"], "nosniff");
    assert_eq!(read.bytes().await.expect("a body"), BYTES);

    // The same item is an Other.
    let items = game.get("Other?code=StorageItem&objectType=picture").await.bundle();
    assert_eq!(keys(&items), ["1"]);

    let changed =
        game.send(game.request(Method::PUT, &url).header(CONTENT_TYPE, "text/plain").body("new")).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let read = common::http().get(&url).basic_auth("game", Some("g")).send().await.expect("an answer");
    assert_eq!(
        (read.headers()[CONTENT_TYPE].clone(), read.text().await.expect("text")),
        ("text/plain".parse().expect("a value"), "new".into())
    );
    game.send(game.request(Method::DELETE, &url)).await.issues(200);
    game.get(&url).await.details(404);
}

#[tokio::test]
async fn who_asks_for_fhir_gets_a_binary_resource() {
    for (format, media_type) in
        [(Format::Json, "application/json+fhir"), (Format::Xml, "application/xml+fhir")]
    {
        let sandbox = start().await;
        let (_, url) = stored_binary(&sandbox).await;
        let game = Client::game(&sandbox, format);
        let mut request = game.request(Method::GET, &url).build().expect("a request");
        request.headers_mut().insert(ACCEPT, media_type.parse().expect("a value"));
        let read = common::http().execute(request).await.expect("an answer").text().await.expect("text");
        let document = format.read(read.as_bytes());
        let binary = document.get::<Binary>().expect("a Binary");
        assert_eq!(binary.content_type, "image/png");
        assert_eq!(binary.content.get().expect("content").as_str(), "AJ+Slg0K");

        let list = game.get("Binary?objectType=picture").await.bundle();
        assert_eq!(list.entry[0].id.as_deref(), Some(url.as_str()));
        assert!(list.entry[0].content.as_ref().is_some_and(|content| content.get::<Binary>().is_some()));

        let changed = Binary {
            content_type: "text/plain".into(),
            content: Base64Binary::from("QUJD").into(),
            ..Binary::default()
        };
        game.put(&url, changed).await.resource::<Binary>();
        let raw = common::http().get(&url).basic_auth("game", Some("g")).send().await.expect("an answer");
        assert_eq!(raw.text().await.expect("text"), "ABC");
    }
}

#[tokio::test]
async fn a_binary_needs_to_be_said_what_it_is() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    let bare =
        game.request(Method::POST, "Binary?objectType=picture").header(CONTENT_TYPE, "image/png").body(BYTES);
    assert_eq!(game.send(bare).await.details(400), "The parameter patient is missing.");
    game.get("Binary/4711").await.details(404);
    game.get("Binary/x").await.details(404);
}
