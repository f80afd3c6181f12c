//! What a connector at work leaves in logs. In a process of its own: `tracing` remembers for the whole
//! process which places nobody listened to when they were first reached.

#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "facade/world.rs"]
mod world;

#[path = "../../koppeltaal-transport/tests/secrets/log.rs"]
mod log;
#[cfg(feature = "postgresql")]
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "support/schema.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use koppeltaal::HandlerError;
use koppeltaal::messaging::ProcessingStatus::{Failed, Success};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::transport::{ClientAuthentication, Format};
use koppeltaal::{Launch, MergeLimits};
use koppeltaal_sandbox::{Fault, FaultKind};
use tokio::sync::{Notify, oneshot};
use tracing::Level;

use log::Log;
use world::{ACTIVITY, REDIRECT_URI, Result, World, await_queue, patient, patient_url, plan, plan_draft};

/// `portal:secret` and `game:secret` as Basic authentication writes them.
const PORTAL: &str = "cG9ydGFsOnNlY3JldA";
const GAME: &str = "Z2FtZTpzZWNyZXQ";

/// Sends, merges, launches and receives, well and badly.
async fn work(world: &World) -> Result {
    let wait = Duration::from_millis(10);
    let portal = world.portal.clone().merge_limits(MergeLimits { wait, ..MergeLimits::default() });
    portal.send(plan_draft(&portal, plan(&portal)?)?).await?;
    world.send_patient("3007").await?;
    let stale = world.connector("portal")?.merge_limits(MergeLimits { wait, ..MergeLimits::default() });
    assert!(stale.send(stale.draft("3007", patient("Mees"))?).await.is_err());
    assert!(stale.send_with_merge(stale.draft("3007", patient("Mees"))?, async |_| None).await.is_err());
    assert!(portal.send(portal.draft("3007", Patient::default())?).await.is_err());

    let launch = Launch::of_application("game", patient_url(&portal)?, ACTIVITY);
    let page = portal.launch_url(&launch, &patient_url(&portal)?).await?;
    let launches = world.game.launches(ClientAuthentication::basic("game", "game")?, REDIRECT_URI);
    let (authorize, pending) = launches.begin(page.as_str()).await?;
    let session = launches.finish(&pending, &world.sandbox.browse(&authorize).await?).await?;
    assert!(session.connector().receive().await?.is_some());

    let hiccup = Fault::new(FaultKind::Status { status: 503, html: true }).path("_search").times(1);
    world.sandbox.set_faults([hiccup]);
    let tried = AtomicU32::new(0);
    let soon = Duration::from_millis(10);
    let observed = Arc::new(Notify::new());
    let observer = Arc::clone(&observed);
    let (stop, stopped) = oneshot::channel::<()>();
    let worker = world
        .game
        .worker()
        .retry_pauses(soon..=soon)
        .on(|plan: CarePlan, _| async move { Err(HandlerError::failure(format!("Mees: {plan:?}"))) })
        .on(move |patient: Patient, _| {
            let attempt = tried.fetch_add(1, Ordering::Relaxed);
            async move {
                match attempt {
                    0 => Err(HandlerError::release(format!("{patient:?}"))),
                    _ => Ok(()),
                }
            }
        })
        .on_problem(move |_| observer.notify_one())
        .run_until(stopped);
    let check = async {
        // The hiccup is the worker's, not the check's.
        observed.notified().await;
        let result = await_queue(&world.game, &[Failed, Success]).await;
        drop(stop);
        result
    };
    let (report, checked) = tokio::join!(worker, check);
    report?;
    checked
}

/// That the log tells these things, and nothing of anybody.
fn tells(log: &Log, expected: &[&str]) {
    let text = log.text();
    for expected in expected {
        assert!(text.contains(expected), "nothing was heard of: {expected}");
    }
    for secret in
        ["Mees", "Duinroos", "Fenna", "Patient/3007", "Patient%2F3007", "secret", PORTAL, GAME, ACTIVITY]
    {
        let told = text.lines().find(|line| line.contains(secret));
        assert!(told.is_none(), "{secret} in {told:?}");
    }
}

#[tokio::test]
async fn logs_at_trace_level_tell_no_secret_and_nothing_of_patients() -> Result {
    let (log, guard) = Log::start(Level::TRACE);
    let world = World::start(Format::Json).await?;
    work(&world).await?;
    drop(guard);
    tells(
        &log,
        &["the message cannot be handled now", "the message is permanently wrong", "koppeltaal_message"],
    );
    Ok(())
}

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod databases {
    use koppeltaal::{Connector, Dispatcher, Outbox, Outgoing, VersionStore};

    use super::*;

    /// Sends two messages from an outbox: one that is refused, one that is accepted, and a third that
    /// conflicts.
    async fn send<H>(world: &World, outbox: Outbox, versions: impl VersionStore, hand_over: H) -> Result
    where
        H: AsyncFn(Outgoing) -> Result,
    {
        let portal = Connector::new(world.portal.client().clone(), world.portal.sender().clone(), versions);
        let refuse = Fault::new(FaultKind::Status { status: 422, html: false }).path("Mailbox").times(1);
        world.sandbox.set_faults([refuse]);
        let once = || -> Dispatcher { outbox.dispatcher(portal.clone()).concurrency(1) };
        for given in ["Mees", "Fenna"] {
            hand_over(portal.outgoing(portal.draft("3007", patient(given))?)?).await?;
        }
        assert_eq!(once().run_once().await?.refused, 1);
        outbox.retry_all(koppeltaal::OutboxFilter::new()).await?;
        assert_eq!(once().run_once().await?.sent, 2);

        let other = world.connector("portal")?;
        let known = portal.versions().versions(world::DOMAIN, &[patient_url(&portal)?]).await?;
        other.versions().record(world::DOMAIN, &known.into_iter().flatten().collect::<Vec<_>>()).await?;
        other.send(other.draft("3007", patient("Mees"))?).await?;
        hand_over(portal.outgoing(portal.draft("3007", patient("Mees"))?)?).await?;
        assert_eq!(once().run_once().await?.refused, 1);
        let problems = outbox.problems(10).await?;
        assert_eq!(problems.len(), 1);
        outbox.give_up(&problems[0].identifier).await?;
        outbox.forget(Duration::ZERO).await?;
        Ok(())
    }

    const EXPECTED: [&str; 2] = ["refused; it waits for a decision", "koppeltaal::outbox"];

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn with_sqlite_logs_tell_nothing_of_patients() -> Result {
        let (log, guard) = Log::start(Level::TRACE);
        let world = World::start(Format::Json).await?;
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("portal.db");
        let versions = koppeltaal::SqliteVersionStore::open(&path)?;
        let hand_over = async |message: Outgoing| {
            message.put_sqlite(&koppeltaal::rusqlite::Connection::open(&path)?)?;
            Ok(())
        };
        send(&world, Outbox::sqlite(&path)?, versions, hand_over).await?;
        drop(guard);
        tells(&log, &EXPECTED);
        Ok(())
    }

    #[cfg(feature = "postgresql")]
    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn with_postgresql_logs_tell_nothing_of_patients() -> Result {
        let (log, guard) = Log::start(Level::TRACE);
        let world = World::start(Format::Json).await?;
        let pool = support::fresh_schema().await;
        let versions = koppeltaal::PostgresqlVersionStore::open(pool.clone()).await?;
        let hand_over = async |message: Outgoing| {
            let mut client = pool.get().await?;
            let transaction = client.build_transaction().start().await?;
            message.put_postgresql(&transaction).await?;
            Ok(transaction.commit().await?)
        };
        send(&world, Outbox::postgresql(pool.clone()).await?, versions, hand_over).await?;

        // What a database says quotes values, too.
        let mut client = pool.get().await?;
        client.batch_execute("ALTER TABLE koppeltaal_outbox ADD CHECK (focal NOT LIKE '%3007')").await?;
        let portal = &world.portal;
        let message = portal.outgoing(portal.draft("3007", patient("Mees"))?)?;
        let transaction = client.transaction().await?;
        let error = message.put_postgresql(&transaction).await.expect_err("the check");
        tracing::warn!(target: "application", ?error, cause = ?std::error::Error::source(&error), "{error}");
        drop(guard);
        // The second one to open the database does not try to make what is there.
        assert!(!log.text().contains("NOTICE"), "{}", log.text());
        tells(&log, &[&EXPECTED[..], &["executing statement", "SQLSTATE 23514"]].concat());
        Ok(())
    }
}
