//! `Sandbox::messages`: the messages of a queue, as a test sees them without a client.

mod common;

use std::time::Duration;

use common::{Client, FORMATS, plan, start};
use koppeltaal_messaging::{Event, ProcessingStatus as Status};

#[tokio::test]
async fn a_test_sees_the_messages_of_a_queue_as_their_receiver_gets_them() {
    for format in FORMATS {
        let sandbox = start().await;
        let (portal, game) = (Client::portal(&sandbox, format), Client::game(&sandbox, format));
        assert_eq!(sandbox.messages("game").expect("an instance"), []);
        portal.send_message(plan("m1", "1")).await.bundle();
        portal.send_message(plan("m2", "2")).await.bundle();
        let found = sandbox.messages("game").expect("an instance");
        assert_eq!(found.len(), 2);
        let first = &found[0];
        assert_eq!((first.identifier.as_str(), first.event), ("m1", Event::CreateOrUpdateCarePlan));
        assert_eq!((first.status, &first.exception), (Status::New, &None));
        assert!(first.patient.as_deref().is_some_and(|url| url.contains("/Patient/")));
        assert_eq!(sandbox.messages("portal").expect("an instance"), []);

        let claimed = game.claim().await.bundle();
        let found = sandbox.messages("game").expect("an instance");
        assert_eq!(found[0].status, Status::Claimed);
        assert_eq!(found[0].bundle.entry, claimed.entry);
        sandbox.advance_clock(Duration::from_secs(6 * 60));
        assert_eq!(
            sandbox.messages("game").expect("an instance")[0].status,
            Status::New,
            "the claim ran out"
        );
    }
}

#[tokio::test]
async fn an_unknown_instance_has_no_queue() {
    assert_eq!(start().await.messages("nobody"), None);
}
