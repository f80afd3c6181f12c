//! Messages that a worker cannot handle are kept in a database, and can be handled later.

#[cfg(feature = "postgresql")]
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "support/schema.rs"]
mod support;
#[allow(dead_code, reason = "the other tests use the rest of it")]
#[path = "facade/world.rs"]
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::messaging::ProcessingStatus::{Failed, Success};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::transport::Format;
use koppeltaal::{DeadLetters, HandlerError, ReceivedMessage, Worker, WorkerProblem};
use tokio::time::timeout;

use world::{DOMAIN, LONG, Result, World, await_queue, queue};

/// A worker of the game that tries each message twice, with short pauses.
fn worker(world: &World, letters: &DeadLetters) -> Worker {
    let pause = Duration::from_millis(5);
    world.game.worker().retry_pauses(pause..=pause).give_up_after(2).dead_letters(letters.clone())
}

/// Sends this many patients and lets a worker fail each, for the reason "Never".
async fn fail_patients(world: &World, letters: &DeadLetters, patients: usize) -> Result {
    for id in 1..=patients {
        world.send_patient(&id.to_string()).await?;
    }
    let kept = async {
        while letters.list(DOMAIN, patients).await.expect("letters").len() < patients {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let fails = |_: Patient, _| async { Err(HandlerError::failure("Never")) };
    timeout(LONG, worker(world, letters).on(fails).run_until(kept)).await??;
    Ok(())
}

/// What every database must do.
async fn letters_are_kept_and_replayed(letters: DeadLetters) -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        world.send_patient(id).await?;
    }
    let handler = |_: Patient, received: ReceivedMessage| async move {
        let id = received.url().map(|url| url.id().to_owned());
        match id.as_deref() {
            Some("1") => Err(HandlerError::release("Mees Duinroos is locked")),
            Some("2") => Err(HandlerError::failure("A patient without a plan")),
            _ => Ok(()),
        }
    };
    let done = await_queue(&world.game, &[Failed, Failed, Success]);
    let report = timeout(LONG, worker(&world, &letters).on(handler).run_until(done)).await??;
    assert_eq!((report.succeeded, report.failed), (1, 2));

    let mut kept = letters.list(DOMAIN, 10).await?;
    kept.sort_by(|first, second| first.reason.cmp(&second.reason));
    let reasons: Vec<_> = kept.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, ["A patient without a plan", "Given up after 2 attempts: Mees Duinroos is locked"]);
    assert_eq!(kept[0].event.as_deref(), Some("CreateOrUpdatePatient"));
    assert!(letters.list("Elsewhere", 10).await?.is_empty());
    assert_eq!(letters.list(DOMAIN, 1).await?.len(), 1);
    let text = letters.message(DOMAIN, &kept[1].identifier).await?.ok_or("no message")?;
    assert!(text.contains("Duinroos"), "{text}");
    assert!(!format!("{kept:?} {letters:?}").contains("Duinroos"));
    let at_server = queue(&world.game).await?;
    assert!(at_server.iter().flat_map(|(_, text)| text).all(|text| !text.contains("Duinroos")));

    // They fail again.
    let report = timeout(LONG, worker(&world, &letters).on(handler).replay(&letters)).await??;
    assert_eq!((report.succeeded, report.failed), (0, 2));
    let again = letters.list(DOMAIN, 10).await?;
    assert_eq!(again.len(), 2);
    assert!(again.iter().any(|letter| letter.reason == "Mees Duinroos is locked"), "the new reason");

    // The cause is repaired.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_handler = Arc::clone(&seen);
    let repaired = worker(&world, &letters).on(move |_: Patient, received| {
        seen_by_handler.lock().expect("lock").push(received.url().map(|url| url.id().to_owned()));
        std::future::ready(Ok(()))
    });
    let report = timeout(LONG, repaired.replay(&letters)).await??;
    assert_eq!((report.succeeded, report.failed), (2, 0));
    let mut seen: Vec<_> = seen.lock().expect("lock").iter().flatten().cloned().collect();
    seen.sort();
    assert_eq!(seen, ["1", "2"]);
    assert!(letters.list(DOMAIN, 10).await?.is_empty());
    assert!(!letters.forget(DOMAIN, &kept[0].identifier).await?);
    assert_eq!(repaired.replay(&letters).await?.succeeded, 0);
    Ok(())
}

/// Letters that are older than the retention are deleted when the next one is kept.
async fn old_letters_are_forgotten(letters: DeadLetters) -> Result {
    let world = World::start(Format::Json).await?;
    let fails = |_: Patient, _| async { Err(HandlerError::failure("Never")) };
    for (age, kept) in [(None, [1, 2]), (Some(Duration::ZERO), [1, 1])] {
        let letters = letters.clone().forget_after(age);
        for expected in kept {
            world.send_patient("1").await?;
            let failed = async {
                while queue(&world.game).await.expect("queue").iter().any(|(status, _)| *status != Failed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(LONG, worker(&world, &letters).on(fails).run_until(failed)).await??;
            assert_eq!(letters.list(DOMAIN, 10).await?.len(), expected);
        }
    }
    Ok(())
}

mod sqlite {
    use super::*;

    fn in_file() -> Result<(tempfile::TempDir, DeadLetters)> {
        let directory = tempfile::tempdir()?;
        let letters = DeadLetters::sqlite(directory.path().join("game.db"))?;
        Ok((directory, letters))
    }

    #[tokio::test]
    async fn messages_that_fail_are_kept_and_replayed() -> Result {
        let (_directory, letters) = in_file()?;
        letters_are_kept_and_replayed(letters).await
    }

    #[tokio::test]
    async fn old_letters_are_forgotten_when_the_next_one_is_kept() -> Result {
        let (_directory, letters) = in_file()?;
        old_letters_are_forgotten(letters).await
    }

    #[tokio::test]
    async fn letters_without_a_handler_keep_their_reason_and_are_reported() -> Result {
        let (_directory, letters) = in_file()?;
        let world = World::start(Format::Json).await?;
        fail_patients(&world, &letters, 1).await?;
        let kept = letters.list(DOMAIN, 10).await?;
        let other = worker(&world, &letters).on(|_: CarePlan, _| async { Ok(()) });
        let report = timeout(LONG, other.replay(&letters)).await??;
        assert_eq!((report.succeeded, report.failed, report.not_replayed), (0, 0, 1));
        let left = letters.list(DOMAIN, 10).await?;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].reason, "Never");
        assert_eq!(left[0].identifier, kept[0].identifier);
        Ok(())
    }

    #[tokio::test]
    async fn all_pages_of_letters_are_replayed_in_the_order_in_which_they_failed() -> Result {
        /// A page has 100 letters.
        const LETTERS: usize = 102;
        let (_directory, letters) = in_file()?;
        let world = World::start(Format::Json).await?;
        fail_patients(&world, &letters, LETTERS).await?;
        let kept: Vec<_> =
            letters.list(DOMAIN, 2 * LETTERS).await?.into_iter().map(|letter| letter.identifier).collect();
        assert_eq!(kept.len(), LETTERS);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let seen_by_handler = Arc::clone(&seen);
        // Every third one fails again, and stays in its place.
        let replaying = worker(&world, &letters).on(move |_: Patient, received| {
            let mut seen = seen_by_handler.lock().expect("lock");
            seen.push(received.header().identifier().unwrap_or_default().to_owned());
            let fails = seen.len() % 3 == 0;
            std::future::ready(if fails { Err(HandlerError::failure("Again")) } else { Ok(()) })
        });
        let report = timeout(LONG, replaying.replay(&letters)).await??;
        assert_eq!((report.succeeded, report.failed, report.not_replayed), (68, 34, 0));
        assert_eq!(*seen.lock().expect("lock"), kept);
        let left: Vec<_> =
            letters.list(DOMAIN, LETTERS).await?.into_iter().map(|letter| letter.identifier).collect();
        let third: Vec<_> = kept.into_iter().skip(2).step_by(3).collect();
        assert_eq!(left, third);
        Ok(())
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_kept_is_not_answered_but_comes_again() -> Result {
        let (directory, letters) = in_file()?;
        let database = koppeltaal::rusqlite::Connection::open(directory.path().join("game.db"))?;
        database.execute_batch("ALTER TABLE koppeltaal_dead_letter RENAME TO elsewhere")?;
        let world = World::start(Format::Json).await?;
        world.send_patient("1").await?;
        let (sender, mut errors) = tokio::sync::mpsc::unbounded_channel();
        let worker = worker(&world, &letters)
            .on(|_: Patient, _| async { Err(HandlerError::failure("Never")) })
            .on_problem(move |problem| {
                if let WorkerProblem::Release { error, .. } = problem {
                    let _ = sender.send(error.to_string());
                }
            });
        let script = async {
            let error = errors.recv().await.expect("a problem");
            assert!(error.contains("no such table"), "{error}");
            assert!(queue(&world.game).await.expect("queue").iter().all(|(status, _)| *status != Failed));
            database.execute_batch("ALTER TABLE elsewhere RENAME TO koppeltaal_dead_letter").expect("back");
            await_queue(&world.game, &[Failed]).await.expect("it came again");
        };
        timeout(LONG, worker.run_until(script)).await??;
        assert_eq!(letters.list(DOMAIN, 10).await?.len(), 1);
        Ok(())
    }
}

#[cfg(feature = "postgresql")]
mod postgresql {
    use super::*;

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn messages_that_fail_are_kept_and_replayed() -> Result {
        letters_are_kept_and_replayed(DeadLetters::postgresql(support::fresh_schema().await).await?).await
    }

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server: cargo xtask interop postgresql"]
    async fn old_letters_are_forgotten_when_the_next_one_is_kept() -> Result {
        old_letters_are_forgotten(DeadLetters::postgresql(support::fresh_schema().await).await?).await
    }
}
