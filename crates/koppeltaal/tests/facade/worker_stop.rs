//! A worker that stops, or is dropped: handlers that are under way, and messages that wait.

use std::sync::Arc;
use std::time::Duration;

use koppeltaal::messaging::ProcessingStatus::{Claimed, New, Success};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::transport::Format;
use tokio::sync::Notify;

use crate::worker::{Started, send_plan, start};
use crate::world::{LONG, Result, World, await_queue, queue};

#[tokio::test]
async fn a_worker_that_stops_finishes_running_handlers_and_gives_the_rest_back() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        send_plan(&world, id, "3007").await?;
    }
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let worker = world.game.worker().concurrency(2).on(move |_: CarePlan, _| {
        let (begins, goes_on) = (Arc::clone(&begins), Arc::clone(&goes_on));
        async move {
            begins.notify_one();
            goes_on.notified().await;
            Ok(())
        }
    });
    let Started { stop, task } = start(worker);
    begun.notified().await;
    // The second waits behind the first, and the third has not been claimed.
    await_queue(&world.game, &[Claimed, Claimed, New]).await?;
    drop(stop);
    await_queue(&world.game, &[Claimed, New, New]).await?;
    go_on.notify_one();
    let report = tokio::time::timeout(LONG, task).await???;
    assert_eq!((report.succeeded, report.released), (1, 1));
    assert_eq!(queue(&world.game).await?, [(Success, None), (New, None), (New, None)]);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_stops_does_not_wait_for_a_message_that_another_worker_has() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        send_plan(&world, id, "3007").await?;
    }
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let worker = |concurrency| {
        let (begins, goes_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        let worker = world.game.worker().concurrency(concurrency).grace(LONG * 60);
        worker.on(move |_: CarePlan, _| {
            let (begins, goes_on) = (Arc::clone(&begins), Arc::clone(&goes_on));
            async move {
                begins.notify_one();
                goes_on.notified().await;
                Ok(())
            }
        })
    };
    let first = start(worker(1));
    begun.notified().await;
    let second = start(worker(2));
    // In the second worker, message 2 waits for message 1 in the first, and message 3 waits for message 2.
    await_queue(&world.game, &[Claimed; 3]).await?;
    let report = second.stop().await?;
    assert_eq!(report.succeeded, 0);
    assert_eq!(queue(&world.game).await?, [(Claimed, None), (New, None), (New, None)]);
    for _ in 0..2 {
        go_on.notify_one();
        begun.notified().await;
    }
    go_on.notify_one();
    await_queue(&world.game, &[Success; 3]).await?;
    assert_eq!(first.stop().await?.succeeded, 3);
    Ok(())
}

#[tokio::test]
async fn after_the_grace_handlers_are_cut_off_and_their_messages_given_back() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let worker = world.game.worker().grace(Duration::from_millis(100)).on(move |_: Patient, _| {
        begins.notify_one();
        std::future::pending()
    });
    let worker = start(worker);
    begun.notified().await;
    let report = worker.stop().await?;
    assert_eq!((report.succeeded, report.released), (0, 1));
    assert_eq!(queue(&world.game).await?, [(New, None)]);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_is_dropped_gives_its_messages_back() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let worker = world.game.worker().on(move |_: Patient, _| {
        begins.notify_one();
        std::future::pending()
    });
    let Started { task, stop: _stop } = start(worker);
    begun.notified().await;
    task.abort();
    await_queue(&world.game, &[New]).await?;
    Ok(())
}
