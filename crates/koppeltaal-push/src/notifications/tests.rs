//! Tests of the notification stream, on paused time: the clock jumps to the next timer as soon as nothing can
//! run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;

const INTERVAL: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Counts how often a task would have been scheduled.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// A stream whose first item has been taken.
async fn started() -> Notifications {
    let mut notifications = Notifications::every(INTERVAL);
    assert_eq!(notifications.wait().await, Notification::Start);
    notifications
}

#[test]
fn it_can_be_made_before_there_is_a_runtime() {
    let mut notifications = Notifications::default();
    notifications.notifier().notify().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(notifications.wait()), Notification::Start);
}

#[tokio::test(start_paused = true)]
async fn it_says_to_look_at_once_when_it_starts() {
    let before = Instant::now();
    drop(started().await);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_look_at_the_start_serves_what_was_pushed_before() {
    let mut notifications = Notifications::every(INTERVAL);
    notifications.notifier().notify().unwrap();
    assert_eq!(notifications.wait().await, Notification::Start);
    assert_eq!(notifications.wait().await, Notification::Timer);
}

#[tokio::test(start_paused = true)]
async fn a_push_is_passed_on_at_once() {
    let mut notifications = started().await;
    let notifier = notifications.notifier();
    let pushed = tokio::spawn(async move {
        tokio::time::sleep(SECOND).await;
        notifier.notify().unwrap();
        Instant::now()
    });
    assert_eq!(notifications.wait().await, Notification::Push);
    let heard = Instant::now();
    assert_eq!(pushed.await.unwrap(), heard);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_reason_to_look() {
    let mut notifications = started().await;
    let notifiers = [notifications.notifier(), notifications.notifier()];
    for notifier in notifiers.iter().cycle().take(1000) {
        notifier.notify().unwrap();
    }
    let before = Instant::now();
    assert_eq!(notifications.wait().await, Notification::Push);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(notifications.wait().await, Notification::Timer);
    assert_eq!(before.elapsed(), INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_push_after_an_item_was_taken_is_another_item() {
    let mut notifications = started().await;
    let notifier = notifications.notifier();
    for _ in 0..100 {
        notifier.notify().unwrap();
        assert_eq!(notifications.wait().await, Notification::Push);
    }
}

#[tokio::test(start_paused = true)]
async fn without_pushes_it_says_to_look_at_every_interval() {
    let mut notifications = started().await;
    let before = Instant::now();
    for turn in 1..=5 {
        assert_eq!(notifications.wait().await, Notification::Timer);
        assert_eq!(before.elapsed(), INTERVAL * turn);
    }
}

#[tokio::test(start_paused = true)]
async fn the_timer_counts_from_the_last_look() {
    let mut notifications = started().await;
    tokio::time::advance(INTERVAL - SECOND).await;
    notifications.notifier().notify().unwrap();
    assert_eq!(notifications.wait().await, Notification::Push);
    let pushed = Instant::now();
    assert_eq!(notifications.wait().await, Notification::Timer);
    assert_eq!(pushed.elapsed(), INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn intervals_missed_by_a_busy_receiver_are_one_reason_to_look() {
    let mut notifications = started().await;
    tokio::time::advance(INTERVAL * 10).await;
    let before = Instant::now();
    assert_eq!(notifications.wait().await, Notification::Timer);
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(notifications.wait().await, Notification::Timer);
    assert_eq!(before.elapsed(), INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn it_sleeps_without_being_polled_until_something_happens() {
    let mut notifications = started().await;
    let notifier = notifications.notifier();
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);

    assert_eq!(notifications.poll_wait(&mut context), Poll::Pending);
    tokio::time::advance(INTERVAL - SECOND).await;
    assert_eq!(wakes.count(), 0);

    notifier.notify().unwrap();
    notifier.notify().unwrap();
    assert_eq!(wakes.count(), 1);
    assert_eq!(notifications.poll_wait(&mut context), Poll::Ready(Notification::Push));

    assert_eq!(notifications.poll_wait(&mut context), Poll::Pending);
    tokio::time::advance(INTERVAL - SECOND).await;
    assert_eq!(wakes.count(), 1);
    tokio::time::advance(SECOND * 2).await;
    assert_eq!(wakes.count(), 2);
    assert_eq!(notifications.poll_wait(&mut context), Poll::Ready(Notification::Timer));
}

#[tokio::test(start_paused = true)]
async fn no_interval_makes_it_spin() {
    for interval in [Duration::ZERO, Duration::from_nanos(1), SHORTEST_INTERVAL] {
        let mut notifications = Notifications::every(interval);
        notifications.wait().await;
        let before = Instant::now();
        for _ in 0..10 {
            notifications.wait().await;
        }
        assert_eq!(before.elapsed(), SHORTEST_INTERVAL * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn no_interval_is_so_long_that_it_never_comes() {
    let mut notifications = Notifications::every(Duration::MAX);
    notifications.wait().await;
    let before = Instant::now();
    assert_eq!(notifications.wait().await, Notification::Timer);
    assert_eq!(before.elapsed(), LONGEST_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn the_timer_goes_on_when_every_other_notifier_is_gone() {
    let mut notifications = started().await;
    drop(notifications.notifier());
    assert_eq!(notifications.wait().await, Notification::Timer);
}

#[tokio::test(start_paused = true)]
async fn waiting_that_is_given_up_loses_nothing() {
    let mut notifications = started().await;
    let notifier = notifications.notifier();
    assert!(tokio::time::timeout(SECOND, notifications.wait()).await.is_err());
    notifier.notify().unwrap();
    assert_eq!(notifications.wait().await, Notification::Push);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_what_feeds_it() {
    let notifications = started().await;
    let notifier = notifications.notifier();
    let feeder = tokio::spawn({
        let notifier = notifier.clone();
        async move { notifier.stopped().await }
    });
    tokio::task::yield_now().await;
    assert!(!notifier.is_stopped() && !feeder.is_finished());

    drop(notifications);
    feeder.await.unwrap();
    assert!(notifier.is_stopped());
    assert_eq!(notifier.notify(), Err(NotifyError));
}

// On real time: a paused clock would run on while the other thread works.
#[tokio::test]
async fn no_push_is_lost_to_a_receiver_on_another_thread() {
    // A mailbox of one counter: pushes say that it grew, looking takes what is there.
    const MESSAGES: usize = 10_000;
    let posted = Arc::new(AtomicUsize::new(0));
    let mut notifications = Notifications::every(LONGEST_INTERVAL);
    let notifier = notifications.notifier();
    let poster = std::thread::spawn({
        let posted = Arc::clone(&posted);
        move || {
            for _ in 0..MESSAGES {
                posted.fetch_add(1, Ordering::SeqCst);
                notifier.notify().unwrap();
            }
        }
    });
    let mut claimed = 0;
    while claimed < MESSAGES {
        let heard = tokio::time::timeout(SECOND * 30, notifications.wait()).await;
        assert!(heard.is_ok(), "{claimed} claimed, then silence");
        claimed = posted.load(Ordering::SeqCst);
    }
    poster.join().unwrap();
}

/// What happens to a receiver whose pushes come over a connection that breaks.
#[derive(Debug, Clone)]
enum Step {
    /// A message comes. It is pushed if there is a connection.
    Post,
    /// There is a connection (again), which is a reason to look.
    Connect,
    /// The connection is lost.
    Cut,
    /// Milliseconds pass.
    Wait(u64),
}

fn schedules() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Post),
        2 => Just(Step::Connect),
        2 => Just(Step::Cut),
        4 => (0_u64..90_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Runs a schedule on paused time, for a receiver that works this long after each look. Returns, for each
/// message, how late it was claimed and whether there was a connection when it came; then the number of looks
/// and of reasons to look.
async fn run(schedule: Vec<Step>, work: Duration) -> (Vec<(Duration, bool)>, u128, u128) {
    let mut notifications = Notifications::default();
    let notifier = notifications.notifier();
    let posts = Arc::new(Mutex::new(Vec::new()));
    let (claims, looks) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
    let receiver = {
        let (posts, claims, looks) = (posts.clone(), claims.clone(), looks.clone());
        tokio::spawn(async move {
            loop {
                notifications.wait().await;
                looks.fetch_add(1, Ordering::SeqCst);
                for (posted, told) in posts.lock().expect("the queue").drain(..) {
                    claims.lock().expect("the claims").push((Instant::now() - posted, told));
                }
                sleep(work).await;
            }
        })
    };
    let (started, mut connected, mut told, mut posted) = (Instant::now(), false, 0, 0);
    for step in schedule {
        match step {
            Step::Post => {
                posts.lock().expect("the queue").push((Instant::now(), connected));
                posted += 1;
            }
            Step::Connect => connected = true,
            Step::Cut => connected = false,
            Step::Wait(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
        }
        if connected && matches!(step, Step::Post | Step::Connect) {
            notifier.notify().expect("somebody waits");
            told += 1;
        }
    }
    sleep(DEFAULT_INTERVAL + work + Duration::from_millis(2)).await;
    receiver.abort();
    let claims = claims.lock().expect("the claims").clone();
    assert_eq!(claims.len(), posted, "every message is claimed");
    let reasons = 2 + told + started.elapsed().as_millis() / DEFAULT_INTERVAL.as_millis();
    (claims, looks.load(Ordering::SeqCst) as u128, reasons)
}

proptest! {
    #[test]
    fn under_any_schedule_of_cuts_no_message_waits_longer_than_the_timer_and_told_ones_not_at_all(
        schedule in schedules(),
        work in 0_u64..2_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let work = Duration::from_millis(work);
        let (claims, looks, reasons) = runtime.expect("a runtime").block_on(run(schedule, work));
        // Timers tick in milliseconds.
        let tick = Duration::from_millis(1);
        for (late, told) in claims {
            let limit = if told { work } else { DEFAULT_INTERVAL + work };
            prop_assert!(late <= limit + tick, "{late:?} late, told: {told}");
        }
        prop_assert!(looks <= reasons, "{looks} looks for {reasons} reasons");
    }
}
