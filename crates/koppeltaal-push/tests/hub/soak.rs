//! Many messages while connections are cut: `cargo test -p koppeltaal-push --test hub -- --ignored soak --nocapture`.
//!
//! The hub is reached through a proxy that cuts every connection each 50 ms; claims and posts go to the server itself,
//! so that what is tested is the wake-ups and not the claims. The slow timer is so slow that it saves nobody.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use koppeltaal_push::{HubSubscription, Notification, Notifications, Transport};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::sandbox::{client, drain, plan, start};

const MESSAGES: u32 = 10_000;
const CUT: Duration = Duration::from_millis(50);
/// Longer than the test may take.
const TIMER: Duration = Duration::from_secs(3600);
const LIMIT: Duration = Duration::from_secs(540);

/// A proxy whose connections live until the next cut.
async fn cutting_proxy(to: SocketAddr, cuts: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let began = Instant::now();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let cuts = Arc::clone(&cuts);
            tokio::spawn(async move {
                let Ok(mut to) = TcpStream::connect(to).await else { return };
                let left = CUT - Duration::from_nanos((began.elapsed().as_nanos() % CUT.as_nanos()) as u64);
                if timeout(left, copy_bidirectional(&mut from, &mut to)).await.is_err() {
                    cuts.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    address
}

/// Pages of memory that this process holds, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn soak() {
    for transport in Transport::ALL {
        // A third each.
        let messages = MESSAGES / 3 + u32::from(transport == Transport::WebSockets);
        let sandbox = start().await;
        let cuts = Arc::new(AtomicU64::new(0));
        let proxy = cutting_proxy(sandbox.address(), Arc::clone(&cuts)).await;
        let (portal, game) = (client(sandbox.url(), "portal", "p"), client(sandbox.url(), "game", "g"));
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let mut notifications = Notifications::every(TIMER);
        let subscription = HubSubscription::builder(&client(&format!("http://{proxy}"), "game", "g"))
            .transport(transport)
            .reconnect_delay(Duration::from_millis(1))
            .restart_delay(Duration::from_millis(5), Duration::from_millis(20))
            .request_timeout(Duration::from_secs(1))
            .invoke_timeout(Duration::from_secs(1))
            .subscribe(notifications.notifier());
        let (began, tasks_before) = (Instant::now(), tasks());
        let poster = tokio::spawn(async move {
            for number in 0..messages {
                portal.send(&plan(number)).await.expect("sent");
                // Pauses, so that the queue runs empty and the next message needs a wake-up.
                if number % 3 == 0 {
                    tokio::time::sleep(Duration::from_millis(15)).await;
                }
            }
        });
        let (mut claimed, mut reasons, mut memory) = (HashSet::new(), 0_u32, 0);
        while claimed.len() < messages as usize {
            let reason = timeout(LIMIT.saturating_sub(began.elapsed()), notifications.wait()).await;
            let reason =
                reason.unwrap_or_else(|_| panic!("{transport}: {} of {messages} claimed", claimed.len()));
            assert_ne!(reason, Notification::Timer);
            reasons += 1;
            for identifier in drain(&game).await {
                assert!(
                    claimed.insert(identifier),
                    "{transport}: a message was claimed and acknowledged twice"
                );
            }
            if memory == 0 && claimed.len() > messages as usize / 4 {
                memory = resident();
            }
        }
        poster.await.expect("posted");
        let connections = subscription.status().borrow().connections;
        println!(
            "{transport}: {} messages in {:.1?}, {reasons} looks, {} cuts, {connections} times connected, \
             {memory} KiB after a quarter and {} KiB at the end, the sandbox's store included",
            claimed.len(),
            began.elapsed(),
            cuts.load(Ordering::Relaxed),
            resident()
        );
        assert!(cuts.load(Ordering::Relaxed) > 10 && connections > 10, "{transport}: nothing was cut");
        subscription.stop().await;
        let settled = async {
            // The proxy's own connection tasks end with the next cut, and those of the claims' client stay.
            while tasks() > tasks_before + 8 {
                tokio::time::sleep(CUT).await;
            }
        };
        let settled = timeout(Duration::from_secs(20), settled).await;
        assert!(settled.is_ok(), "{transport}: {} tasks, {tasks_before} before", tasks());
    }
}
