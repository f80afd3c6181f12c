//! Activity definitions are put by their identifier, without id and version. In both formats.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use koppeltaal::fhir::datatypes::Identifier;
use koppeltaal::messaging::profiles::{ActivityDefinition, ActivityDefinitionSubActivity};
use koppeltaal::messaging::{Profile, Reference, valuesets};
use koppeltaal::transport::{Error, Format, IncludeArchived, StoredActivityDefinition};
use koppeltaal::{Connector, DefinitionError, DefinitionOutcome};
use koppeltaal_sandbox::{Fault, FaultKind};

use crate::formats::in_both_formats;
use crate::forward::forward;
use crate::world::{DEFINITION, Result, World, definition};

in_both_formats! {
    a_definition_is_created_once put_twice;
    a_definition_that_differs_is_updated update;
    what_the_server_adds_is_no_difference what_the_server_adds;
    a_definition_is_archived_and_taken_out_of_the_archive archive;
    another_application_s_definition_is_left_alone another_application;
    two_definitions_with_one_identifier_are_an_error duplicate;
    a_definition_that_changes_meanwhile_is_read_again conflict_once;
    an_equal_change_of_somebody_else_is_left_alone conflict_with_the_same;
    somebody_who_is_always_faster_is_an_error conflict_always;
    a_failed_precondition_is_a_conflict failed_precondition;
    one_connector_creates_a_definition_once_however_many_tasks_put_it at_the_same_time;
    a_definition_that_cannot_be_published_is_not_sent not_sent;
}

/// All definitions at the server, the archived ones included.
async fn stored(connector: &Connector) -> Result<Vec<StoredActivityDefinition>> {
    Ok(connector.client().activity_definitions(IncludeArchived::Yes).collect().await?)
}

/// The only definition at the server.
async fn only(connector: &Connector) -> Result<ActivityDefinition> {
    let [one] = <[_; 1]>::try_from(stored(connector).await?).map_err(|all| format!("{all:?}"))?;
    Ok(ActivityDefinition::from_fhir(one.resource))
}

fn named(name: &str) -> ActivityDefinition {
    ActivityDefinition { name: Some(name.to_owned()), ..definition() }
}

/// A definition with a value in every field of the profile.
fn full() -> ActivityDefinition {
    let part = ActivityDefinitionSubActivity {
        name: Some("De trap".to_owned()),
        identifier: Some("VUURTOREN-1".to_owned()),
        description: Some("Ren <naar> boven & kijk".to_owned()),
        ..ActivityDefinitionSubActivity::default()
    };
    ActivityDefinition {
        description: Some("Een spel, met één regel.\nEn nog een.".to_owned()),
        sub_activity: vec![part],
        default_performer: Some(valuesets::ActivityPerformer::Patient),
        is_domain_specific: Some(false),
        launch_type: Some(valuesets::ActivityDefinitionLaunchType::Mobile),
        ..definition()
    }
}

async fn put_twice(format: Format) -> Result {
    let world = World::start(format).await?;
    let first = world.game.put_activity_definition(&full()).await?;
    let DefinitionOutcome::Created(url) = &first else { panic!("{first:?}") };
    assert!(url.version().is_some());
    assert_eq!(stored(&world.portal).await?[0].url.as_ref(), Some(url));

    // Another process, which knows nothing of the first.
    let again = world.connector("game")?.put_activity_definition(&full()).await?;
    assert_eq!(again, DefinitionOutcome::Unchanged(url.clone()));
    only(&world.portal).await?;
    Ok(())
}

async fn update(format: Format) -> Result {
    let world = World::start(format).await?;
    let mut last = world.game.put_activity_definition(&full()).await?.url().clone();
    let mut sub_activity = full().sub_activity;
    sub_activity[0].is_active = Some(false);
    for changed in [
        ActivityDefinition { name: Some("De vuurtoren 2".to_owned()), ..full() },
        ActivityDefinition { description: None, ..full() },
        ActivityDefinition { is_active: Some(false), ..full() },
        ActivityDefinition { sub_activity, ..full() },
        ActivityDefinition { launch_type: None, ..full() },
    ] {
        let outcome = world.game.put_activity_definition(&changed).await?;
        let DefinitionOutcome::Updated(url) = &outcome else { panic!("{outcome:?}: {changed:?}") };
        assert!(url.same_resource(&last) && url.version() != last.version());
        assert_eq!(only(&world.portal).await?, changed);
        let again = world.game.put_activity_definition(&changed).await?;
        assert_eq!(again, DefinitionOutcome::Unchanged(url.clone()));
        last = url.clone();
    }
    Ok(())
}

async fn what_the_server_adds(format: Format) -> Result {
    let world = World::start(format).await?;
    let mut added = ActivityDefinition {
        identifier: vec![Identifier { value: "6720".into(), ..Identifier::default() }],
        application: Some(Reference::from("https://server.example/Device/1").with_display("game")),
        is_archived: Some(false),
        launch_type: Some(valuesets::ActivityDefinitionLaunchType::Web),
        ..definition()
    }
    .into_fhir();
    added.created = "2026-11-24".parse()?;
    let url = world.game.client().create_activity_definition(&added).await?;
    let unsaid = ActivityDefinition { is_active: None, ..definition() };
    let outcome = world.game.put_activity_definition(&unsaid).await?;
    assert_eq!(outcome, DefinitionOutcome::Unchanged(url));

    // What the application says itself is compared.
    let said = Identifier { value: "mine".into(), ..Identifier::default() };
    let numbered = ActivityDefinition { identifier: vec![said], ..unsaid };
    let outcome = world.game.put_activity_definition(&numbered).await?;
    assert!(matches!(outcome, DefinitionOutcome::Updated(_)), "{outcome:?}");
    let mut said = definition().into_fhir();
    said.created = "2026-11-25".parse()?;
    for is_updated in [true, false] {
        let outcome =
            world.game.put_activity_definition(&ActivityDefinition::from_fhir(said.clone())).await?;
        assert_eq!(matches!(outcome, DefinitionOutcome::Updated(_)), is_updated, "{outcome:?}");
    }
    Ok(())
}

async fn archive(format: Format) -> Result {
    let world = World::start(format).await?;
    let archived = ActivityDefinition { is_archived: Some(true), ..definition() };
    let _ = world.game.put_activity_definition(&definition()).await?;
    let outcome = world.game.put_activity_definition(&archived).await?;
    assert!(matches!(outcome, DefinitionOutcome::Updated(_)), "{outcome:?}");
    assert!(only(&world.game).await?.is_archived());

    // The server has made it inactive.
    let outcome = world.game.put_activity_definition(&archived).await?;
    assert!(matches!(outcome, DefinitionOutcome::Unchanged(_)), "{outcome:?}");

    let outcome = world.game.put_activity_definition(&definition()).await?;
    assert!(matches!(outcome, DefinitionOutcome::Updated(_)), "{outcome:?}");
    assert!(!only(&world.game).await?.is_archived());
    Ok(())
}

async fn another_application(format: Format) -> Result {
    let world = World::start(format).await?;
    let application = Some(Reference::default().with_display("another"));
    let theirs = ActivityDefinition { application, ..named("Een ander spel") };
    world.portal.client().create_activity_definition(&theirs.clone().into_fhir()).await?;
    let outcome = world.game.put_activity_definition(&definition()).await?;
    assert!(matches!(outcome, DefinitionOutcome::Created(_)), "{outcome:?}");
    let all = stored(&world.game).await?;
    assert_eq!(all.len(), 2);
    assert_eq!(ActivityDefinition::from_fhir(all[0].resource.clone()), theirs);
    Ok(())
}

async fn duplicate(format: Format) -> Result {
    let world = World::start(format).await?;
    let twice = definition().into_fhir();
    let mut urls = Vec::new();
    for _ in 0..2 {
        urls.push(world.game.client().create_activity_definition(&twice).await?);
    }
    let error =
        world.game.put_activity_definition(&named("Anders")).await.expect_err("two with one identifier");
    let DefinitionError::Duplicate { identifier, first, second } = &error else { panic!("{error:?}") };
    assert_eq!((identifier.as_str(), [first, second]), (DEFINITION, [&urls[0], &urls[1]]));
    let text = error.to_string();
    for part in [urls[0].id(), urls[1].id(), "`Client::update_activity_definition`"] {
        assert!(text.contains(part), "{text}");
    }

    // What the error says helps.
    let other = ActivityDefinition {
        activity_definition_identifier: Some("VUURTOREN-oud".to_owned()),
        is_archived: Some(true),
        ..definition()
    };
    world.game.client().update_activity_definition(&urls[1], &other.into_fhir()).await?;
    let outcome = world.game.put_activity_definition(&definition()).await?;
    assert_eq!(outcome, DefinitionOutcome::Unchanged(urls[0].clone()));
    Ok(())
}

/// Puts a change of the name, while somebody else puts `theirs` just before the first update arrives. Returns
/// the outcome and the number of updates that arrived.
async fn meanwhile(world: &World, theirs: ActivityDefinition) -> Result<(DefinitionOutcome, usize)> {
    let _ = world.game.put_activity_definition(&definition()).await?;
    let other = world.game.clone();
    let updates = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&updates);
    let before = move |request: &axum::http::request::Parts| {
        let is_first_update =
            request.method == axum::http::Method::PUT && counted.fetch_add(1, Ordering::Relaxed) == 0;
        let (other, theirs) = (other.clone(), theirs.clone());
        async move {
            if is_first_update {
                let _ = other.put_activity_definition(&theirs).await;
            }
        }
        .boxed()
    };
    let game = world.connector_by(&forward(world.sandbox.url(), before).await?, "game")?;
    let outcome = game.put_activity_definition(&named("De nieuwe vuurtoren")).await?;
    Ok((outcome, updates.load(Ordering::Relaxed)))
}

async fn conflict_once(format: Format) -> Result {
    let world = World::start(format).await?;
    let (outcome, updates) = meanwhile(&world, named("Die van een ander")).await?;
    assert!(matches!(outcome, DefinitionOutcome::Updated(_)), "{outcome:?}");
    assert_eq!(updates, 2, "the first was a conflict");
    // The host is that of the way to the server.
    let url = stored(&world.game).await?.remove(0).url.ok_or("no address")?;
    assert_eq!((url.id(), url.version()), (outcome.url().id(), outcome.url().version()));
    assert_eq!(only(&world.game).await?, named("De nieuwe vuurtoren"));
    Ok(())
}

async fn conflict_with_the_same(format: Format) -> Result {
    let world = World::start(format).await?;
    let (outcome, updates) = meanwhile(&world, named("De nieuwe vuurtoren")).await?;
    assert!(matches!(outcome, DefinitionOutcome::Unchanged(_)), "{outcome:?}");
    assert_eq!(updates, 1);
    Ok(())
}

/// Refuses updates of definitions with this status.
fn refuse_updates(status: u16) -> Fault {
    Fault::new(FaultKind::Status { status, html: false }).path("Other/ActivityDefinition")
}

async fn conflict_always(format: Format) -> Result {
    let world = World::start(format).await?;
    let _ = world.game.put_activity_definition(&definition()).await?;
    world.sandbox.set_faults([refuse_updates(409)]);
    let error = world.game.put_activity_definition(&named("Anders")).await.expect_err("a conflict");
    let DefinitionError::Conflict { identifier, attempts, source } = &error else { panic!("{error:?}") };
    assert_eq!((identifier.as_str(), *attempts), (DEFINITION, 5));
    assert!(matches!(**source, Error::Conflict { .. }));
    Ok(())
}

async fn failed_precondition(format: Format) -> Result {
    let world = World::start(format).await?;
    let _ = world.game.put_activity_definition(&definition()).await?;
    world.sandbox.set_faults([refuse_updates(412).times(1)]);
    let outcome = world.game.put_activity_definition(&named("Anders")).await?;
    assert!(matches!(outcome, DefinitionOutcome::Updated(_)), "{outcome:?}");
    Ok(())
}

async fn at_the_same_time(format: Format) -> Result {
    let world = World::start(format).await?;
    let definition = definition();
    let puts = (0..8).map(|_| world.game.put_activity_definition(&definition));
    let outcomes = futures_util::future::try_join_all(puts).await?;
    let created = outcomes.iter().filter(|outcome| matches!(outcome, DefinitionOutcome::Created(_)));
    assert_eq!(created.count(), 1, "{outcomes:?}");
    only(&world.game).await?;
    Ok(())
}

async fn not_sent(format: Format) -> Result {
    let world = World::start(format).await?;
    let put = async |definition| world.game.put_activity_definition(&definition).await.expect_err("unusable");
    for identifier in [None, Some(String::new())] {
        let error =
            put(ActivityDefinition { activity_definition_identifier: identifier, ..definition() }).await;
        assert!(matches!(error, DefinitionError::NoIdentifier), "{error:?}");
    }
    let error = put(ActivityDefinition { application: Some(Reference::default()), ..definition() }).await;
    assert!(matches!(error, DefinitionError::NoApplication), "{error:?}");
    let error = put(ActivityDefinition { kind: None, ..definition() }).await;
    assert!(matches!(error, DefinitionError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().contains("kind"), "{error}");
    assert!(stored(&world.game).await?.is_empty());
    Ok(())
}
