//! How long a channel may be silent: a state machine that gets the time from its caller.

use std::time::{Duration, Instant};

/// Watches one channel.
#[derive(Debug, Clone)]
pub(crate) struct KeepAliveWatch {
    /// `None`: the server sends no signs of life.
    timeout: Option<Duration>,
    /// After this much silence the server has forgotten the connection.
    window: Duration,
    last_received: Instant,
    slow: bool,
}

/// What the length of the silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing new.
    Fine,
    /// Two thirds of the time are over. Reported once.
    Slow,
    /// The channel is lost: reconnect.
    Lost,
    /// The process must have been asleep. The server has forgotten the connection: start anew.
    Asleep,
}

impl KeepAliveWatch {
    /// A watch for a channel that has just been opened.
    pub(crate) fn new(timeout: Option<Duration>, window: Duration, now: Instant) -> Self {
        Self { timeout, window, last_received: now, slow: false }
    }

    /// Something came. Returns whether the channel was slow until now.
    pub(crate) fn received(&mut self, now: Instant) -> bool {
        self.last_received = now;
        std::mem::take(&mut self.slow)
    }

    /// When to [check](Self::check) next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let timeout = self.timeout?;
        Some(self.last_received + if self.slow { timeout } else { warning(timeout) })
    }

    /// Says what the silence since the last text means.
    pub(crate) fn check(&mut self, now: Instant) -> Silence {
        let silence = now.saturating_duration_since(self.last_received);
        match self.timeout {
            Some(_) if silence >= self.window => Silence::Asleep,
            Some(timeout) if silence >= timeout => Silence::Lost,
            Some(timeout) if !self.slow && silence >= warning(timeout) => {
                self.slow = true;
                Silence::Slow
            }
            _ => Silence::Fine,
        }
    }
}

/// Two thirds of the time.
fn warning(timeout: Duration) -> Duration {
    timeout * 2 / 3
}
