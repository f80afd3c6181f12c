//! Faults around the worker: messages that always fail, observers that panic, workers that are dropped.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::HandlerError;
use koppeltaal::messaging::ProcessingStatus::{Claimed, Failed, New, Success};
use koppeltaal::messaging::profiles::{CarePlan, Patient};
use koppeltaal::transport::Format;
use koppeltaal_sandbox::{Fault, FaultKind};
use tokio::sync::{Barrier, Notify};
use tokio::time::timeout;

use crate::worker::{SOON, id, send_plan, start, start_with};
use crate::world::{LONG, Result, World, await_queue, queue};

/// Longer than a test runs.
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn messages_that_always_fail_take_no_more_turns_than_those_of_other_patients() -> Result {
    const FAILING: u32 = 40;
    const GOOD: u32 = 100;
    let world = World::start(Format::Json).await?;
    for number in 0..FAILING {
        world.send_patient(&format!("bad{number}")).await?;
    }
    for number in 0..GOOD {
        world.send_patient(&format!("good{number}")).await?;
    }
    let (tries, handled, all) = (Arc::default(), Arc::default(), Arc::new(Notify::new()));
    let (tried, good, done): (Arc<AtomicU32>, Arc<AtomicU32>, _) =
        (Arc::clone(&tries), Arc::clone(&handled), Arc::clone(&all));
    let worker = world.game.worker().give_up_after(0).on(move |_: Patient, received| {
        let fails = id(&received).starts_with("bad");
        if fails {
            tried.fetch_add(1, Ordering::Relaxed);
        } else if good.fetch_add(1, Ordering::Relaxed) + 1 == GOOD {
            done.notify_one();
        }
        async move { if fails { Err(HandlerError::release("never")) } else { Ok(()) } }
    });
    let worker = start(worker);
    timeout(LONG, all.notified()).await?;
    let tries = tries.load(Ordering::Relaxed);
    // Each is tried once when it arrives. After that, at most every second message is a repetition.
    assert!(tries <= FAILING + FAILING + GOOD, "{tries} failed attempts for {GOOD} messages");
    let report = worker.stop().await?;
    assert_eq!((report.succeeded, report.failed), (u64::from(GOOD), 0));
    Ok(())
}

#[tokio::test]
async fn by_default_a_message_is_given_up_after_60_attempts() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let worker = world.game.worker().on(|_: Patient, _| async {
        Err(std::io::Error::other("the patient Mees Duinroos is locked"))?;
        Ok(())
    });
    let worker = start(worker);
    await_queue(&world.game, &[Failed]).await?;
    assert_eq!(queue(&world.game).await?, [(Failed, Some("Given up after 60 attempts".to_owned()))]);
    let report = worker.stop().await?;
    assert_eq!((report.failed, report.released), (1, 59));
    Ok(())
}

#[tokio::test]
async fn messages_behind_one_that_is_given_up_are_handled_in_order() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        send_plan(&world, id, "3007").await?;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let worker = world.game.worker().concurrency(3).give_up_after(3).on(move |_: CarePlan, received| {
        let fails = id(&received) == "1";
        seen.lock().expect("no panic").push(id(&received));
        async move { if fails { Err(HandlerError::release("never")) } else { Ok(()) } }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Failed, Success, Success]).await?;
    worker.stop().await?;
    assert_eq!(*order.lock().expect("no panic"), ["1", "1", "1", "2", "3"]);
    Ok(())
}

#[tokio::test]
async fn an_observer_that_panics_does_not_end_the_worker() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let tried = Arc::new(AtomicU32::new(0));
    let worker = world.game.worker().on_problem(|_| panic!("an observer")).on(move |_: Patient, _| {
        let attempt = tried.fetch_add(1, Ordering::Relaxed);
        async move { if attempt < 2 { Err(HandlerError::release("not yet")) } else { Ok(()) } }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success]).await?;
    assert_eq!(worker.stop().await?.released, 2);
    Ok(())
}

#[tokio::test]
async fn the_worker_goes_on_after_any_server_error_at_the_first_claim() -> Result {
    for (status, html) in [(500, false), (422, false), (500, true), (200, true)] {
        let world = World::start(Format::Json).await?;
        world.send_patient("1").await?;
        let fault = FaultKind::Status { status, html };
        world.sandbox.set_faults([Fault::new(fault).path("MessageHeader/_search").times(1)]);
        let worker = start(world.game.worker().on(|_: Patient, _| async { Ok(()) }));
        // A claim that fails is tried again after a second; asking for the queue would meet the fault.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!worker.is_finished(), "{status}");
        world.sandbox.set_faults([]);
        await_queue(&world.game, &[Success]).await?;
        assert_eq!(worker.stop().await?.succeeded, 1);
    }
    Ok(())
}

/// The addresses of the messages in the queue at the server, as faults know them, the oldest first.
async fn addresses(world: &World) -> Result<Vec<String>> {
    let headers = world.game.client().message_headers(&Default::default()).collect().await?;
    let mut numbers: Vec<u64> = headers.iter().filter_map(|header| header.url()?.id().parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers.iter().map(|number| format!("MessageHeader/{number}")).collect())
}

#[tokio::test]
async fn a_worker_in_the_place_of_one_that_was_dropped_keeps_the_order_of_a_patient() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3", "4"] {
        send_plan(&world, id, "3007").await?;
    }
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let dropped = world.game.worker().concurrency(3).on(move |_: CarePlan, _| {
        begins.notify_one();
        std::future::pending()
    });
    let dropped = start(dropped);
    begun.notified().await;
    await_queue(&world.game, &[Claimed, Claimed, Claimed, New]).await?;
    // The older a message is, the longer the server takes to give it back.
    let slow = |(index, address): (usize, String)| {
        let milliseconds = [600, 300, 0, 0][index];
        Fault::new(FaultKind::Latency { pause: Duration::from_millis(milliseconds) }).path(address)
    };
    world.sandbox.set_faults(addresses(&world).await?.into_iter().enumerate().map(slow));

    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let worker = world.game.worker().concurrency(2).on(move |_: CarePlan, received| {
        seen.lock().expect("no panic").push(id(&received));
        async { Ok(()) }
    });
    dropped.abort();
    let worker = start(worker);
    await_queue(&world.game, &[Success; 4]).await?;
    worker.stop().await?;
    assert_eq!(*order.lock().expect("no panic"), ["1", "2", "3", "4"]);
    Ok(())
}

#[tokio::test]
async fn an_answer_is_given_even_if_its_future_is_dropped() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let delivery = world.game.receive().await?.ok_or("no message")?;
    let path = addresses(&world).await?.remove(0);
    world
        .sandbox
        .set_faults([Fault::new(FaultKind::Latency { pause: Duration::from_millis(200) }).path(path)]);
    assert!(timeout(SOON, delivery.success()).await.is_err(), "it is dropped half-way");
    await_queue(&world.game, &[Success]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_dropped_at_any_moment_keep_the_order_of_a_patient() -> Result {
    const ROUNDS: u64 = 10;
    const MESSAGES: u32 = 8;
    let world = World::start(Format::Json).await?;
    for round in 0..ROUNDS {
        let patient = format!("patient{round}");
        for number in 0..MESSAGES {
            send_plan(&world, &format!("{round}-{number}"), &patient).await?;
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let worker = || {
            let seen = Arc::clone(&order);
            start(world.game.worker().concurrency(4).on(move |_: CarePlan, received| {
                let seen = Arc::clone(&seen);
                async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    seen.lock().expect("no panic").push(id(&received));
                    Ok(())
                }
            }))
        };
        let dropped = worker();
        tokio::time::sleep(Duration::from_millis(5 + round * 7 % 30)).await;
        dropped.abort();
        let worker = worker();
        let all = vec![Success; usize::try_from((round + 1) * u64::from(MESSAGES))?];
        await_queue(&world.game, &all).await?;
        worker.stop().await?;
        let mut order = order.lock().expect("no panic").clone();
        // A message that was handled and not answered is handled again.
        order.dedup();
        assert!(order.is_sorted(), "round {round}: {order:?}");
    }
    Ok(())
}

#[tokio::test]
async fn workers_that_hold_back_messages_of_the_same_patients_still_handle_those_of_others() -> Result {
    const OTHERS: u32 = 6;
    let world = World::start(Format::Json).await?;
    // Each worker takes the first message of one patient. Then each gets one of the other's patient.
    for (id, patient_id) in [("1", "p"), ("2", "q"), ("3", "p"), ("4", "p"), ("5", "q"), ("6", "q")] {
        send_plan(&world, id, patient_id).await?;
    }
    for number in 0..OTHERS {
        send_plan(&world, &format!("other{number}"), &format!("other{number}")).await?;
    }
    let (both, others) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let all = Arc::new(Notify::new());
    let worker = || {
        let (both, others, all) = (Arc::clone(&both), Arc::clone(&others), Arc::clone(&all));
        let worker = world.game.worker().on(move |_: CarePlan, received| {
            let (both, others, all) = (Arc::clone(&both), Arc::clone(&others), Arc::clone(&all));
            async move {
                match id(&received).as_str() {
                    "1" | "2" => {
                        both.wait().await;
                        Err(HandlerError::release("never"))
                    }
                    id if id.starts_with("other") => {
                        if others.fetch_add(1, Ordering::Relaxed) + 1 == OTHERS {
                            all.notify_one();
                        }
                        Ok(())
                    }
                    id => panic!("{id} is handled before an older one of the same patient"),
                }
            }
        });
        start_with(worker, HOUR..=HOUR)
    };
    let workers = [worker(), worker()];
    timeout(LONG, all.notified()).await?;
    for worker in workers {
        worker.stop().await?;
    }
    let handled = std::iter::repeat_n(Success, usize::try_from(OTHERS)?);
    await_queue(&world.game, &[[New; 6].to_vec(), handled.collect()].concat()).await
}
