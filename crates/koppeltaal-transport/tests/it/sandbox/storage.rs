//! The storage service: its items and its binary content.

use koppeltaal_fhir::primitives::Instant;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_transport::{BinaryContent, BinaryKey, Comparison, Error, StorageQuery};

use super::world::World;

fn patient() -> ResourceUrl {
    "https://epd.example/fhir/Patient/2041".parse().expect("an address")
}

fn item(key: &str, content: &str) -> StorageItem {
    StorageItem {
        content_type: Some("text/plain".into()),
        content: Some(content.into()),
        patient_identifier: Some((&patient()).into()),
        object_type: Some("state".to_owned()),
        object_key: Some(key.to_owned()),
        last_modified: Some(Instant::now()),
        ..StorageItem::default()
    }
}

#[tokio::test]
async fn an_item_is_stored_read_changed_and_deleted() {
    for world in World::both().await {
        let game = &world.game;
        let created = game.create_storage_item(&item("level", "b25l")).await.expect("stored");
        assert!(created.version().is_some());
        let stored = game.storage_item(created.id(), Some(&patient())).await.expect("an answer");
        let stored = stored.expect("an item");
        assert_eq!(stored.url.as_ref(), Some(&created));
        assert_eq!(stored.item.content, Some("b25l".into()));
        assert_eq!(stored.item.object_key.as_deref(), Some("level"));

        let updated = game.update_storage_item(&created, &item("level", "dHdv")).await.expect("changed");
        assert!(updated.same_resource(&created) && updated != created);
        let stale = game.update_storage_item(&created, &item("level", "dHdv")).await;
        let error = stale.expect_err("somebody else was faster");
        assert!(matches!(error, Error::Conflict { .. }), "{error:?}");

        game.delete_storage_item(created.id()).await.expect("deleted");
        assert_eq!(game.storage_item(created.id(), Some(&patient())).await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn items_are_found_by_all_that_can_be_searched_by() {
    for world in World::both().await {
        let game = &world.game;
        for key in ["level-1", "level-2", "sublevel"] {
            game.create_storage_item(&item(key, "b25l")).await.expect("stored");
        }
        let past: Instant = "2000-01-01T00:00:00Z".parse().expect("an instant");
        for (query, count) in [
            (StorageQuery::default().patient(&patient()), 3),
            (StorageQuery::default().object_type("state"), 3),
            (StorageQuery::default().object_type("drawing"), 0),
            (StorageQuery::default().object_key("level-1"), 1),
            (StorageQuery::default().object_key_starts_with("level"), 2),
            (StorageQuery::default().object_key_contains("level"), 3),
            (StorageQuery::default().last_updated(Comparison::After, &past), 3),
            (StorageQuery::default().last_updated(Comparison::Before, &past), 0),
            (StorageQuery::default().newest_first().page_size(2), 3),
            (StorageQuery::default().page_size(1).limit(2), 2),
        ] {
            let found = game.storage_items(&query).collect().await.expect("a list");
            assert_eq!(found.len(), count, "{} {query:?}", world.format);
        }
    }
}

#[tokio::test]
async fn content_is_stored_and_read_as_it_is() {
    for world in World::both().await {
        let game = &world.game;
        let key = BinaryKey::new(patient(), "drawing", "house & tree");
        let content = BinaryContent::new("image/png", &b"\x89PNG\r\n\0"[..]);
        let created = game.create_binary(&key, &content).await.expect("stored");
        let stored = game.binary(created.id()).await.expect("an answer").expect("content");
        assert_eq!(stored.content, content);
        let other = BinaryContent::new("text/plain", "none");
        game.update_binary(&created, &other).await.expect("changed");
        let stored = game.binary(created.id()).await.expect("an answer").expect("content");
        assert_eq!(stored.content.content, other.content);
        game.delete_binary(created.id()).await.expect("deleted");
        assert_eq!(game.binary(created.id()).await.expect("an answer"), None);
    }
}
