//! The promise: a message is claimed by a waiting receiver no later than the slow timer allows, and at once
//! while connected, under any schedule of cuts, stalls, doubles, restarts and refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use koppeltaal_push::{ConnectionState, Notifications, Transport};
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::server::{Fault, SERVER_2_4, Server, ServerConfig};
use crate::{SHORT, options};

/// The slow timer.
const TIMER: Duration = Duration::from_secs(3);
/// What a busy machine may add.
const GRACE: Duration = Duration::from_millis(1500);

#[derive(Debug, Clone)]
enum Step {
    Post,
    Cut,
    Stall(bool),
    Double(bool),
    Forget,
    Refuse(&'static str, bool),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Post),
        3 => Just(Step::Cut),
        1 => any::<bool>().prop_map(Step::Stall),
        1 => any::<bool>().prop_map(Step::Double),
        1 => Just(Step::Forget),
        1 => (prop_oneof![Just("reconnect"), Just("connect"), Just("negotiate"), Just("start")], any::<bool>())
            .prop_map(|(endpoint, refuse)| Step::Refuse(endpoint, refuse)),
        6 => (0_u64..120).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 5..40)
}

fn transports() -> impl Strategy<Value = Option<Transport>> {
    prop_oneof![
        Just(None),
        Just(Some(Transport::WebSockets)),
        Just(Some(Transport::ServerSentEvents)),
        Just(Some(Transport::LongPolling)),
    ]
}

/// Runs a schedule, and checks the promise for every message.
async fn run(transport: Option<Transport>, steps: Vec<Step>) {
    let server = Server::start(ServerConfig { disconnect: 0.6, ..SERVER_2_4 }).await;
    let mut options = options(&server);
    if let Some(transport) = transport {
        options = options.transport(transport);
    }
    let mut notifications = Notifications::every(TIMER);
    let subscription = options.subscribe(notifications.notifier());
    let mut status = subscription.status();
    // The mailbox is a number: whoever looks claims all that was posted.
    let posted = Arc::new(AtomicU32::new(0));
    let (sender, mut claimed) = mpsc::unbounded_channel();
    let receiver = tokio::spawn({
        let posted = Arc::clone(&posted);
        async move {
            let mut looks = 0_u32;
            loop {
                notifications.wait().await;
                looks += 1;
                if sender.send((posted.load(Ordering::SeqCst), Instant::now(), looks)).is_err() {
                    return;
                }
            }
        }
    });
    let started = Instant::now();
    let mut posts: Vec<Instant> = Vec::new();
    for step in steps {
        match step {
            Step::Post => {
                posts.push(Instant::now());
                let number = posted.fetch_add(1, Ordering::SeqCst);
                server.push(number);
            }
            Step::Cut => server.cut(),
            Step::Stall(stalled) => server.stall(stalled),
            Step::Double(doubles) => server.double(doubles),
            Step::Forget => server.forget(),
            Step::Refuse(endpoint, refuse) => {
                server.fail_always(endpoint, refuse.then_some(Fault::Status(503)));
            }
            Step::Wait(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
        }
    }
    // Every post so far, in time.
    let mut last_look = 0;
    let mut done = 0;
    while done < posts.len() {
        let look = timeout(TIMER + GRACE, claimed.recv()).await;
        let Ok(Some((count, when, looks))) = look else {
            panic!("post {done} of {} was never claimed", posts.len())
        };
        for posted in &posts[done..count as usize] {
            let late = when.saturating_duration_since(*posted);
            assert!(late <= TIMER + GRACE, "claimed after {late:?}");
        }
        (done, last_look) = (done.max(count as usize), looks);
    }
    // No look without a reason: a push, a connection, or the timer; doubles count twice.
    let reasons = 1
        + 2 * posts.len() as u128
        + started.elapsed().as_millis() / TIMER.as_millis()
        + 2 * u128::from(status.borrow().connections)
        + 1;
    assert!(u128::from(last_look) <= reasons, "{last_look} looks for {reasons} reasons");

    // Connected and undisturbed: claimed at once.
    for endpoint in ["reconnect", "connect", "negotiate", "start"] {
        server.fail_always(endpoint, None);
    }
    server.stall(false);
    server.double(false);
    let calm = async {
        loop {
            crate::until(&mut status, |status| status.state == ConnectionState::Connected).await;
            let connections = status.borrow().connections;
            // Longer than a look, StartPush and the end of any silence take.
            sleep(SHORT * 6).await;
            let now = status.borrow();
            if now.connections == connections && now.state == ConnectionState::Connected && !now.is_slow {
                return;
            }
        }
    };
    timeout(Duration::from_secs(20), calm).await.expect("connected in the end");
    while claimed.try_recv().is_ok() {}
    let post = Instant::now();
    let number = posted.fetch_add(1, Ordering::SeqCst);
    server.push(number);
    let look = async {
        loop {
            let (count, when, _) = claimed.recv().await.expect("a look");
            if count > number {
                return when;
            }
        }
    };
    let when = timeout(TIMER, look).await.expect("a look");
    assert!(
        when.duration_since(post) < GRACE,
        "claimed after {:?} while connected",
        when.duration_since(post)
    );
    subscription.stop().await;
    receiver.abort();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_waits_longer_than_promised(transport in transports(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(transport, steps));
    }
}
