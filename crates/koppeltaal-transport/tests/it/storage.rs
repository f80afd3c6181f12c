//! The storage service: its requests, and how their answers are read.

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_transport::{BinaryContent, BinaryKey, Comparison, Error, Format, StorageQuery};

use crate::server::{Server, Step, document, fixture, json, status, with_headers};

const STORED: &str = "https://koppeltaal.example/FHIR/Koppeltaal/Other/StorageItem:12/_history/2";
const PATIENT: &str = "https://epd.example/fhir/Patient/2041";

fn item() -> StorageItem {
    let document = document(&fixture("resources/other-storageitem.json"));
    document.get::<Other>().expect("an Other").clone().into()
}

fn stored(code: u16) -> Step {
    with_headers(code, &[("Content-Location", STORED)], "")
}

fn patient() -> ResourceUrl {
    PATIENT.parse().expect("an address")
}

fn not_found() -> Step {
    let outcome =
        r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","type":{"code":"not-found"}}]}"#;
    status(404, "application/json", outcome)
}

#[tokio::test]
async fn items_are_stored_changed_read_and_deleted() {
    for format in Format::ALL {
        let body = fixture(&format!("resources/other-storageitem.{format}"));
        let content_type = if format == Format::Json { "application/json" } else { "application/xml+fhir" };
        let read = with_headers(200, &[("Content-Type", content_type), ("Content-Location", STORED)], &body);
        let steps = [stored(201), stored(200), read, not_found(), with_headers(200, &[], ""), not_found()];
        let server = Server::playing(steps).await;
        let client = server.builder().format(format).build().expect("a client");

        let url = client.create_storage_item(&item()).await.expect("stored");
        assert_eq!(url.as_str(), STORED);
        client.update_storage_item(&url.without_version(), &item()).await.expect("changed");
        let found =
            client.storage_item(url.id(), Some(&patient())).await.expect("an answer").expect("an item");
        assert_eq!((found.url, found.item), (Some(url.clone()), item()));
        assert_eq!(client.storage_item("13", None).await.expect("an answer"), None);
        client.delete_storage_item(url.id()).await.expect("deleted");
        let error = client.delete_storage_item("12").await.expect_err("gone already");
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");

        let lines: Vec<_> =
            server.asked().into_iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
        let base = "/FHIR/Koppeltaal/Other";
        assert_eq!(
            lines,
            [
                format!("POST {base}?code=StorageItem"),
                format!("PUT {base}/StorageItem:12?code=StorageItem"),
                format!(
                    "GET {base}/StorageItem:12?code=StorageItem&patient=https%3A%2F%2Fepd.example%2Ffhir%2FPatient%2F2041"
                ),
                format!("GET {base}/13?code=StorageItem"),
                format!("DELETE {base}/StorageItem:12"),
                format!("DELETE {base}/StorageItem:12"),
            ]
        );
    }
}

#[tokio::test]
async fn an_id_cannot_leave_its_place_in_the_address() {
    let server = Server::playing([not_found()]).await;
    assert_eq!(server.client().storage_item("../MessageHeader/1?x", None).await.expect("an answer"), None);
    assert_eq!(server.only().target, "/FHIR/Koppeltaal/Other/..%2FMessageHeader%2F1%3Fx?code=StorageItem");
}

#[tokio::test]
async fn items_are_searched_by_all_that_the_protocol_names() {
    let entry = format!(
        r#"{{"id":"https://koppeltaal.example/FHIR/Koppeltaal/Other/StorageItem:12",
            "link":[{{"rel":"self","href":"{STORED}"}}],"content":{}}}"#,
        fixture("resources/other-storageitem.json")
    );
    let page = json(format!(r#"{{"resourceType":"Bundle","totalResults":"1","entry":[{entry}]}}"#));
    let empty = json(fixture("bundles/search-empty.json"));
    let server = Server::playing([page, empty.clone(), empty]).await;
    let client = server.client();
    let query = StorageQuery::default().patient(&patient()).object_type("state").object_key("level 1");
    let found = client.storage_items(&query).collect().await.expect("a list");
    assert_eq!(found[0].url.as_ref().map(ResourceUrl::as_str), Some(STORED));
    assert_eq!(found[0].item, item());
    let time = "2020-08-15T07:33:55Z".parse().expect("an instant");
    let query = StorageQuery::default()
        .object_key_contains("x")
        .last_updated(Comparison::NotBefore, &time)
        .last_updated(Comparison::Before, &time)
        .newest_first()
        .page_size(10);
    client.storage_items(&query).collect().await.expect("a list");
    let query = StorageQuery::default().id("12").object_key_starts_with("x").oldest_first();
    client.storage_items(&query).collect().await.expect("a list");

    let queries: Vec<_> = server
        .asked()
        .iter()
        .map(|asked| {
            let query = asked.target.split_once('?').expect("a query").1;
            let pairs = form_urlencoded::parse(query.as_bytes());
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        })
        .collect();
    let patient = format!("patient={PATIENT}");
    assert_eq!(
        queries[0],
        ["code=StorageItem", patient.as_str(), "objectType=state", "objectKey:exact=level 1"]
    );
    assert_eq!(
        queries[1],
        [
            "code=StorageItem",
            "objectKey:contains=x",
            "lastUpdated=>=2020-08-15T07:33:55Z",
            "lastUpdated=<2020-08-15T07:33:55Z",
            "_sort:desc=lastUpdated",
            "_count=10"
        ]
    );
    assert_eq!(queries[2], ["code=StorageItem", "_id=12", "objectKey=x", "_sort=lastUpdated"]);
}

#[tokio::test]
async fn the_address_of_what_was_stored_may_be_relative_to_what_was_asked() {
    for location in [
        "/FHIR/Koppeltaal/Other/StorageItem:12/_history/2",
        "Other/StorageItem:12/_history/2",
        "../Koppeltaal/Other/StorageItem:12/_history/2",
    ] {
        let server = Server::playing([with_headers(201, &[("Content-Location", location)], "")]).await;
        let url = server.client().create_storage_item(&item()).await.expect("stored");
        let path = "FHIR/Koppeltaal/Other/StorageItem:12/_history/2";
        assert_eq!(url.as_str(), format!("{}/{path}", server.url()), "{location}");
    }
}

#[tokio::test]
async fn content_travels_as_it_is() {
    let url = "https://koppeltaal.example/FHIR/Koppeltaal/Binary/12/_history/2";
    let stored = with_headers(201, &[("Content-Location", url)], "");
    let read = with_headers(200, &[("Content-Type", "image/png"), ("Content-Location", url)], b"\x89PNG");
    let server =
        Server::playing([stored.clone(), stored, read, not_found(), with_headers(200, &[], "")]).await;
    let client = server.client();
    let content = BinaryContent::new("image/png", "pixels");
    let key = BinaryKey::new(patient(), "drawing", "house & tree");
    let address = client.create_binary(&key, &content).await.expect("stored");
    client.update_binary(&address, &content).await.expect("changed");
    let found = client.binary("12").await.expect("an answer").expect("content");
    assert_eq!(found.content, BinaryContent::new("image/png", &b"\x89PNG"[..]));
    assert_eq!(found.url, Some(address));
    assert_eq!(client.binary("13").await.expect("an answer"), None);
    client.delete_binary("12").await.expect("deleted");
    let error = client.create_binary(&key, &BinaryContent::new("image\n", "")).await.expect_err("no type");
    assert!(matches!(error, Error::MediaType), "{error:?}");

    let asked = server.asked();
    assert_eq!(
        asked[0].target,
        "/FHIR/Koppeltaal/Binary?patient=https%3A%2F%2Fepd.example%2Ffhir%2FPatient%2F2041\
         &objectType=drawing&objectKey=house+%26+tree"
    );
    assert_eq!(asked[0].header("content-type"), Some("image/png"));
    assert_eq!(asked[0].body, "pixels");
    let lines: Vec<_> = asked[1..].iter().map(|asked| format!("{} {}", asked.method, asked.target)).collect();
    let base = "/FHIR/Koppeltaal/Binary";
    assert_eq!(
        lines,
        [
            format!("PUT {base}/12/_history/2"),
            format!("GET {base}/12"),
            format!("GET {base}/13"),
            format!("DELETE {base}/12")
        ]
    );
}
