//! Receiving one message after the other: nothing is lost, and each is answered once.

use std::time::Duration;

use futures_util::{StreamExt as _, pin_mut};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::messaging::{Content, Event, ProcessingStatus};
use koppeltaal::transport::{Credentials, Error, Format};
use koppeltaal::{Connector, MemoryVersionStore, ReceiveError};
use koppeltaal_sandbox::{Fault, FaultKind};
use tokio::time::timeout;

use crate::world::{LONG, Result, World, await_queue, patient, plan, plan_draft, queue};

#[tokio::test]
async fn a_delivery_can_succeed_fail_or_be_released() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        for id in ["1", "2", "3"] {
            world.send_patient(id).await?;
        }
        let mut deliveries = world.game.deliveries();
        deliveries.next().await?.success().await?;
        deliveries.next().await?.failure("No such patient").await?;
        deliveries.next().await?.release().await?;
        let failed = (ProcessingStatus::Failed, Some("No such patient".to_owned()));
        let expected = [(ProcessingStatus::Success, None), failed, (ProcessingStatus::New, None)];
        assert_eq!(queue(&world.game).await?, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_late_answer_is_told_that_the_claim_was_taken_over() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        world.send_patient("1").await?;
        let slow = world.game.receive().await?.ok_or("no message")?;
        world.sandbox.advance_clock(Duration::from_secs(3600));
        let quick = world.game.receive().await?.ok_or("the claim did not run out")?;
        quick.failure("No such patient").await?;
        let error = slow.success().await.expect_err("somebody else has answered");
        assert!(matches!(error, Error::ClaimTakenOver { .. }), "{error:?}");
        assert!(error.to_string().contains("was taken over by somebody else"), "{error}");
        assert!(!error.is_transient() && !error.is_outcome_unknown());
        assert_eq!(queue(&world.game).await?[0].0, ProcessingStatus::Failed);
    }
    Ok(())
}

#[tokio::test]
async fn a_delivery_that_is_dropped_comes_again() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let first = world.game.receive().await?.ok_or("no message")?;
    let identifier = first.identifier().map(str::to_owned);
    drop(first);
    await_queue(&world.game, &[ProcessingStatus::New]).await?;
    let again = world.game.receive().await?.ok_or("no message")?;
    assert_eq!(again.identifier().map(str::to_owned), identifier);
    Ok(())
}

#[tokio::test]
async fn a_claimed_message_is_given_back_when_the_deliveries_are_dropped() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    world.sandbox.set_faults([Fault::new(FaultKind::Latency { pause: Duration::from_millis(300) })]);
    let mut deliveries = world.game.deliveries().without_hub();
    // Dropped while the claim is under way; the next call goes on with it.
    assert!(timeout(Duration::from_millis(50), deliveries.next()).await.is_err());
    let delivery = timeout(LONG, deliveries.next()).await??;
    delivery.release().await?;
    assert!(timeout(Duration::from_millis(50), deliveries.next()).await.is_err());
    drop(deliveries);
    world.sandbox.set_faults([]);
    await_queue(&world.game, &[ProcessingStatus::New]).await?;
    Ok(())
}

#[tokio::test]
async fn stopping_gives_back_a_message_that_is_being_claimed() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    world.sandbox.set_faults([Fault::new(FaultKind::Latency { pause: Duration::from_millis(100) })]);
    let mut deliveries = world.game.deliveries().without_hub();
    assert!(timeout(Duration::from_millis(20), deliveries.next()).await.is_err());
    deliveries.stop().await;
    world.sandbox.set_faults([]);
    assert_eq!(queue(&world.game).await?, [(ProcessingStatus::New, None)]);
    Ok(())
}

#[tokio::test]
async fn own_messages_are_skipped_unless_asked_for() -> Result {
    let world = World::start(Format::Json).await?;
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    assert!(world.portal.receive().await?.is_none());
    assert_eq!(queue(&world.portal).await?, [(ProcessingStatus::Success, None)]);

    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let delivery = world.portal.deliveries().including_own().next().await?;
    assert!(delivery.get::<CarePlan>().is_some());
    Ok(delivery.success().await?)
}

#[tokio::test]
async fn a_push_wakes_a_waiting_receiver() -> Result {
    let world = World::start(Format::Json).await?;
    // The timer alone would take a day.
    let mut deliveries = world.game.deliveries().poll_every(Duration::from_secs(24 * 60 * 60));
    assert!(timeout(Duration::from_millis(200), deliveries.next()).await.is_err());
    world.send_patient("1").await?;
    timeout(LONG, deliveries.next()).await??.success().await?;
    deliveries.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_timer_and_a_notifier_wake_a_waiting_receiver_without_a_hub() -> Result {
    let world = World::start(Format::Json).await?;
    let day = Duration::from_secs(24 * 60 * 60);
    let mut told = world.game.deliveries().poll_every(day).without_hub();
    assert!(timeout(Duration::from_millis(200), told.next()).await.is_err());
    world.send_patient("1").await?;
    told.notifier().notify()?;
    timeout(LONG, told.next()).await??.success().await?;

    let mut polled = world.game.deliveries().poll_every(Duration::from_millis(100)).without_hub();
    assert!(timeout(Duration::from_millis(200), polled.next()).await.is_err());
    world.send_patient("2").await?;
    timeout(LONG, polled.next()).await??.success().await?;
    Ok(())
}

#[tokio::test]
async fn only_messages_that_are_asked_for_are_claimed() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let mut plans = world.game.deliveries().only([Event::CreateOrUpdateCarePlan]);
    let delivery = plans.next().await?;
    assert_eq!(delivery.event(), Some(Event::CreateOrUpdateCarePlan));
    let patient = delivery.patient().ok_or("no patient")?;
    delivery.release().await?;
    let delivery = world.game.deliveries().of_patient(patient.clone()).next().await?;
    assert_eq!(delivery.patient(), Some(patient));
    delivery.success().await?;
    assert_eq!(queue(&world.game).await?, [(ProcessingStatus::New, None), (ProcessingStatus::Success, None)]);
    Ok(())
}

#[tokio::test]
async fn events_that_are_asked_for_take_turns() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        world.send_patient(id).await?;
    }
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let events = [Event::CreateOrUpdatePatient, Event::CreateOrUpdateCarePlan];
    let mut deliveries = world.game.deliveries().only(events);
    let mut order = Vec::new();
    for _ in 0..4 {
        let delivery = deliveries.next().await?;
        order.extend(delivery.event());
        delivery.success().await?;
    }
    assert_eq!(order, [events[0], events[1], events[0], events[0]]);
    Ok(())
}

#[tokio::test]
async fn after_an_error_the_next_call_goes_on() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let hiccup = Fault::new(FaultKind::Status { status: 503, html: true }).path("MessageHeader").times(1);
    world.sandbox.set_faults([hiccup]);
    let deliveries = world.game.deliveries().without_hub().into_stream();
    pin_mut!(deliveries);
    let error = deliveries.next().await.ok_or("an endless stream")?.expect_err("the server is away");
    assert!(error.is_transient(), "{error}");
    let delivery = timeout(LONG, deliveries.next()).await?.ok_or("an endless stream")??;
    Ok(delivery.success().await?)
}

#[tokio::test]
async fn wrong_credentials_do_not_pass_by_themselves() -> Result {
    let world = World::start(Format::Json).await?;
    let wrong = world.game.with_credentials(Credentials::basic("game", "wrong")?);
    let error = wrong.receive().await.expect_err("the password is wrong");
    assert!(!error.is_transient());
    assert!(matches!(error, ReceiveError::Transport(koppeltaal::transport::Error::Authentication { .. })));
    Ok(())
}

#[tokio::test]
async fn the_content_of_a_message_is_there_in_every_form() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let delivery = world.game.receive().await?.ok_or("no message")?;
    assert!(delivery.get::<CarePlan>().is_none());
    let Content::Patient(content) = delivery.content() else { panic!("no patient") };
    assert_eq!(Some(*content), delivery.get::<Patient>());
    assert_eq!(delivery.bundle().entry.len(), 2);
    let shown = format!("{delivery:?} {:?}", delivery.received());
    assert!(!shown.contains("Mees") && !shown.contains("Patient/1"), "{shown}");
    // The same message can be made of it again.
    assert_eq!(delivery.message()?.clone().into_bundle(), delivery.bundle());
    Ok(())
}

#[tokio::test]
async fn connectors_of_one_application_share_what_they_know() -> Result {
    let world = World::start(Format::Json).await?;
    let portal = Connector::new(
        world.portal.client().clone(),
        world.portal.sender().clone(),
        MemoryVersionStore::default(),
    );
    let other = portal.with_credentials(world.portal.client().credentials().clone());
    portal.send(portal.draft("1", patient("Mees"))?).await?;
    other.send(other.draft("1", patient("Mies"))?).await?;
    portal.send(portal.draft("1", patient("Moos"))?).await?;
    Ok(())
}
