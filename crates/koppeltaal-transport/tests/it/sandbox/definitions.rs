//! Activity definitions: created, changed, archived.

use koppeltaal_fhir::ReadOptions;
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::Event;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_transport::{Error, IncludeArchived, StoredActivityDefinition};

use super::world::World;

fn definition() -> ActivityDefinition {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/resources/other-activitydefinition.json");
    let text = std::fs::read(path).expect("the fixture");
    let document = ReadOptions::tolerant().json(&text).expect("a document").document;
    ActivityDefinition::from(document.get::<Other>().expect("an Other").clone())
}

async fn listed(world: &World, archived: IncludeArchived) -> Vec<StoredActivityDefinition> {
    world.portal.activity_definitions(archived).collect().await.expect("a list")
}

#[tokio::test]
async fn a_definition_is_created_changed_and_archived() {
    for world in World::both().await {
        assert!(listed(&world, IncludeArchived::Yes).await.is_empty());
        let mut definition = definition();
        definition.is_archived = Some(false);
        let created =
            world.portal.create_activity_definition(&definition.clone().into()).await.expect("created");
        assert!(created.version().is_some());
        let stored = listed(&world, IncludeArchived::No).await;
        assert_eq!(stored.len(), 1, "{}", world.format);
        assert_eq!(stored[0].url.as_ref(), Some(&created));
        let read = ActivityDefinition::from(stored[0].resource.clone());
        assert_eq!(read.activity_definition_identifier, definition.activity_definition_identifier);

        // Subscribers receive a message.
        let told = world.portal.claim().await.expect("an answer").expect("a message");
        assert_eq!(told.header.event(), Ok(Event::CreateOrUpdateActivityDefinition));

        definition.name = Some("Another name".to_owned());
        let updated = world.portal.update_activity_definition(&created, &definition.clone().into()).await;
        let updated = updated.expect("updated");
        assert!(updated.same_resource(&created) && updated != created);

        let stale = world.portal.update_activity_definition(&created, &definition.clone().into()).await;
        let error = stale.expect_err("somebody else was faster");
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");

        definition.is_archived = Some(true);
        definition.is_active = Some(false);
        world.portal.update_activity_definition(&updated, &definition.into()).await.expect("archived");
        assert!(listed(&world, IncludeArchived::No).await.is_empty());
        let archived = listed(&world, IncludeArchived::Yes).await;
        assert_eq!(ActivityDefinition::from(archived[0].resource.clone()).is_archived, Some(true));
    }
}
