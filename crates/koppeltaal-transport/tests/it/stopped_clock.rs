//! A clock that only the test moves, for tests over real sockets. Without it, tokio's paused time jumps to
//! the next timer whenever the runtime waits for a socket.

use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// How long a test may take in real time. A test that hangs fails after that.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tokio's clock stands still as long as this exists.
pub(crate) struct StoppedClock {
    _running: Sender<()>,
    /// In real time.
    deadline: Instant,
}

impl StoppedClock {
    pub(crate) fn start() -> Self {
        tokio::time::pause();
        let (running, is_running) = channel::<()>();
        // Tokio's paused time does not move by itself while a blocking task runs.
        tokio::task::spawn_blocking(move || is_running.recv_timeout(PATIENCE));
        Self { _running: running, deadline: Instant::now() + PATIENCE }
    }

    /// Moves the clock, and lets the tasks whose time has come go on until they wait again. Tokio's timers
    /// end up to a millisecond late.
    pub(crate) async fn advance(&self, duration: Duration) {
        tokio::time::advance(duration + Duration::from_millis(1)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Waits without moving the clock.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        while !condition() {
            assert!(Instant::now() < self.deadline, "not within {PATIENCE:?}");
            tokio::task::yield_now().await;
        }
    }
}
