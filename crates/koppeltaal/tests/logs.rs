//! What is told at the usual levels without any callback.

#[path = "../../koppeltaal-transport/tests/secrets/log.rs"]
mod log;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "facade/world.rs"]
mod world;

use std::time::Duration;

use koppeltaal::messaging::ProcessingStatus::{Failed, Success};
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::transport::Format;
use koppeltaal::{HandlerError, Outbox};
use koppeltaal_sandbox::{Fault, FaultKind};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::Level;

use log::Log;
use world::{LONG, Result, World, await_queue, patient};

/// The lines of this level that hold this text.
fn lines(log: &Log, level: &str, text: &str) -> Vec<String> {
    let is_it = |line: &&str| line.trim_start().starts_with(level) && line.contains(text);
    log.text().lines().filter(is_it).map(str::to_owned).collect()
}

/// That a line tells its cause, and no part of it twice.
fn has_each_part_once(line: &str) -> bool {
    let parts: Vec<&str> = line.split(": ").collect();
    (1..parts.len()).all(|index| !parts[..index].contains(&parts[index]))
}

#[tokio::test]
async fn outbox_trouble_is_told_when_it_begins_with_its_cause_and_not_each_time() -> Result {
    let world = World::start(Format::Json).await?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("portal.db");
    let outbox = Outbox::sqlite(&path)?;
    let message = world.portal.outgoing(world.portal.draft("3007", patient("Mees"))?)?;
    message.put_sqlite(&koppeltaal::rusqlite::Connection::open(&path)?)?;
    let fault = FaultKind::Status { status: 503, html: false };
    world.sandbox.set_faults([Fault::new(fault).path("Mailbox").times(5)]);

    let (log, guard) = Log::start(Level::INFO);
    let pauses = Duration::from_millis(1)..=Duration::from_millis(5);
    let dispatcher = outbox.dispatcher(world.portal.clone()).retry_pauses(pauses);
    let dispatcher = dispatcher.poll_interval(Duration::from_millis(5));
    let sent = async {
        while outbox.summary().await.expect("summary").sent == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let report = timeout(LONG, dispatcher.run_until(sent)).await?;
    drop(guard);
    assert_eq!(report.delayed, 5);
    let told = lines(&log, "WARN", "not sent yet");
    assert_eq!(told.len(), 1, "{}", log.text());
    assert!(
        told[0].contains("the server is not available (HTTP 503") && has_each_part_once(&told[0]),
        "{told:?}"
    );
    assert_eq!(lines(&log, "INFO", "messages can be sent again").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_refused_because_it_fails_every_time_is_an_error_without_content() -> Result {
    let world = World::start(Format::Json).await?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("portal.db");
    let outbox = Outbox::sqlite(&path)?;
    for (id, given) in [("3007", "Mees"), ("3008", "Fenna")] {
        let message = world.portal.outgoing(world.portal.draft(id, patient(given))?)?;
        message.put_sqlite(&koppeltaal::rusqlite::Connection::open(&path)?)?;
    }
    let (log, guard) = Log::start(Level::INFO);
    // The server does not allow the first one, while the other one is sent.
    for _ in 0..2 {
        let fault = FaultKind::Status { status: 403, html: false };
        world.sandbox.set_faults([Fault::new(fault).path("Mailbox").times(1)]);
        // Not due again before the test says so, however slow the machine is.
        let pause = Duration::from_secs(3600);
        let dispatcher = outbox.dispatcher(world.portal.clone()).concurrency(1).retry_pauses(pause..=pause);
        dispatcher.refuse_after(2).run_once().await?;
        let database = koppeltaal::rusqlite::Connection::open(&path)?;
        database.execute_batch("UPDATE koppeltaal_outbox SET not_before = 1 WHERE state = 'waiting'")?;
    }
    drop(guard);
    assert_eq!(outbox.summary().await?.refused, 1);
    let told = lines(&log, "ERROR", "refused; somebody has to decide");
    assert_eq!(told.len(), 1, "{}", log.text());
    assert!(told[0].contains("after 2 failures while other messages were sent"), "{told:?}");
    for secret in ["Mees", "Fenna", "Duinroos", "3007", "3008"] {
        assert!(!log.text().contains(secret), "{}", log.text());
    }
    Ok(())
}

#[tokio::test]
async fn trouble_of_the_outbox_database_is_told_with_its_cause() -> Result {
    let world = World::start(Format::Json).await?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("portal.db");
    let outbox = Outbox::sqlite(&path)?;
    koppeltaal::rusqlite::Connection::open(&path)?.execute_batch("DROP TABLE koppeltaal_outbox")?;
    let (log, guard) = Log::start(Level::INFO);
    let dispatcher = outbox.dispatcher(world.portal.clone()).poll_interval(Duration::from_millis(5));
    assert!(dispatcher.run_once().await.is_err());
    drop(guard);
    let told = lines(&log, "WARN", "does not do what it was asked");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("no such table: koppeltaal_outbox") && has_each_part_once(&told[0]), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn worker_trouble_is_told_with_its_cause_and_what_is_given_up_is_an_error() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("3007").await?;
    world.send_patient("1").await?;
    let fault = FaultKind::Status { status: 500, html: false };
    world.sandbox.set_faults([Fault::new(fault).path("_search").times(1)]);
    let (log, guard) = Log::start(Level::INFO);
    let (stop, stopped) = oneshot::channel::<()>();
    let soon = Duration::from_millis(5);
    let worker = world.game.worker().retry_pauses(soon..=soon).give_up_after(2);
    let worker = worker.on(|_: Patient, received| async move {
        if received.url().is_some_and(|url| url.id() == "3007") {
            return Err(HandlerError::release("Mees Duinroos is locked"));
        }
        Ok(())
    });
    let check = async {
        // The fault is for the worker.
        while lines(&log, "WARN", "nothing could be received").is_empty() {
            sleep(soon).await;
        }
        let result = await_queue(&world.game, &[Failed, Success]).await;
        drop(stop);
        result
    };
    let (report, checked) = tokio::join!(worker.run_until(stopped), check);
    drop(guard);
    checked?;
    assert_eq!(report?.failed, 1);
    let received = lines(&log, "WARN", "nothing could be received");
    assert!(received[0].contains("HTTP 500") && has_each_part_once(&received[0]), "{received:?}");
    assert_eq!(lines(&log, "WARN", "the message cannot be handled now").len(), 1);
    assert_eq!(lines(&log, "ERROR", "the message is given up").len(), 1);
    assert!(!log.text().contains("Mees"), "{}", log.text());
    Ok(())
}
