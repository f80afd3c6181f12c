//! The worker: every message is handled at least once and answered after that, until the application stops
//! the worker.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use koppeltaal::messaging::ProcessingStatus::{Failed, New, Success};
use koppeltaal::messaging::profiles::{CarePlan, CarePlanActivityResult, Patient};
use koppeltaal::messaging::{Draft, Event, Reference, ResourceKind};
use koppeltaal::transport::{Credentials, Format};
use koppeltaal::{HandlerError, ReceiveError, Worker, WorkerProblem, WorkerReport};
use koppeltaal_sandbox::{Fault, FaultKind, Instance};
use tokio::sync::{Barrier, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::world::{
    DOMAIN, LONG, Result, World, await_queue, config, patient, patient_url, plan, plan_draft, queue,
};

/// A short pause: a message that is held back comes again soon.
pub(crate) const SOON: Duration = Duration::from_millis(20);

/// A worker in the background, and its shutdown.
pub(crate) struct Started {
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<std::result::Result<WorkerReport, ReceiveError>>,
}

pub(crate) fn start(worker: Worker) -> Started {
    start_with(worker, SOON..=SOON)
}

pub(crate) fn start_with(worker: Worker, pauses: RangeInclusive<Duration>) -> Started {
    let (stop, stopped) = oneshot::channel::<()>();
    Started { stop, task: tokio::spawn(worker.retry_pauses(pauses).run_until(stopped)) }
}

impl Started {
    pub(crate) async fn stop(self) -> Result<WorkerReport> {
        drop(self.stop);
        Ok(tokio::time::timeout(LONG, self.task).await???)
    }
}

impl Started {
    /// Drops the worker where it stands.
    pub(crate) fn abort(&self) {
        self.task.abort();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

/// A plan of its own, about one of several patients.
pub(crate) async fn send_plan(world: &World, id: &str, patient_id: &str) -> Result {
    let portal = &world.portal;
    let url = portal.url(ResourceKind::Patient, patient_id)?;
    let plan = CarePlan { patient: Some(Reference::from(&url)), ..plan(portal)? };
    portal.send(portal.draft(id, plan)?.with_resource(url, patient("Mees"))).await?;
    Ok(())
}

/// The id of the resource that a message is about.
pub(crate) fn id(received: &koppeltaal::ReceivedMessage) -> String {
    received.url().map(|url| url.id().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn each_message_goes_to_the_handler_of_its_event_and_is_answered() -> Result {
    for format in [Format::Json, Format::Xml] {
        let world = World::start(format).await?;
        let (heard, mut hears) = mpsc::unbounded_channel();
        let heard_too = heard.clone();
        let worker = world
            .game
            .worker()
            .on(move |patient: Patient, _| {
                let given = patient.name.first().and_then(|name| name.given[0].as_str().map(str::to_owned));
                let sent = heard.send(given.unwrap_or_default());
                async move { Ok(sent?) }
            })
            .on(move |plan: CarePlan, _| {
                let sent = heard_too.send(plan.activity[0].identifier.clone().unwrap_or_default());
                async move { Ok(sent?) }
            });
        let worker = start(worker);
        world.send_patient("1").await?;
        world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
        let both = [hears.recv().await, hears.recv().await];
        assert_eq!(both, [Some("Mees".to_owned()), Some(crate::world::ACTIVITY.to_owned())]);
        await_queue(&world.game, &[Success, Success]).await?;
        assert_eq!(worker.stop().await?.succeeded, 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_permanently_wrong_or_not_expected_fails_with_a_description() -> Result {
    let world = World::start(Format::Json).await?;
    let (reports, mut reported) = mpsc::unbounded_channel();
    let worker = world
        .game
        .worker()
        .on(|_: CarePlan, _| async { Err(HandlerError::failure("Unknown activity")) })
        .on_problem(move |problem: &WorkerProblem<'_>| {
            if let WorkerProblem::Failure { reason, .. } = problem {
                let _ = reports.send((*reason).to_owned());
            }
        });
    let worker = start(worker);
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    world.send_patient("1").await?;
    await_queue(&world.game, &[Failed, Failed]).await?;
    let reasons = ["Unknown activity", "Event not expected"].map(|reason| (Failed, Some(reason.to_owned())));
    assert_eq!(queue(&world.game).await?, reasons);
    assert_eq!(worker.stop().await?.failed, 2);
    assert_eq!(reported.recv().await.as_deref(), Some("Unknown activity"));
    Ok(())
}

#[tokio::test]
async fn a_resource_that_the_profile_cannot_read_fails_with_a_description() -> Result {
    let event = Event::CreateOrUpdateCarePlanActivityResult;
    let nurse = Instance::new("nurse", "secret", DOMAIN).subscribe([event]);
    let world = World::with(config().instance(nurse), Format::Json).await?;
    // A result is a diagnostic report; some senders write it as an `Other`.
    let kind = ResourceKind::CarePlanActivityResult;
    let other = koppeltaal::fhir::resources::Other { code: kind.usage_concept(), ..Default::default() };
    let draft =
        Draft::new(event, world.game.url(kind, "1")?, other).with_patient(&patient_url(&world.portal)?);
    world.game.clone().without_validation().send(draft).await?;
    let nurse = world.connector("nurse")?;
    let worker = start(nurse.worker().on(|_: CarePlanActivityResult, _| async { Ok(()) }));
    await_queue(&nurse, &[Failed]).await?;
    let reason = "The resource does not match the profile of a CarePlanActivityResult";
    assert_eq!(queue(&nurse).await?, [(Failed, Some(reason.to_owned()))]);
    worker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn unexpected_messages_can_stay_in_the_queue_or_go_to_one_handler() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
    let worker = world.game.worker().on(|_: CarePlan, _| async { Ok(()) }).leave_unexpected();
    let worker = start(worker);
    await_queue(&world.game, &[New, Success]).await?;
    assert_eq!(worker.stop().await?.succeeded, 1);

    let worker = world.game.worker().on_others(|received| async move {
        assert_eq!(received.event(), Some(Event::CreateOrUpdatePatient));
        Ok(())
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success, Success]).await?;
    worker.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_message_that_cannot_be_handled_now_comes_again_and_delays_no_other_patient() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        world.send_patient(id).await?;
    }
    // The first succeeds only after the others. If they waited for it, the test would not end.
    let others = Arc::new(AtomicU32::new(0));
    let tried = Arc::new(AtomicU32::new(0));
    let attempts = Arc::clone(&tried);
    let worker = world.game.worker().on(move |_: Patient, received| {
        let (others, attempts) = (Arc::clone(&others), Arc::clone(&attempts));
        async move {
            if id(&received) != "1" {
                others.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            attempts.fetch_add(1, Ordering::Relaxed);
            if others.load(Ordering::Relaxed) < 2 {
                return Err(HandlerError::release("the database is down"));
            }
            Ok(())
        }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success, Success, Success]).await?;
    let report = worker.stop().await?;
    let attempts = u64::from(tried.load(Ordering::Relaxed));
    assert!(attempts > 1);
    assert_eq!((report.succeeded, report.released, report.failed), (3, attempts - 1, 0));
    Ok(())
}

#[tokio::test]
async fn a_panic_gives_the_message_back_and_the_worker_goes_on() -> Result {
    let world = World::start(Format::Json).await?;
    let tried = Arc::new(AtomicU32::new(0));
    let panics = Arc::new(AtomicU32::new(0));
    let panicked = Arc::clone(&panics);
    let worker = world
        .game
        .worker()
        .on(move |_: Patient, _| {
            let attempt = tried.fetch_add(1, Ordering::Relaxed);
            assert!(attempt > 0, "the first time, before there is a future");
            async move {
                assert!(attempt > 1, "the second time, inside");
                Ok(())
            }
        })
        .on_problem(move |problem: &WorkerProblem<'_>| {
            assert!(matches!(problem, WorkerProblem::Panic { .. }), "{problem}");
            panicked.fetch_add(1, Ordering::Relaxed);
        });
    let worker = start(worker);
    world.send_patient("1").await?;
    await_queue(&world.game, &[Success]).await?;
    let report = worker.stop().await?;
    assert_eq!((report.succeeded, report.released), (1, 2));
    assert_eq!(panics.load(Ordering::Relaxed), 2);
    Ok(())
}

/// Panics when it is dropped, unless that is because of a panic already.
struct Trap(bool);

impl Drop for Trap {
    fn drop(&mut self) {
        assert!(!self.0 || std::thread::panicking(), "a trap");
    }
}

#[tokio::test]
async fn a_panic_while_a_handler_is_dropped_gives_the_message_back() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let tried = Arc::new(AtomicU32::new(0));
    let deliveries = world.game.deliveries().poll_every(Duration::from_millis(100));
    let worker = deliveries.worker().time_limit(Duration::from_millis(100)).on(move |_: Patient, _| {
        let trap = Trap(tried.fetch_add(1, Ordering::Relaxed) == 0);
        async move {
            if trap.0 {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success]).await?;
    assert_eq!(worker.stop().await?.succeeded, 1);
    Ok(())
}

#[tokio::test]
async fn messages_behind_one_whose_task_panics_wait_for_it() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        send_plan(&world, id, "3007").await?;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let (seen, tried) = (Arc::clone(&order), Arc::new(AtomicU32::new(0)));
    let deliveries = world.game.deliveries().poll_every(Duration::from_millis(100));
    let worker = deliveries.worker().concurrency(3).time_limit(Duration::from_millis(100));
    let worker = worker.on(move |_: CarePlan, received| {
        let trap = Trap(tried.fetch_add(1, Ordering::Relaxed) == 0);
        seen.lock().expect("no panic").push(id(&received));
        async move {
            if trap.0 {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success; 3]).await?;
    worker.stop().await?;
    assert_eq!(*order.lock().expect("no panic"), ["1", "1", "2", "3"]);
    Ok(())
}

#[tokio::test]
async fn a_message_can_be_given_up_after_some_attempts() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let worker =
        world.game.worker().on(|_: Patient, _| async { Err(HandlerError::release("no")) }).give_up_after(3);
    let worker = start(worker);
    await_queue(&world.game, &[Failed]).await?;
    assert_eq!(queue(&world.game).await?, [(Failed, Some("Given up after 3 attempts".to_owned()))]);
    let report = worker.stop().await?;
    assert_eq!((report.failed, report.released), (1, 2));
    Ok(())
}

#[tokio::test]
async fn a_handler_that_hangs_is_cut_off_at_the_limit() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let tried = Arc::new(AtomicU32::new(0));
    let (reports, mut problems) = mpsc::unbounded_channel();
    let worker = world
        .game
        .worker()
        .on(move |_: Patient, _| {
            let hangs = tried.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if hangs {
                    std::future::pending::<()>().await;
                }
                Ok(())
            }
        })
        .time_limit(Duration::from_secs(1))
        .on_problem(move |problem| {
            let _ = reports.send(problem.to_string());
        });
    let worker = start(worker);
    await_queue(&world.game, &[Success]).await?;
    let problem = problems.recv().await.ok_or("no problem was reported")?;
    assert!(
        problem.contains("cannot be handled now: the handler took more than 1 s; attempt 1"),
        "{problem}"
    );
    assert_eq!(worker.stop().await?.released, 1);
    Ok(())
}

#[tokio::test]
async fn own_messages_go_to_no_handler_unless_asked_for() -> Result {
    let world = World::start(Format::Json).await?;
    for (deliveries, expected) in
        [(world.portal.deliveries(), 0), (world.portal.deliveries().including_own(), 1)]
    {
        let handled = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&handled);
        let worker = deliveries.worker().on(move |_: CarePlan, _| {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok(()) }
        });
        let worker = start(worker);
        world.portal.send(plan_draft(&world.portal, plan(&world.portal)?)?).await?;
        let done = vec![Success; expected + 1];
        await_queue(&world.portal, &done).await?;
        worker.stop().await?;
        assert_eq!(handled.load(Ordering::Relaxed), u32::try_from(expected)?);
    }
    Ok(())
}

#[tokio::test]
async fn messages_of_one_patient_keep_their_order_while_those_of_others_are_handled() -> Result {
    let world = World::start(Format::Json).await?;
    for number in 0..12 {
        send_plan(&world, &number.to_string(), if number % 2 == 0 { "even" } else { "odd" }).await?;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    // Two handlers wait for each other. With one at a time, the test would not end.
    let both = Arc::new(Barrier::new(2));
    let worker = world.game.worker().concurrency(4).on(move |_: CarePlan, received| {
        let (seen, both) = (Arc::clone(&seen), Arc::clone(&both));
        async move {
            both.wait().await;
            seen.lock().expect("no panic").push(id(&received).parse::<u32>()?);
            Ok(())
        }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success; 12]).await?;
    assert_eq!(worker.stop().await?.succeeded, 12);
    let order = order.lock().expect("no panic").clone();
    for rest in [0, 1] {
        let of_one: Vec<_> = order.iter().copied().filter(|number| number % 2 == rest).collect();
        assert!(of_one.is_sorted(), "{order:?}");
    }
    Ok(())
}

#[tokio::test]
async fn messages_behind_one_that_cannot_be_handled_wait_for_it() -> Result {
    let world = World::start(Format::Json).await?;
    for id in ["1", "2", "3"] {
        send_plan(&world, id, "3007").await?;
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let (seen, tried) = (Arc::clone(&order), Arc::new(AtomicU32::new(0)));
    let worker = world.game.worker().concurrency(3).on(move |_: CarePlan, received| {
        let (seen, tried) = (Arc::clone(&seen), Arc::clone(&tried));
        async move {
            if tried.fetch_add(1, Ordering::Relaxed) < 3 {
                return Err(HandlerError::release("not yet"));
            }
            seen.lock().expect("no panic").push(id(&received));
            Ok(())
        }
    });
    let worker = start(worker);
    await_queue(&world.game, &[Success; 3]).await?;
    worker.stop().await?;
    assert_eq!(*order.lock().expect("no panic"), ["1", "2", "3"]);
    Ok(())
}

#[tokio::test]
async fn problems_with_the_server_are_reported_and_do_not_end_the_worker() -> Result {
    let world = World::start(Format::Json).await?;
    world.send_patient("1").await?;
    let header = world.game.client().message_headers(&Default::default()).next().await?.ok_or("no header")?;
    let number = header.url().ok_or("no address")?.id();
    // The first claim is refused. The first acknowledgement arrives, but its answer is cut off.
    let away =
        Fault::new(FaultKind::Status { status: 503, html: true }).path("MessageHeader/_search").times(1);
    let silent = Fault::new(FaultKind::Cut).path(format!("MessageHeader/{number}")).times(1);
    world.sandbox.set_faults([away, silent]);
    let (reports, mut problems) = mpsc::unbounded_channel();
    let worker = world.game.worker().on(|_: Patient, _| async { Ok(()) }).on_problem(move |problem| {
        let _ = reports.send(problem.to_string());
    });
    let worker = start(worker);
    let problem = problems.recv().await.ok_or("no problem was reported")?;
    assert!(problem.starts_with("no message can be claimed: "), "{problem}");
    let problem = problems.recv().await.ok_or("no problem was reported")?;
    assert!(problem.contains("(CreateOrUpdatePatient) may come again"), "{problem}");
    let report = worker.stop().await?;
    assert_eq!((report.unanswered, report.succeeded), (1, 0));
    assert_eq!(queue(&world.game).await?, [(Success, None)]);
    Ok(())
}

#[tokio::test]
async fn a_worker_that_can_never_work_says_so_at_the_start() -> Result {
    let world = World::start(Format::Json).await?;
    let wrong = world.game.with_credentials(Credentials::basic("game", "wrong")?);
    let error = tokio::time::timeout(LONG, wrong.worker().run()).await?.expect_err("the password is wrong");
    assert!(!error.is_transient(), "{error}");
    Ok(())
}
