//! Messages at which the server fails every time: they delay no others, and are refused in the end.

use std::time::Duration;

use koppeltaal::DispatchReport;
use koppeltaal::OutboxState::{Refused, Sent, Waiting};
use koppeltaal_sandbox::FaultKind;
use tokio::time::{sleep, timeout};

use crate::promises::{SETTLE, all_sent};
use crate::world::{LONG, Result, World};

/// The server fails at work and says so. It may have accepted the message all the same.
const FAILS: FaultKind = FaultKind::Status { status: 500, html: false };

/// Tries the messages that are due, one after the other.
async fn try_due_messages(world: &World) -> Result<DispatchReport> {
    let dispatcher = world.dispatcher().concurrency(1).settle_time(SETTLE).refuse_after(2);
    Ok(timeout(LONG, dispatcher.run_once()).await??)
}

/// Waits until the message is due again after a failure, and makes it fail once more.
async fn fail_again(world: &World, identifier: &str) -> Result<DispatchReport> {
    let failures = world.entry(identifier).await?.attempts;
    loop {
        world.fail_posts(FAILS, 1);
        let report = try_due_messages(world).await?;
        world.sandbox.set_faults([]);
        // An attempt that only asks for the message comes between two posts.
        let entry = world.entry(identifier).await?;
        if entry.state != Waiting || entry.attempts > failures + 1 {
            return Ok(report);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn a_message_at_which_the_server_always_fails_is_refused_while_others_go_on(
    world: World,
) -> Result {
    world.fail_posts(FAILS, 1);
    let failing = world.put("1", "Mees").await?;
    let behind = world.put("1", "Fenna").await?;
    let other = world.put("2", "Teun").await?;
    let report = try_due_messages(&world).await?;
    assert_eq!((report.sent, report.refused), (1, 0), "the other one does not wait");
    assert_eq!(world.states(&[&failing, &behind, &other]).await?, [Waiting, Waiting, Sent]);

    let report = fail_again(&world, &failing).await?;
    assert_eq!((report.sent, report.refused), (0, 1));
    let entry = world.entry(&failing).await?;
    assert_eq!((entry.state, entry.behind), (Refused, 1));
    assert!(entry.is_outcome_unknown, "the server may have stored it before it failed");
    let error = entry.last_error.ok_or("no error")?;
    assert_eq!(error.kind, "unknown-outcome");
    assert!(error.text.starts_with("refused after 2 failures while other messages were sent: "), "{error}");
    assert_eq!(world.entry(&behind).await?.attempts, 0);

    world.outbox.retry(&failing).await?;
    timeout(LONG, world.dispatcher().settle_time(SETTLE).run_until(all_sent(&world, &[failing, behind])))
        .await?;
    Ok(())
}

pub(crate) async fn a_server_that_fails_at_everything_refuses_nothing(world: World) -> Result {
    world.fail_posts(FAILS, 100_000);
    let mut identifiers = Vec::new();
    for id in ["1", "2", "3", "4", "5", "6", "7"] {
        identifiers.push(world.put(id, "Mees").await?);
    }
    let dispatcher = world.dispatcher().settle_time(SETTLE).refuse_after(2);
    let long_enough = async {
        // Every message is posted several times; between two posts there is an attempt that only asks for it.
        for identifier in &identifiers {
            while world.entry(identifier).await.expect("an entry").attempts < 6 {
                sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let report = timeout(LONG, dispatcher.run_until(long_enough)).await?;
    assert_eq!((report.sent, report.refused), (0, 0));

    world.sandbox.set_faults([]);
    let dispatcher = world.dispatcher().settle_time(SETTLE);
    timeout(LONG, dispatcher.run_until(all_sent(&world, &identifiers))).await?;
    Ok(())
}

pub(crate) async fn a_message_that_was_not_tried_yet_comes_before_one_that_is_tried_again(
    world: World,
) -> Result {
    world.fail_posts(FaultKind::Status { status: 403, html: false }, 1);
    let again = world.put("1", "Mees").await?;
    // Long enough that it is not due within one run on a slow machine.
    let pause = Duration::from_secs(2);
    world.dispatcher().retry_pauses(pause..=pause).run_once().await?;
    assert_eq!(world.states(&[&again]).await?, [Waiting]);
    sleep(pause).await;
    let new = world.put("2", "Fenna").await?;
    world.fail_posts(FaultKind::Status { status: 422, html: false }, 1);
    let report = try_due_messages(&world).await?;
    assert_eq!((report.sent, report.refused), (1, 1));
    assert_eq!(world.states(&[&again, &new]).await?, [Sent, Refused], "the new one met the fault");
    Ok(())
}

pub(crate) async fn a_message_that_failed_for_a_day_is_refused_after_few_failures(world: World) -> Result {
    world.fail_posts(FAILS, 1);
    let failing = world.put("1", "Mees").await?;
    world.put("2", "Teun").await?;
    try_due_messages(&world).await?;
    world.database.pretend_all_failed(2).await?;
    world.fail_posts(FAILS, 1);
    let dispatcher = world.dispatcher().concurrency(1).settle_time(SETTLE);
    let report = timeout(LONG, dispatcher.run_once()).await??;
    assert_eq!(report.refused, 1);
    let error = world.entry(&failing).await?.last_error.ok_or("no error")?;
    assert!(error.text.contains("for a day"), "{error}");
    Ok(())
}
