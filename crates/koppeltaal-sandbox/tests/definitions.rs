//! Activity definitions over real sockets: create, update, archive, list, and the message that the server
//! sends.

mod common;

use common::{Client, FORMATS, Format, fixture, start};
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_sandbox::SandboxConfig;
use reqwest::Method;

fn definition() -> ActivityDefinition {
    let json = fixture("resources/other-activitydefinition", Format::Json);
    let document = Format::Json.read(json.as_bytes());
    document.get::<Other>().cloned().expect("an Other").into()
}

/// The other, changed by way of its profile.
fn changed(change: impl FnOnce(&mut ActivityDefinition)) -> Other {
    let mut definition = definition();
    change(&mut definition);
    definition.into()
}

#[tokio::test]
async fn a_definition_is_created_updated_and_archived() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let created = game
            .with_body(Method::POST, "Other", fixture("resources/other-activitydefinition", format))
            .await;
        assert_eq!(created.status, 201, "{}", created.body);
        let first = created.header("content-location").to_owned();
        let (url, version) = first.split_once("/_history/").expect("a version");
        let base = format!("{}/FHIR/Koppeltaal/Other/ActivityDefinition:", sandbox.url());
        assert!(url.strip_prefix(&base).is_some_and(|number| number.parse::<u64>().is_ok()), "{url}");
        assert_eq!(created.header("location"), first);

        let renamed = changed(|definition| definition.name = Some("Andere naam".into()));
        let updated = game.put(&first, renamed.clone()).await;
        assert_eq!(updated.resource::<Other>(), renamed);
        let second = updated.header("content-location").to_owned();
        assert!(second.starts_with(&format!("{url}/_history/")) && second > first, "{second}");

        let stale = game.put(&first, renamed.clone()).await;
        assert_eq!(stale.details(409), "The specified resource version is not correct");
        assert_eq!(stale.issues(409)[0].resource, Some(url.into()));
        let unversioned = game.put(url, renamed).await;
        assert_eq!(
            unversioned.details(409),
            "No version specified for the focal resource, message is rejected."
        );

        let list = portal.get("Other/_search?code=ActivityDefinition").await.bundle();
        assert_eq!(list.entry.len(), 1);
        assert_eq!(list.entry[0].id.as_deref(), Some(url));
        assert_eq!(list.entry[0].link("self"), Some(second.as_str()));

        let archived = game.put(&second, changed(|definition| definition.is_archived = Some(true))).await;
        assert!(!ActivityDefinition::from(archived.resource::<Other>()).is_active());
        for (query, count) in
            [("", 0), ("&includearchived=no", 0), ("&includearchived=yes", 1), ("&IncludeArchived=YES", 1)]
        {
            let list = portal.get(&format!("Other?code=ActivityDefinition{query}")).await.bundle();
            assert_eq!(list.entry.len(), count, "{query}");
        }
        assert!(!version.is_empty());
    }
}

#[tokio::test]
async fn subscribers_get_a_message_from_the_server_itself() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        let created = game.post("Other", changed(|_| {})).await;
        let location = created.header("content-location").to_owned();
        let message = portal.claim().await;
        let (_, header) = message.header_entry();
        assert_eq!(header.event.expect("an event").code.as_str(), Some("CreateOrUpdateActivityDefinition"));
        assert_eq!(header.source.expect("a source").software.as_str(), Some("Koppeltaal"));
        assert_eq!(header.data[0].reference.as_str(), Some(location.as_str()));
        let entry = message.bundle().entry.swap_remove(1);
        assert_eq!(entry.link("self"), Some(location.as_str()));
        assert_eq!(
            entry.content.as_ref().and_then(|content| content.get()),
            Some(&created.resource::<Other>())
        );
        assert!(game.claim().await.bundle().entry.is_empty());
    }
}

#[tokio::test]
async fn a_definition_can_be_read_by_its_url() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    let created = game.post("Other", changed(|_| {})).await;
    let location = created.header("content-location").to_owned();
    let url = location.split_once("/_history/").expect("a version").0;
    let read = game.get(url).await;
    assert_eq!(read.resource::<Other>(), created.resource::<Other>());
    assert_eq!(read.header("content-location"), location);
    game.get("Other/ActivityDefinition:4711").await.details(404);
    Client::stranger(&sandbox, Format::Json).get(url).await.details(404);
}

#[tokio::test]
async fn lists_come_whole_unless_pages_are_asked_for() {
    let sandbox = start().await;
    let game = Client::game(&sandbox, Format::Json);
    for _ in 0..3 {
        game.post("Other", changed(|_| {})).await.document();
    }
    let whole = game.get("Other?code=ActivityDefinition").await.bundle();
    assert_eq!((whole.entry.len(), whole.link("next")), (3, None));
    let page = game.get("Other?code=ActivityDefinition&_count=2").await.bundle();
    assert_eq!(page.entry.len(), 2);
    let last = game.get(page.link("next").expect("a next page")).await.bundle();
    assert_eq!((last.entry.len(), last.link("next")), (1, None));
}

#[tokio::test]
async fn other_kinds_of_content_are_refused() {
    for format in FORMATS {
        let sandbox = start().await;
        let game = Client::game(&sandbox, format);
        let post = |name: &'static str| game.with_body(Method::POST, "Other", fixture(name, format));
        post("resources/other-careteam").await.details(500);
        assert_eq!(
            post("resources/patient").await.details(500),
            "The resource type 'Patient' is not supported"
        );
        post("messages/CreateOrUpdatePatient-minimal").await.details(400);
        let search = game.get("Other?code=NoSuchThing").await;
        assert_eq!(search.details(500), "Other with the code 'NoSuchThing' is not supported");
    }
}

#[tokio::test]
async fn the_built_in_world_has_a_definition_of_its_game() {
    let sandbox = SandboxConfig::new().portal_and_game().start().await.expect("a sandbox");
    let portal = Client::new(&sandbox, "portal", "portal", Format::Json);
    let list = portal.get("Other?code=ActivityDefinition").await.bundle();
    let other = list.entry[0].content.as_ref().and_then(|content| content.get::<Other>()).expect("an Other");
    let definition = ActivityDefinition::from(other.clone());
    assert_eq!(definition.activity_definition_identifier.as_deref(), Some("SANDBOX-GAME"));
    assert!(
        portal.claim().await.bundle().entry.is_empty(),
        "nobody is told about what was there from the start"
    );
}
