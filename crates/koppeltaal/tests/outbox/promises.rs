//! The promises of the outbox, in every database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::OutboxState::{GivenUp, Refused, Sending, Sent, Waiting};
use koppeltaal::messaging::{Draft, Event, Profile as _, Sender};
use koppeltaal::transport::Credentials;
use koppeltaal::{Connector, DispatchProblem, DispatchReport, Dispatcher, MemoryVersionStore, OutboxError};
use koppeltaal_sandbox::FaultKind;
use tokio::time::{sleep, timeout};

use crate::world::{DOMAIN, FullStore, LONG, Result, World, connector, patient, with_short_pauses};

/// Short enough to wait for in a test.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

impl World {
    /// Tries everything that can be tried now, and nothing twice.
    async fn once(&self) -> Result<DispatchReport> {
        Ok(patient_dispatcher(self).run_once().await?)
    }
}

pub(crate) async fn messages_of_a_transaction_are_sent_in_order_per_resource(world: World) -> Result {
    // Time enough to overtake.
    world.fail_posts(FaultKind::Latency { pause: Duration::from_millis(30) }, 1000);
    let mut messages = Vec::new();
    for given in ["Mees", "Fenna", "Teun"] {
        for id in ["1", "2"] {
            messages.push(world.outgoing(id, given)?);
        }
    }
    world.database.put(&messages.iter().collect::<Vec<_>>(), true).await?;
    let identifiers: Vec<_> = messages.iter().map(|message| message.identifier().to_owned()).collect();
    let first = world.entry(&identifiers[0]).await?;
    assert_eq!((first.state, first.behind, first.attempts), (Waiting, 2, 0));
    assert_eq!((first.event.as_str(), first.domain.as_str()), ("CreateOrUpdatePatient", DOMAIN));
    assert_eq!(first.focal, world.url("1")?.as_str());

    let report = world.once().await?;
    assert_eq!((report.sent, report.refused, report.delayed), (6, 0, 0));
    assert_eq!(world.states(&identifiers.iter().collect::<Vec<_>>()).await?, [Sent; 6]);
    for patient in 0..2 {
        let own: Vec<_> = identifiers.iter().skip(patient).step_by(2).collect();
        let versions = world.versions(&own).await?;
        assert!(versions.is_sorted() && versions[0] != versions[2], "{versions:?}");
    }
    let summary = world.outbox.summary().await?;
    assert_eq!((summary.sent, summary.waiting, summary.oldest_open), (6, 0, None));
    Ok(())
}

pub(crate) async fn messages_of_a_transaction_that_is_rolled_back_are_not_sent(world: World) -> Result {
    let message = world.outgoing("1", "Mees")?;
    world.database.put(&[&message], false).await?;
    assert_eq!(world.once().await?.sent, 0);
    assert!(world.outbox.entry(message.identifier()).await?.is_none());
    assert!(world.epd.client().message(message.identifier()).await?.is_none());
    Ok(())
}

pub(crate) async fn a_message_that_is_handed_over_several_times_is_sent_once(world: World) -> Result {
    let message = world.outgoing("1", "Mees")?;
    world.database.put(&[&message, &message], true).await?;
    assert_eq!(world.once().await?.sent, 1);
    world.database.put(&[&message], true).await?;
    assert_eq!(world.once().await?.sent, 0);

    let draft = world.epd.draft("2", patient("Fenna"))?.with_identifier(message.identifier());
    let other = world.epd.outgoing(draft)?;
    let error = world.database.put(&[&other], true).await.expect_err("another message");
    let error = error.downcast::<OutboxError>()?;
    assert!(
        matches!(&*error, OutboxError::IdentifierTaken { identifier } if identifier == message.identifier())
    );
    Ok(())
}

pub(crate) async fn a_conflict_waits_for_a_decision_and_delays_no_other_resource(world: World) -> Result {
    world.put("1", "Mees").await?;
    world.once().await?;
    let moved = world.changed_by_others("1").await?;

    let conflicting = world.put("1", "Fenna").await?;
    let behind = world.put("1", "Teun").await?;
    let beside = world.put("2", "Saar").await?;
    let reported = Arc::new(Mutex::new(Vec::new()));
    let report_to = Arc::clone(&reported);
    let report = patient_dispatcher(&world)
        .on_problem(move |problem| {
            if let DispatchProblem::Refused { identifier, error, .. } = problem {
                report_to.lock().expect("lock").push(((*identifier).to_owned(), error.kind.clone()));
            }
        })
        .run_once()
        .await?;
    assert_eq!((report.sent, report.refused), (1, 1));
    assert_eq!(*reported.lock().expect("lock"), [(conflicting.clone(), "conflict".to_owned())]);
    assert_eq!(world.states(&[&conflicting, &behind, &beside]).await?, [Refused, Waiting, Sent]);

    let problems = world.outbox.problems(10).await?;
    let [entry] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((&entry.identifier, entry.behind, entry.is_outcome_unknown), (&conflicting, 1, false));
    let error = entry.last_error.clone().ok_or("no error")?;
    assert!(error.detail.is_some_and(|detail| detail.contains(world.url("1").expect("URL").as_str())));
    // Nothing happens before somebody decides.
    assert_eq!(world.once().await?.sent, 0);

    // The application knows the change now, and its own change replaces it.
    world.epd.versions().record(DOMAIN, &[moved]).await?;
    world.outbox.retry(&conflicting).await?;
    assert_eq!(world.once().await?.sent, 2);
    assert_eq!(world.states(&[&conflicting, &behind]).await?, [Sent, Sent]);
    assert!(world.versions(&[&conflicting, &behind]).await?.is_sorted());
    assert_eq!(world.outbox.problems(10).await?, []);
    Ok(())
}

pub(crate) async fn a_refused_message_that_is_given_up_lets_the_next_one_pass(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let refused = world.put("1", "Mees").await?;
    let behind = world.put("1", "Fenna").await?;
    assert_eq!(world.once().await?.refused, 1);
    let entry = world.entry(&refused).await?;
    assert_eq!((entry.state, entry.behind, entry.attempts), (Refused, 1, 1));
    assert_eq!(entry.last_error.as_ref().map(|error| error.kind.as_str()), Some("rejected"));

    world.outbox.give_up(&refused).await?;
    assert_eq!(world.once().await?.sent, 1);
    assert_eq!(world.states(&[&refused, &behind]).await?, [GivenUp, Sent]);
    for (identifier, state) in [(&refused, GivenUp), (&behind, Sent)] {
        let error = world.outbox.retry(identifier).await;
        assert!(matches!(error, Err(OutboxError::State { state: found, .. }) if found == state));
        assert!(world.outbox.give_up(identifier).await.is_err());
    }
    assert!(matches!(world.outbox.retry("nothing").await, Err(OutboxError::Unknown { .. })));
    Ok(())
}

pub(crate) async fn a_version_that_the_application_insists_on_is_not_replaced(world: World) -> Result {
    let first = world.put("1", "Mees").await?;
    world.once().await?;
    let version = world.versions(&[&first]).await?.remove(0);
    let url = world.url("1")?.with_version(&version)?;
    let draft = Draft::new(Event::CreateOrUpdatePatient, url, patient("Fenna").into_fhir());
    let insisting = world.epd.outgoing(draft)?;
    // Handed over after another change of the same application.
    world.put("1", "Teun").await?;
    world.database.put(&[&insisting], true).await?;
    let report = world.once().await?;
    assert_eq!((report.sent, report.refused), (1, 1));
    assert_eq!(world.entry(insisting.identifier()).await?.state, Refused);
    Ok(())
}

pub(crate) async fn a_server_that_is_not_available_only_delays_messages(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 503, html: false }, 1000);
    let identifiers = [world.put("1", "Mees").await?, world.put("2", "Fenna").await?];
    let report = patient_dispatcher(&world).concurrency(1).run_once().await?;
    assert_eq!((report.sent, report.refused), (0, 0));
    let entry = world.entry(&identifiers[0]).await?;
    assert_eq!(entry.state, Waiting);
    assert!(entry.last_error.is_some() && entry.next_attempt.is_some(), "{entry:?}");

    world.sandbox.set_faults([]);
    // The second one was not posted.
    assert_eq!(world.outbox.retry_all(koppeltaal::OutboxFilter::new()).await?, 1);
    timeout(LONG, world.dispatcher().run_until(all_sent(&world, &identifiers))).await?;
    assert_eq!(world.outbox.summary().await?.sent, 2);
    Ok(())
}

/// Ready when all of these messages are sent.
pub(crate) async fn all_sent(world: &World, identifiers: &[String]) {
    let all: Vec<_> = identifiers.iter().collect();
    while world.states(&all).await.expect("states").iter().any(|state| *state != Sent) {
        sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn wrong_credentials_refuse_nothing(world: World) -> Result {
    let identifiers = [world.put("1", "Mees").await?, world.put("2", "Fenna").await?];
    let stranger = world.epd.with_credentials(Credentials::basic("epd", "wrong")?);
    let report = world.outbox.dispatcher(stranger).concurrency(1).run_once().await?;
    assert_eq!((report.sent, report.refused), (0, 0));
    let entry = world.entry(&identifiers[0]).await?;
    assert_eq!(entry.state, Waiting);
    assert_eq!(entry.last_error.map(|error| error.kind).as_deref(), Some("authentication"));

    // The other one was not even tried.
    assert_eq!(world.entry(&identifiers[1]).await?.attempts, 0);
    assert!(world.outbox.retry_all(koppeltaal::OutboxFilter::new()).await? <= 1);
    timeout(LONG, world.dispatcher().run_until(all_sent(&world, &identifiers))).await?;
    Ok(())
}

pub(crate) async fn a_message_whose_answer_was_lost_is_not_posted_again(world: World) -> Result {
    world.fail_posts(FaultKind::Cut, 1);
    let message = world.put("1", "Mees").await?;
    let behind = world.put("1", "Fenna").await?;
    let report = world.once().await?;
    assert_eq!((report.sent, report.delayed), (0, 1));
    let entry = world.entry(&message).await?;
    assert_eq!((entry.state, entry.is_outcome_unknown), (Waiting, true));
    assert_eq!(entry.last_error.map(|error| error.kind).as_deref(), Some("unknown-outcome"));
    assert_eq!(world.entry(&behind).await?.attempts, 0);

    // The server would refuse another post of it.
    world.outbox.retry(&message).await?;
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1000);
    timeout(LONG, world.dispatcher().run_until(all_sent(&world, std::slice::from_ref(&message)))).await?;

    // The next message gets the version that was learned by the look-up.
    world.sandbox.set_faults([]);
    if world.entry(&behind).await?.state == Refused {
        world.outbox.retry(&behind).await?;
    }
    timeout(LONG, world.dispatcher().run_until(all_sent(&world, std::slice::from_ref(&behind)))).await?;
    assert!(world.versions(&[&message, &behind]).await?.is_sorted());
    Ok(())
}

pub(crate) async fn a_message_that_never_arrived_is_posted_again_after_the_settle_time(
    world: World,
) -> Result {
    // The connection closes without an answer: for all the sender knows, the server has the message.
    world.fail_posts(FaultKind::Refuse, 1);
    let message = world.put("1", "Mees").await?;
    world.once().await?;
    assert!(world.entry(&message).await?.is_outcome_unknown);
    assert!(world.epd.client().message(&message).await?.is_none());

    // Asking too early is no reason to post it again.
    world.outbox.retry(&message).await?;
    world.once().await?;
    assert!(world.entry(&message).await?.is_outcome_unknown);

    world.outbox.retry(&message).await?;
    let dispatcher = world.dispatcher().settle_time(SETTLE);
    timeout(LONG, dispatcher.run_until(all_sent(&world, std::slice::from_ref(&message)))).await?;
    assert_eq!(world.versions(&[&message]).await?.len(), 1);
    Ok(())
}

pub(crate) async fn nobody_takes_over_from_a_dispatcher_that_may_be_alive(world: World) -> Result {
    let [message, behind] = cut_off_while_sending(&world, LONG).await?;
    assert_eq!(world.states(&[&message, &behind]).await?, [Sending, Waiting]);
    let busy = world.outbox.give_up(&message).await;
    assert!(matches!(busy, Err(OutboxError::State { state: Sending, .. })), "{busy:?}");
    assert!(world.outbox.retry(&message).await.is_err());
    assert_eq!(world.once().await?.sent, 0);
    assert_eq!(world.states(&[&message, &behind]).await?, [Sending, Waiting]);
    Ok(())
}

pub(crate) async fn a_dispatcher_that_was_cut_off_is_taken_over(world: World) -> Result {
    let identifiers = cut_off_while_sending(&world, SETTLE).await?;
    world.sandbox.set_faults([]);
    timeout(LONG, world.dispatcher().run_until(all_sent(&world, &identifiers))).await?;
    assert!(world.versions(&identifiers.each_ref()).await?.is_sorted());
    Ok(())
}

/// Two messages about one patient; the first is at the server, but the dispatcher that sent it is gone before
/// the answer.
async fn cut_off_while_sending(world: &World, settle_time: Duration) -> Result<[String; 2]> {
    world.fail_posts(FaultKind::SlowBody { pause: Duration::from_millis(20_000) }, 1);
    let identifiers = [world.put("1", "Mees").await?, world.put("1", "Fenna").await?];
    // With short pauses: on a busy machine the post may time out, and then the message is looked up again
    // soon.
    let dispatcher = world.dispatcher().settle_time(settle_time).run_once();
    let posted = async {
        while world.epd.client().message(&identifiers[0]).await.expect("look-up").is_none() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        report = dispatcher => assert_eq!(report?.sent, 0),
        () = posted => {}
    }
    Ok(identifiers)
}

/// A dispatcher that tries nothing a second time.
pub(crate) fn patient_dispatcher(world: &World) -> Dispatcher {
    world.outbox.dispatcher(world.epd.clone()).retry_pauses(LONG..=LONG)
}

pub(crate) async fn several_dispatchers_keep_the_order(world: World) -> Result {
    // Time enough to overtake.
    world.fail_posts(FaultKind::Latency { pause: Duration::from_millis(30) }, 1000);
    let mut identifiers = Vec::new();
    for round in 0..6 {
        for id in ["1", "2", "3"] {
            identifiers.push(world.put(id, &format!("Mees {round}")).await?);
        }
    }
    let second = world.database.outbox().await?;
    let mine = world.dispatcher().concurrency(3).run_until(all_sent(&world, &identifiers));
    let other =
        with_short_pauses(second.dispatcher(world.epd.clone())).run_until(all_sent(&world, &identifiers));
    let (mine, other) = timeout(LONG, async { tokio::join!(mine, other) }).await?;
    assert_eq!((mine.sent + other.sent, mine.refused + other.refused), (18, 0));
    for patient in 0..3 {
        let own: Vec<_> = identifiers.iter().skip(patient).step_by(3).collect();
        let versions = world.versions(&own).await?;
        assert!(versions.is_sorted_by(|first, second| first < second), "{versions:?}");
    }
    Ok(())
}

pub(crate) async fn a_running_dispatcher_sends_what_it_is_woken_for_and_stops_when_asked(
    world: World,
) -> Result {
    // It would not look by itself.
    let dispatcher = world.dispatcher().poll_interval(LONG * 60);
    let script = async {
        let mut all = Vec::new();
        for id in ["1", "2", "3"] {
            all.push(world.put(id, "Mees").await.expect("handed over"));
            world.outbox.wake();
            all_sent(&world, &all).await;
        }
    };
    // A dispatcher of another domain is woken as well.
    let elsewhere = Sender::new(world.epd.sender().source().clone(), "Elsewhere");
    let elsewhere = Connector::new(world.epd.client().clone(), elsewhere, MemoryVersionStore::new());
    let beside = world.outbox.dispatcher(elsewhere).poll_interval(LONG * 60).run();
    let report = tokio::select! {
        report = timeout(LONG, dispatcher.run_until(script)) => report?,
        report = beside => panic!("{report:?}"),
    };
    assert_eq!(report.sent, 3);
    Ok(())
}

pub(crate) async fn the_next_message_waits_until_the_versions_are_recorded(world: World) -> Result {
    let epd = connector(world.sandbox.url(), "epd", FullStore::new(1))?;
    let first = world.put("1", "Mees").await?;
    let behind = world.put("1", "Fenna").await?;
    let report = world.outbox.dispatcher(epd.clone()).retry_pauses(LONG..=LONG).run_once().await?;
    assert_eq!((report.sent, report.refused), (0, 0));
    let entry = world.entry(&first).await?;
    assert_eq!((entry.state, entry.is_outcome_unknown), (Waiting, true));
    assert_eq!(entry.last_error.map(|error| error.kind).as_deref(), Some("version-store"));

    world.outbox.retry(&first).await?;
    let identifiers = [first, behind];
    let dispatcher = with_short_pauses(world.outbox.dispatcher(epd));
    let report = timeout(LONG, dispatcher.run_until(all_sent(&world, &identifiers))).await?;
    assert_eq!((report.sent, report.refused), (2, 0));
    Ok(())
}

pub(crate) async fn closed_entries_can_be_forgotten(world: World) -> Result {
    let sent = world.put("1", "Mees").await?;
    world.once().await?;
    let waiting = world.put("1", "Fenna").await?;
    assert_eq!(world.outbox.forget(LONG).await?, 0);
    assert_eq!(world.outbox.forget(Duration::ZERO).await?, 1);
    assert!(world.outbox.entry(&sent).await?.is_none());
    let entries = world.outbox.entries(&[Waiting, Sent], 10).await?;
    assert_eq!(entries.iter().map(|entry| &entry.identifier).collect::<Vec<_>>(), [&waiting]);
    assert_eq!(world.outbox.entries(&[Sent], 10).await?, []);
    assert_eq!(world.outbox.entries(&[], 10).await?, []);
    Ok(())
}

pub(crate) async fn debug_output_names_no_patient(world: World) -> Result {
    world.put("3007", "Mees").await?;
    world.once().await?;
    world.changed_by_others("3007").await?;
    let message = world.outgoing("3007", "Fenna")?;
    world.database.put(&[&message], true).await?;
    world.once().await?;
    let entry = world.entry(message.identifier()).await?;
    assert_eq!(entry.state, Refused);
    let shown = format!("{entry:?} {message:?} {:?} {:?}", world.outbox, world.dispatcher());
    let identifier = message.identifier();
    let shown = shown.replace(identifier, "");
    assert!(!shown.contains("3007") && !shown.contains("Fenna") && !shown.contains("Duinroos"), "{shown}");
    Ok(())
}
