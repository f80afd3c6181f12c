//! Looking at the queue without claiming.

use std::pin::pin;

use futures_util::TryStreamExt;
use koppeltaal_messaging::{Acknowledgement, Event, ProcessingStatus};
use koppeltaal_transport::{HeaderQuery, MessageFilter};

use super::world::World;

#[tokio::test]
async fn headers_come_in_pages_and_one_by_one() {
    for world in World::both().await {
        let identifiers = world.post_plans(7).await;
        let query = HeaderQuery::default().page_size(3);
        let mut search = world.game.message_headers(&query);
        let mut sizes = Vec::new();
        while let Some(page) = search.next_page().await.expect("a page") {
            assert_eq!(page.total, Some(7), "{}", world.format);
            sizes.push(page.items.len());
        }
        assert_eq!(sizes, [3, 3, 1]);

        let stream = world.game.message_headers(&query).into_stream();
        let mut found: Vec<_> = pin!(stream)
            .map_ok(|header| header.identifier().expect("an identifier").to_owned())
            .try_collect()
            .await
            .expect("all pages");
        found.sort();
        assert_eq!(found, identifiers);

        let limited = world.game.message_headers(&query.limit(4)).collect().await.expect("two pages");
        assert_eq!(limited.len(), 4);
        assert!(limited.iter().all(|header| header.url().is_some()));
    }
}

#[tokio::test]
async fn headers_are_found_by_status_event_and_patient() {
    for world in World::both().await {
        world.post_plans(3).await;
        let claimed = world.claim().await;
        world.game.acknowledge(&claimed.header, &Acknowledgement::Success).await.expect("accepted");
        let patient = claimed.header.patient().expect("a patient").parse().expect("an address");
        let of = |query: HeaderQuery| {
            let game = world.game.clone();
            async move { game.message_headers(&query).collect().await.expect("a list").len() }
        };
        let filtered = |filter| HeaderQuery::default().filter(filter);
        assert_eq!(of(HeaderQuery::default().status(ProcessingStatus::Success)).await, 1);
        assert_eq!(of(HeaderQuery::default().status(ProcessingStatus::New)).await, 2);
        assert_eq!(of(filtered(MessageFilter::default().event(Event::CreateOrUpdateCarePlan))).await, 3);
        assert_eq!(of(filtered(MessageFilter::default().event(Event::CreateOrUpdatePatient))).await, 0);
        assert_eq!(of(filtered(MessageFilter::default().patient(patient))).await, 3);
    }
}

#[tokio::test]
async fn one_message_is_found_by_number_url_and_identifier() {
    for world in World::both().await {
        world.post_plans(2).await;
        let headers = world.game.message_headers(&HeaderQuery::default()).collect().await.expect("a list");
        for header in headers {
            let url = header.url().expect("an address");
            let identifier = header.identifier().expect("an identifier");
            for id in [url.id(), url.as_str(), url.versionless(), identifier] {
                let message = world.game.message(id).await.expect("an answer").expect("a message");
                assert_eq!(message.header.identifier(), Some(identifier), "{} {id}", world.format);
                assert!(message.bundle.entry.len() > 1, "all of the message");
            }
        }
        assert_eq!(world.game.message("123456").await.expect("an answer"), None);
        // Looking does not claim.
        let claimed = world.claim().await;
        assert_eq!(claimed.header.identifier(), Some("message-0"));
    }
}
