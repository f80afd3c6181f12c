//! Many messages while connections are cut:
//! `cargo test -p koppeltaal-push --test hub -- --ignored soak --nocapture`.
//!
//! Hub, claims, acknowledgements and posts all go through a proxy that cuts every connection every 50 ms. The
//! timer is too slow to help, so pushes alone must wake the receiver. There is one exception: the server
//! sends no push when a claim expires, so after a claim whose answer was lost the receiver looks again by
//! itself.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use koppeltaal_messaging::{Acknowledgement, ProcessingStatus};
use koppeltaal_push::{HubSubscription, Notification, Notifications, Transport};
use koppeltaal_transport::{Client, Credentials, Error, HeaderQuery, RetryPolicy};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::plan::plan;
use crate::sandbox::{builder, client};

const MESSAGES: u32 = 10_000;
const CUT: Duration = Duration::from_millis(50);
/// Longer than the test may take.
const TIMER: Duration = Duration::from_secs(3600);
const LIMIT: Duration = Duration::from_secs(540);
/// How long a claim holds. A message whose claim lost its answer comes back after that.
const CLAIM: Duration = Duration::from_secs(2);
/// How long the hub connection is cut after the messages, and how much memory may grow meanwhile, in KiB. In
/// that time there are about four hundred reconnects; none of them may leave three pages behind.
const IDLE: Duration = Duration::from_secs(20);
const IDLE_GROWTH: u64 = 4 << 10;
/// How much memory may grow for each message, in KiB: the sandbox is in this process and keeps all messages
/// and what it has read from them.
const GROWTH: u64 = 32;

/// A proxy whose connections live until the next cut.
async fn cutting_proxy(to: SocketAddr, cuts: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let began = Instant::now();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let cuts = Arc::clone(&cuts);
            tokio::spawn(async move {
                let Ok(mut to) = TcpStream::connect(to).await else { return };
                let since_cut = Duration::from_nanos((began.elapsed().as_nanos() % CUT.as_nanos()) as u64);
                if timeout(CUT - since_cut, copy_bidirectional(&mut from, &mut to)).await.is_err() {
                    cuts.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    url
}

/// Pages of memory that this process holds, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a system that has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line about memory");
    line.trim().trim_end_matches("kB").trim().parse().expect("a number of KiB")
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// A client that repeats no request itself.
fn client_without_retries(url: &str, username: &str, password: &str) -> Client {
    let credentials = Credentials::basic(username, password).expect("credentials");
    let builder = Client::builder(url).credentials(credentials).retry(RetryPolicy::never());
    builder.build().expect("a client")
}

/// Asserts that a cut connection explains the error: nothing else goes wrong here.
fn assert_cut(error: &Error) {
    assert!(error.is_outcome_unknown() || error.is_retryable(), "{error:?}");
}

/// The application that claims and acknowledges, with a count of the answers that it lost.
struct Receiver {
    game: Client,
    acknowledged: HashSet<String>,
    /// When to look again, because a claim whose answer was lost expires then.
    look_again: Option<Instant>,
    lost_claims: u32,
    lost_acknowledgements: u32,
}

impl Receiver {
    async fn drain(&mut self) {
        loop {
            let message = match self.game.claim().await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(error) => {
                    assert_cut(&error);
                    self.lost_claims += 1;
                    self.look_again = Some(Instant::now() + CLAIM);
                    continue;
                }
            };
            let identifier = message.header.identifier().expect("an identifier").to_owned();
            assert!(!self.acknowledged.contains(&identifier), "{identifier} came after it was acknowledged");
            while let Err(error) = self.game.acknowledge(&message.header, &Acknowledgement::Success).await {
                assert_cut(&error);
                self.lost_acknowledgements += 1;
            }
            self.acknowledged.insert(identifier);
        }
    }

    /// Waits for a reason to look.
    async fn wait(&mut self, notifications: &mut Notifications) {
        let reason = match self.look_again {
            Some(deadline) => timeout_at(deadline, notifications.wait()).await,
            None => Ok(notifications.wait().await),
        };
        match reason {
            Ok(reason) => assert_ne!(reason, Notification::Timer),
            Err(_) => self.look_again = None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn soak() {
    for transport in Transport::ALL {
        // A third each.
        run(transport, MESSAGES / 3 + u32::from(transport == Transport::WebSockets)).await;
    }
}

async fn run(transport: Transport, messages: u32) {
    let sandbox = builder().claim_timeout(CLAIM).start().await.expect("a sandbox");
    let cuts = Arc::new(AtomicU64::new(0));
    let proxy = cutting_proxy(sandbox.address(), Arc::clone(&cuts)).await;
    let tasks_before = tasks();
    let portal = client_without_retries(&proxy, "portal", "p");
    let game = client_without_retries(&proxy, "game", "g");
    let mut notifications = Notifications::every(TIMER);
    let subscription = HubSubscription::builder(&client(&proxy, "game", "g"))
        .transport(transport)
        .reconnect_delay(Duration::from_millis(1))
        .restart_delay(Duration::from_millis(5), Duration::from_millis(20))
        .request_timeout(Duration::from_secs(1))
        .invoke_timeout(Duration::from_secs(1))
        .subscribe(notifications.notifier());
    let began = Instant::now();
    let poster = tokio::spawn(async move {
        let mut lost = 0_u32;
        for number in 0..messages {
            let plan = plan(number);
            // The same identifier: a message that was stored is not stored again.
            while let Err(error) = portal.send(&plan).await {
                assert_cut(&error);
                lost += 1;
            }
            // Pauses, so that the queue runs empty and the next message needs a wake-up.
            if number % 3 == 0 {
                sleep(Duration::from_millis(15)).await;
            }
        }
        lost
    });
    let mut receiver = Receiver {
        game,
        acknowledged: HashSet::new(),
        look_again: None,
        lost_claims: 0,
        lost_acknowledgements: 0,
    };
    let (mut looks, mut warm) = (0_u32, None);
    while receiver.acknowledged.len() < messages as usize {
        let waited = timeout(LIMIT.saturating_sub(began.elapsed()), receiver.wait(&mut notifications)).await;
        assert!(waited.is_ok(), "{transport}: {} of {messages}", receiver.acknowledged.len());
        looks += 1;
        receiver.drain().await;
        if warm.is_none() && receiver.acknowledged.len() > messages as usize / 4 {
            warm = Some((receiver.acknowledged.len() as u64, resident()));
        }
    }
    let elapsed = began.elapsed();
    let lost_posts = poster.await.expect("posted");
    let connections = subscription.status().borrow().connections;
    let full = resident();
    println!(
        "{transport}: {messages} messages in {elapsed:.1?}, {looks} looks, {} cuts, {connections} times connected; \
         lost: {lost_posts} posts, {} claims, {} acknowledgements",
        cuts.load(Ordering::Relaxed),
        receiver.lost_claims,
        receiver.lost_acknowledgements,
    );
    assert!(cuts.load(Ordering::Relaxed) > 10 && connections > 10, "{transport}: nothing was cut");
    assert!(lost_posts + receiver.lost_claims + receiver.lost_acknowledgements > 10, "{transport}");

    // Asked without the proxy, the server says that all messages are processed.
    let direct = client(sandbox.url(), "game", "g");
    for (status, count) in ProcessingStatus::ALL
        .map(|status| (status, if status == ProcessingStatus::Success { messages } else { 0 }))
    {
        let query = HeaderQuery::default().status(status).page_size(HeaderQuery::MAX_PAGE_SIZE);
        let found = direct.message_headers(&query).collect().await.expect("a list").len();
        assert_eq!(found, count as usize, "{transport}: {status:?}");
    }
    drop(direct);

    sleep(Duration::from_secs(2)).await;
    let before = resident();
    sleep(IDLE).await;
    let (after, reconnected) = (resident(), subscription.status().borrow().connections - connections);
    let (warm_messages, warm) = warm.expect("a quarter");
    println!(
        "{transport}: {warm} KiB after {warm_messages} messages, {full} KiB after all; {before} KiB before and \
         {after} KiB after {reconnected} more connections"
    );
    assert!(reconnected > 100, "{transport}: {reconnected}");
    let allowed = (u64::from(messages) - warm_messages) * GROWTH;
    assert!(full < warm + allowed, "{transport}: {warm} KiB have become {full} KiB");
    assert!(after < before + IDLE_GROWTH, "{transport}: {before} KiB have become {after} KiB");

    subscription.stop().await;
    drop(receiver);
    let settled = async {
        // The proxy's connections end with the next cut, and the server's end with them. What the server
        // remembers of the hub's connections ends after the disconnect timeout.
        while tasks() > tasks_before {
            sleep(CUT).await;
        }
    };
    let settled = timeout(Duration::from_secs(60), settled).await;
    assert!(settled.is_ok(), "{transport}: {} tasks, {tasks_before} before", tasks());
}
