//! Activity definitions, and the messages that the server sends about them.

use koppeltaal_fhir::datatypes::Extension;

use super::*;
use crate::definition;

fn archived() -> Other {
    let mut archived = definition::game("G", "Game", "game");
    archived.extension.push(Extension {
        url: "http://ggz.koppeltaal.nl/fhir/Koppeltaal/ActivityDefinition#IsArchived".into(),
        value: Some(ExtensionValue::Boolean(true.into())),
        ..Extension::default()
    });
    archived
}

impl World {
    fn create(&mut self, content: Other) -> Result<Definition, Refusal> {
        self.mailbox.create_definition(
            DOMAIN,
            DefinitionDraft { content, bytes: 500 },
            Uuid::new_v4(),
            self.now,
        )
    }

    fn update(&mut self, number: u64, version: Option<&str>, content: Other) -> Result<Definition, Refusal> {
        let target = DefinitionTarget { number, url: "the-url", version };
        let draft = DefinitionDraft { content, bytes: 500 };
        self.mailbox.update_definition(DOMAIN, target, draft, Uuid::new_v4(), self.now)
    }

    fn listed(&mut self, instance: &str, with_archived: bool) -> Vec<u64> {
        let domain = self.id(instance).domain;
        self.mailbox.definitions(&domain, with_archived).iter().map(|definition| definition.number).collect()
    }
}

#[test]
fn subscribers_are_told_of_a_new_definition_by_the_server() {
    let mut world = World::new();
    let created = world.create(definition::game("G", "Game", "game")).expect("created");
    let received = world.claim("portal").expect("a message");
    assert_eq!(received.message.event, Event::CreateOrUpdateActivityDefinition);
    assert_eq!(received.message.focal().address, Address::Definition(created.number));
    assert_eq!(received.message.focal().version, Some(created.version));
    assert_eq!(world.statuses("game"), [], "not subscribed");
    assert_eq!(world.statuses("stranger"), [], "of another domain");
}

#[test]
fn an_update_gets_a_new_version_and_replaces_the_waiting_message() {
    let mut world = World::new();
    let first = world.create(definition::game("G", "Game", "game")).expect("created");
    let renamed = definition::game("G", "New name", "game");
    let second = world.update(first.number, Some(first.version.as_str()), renamed.clone()).expect("updated");
    assert!(second.version > first.version);
    assert_eq!((second.number, second.content), (first.number, renamed));
    assert_eq!(world.statuses("portal"), [Status::ReplacedByNewVersion, Status::New]);
}

#[test]
fn an_update_needs_the_current_version() {
    let mut world = World::new();
    let first = world.create(definition::game("G", "Game", "game")).expect("created");
    for (version, text) in [
        (Some("7"), "The specified resource version is not correct"),
        (None, "No version specified for the focal resource, message is rejected."),
    ] {
        let refusal = world.update(first.number, version, archived()).expect_err("refused");
        assert_eq!((refusal.kind, details(&refusal)), (RefusalKind::Conflict, text.to_owned()));
        assert_eq!(refusal.issues[0].resource, Some("the-url".into()));
    }
    assert_eq!(world.update(99, Some("7"), archived()).expect_err("refused").kind, RefusalKind::NotFound);
}

#[test]
fn archived_definitions_are_listed_on_request_only() {
    let mut world = World::new();
    let active = world.create(definition::game("G", "Game", "game")).expect("created");
    let gone = world.create(definition::game("H", "Game", "game")).expect("created");
    world.update(gone.number, Some(gone.version.as_str()), archived()).expect("updated");
    assert_eq!(world.listed("portal", false), [active.number]);
    assert_eq!(world.listed("portal", true), [active.number, gone.number]);
    assert_eq!(world.listed("stranger", true), [] as [u64; 0]);
}

#[test]
fn another_kind_of_other_is_no_definition() {
    let refusal = World::new().create(other(ResourceKind::CareTeam)).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Unsupported);
}

#[test]
fn definitions_are_bounded() {
    let mut world = World::with(|config| config.limits.definitions = 1);
    world.create(definition::game("G", "Game", "game")).expect("created");
    assert_eq!(
        world.create(definition::game("H", "Game", "game")).expect_err("refused").kind,
        RefusalKind::Full
    );
}

#[test]
fn a_definition_posted_to_the_mailbox_is_accepted_and_changes_nothing() {
    let mut world = World::new();
    let url = "https://k.example/FHIR/Koppeltaal/Other/ActivityDefinition:1";
    let draft =
        Draft::new("m1", Event::CreateOrUpdateActivityDefinition, url, definition::game("G", "Game", "game"));
    let receipt = world.post("game", draft).expect("accepted");
    assert_eq!(named_urls(&receipt), [url]);
    assert_eq!(world.statuses("portal"), []);
    assert_eq!(world.listed("portal", true), [] as [u64; 0]);
}

#[test]
fn a_definition_inside_another_message_keeps_the_version_that_it_came_with() {
    let mut world = World::new();
    let mut draft = Draft::plan("m1");
    let url = "https://k.example/FHIR/Koppeltaal/Other/ActivityDefinition:1";
    draft.resources.push((url.into(), Some("2020".into()), definition::game("G", "Game", "game").into()));
    let receipt = world.post("portal", draft).expect("accepted");
    assert_eq!(named_urls(&receipt), [PLAN, PATIENT]);
    let delivered = world.claim("game").expect("a message");
    assert_eq!(delivered.message.resources[2].version.as_ref().map(Version::as_str), Some("2020"));
}

#[test]
fn a_mistake_in_a_definition_is_reported_before_a_lack_of_room() {
    let mut world = World::with(|config| {
        config.limits.queue_messages = 1;
        config.limits.definitions = 1;
    });
    let game = || definition::game("G", "Game", "game");
    let first = world.create(game()).expect("created");
    let version = Some(first.version.as_str());
    world
        .post(
            "game",
            Draft::new(
                "practitioner",
                Event::CreateOrUpdatePractitioner,
                "https://epd.example/Practitioner/1",
                koppeltaal_fhir::resources::Practitioner::default(),
            ),
        )
        .expect_err("the queue of the portal is full");
    let unwritable = definition::game("G", "Ga\u{1}me", "game");
    let care_team = other(ResourceKind::CareTeam);
    for (number, version, content, kind) in [
        (9, version, game(), RefusalKind::NotFound),
        (first.number, None, game(), RefusalKind::Conflict),
        (first.number, Some("another"), game(), RefusalKind::Conflict),
        (first.number, version, unwritable.clone(), RefusalKind::Rule),
        (first.number, version, care_team.clone(), RefusalKind::Unsupported),
    ] {
        assert_eq!(world.update(number, version, content).expect_err("refused").kind, kind);
    }
    assert_eq!(world.create(unwritable).expect_err("refused").kind, RefusalKind::Rule);
    assert_eq!(world.create(care_team).expect_err("refused").kind, RefusalKind::Unsupported);
    assert_eq!(world.create(game()).expect_err("refused").kind, RefusalKind::Full);
    world.claim("portal").expect("the message about the definition");
    assert_eq!(world.update(first.number, version, game()).expect_err("refused").kind, RefusalKind::Full);
}
