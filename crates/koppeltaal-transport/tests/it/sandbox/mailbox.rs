//! Sending, claiming, acknowledging.

use std::time::Duration;

use koppeltaal_messaging::{Acknowledgement, Event, ProcessingStatus};
use koppeltaal_transport::{Credentials, Error, MessageFilter};

use super::world::{World, plan, rename};

#[tokio::test]
async fn a_message_gets_versions_and_reaches_the_one_who_subscribed() {
    for world in World::both().await {
        let sent = plan("m1", "910");
        let reply = world.portal.send(&sent).await.expect("accepted");
        let versions: Vec<_> = reply.versions().collect();
        assert_eq!(versions[0].versionless(), "https://portal.example/fhir/CarePlan/910");
        assert_eq!(versions.len(), sent.entry.len() - 1, "{}: one for each resource", world.format);

        let message = world.claim().await;
        assert_eq!(message.header.event(), Ok(Event::CreateOrUpdateCarePlan));
        assert_eq!(message.header.identifier(), Some("m1"));
        assert_eq!(message.header.focal().as_ref(), Some(&versions[0]));
        assert_eq!(message.bundle.entry.len(), sent.entry.len());
        assert_eq!(world.status(&message.header).await, Some(ProcessingStatus::Claimed));
        assert_eq!(world.game.claim().await.expect("an answer"), None);
        assert_eq!(world.portal.claim().await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn an_acknowledgement_decides_what_becomes_of_a_message() {
    for world in World::both().await {
        world.post_plans(3).await;
        let failed = Acknowledgement::Failure("no such activity".to_owned());
        for (acknowledgement, status) in [
            (Acknowledgement::Success, ProcessingStatus::Success),
            (failed, ProcessingStatus::Failed),
            (Acknowledgement::Release, ProcessingStatus::New),
        ] {
            let message = world.claim().await;
            world.game.acknowledge(&message.header, &acknowledgement).await.expect("accepted");
            assert_eq!(world.status(&message.header).await, Some(status), "{}", world.format);
            if status == ProcessingStatus::Failed {
                let url = message.header.url().expect("an address").as_str();
                let message = world.game.message(url).await.expect("an answer").expect("a message");
                let state = message.header.processing().expect("a status");
                assert_eq!(state.exception(), Some("no such activity"));
            }
        }
        // What was released comes again.
        let again = world.claim().await;
        assert_eq!(again.header.identifier(), Some("message-2"));
        world.game.acknowledge(&again.header, &Acknowledgement::Success).await.expect("accepted");
        world
            .game
            .acknowledge(&again.header, &Acknowledgement::Success)
            .await
            .expect("the same again does no harm");
        assert_eq!(world.game.claim().await.expect("an answer"), None);
    }
}

#[tokio::test]
async fn a_claim_that_runs_out_brings_the_message_again() {
    for world in World::both().await {
        world.post_plans(1).await;
        let first = world.claim().await;
        assert_eq!(world.game.claim().await.expect("an answer"), None);
        world.sandbox.advance_clock(Duration::from_secs(301));
        let second = world.claim().await;
        assert_eq!(second.header.identifier(), first.header.identifier());
    }
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_that_names_the_resource() {
    for world in World::both().await {
        let first = world.portal.send(&plan("m1", "910")).await.expect("accepted");
        let current = first.versions().next().expect("a version");
        let mut second = plan("m2", "910");
        rename(&mut second, "m2", current.as_str());
        world.portal.send(&second).await.expect("the version is right");

        rename(&mut second, "m3", current.as_str());
        let error = world.portal.send(&second).await.expect_err("the version is stale");
        let Error::Conflict { resources, outcome } = &error else { panic!("{error:?}") };
        assert_eq!(resources, &[current.without_version()]);
        let issue = outcome.as_ref().and_then(|outcome| outcome.issues().next()).expect("an issue");
        assert_eq!(issue.details.as_deref(), Some("The specified resource version is not correct"));
        assert!(!error.is_retryable() && !error.is_outcome_unknown());
    }
}

#[tokio::test]
async fn a_message_is_claimed_by_patient_and_event() {
    for world in World::both().await {
        world.post_plans(1).await;
        let other = "https://epd.example/fhir/Patient/none".parse().expect("an address");
        let filter = MessageFilter::default().patient(other);
        assert_eq!(world.game.claim_matching(&filter).await.expect("an answer"), None);
        let filter = MessageFilter::default().event(Event::CreateOrUpdatePatient);
        assert_eq!(world.game.claim_matching(&filter).await.expect("an answer"), None);
        let filter = MessageFilter::default().event(Event::CreateOrUpdateCarePlan);
        assert!(world.game.claim_matching(&filter).await.expect("an answer").is_some());
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_authentication_error() {
    for world in World::both().await {
        let stranger = Credentials::basic("portal", "guessed").expect("credentials");
        let error = world.portal.with_credentials(stranger).claim().await.expect_err("a wrong password");
        assert!(matches!(error, Error::Authentication { expired: false, .. }), "{error:?}");
        let statement = world.portal.with_credentials(Credentials::anonymous()).conformance().await;
        assert_eq!(statement.expect("anybody may ask").name(), Some("Koppeltaal"));
    }
}

#[tokio::test]
async fn a_message_of_another_domain_is_refused() {
    for world in World::both().await {
        let mut message = plan("m1", "910");
        for category in &mut message.category {
            category.term = category.term.replace(super::world::DOMAIN, "Elsewhere");
        }
        let error = world.portal.send(&message).await.expect_err("another domain");
        assert!(matches!(error, Error::Forbidden { outcome: Some(_) }), "{error:?}");
    }
}
