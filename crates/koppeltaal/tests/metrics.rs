//! What workers and outboxes report to the `metrics` facade. The recorder is set for the whole process.

#[path = "support/application.rs"]
mod application;
#[path = "../../koppeltaal-transport/tests/support/metrics_recorder.rs"]
mod metrics_recorder;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use koppeltaal::messaging::Event;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::transport::Format;
use koppeltaal::{Connector, HandlerError, MemoryVersionStore, Outbox};
use koppeltaal_sandbox::{Instance, Sandbox, SandboxConfig};
use tokio::sync::Notify;

use application::{DOMAIN, LONG, Result, connector, patient};
use metrics_recorder::MetricsRecorder;

async fn world() -> Result<(Sandbox, Connector, Connector)> {
    let sandbox = SandboxConfig::new()
        .instance(Instance::new("epd", "secret", DOMAIN))
        .instance(Instance::new("game", "secret", DOMAIN).subscribe([Event::CreateOrUpdatePatient]))
        .start()
        .await?;
    let epd = connector(sandbox.url(), "epd", Format::Json, MemoryVersionStore::default())?;
    let game = connector(sandbox.url(), "game", Format::Json, MemoryVersionStore::default())?;
    Ok((sandbox, epd, game))
}

/// The metrics with this start of their names.
fn metrics(recorder: &MetricsRecorder, start: &str) -> Vec<String> {
    recorder.metrics().into_iter().filter(|metric| metric.starts_with(start)).collect()
}

#[tokio::test]
async fn workers_and_outboxes_are_counted_timed_and_measured() -> Result {
    let recorder = MetricsRecorder::install();
    let (_sandbox, epd, game) = world().await?;

    // The second patient is sent twice: the second time as a change of a version that is not current.
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("epd.db");
    let outbox = Outbox::sqlite(&file)?;
    let mut database = koppeltaal::rusqlite::Connection::open(&file)?;
    let mut put = |message: koppeltaal::Outgoing| -> Result {
        let transaction = database.transaction()?;
        message.put_sqlite(&transaction)?;
        Ok(transaction.commit()?)
    };
    put(epd.outgoing(epd.draft("1", patient("Mees"))?)?)?;
    put(epd.outgoing(epd.draft("2", patient("Fenna"))?)?)?;
    let report = outbox.dispatcher(epd.clone()).run_once().await?;
    assert_eq!((report.sent, report.refused), (2, 0));
    let stale = epd.url(koppeltaal::messaging::ResourceKind::Patient, "2")?.with_version("2000")?;
    put(epd.outgoing(epd.draft("2", patient("Fenna"))?.based_on(&stale))?)?;
    outbox.dispatcher(epd.clone()).run_once().await?;
    let oldest = metrics(&recorder, "koppeltaal_outbox_oldest_seconds");
    assert_eq!(oldest.len(), 1, "{oldest:?}");
    assert_eq!(
        metrics(&recorder, "koppeltaal_outbox_attempts_total"),
        [
            "koppeltaal_outbox_attempts_total result=refused: 1",
            "koppeltaal_outbox_attempts_total result=sent: 2"
        ]
    );
    assert_eq!(
        metrics(&recorder, "koppeltaal_outbox_messages"),
        [
            "koppeltaal_outbox_messages state=refused: 1",
            "koppeltaal_outbox_messages state=sending: 0",
            "koppeltaal_outbox_messages state=waiting: 0",
        ]
    );

    // The handler releases the first message that it gets, whichever that is. After that it takes Mees, and
    // refuses Fenna.
    let (tries, done) = (AtomicU32::new(0), std::sync::Arc::new(Notify::new()));
    let handled = std::sync::Arc::clone(&done);
    let in_hand = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, watched) = (std::sync::Arc::clone(&in_hand), recorder.clone());
    let worker = game.worker().retry_pauses(Duration::from_millis(1)..=Duration::from_millis(2)).on(
        move |patient: Patient, _| {
            let attempt = tries.fetch_add(1, Ordering::SeqCst);
            seen.lock().expect("no panic").extend(metrics(&watched, "koppeltaal_worker_in_hand"));
            let is_last = attempt == 2;
            let result = match (attempt, &patient.name[0].given[0]) {
                (0, _) => Err(HandlerError::release("not now")),
                (_, given) if given.as_str() == Some("Mees") => Ok(()),
                _ => Err(HandlerError::failure("not wanted")),
            };
            if is_last {
                handled.notify_one();
            }
            async move { result }
        },
    );
    let stopped = async { tokio::time::timeout(LONG, done.notified()).await };
    worker.run_until(stopped).await?;
    let event = "event=CreateOrUpdatePatient";
    assert_eq!(
        metrics(&recorder, "koppeltaal_worker_"),
        [
            format!("koppeltaal_worker_handling_seconds {event}: 3"),
            "koppeltaal_worker_in_hand: 0".to_owned(),
            format!("koppeltaal_worker_messages_total {event} result=failed: 1"),
            format!("koppeltaal_worker_messages_total {event} result=later: 1"),
            format!("koppeltaal_worker_messages_total {event} result=ok: 1"),
        ]
    );
    let in_hand = in_hand.lock().expect("no panic");
    assert!(in_hand.contains(&"koppeltaal_worker_in_hand: 1".to_owned()), "{in_hand:?}");
    Ok(())
}
