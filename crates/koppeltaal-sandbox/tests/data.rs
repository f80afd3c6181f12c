//! The data file: what survives the end of a sandbox.

mod common;

use std::path::Path;

use common::files::Directory;
use common::{Client, FORMATS, Format, http, plan, world};
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::ProcessingStatus as Status;
use koppeltaal_messaging::Reference;
use koppeltaal_messaging::profiles::{ActivityDefinition, StorageItem};
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_sandbox::{Application, Sandbox, SandboxConfig, StartError};
use reqwest::Method;

fn definition() -> Other {
    ActivityDefinition {
        activity_definition_identifier: Some("G".into()),
        name: Some("Game".into()),
        kind: Some(ActivityKind::Game),
        ..ActivityDefinition::default()
    }
    .into()
}

/// Links are to be the same after a restart, whatever the port.
fn configured(path: &Path) -> SandboxConfig {
    world()
        .data(path)
        .public_url("http://koppeltaal.example")
        .activity_definition(common::DOMAIN, definition())
        .application(
            Application::new("game").redirect_uri("https://game.example/").secret("g").refresh_tokens(true),
        )
}

async fn start(path: &Path) -> Sandbox {
    configured(path).start().await.expect("a sandbox")
}

fn clients(sandbox: &Sandbox, format: Format) -> (Client, Client) {
    (Client::portal(sandbox, format), Client::game(sandbox, format))
}

#[tokio::test]
async fn messages_and_their_statuses_survive() {
    for format in FORMATS {
        let directory = Directory::new(&format!("messages-{format:?}"));
        let sandbox = start(&directory.file()).await;
        let (portal, game) = clients(&sandbox, format);
        let reply = portal.send_message(plan("m1", "1")).await.bundle();
        portal.send_message(plan("m2", "2")).await.bundle();
        portal.send_message(plan("m3", "3")).await.bundle();
        let (entry, header) = game.claim().await.header_entry();
        game.acknowledge(&local(&sandbox, entry.id.as_deref().expect("an id")), &header, Status::Success)
            .await
            .document();
        let claimed = game.claim().await.bundle();
        let before = game.get("MessageHeader/_search").await.bundle();
        let whole = game.get("MessageHeader/_search?_id=m3").await.bundle();
        sandbox.stop().await;

        let sandbox = start(&directory.file()).await;
        let (portal, game) = clients(&sandbox, format);
        assert_eq!(game.get("MessageHeader/_search").await.bundle().entry, before.entry);
        assert_eq!(game.get("MessageHeader/_search?_id=m3").await.bundle().entry, whole.entry);
        // The claim is still valid, and so is everything from before.
        let (entry, header) = game.claim().await.header_entry();
        assert_eq!(header.identifier.as_str(), Some("m3"));
        assert!(game.claim().await.bundle().entry.is_empty());
        let claimed_header =
            claimed.entry[0].content.as_ref().and_then(|content| content.get()).expect("a header");
        let claimed_id = claimed.entry[0].id.as_deref().expect("an id");
        game.acknowledge(&local(&sandbox, claimed_id), claimed_header, Status::Failed).await.document();
        game.acknowledge(&local(&sandbox, entry.id.as_deref().expect("an id")), &header, Status::New)
            .await
            .document();

        // A message that is posted again gets its first answer; a version from before is still the current
        // one.
        let again = portal.send_message(plan("m1", "1")).await.bundle();
        assert_eq!(again.entry, reply.entry);
        portal.send_message(plan("m4", "1")).await.details(409);
        let mut update = plan("m5", "1");
        let version = again.entry[0].content.as_ref().and_then(|content| content.get()).map(
            |header: &koppeltaal_fhir::resources::MessageHeader| {
                header.data[0].reference.as_str().expect("a link").to_owned()
            },
        );
        let version = version.expect("a version");
        common::header_mut(&mut update).data[0].reference = version.as_str().into();
        update.entry[1].link[0].href.clone_from(&version);
        let (_, updated) = portal.send_message(update).await.header_entry();
        assert!(updated.data[0].reference.as_str().is_some_and(|newer| newer > version.as_str()));
    }
}

/// The same address at the port where this sandbox listens.
fn local(sandbox: &Sandbox, url: &str) -> String {
    url.replace("http://koppeltaal.example", &format!("http://{}", sandbox.address()))
}

#[tokio::test]
async fn definitions_survive_and_configured_ones_are_taken_in_once() {
    let directory = Directory::new("definitions");
    let sandbox = start(&directory.file()).await;
    let (_, game) = clients(&sandbox, Format::Json);
    let created = game.post("Other", definition()).await;
    let location = local(&sandbox, created.header("content-location"));
    let renamed = Other::from(ActivityDefinition { name: Some("New".into()), ..definition().into() });
    game.put(&location, renamed).await.document();
    let before = game.get("Other?code=ActivityDefinition").await.bundle();
    assert_eq!(before.entry.len(), 2);
    drop(sandbox);
    let sandbox = restarted(&directory.file()).await;
    let (_, game) = clients(&sandbox, Format::Json);
    assert_eq!(game.get("Other?code=ActivityDefinition").await.bundle().entry, before.entry);
    assert_eq!(game.post("Other", definition()).await.status, 201);
    assert_eq!(game.get("Other?code=ActivityDefinition").await.bundle().entry.len(), 3);
}

/// Starts again after a drop, which may take a moment to let the file go.
async fn restarted(path: &Path) -> Sandbox {
    for _ in 0..200 {
        match configured(path).start().await {
            Ok(sandbox) => return sandbox,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    panic!("the file is still in use");
}

#[tokio::test]
async fn stored_items_survive() {
    let directory = Directory::new("storage");
    let item = |key: &str| {
        Other::from(StorageItem {
            content_type: Some("text/plain".into()),
            content: Some("QUJD".into()),
            patient_identifier: Some(Reference::from("https://portal.example/fhir/Patient/7")),
            object_type: Some("level".into()),
            object_key: Some(key.into()),
            ..StorageItem::default()
        })
    };
    let sandbox = start(&directory.file()).await;
    let (_, game) = clients(&sandbox, Format::Json);
    game.post("Other", item("1")).await.document();
    let second = local(&sandbox, game.post("Other", item("2")).await.header("content-location"));
    game.send(game.request(Method::DELETE, second.split_once("/_history/").expect("a version").0))
        .await
        .issues(200);
    let before = game.get("Other?code=StorageItem").await.bundle();
    sandbox.stop().await;
    let sandbox = start(&directory.file()).await;
    let (_, game) = clients(&sandbox, Format::Json);
    let after = game.get("Other?code=StorageItem").await.bundle();
    assert_eq!((after.entry.len(), after.entry), (1, before.entry));
    game.post("Other", item("1")).await.issues(409);
    let third = game.post("Other", item("2")).await;
    assert!(!third.header("content-location").starts_with(&second), "no number is given twice");
}

#[tokio::test]
async fn tokens_survive() {
    let directory = Directory::new("tokens");
    let sandbox = start(&directory.file()).await;
    let base = |sandbox: &Sandbox| format!("http://{}/OAuth2/Koppeltaal", sandbox.address());
    let query = [("client_id", "game"), ("patient", "https://portal.example/fhir/Patient/7"), ("user", "u")];
    let launch = http()
        .get(format!("{}/MobileLaunch", base(&sandbox)))
        .query(&query)
        .basic_auth("portal", Some("wacht:wöord"));
    let reply: serde_json::Value =
        serde_json::from_str(&launch.send().await.expect("an answer").text().await.expect("text"))
            .expect("JSON");
    sandbox.stop().await;

    let sandbox = start(&directory.file()).await;
    let scope = format!("launch:{}", reply["activation_code"].as_str().expect("a code"));
    let query = [("response_type", "code"), ("client_id", "game"), ("scope", &scope)];
    let authorize = http().get(format!("{}/Authorize", base(&sandbox))).query(&query);
    let reply: serde_json::Value =
        serde_json::from_str(&authorize.send().await.expect("an answer").text().await.expect("text"))
            .expect("JSON");
    sandbox.stop().await;

    let sandbox = start(&directory.file()).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", reply["authorization_code"].as_str().expect("a code")),
    ];
    let token = http().post(format!("{}/Token", base(&sandbox))).basic_auth("game", Some("g")).form(&form);
    let reply: serde_json::Value =
        serde_json::from_str(&token.send().await.expect("an answer").text().await.expect("text"))
            .expect("JSON");
    sandbox.stop().await;

    let sandbox = start(&directory.file()).await;
    let game = Client::bearer(&sandbox, reply["access_token"].as_str().expect("a token"), Format::Json);
    game.claim().await.bundle();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", reply["refresh_token"].as_str().expect("a token")),
    ];
    let refresh = http().post(format!("{}/Token", base(&sandbox))).basic_auth("game", Some("g")).form(&form);
    assert_eq!(refresh.send().await.expect("an answer").status(), 200);
    game.claim().await.details(401);
}

#[tokio::test]
async fn a_file_that_is_no_data_file_is_refused() {
    let directory = Directory::new("broken");
    std::fs::write(directory.file(), "x".repeat(5000)).expect("a file");
    let error = configured(&directory.file()).start().await.expect_err("no sandbox");
    assert!(matches!(error, StartError::DataFile(_)), "{error}");
    let nowhere = directory.path().join("nowhere/sandbox.sqlite");
    assert!(matches!(configured(&nowhere).start().await, Err(StartError::DataFile(_))));
}
