//! What an operator does with the outbox (lists, reads, counts, gives up), and the housekeeping of the
//! dispatcher.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::OutboxState::{GivenUp, Refused, Sent, Waiting};
use koppeltaal::messaging::{Event, Sender};
use koppeltaal::{Connector, DispatchProblem, MemoryVersionStore, OutboxError, OutboxFilter};
use koppeltaal_sandbox::FaultKind;

use crate::promises::patient_dispatcher;
use crate::world::{DOMAIN, Result, World, patient};

impl World {
    /// Hands over a message about this patient in another domain.
    async fn put_elsewhere(&self, id: &str) -> Result<String> {
        let sender = Sender::new(self.epd.sender().source().clone(), "Elsewhere");
        let elsewhere = Connector::new(self.epd.client().clone(), sender, MemoryVersionStore::new());
        let message = elsewhere.outgoing(elsewhere.draft(id, patient("Mees"))?)?;
        self.database.put(&[&message], true).await?;
        Ok(message.identifier().to_owned())
    }

    async fn list(&self, filter: impl Into<OutboxFilter>) -> Result<Vec<String>> {
        let entries = self.outbox.entries(filter, 100).await?;
        Ok(entries.into_iter().map(|entry| entry.identifier).collect())
    }
}

pub(crate) async fn entries_are_listed_by_state_domain_and_event_and_page_by_page(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let refused = world.put("1", "Mees").await?;
    let sent = world.put("2", "Fenna").await?;
    assert_eq!(patient_dispatcher(&world).concurrency(1).run_once().await?.refused, 1);
    let elsewhere = world.put_elsewhere("1").await?;
    let waiting = world.put("3", "Teun").await?;

    let all = [refused, sent, elsewhere, waiting];
    assert_eq!(world.list(OutboxFilter::new()).await?, all);
    assert_eq!(world.list([Waiting]).await?, all[2..]);
    assert_eq!(world.list(OutboxFilter::new().domain("Elsewhere")).await?, all[2..3]);
    assert_eq!(world.list(OutboxFilter::from([Waiting]).domain(DOMAIN)).await?, all[3..]);
    assert_eq!(world.list(OutboxFilter::new().problems()).await?, all[..1]);
    let of_patients = OutboxFilter::new().event(Event::CreateOrUpdatePatient.code());
    assert_eq!(world.list(&of_patients).await?, all);
    let of_plans = OutboxFilter::new().event(Event::CreateOrUpdateCarePlan.code());
    assert_eq!(world.list(of_plans).await?, [] as [String; 0]);

    let mut filter = OutboxFilter::new();
    let mut pages = Vec::new();
    loop {
        let page = world.outbox.entries(&filter, 3).await?;
        let Some(last) = page.last() else { break };
        filter = filter.after(last);
        pages.push(page.into_iter().map(|entry| entry.identifier).collect::<Vec<_>>());
    }
    assert_eq!(pages, [&all[..3], &all[3..]]);
    Ok(())
}

pub(crate) async fn a_message_can_be_read_until_the_server_has_it(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let message = world.put("1", "Mees").await?;
    assert_eq!(patient_dispatcher(&world).run_once().await?.refused, 1);
    let text = world.outbox.message(&message).await?.ok_or("no text")?;
    assert!(text.contains("Mees") && text.contains(&message), "{text}");

    world.outbox.retry(&message).await?;
    assert_eq!(patient_dispatcher(&world).run_once().await?.sent, 1);
    assert_eq!(world.outbox.message(&message).await?, None);
    let error = world.outbox.message("nothing").await;
    assert!(matches!(error, Err(OutboxError::Unknown { .. })), "{error:?}");
    Ok(())
}

pub(crate) async fn a_summary_counts_each_domain(world: World) -> Result {
    world.put("1", "Mees").await?;
    patient_dispatcher(&world).run_once().await?;
    world.put("1", "Fenna").await?;
    world.put_elsewhere("1").await?;
    world.put_elsewhere("2").await?;
    let domains = world.outbox.summary_by_domain().await?;
    let counts = |domain: &str| domains.get(domain).map(|summary| (summary.sent, summary.waiting));
    assert_eq!([counts(DOMAIN), counts("Elsewhere"), counts("Nowhere")], [Some((1, 1)), Some((0, 2)), None]);
    let all = world.outbox.summary().await?;
    assert_eq!((all.sent, all.waiting, all.open()), (1, 3, 3));
    assert_eq!(
        all.oldest_open, domains[DOMAIN].oldest_open,
        "the second message of the domain is the oldest"
    );
    Ok(())
}

pub(crate) async fn messages_are_given_up_or_retried_by_a_filter(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 2);
    let refused = [world.put("1", "Mees").await?, world.put("2", "Fenna").await?];
    assert_eq!(patient_dispatcher(&world).run_once().await?.refused, 2);
    let behind = world.put("1", "Teun").await?;
    let elsewhere = world.put_elsewhere("1").await?;

    assert_eq!(world.outbox.give_up_all(OutboxFilter::from([Refused]).domain("Elsewhere")).await?, 0);
    assert_eq!(world.outbox.give_up_all([Refused]).await?, 2);
    assert_eq!(world.states(&[&refused[0], &refused[1], &behind]).await?, [GivenUp, GivenUp, Waiting]);
    assert_eq!(world.outbox.give_up_all([Refused]).await?, 0);
    assert_eq!(patient_dispatcher(&world).run_once().await?.sent, 1);

    assert_eq!(world.outbox.give_up_all(OutboxFilter::new().domain("Elsewhere")).await?, 1);
    assert_eq!(world.states(&[&behind, &elsewhere]).await?, [Sent, GivenUp]);
    assert_eq!(world.outbox.retry_all([Refused]).await?, 0);
    Ok(())
}

pub(crate) async fn a_dispatcher_forgets_old_entries_of_its_domain(world: World) -> Result {
    let sent = world.put("1", "Mees").await?;
    let elsewhere = world.put_elsewhere("1").await?;
    world.outbox.give_up(&elsewhere).await?;
    let dispatcher = || patient_dispatcher(&world).forget_after(Duration::from_secs(24 * 60 * 60));
    assert_eq!(dispatcher().run_once().await?.sent, 1);
    world.database.pretend_all_are_a_week_old().await?;
    let waiting = world.put("2", "Fenna").await?;
    patient_dispatcher(&world).run_once().await?;
    patient_dispatcher(&world).forget_after(None).run_once().await?;
    assert!(world.outbox.entry(&sent).await?.is_some(), "by default it is kept for 90 days");

    dispatcher().run_once().await?;
    assert_eq!(world.list(OutboxFilter::new()).await?, [elsewhere, waiting]);
    Ok(())
}

pub(crate) async fn a_dispatcher_reports_a_backlog(world: World) -> Result {
    world.fail_posts(FaultKind::Status { status: 503, html: false }, 1000);
    for id in ["1", "2", "3"] {
        world.put(id, "Mees").await?;
    }
    world.put_elsewhere("1").await?;
    let reported = Arc::new(Mutex::new(Vec::new()));
    for limit in [3, 2] {
        let report_to = Arc::clone(&reported);
        let dispatcher = patient_dispatcher(&world).warn_above(limit).on_problem(move |problem| {
            if let DispatchProblem::Backlog { open } = problem {
                report_to.lock().expect("lock").push(*open);
            }
        });
        dispatcher.run_once().await?;
    }
    assert_eq!(*reported.lock().expect("lock"), [3]);
    Ok(())
}
