//! How long a channel may be silent, as a state machine to which the clock is passed in.

use std::time::{Duration, Instant};

/// Watches one channel.
#[derive(Debug, Clone)]
pub(crate) struct KeepAliveWatch {
    /// `None`: there are no signs of life to wait for.
    timeout: Option<Duration>,
    /// After this much silence the server has forgotten the connection.
    window: Duration,
    last_received: Instant,
    slow: bool,
}

/// What a look at the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nothing new.
    Fine,
    /// Two thirds of the time are over: said once.
    Slow,
    /// The channel is lost: reconnect.
    Lost,
    /// The process must have been asleep: the server has forgotten the connection, start anew.
    Asleep,
}

impl KeepAliveWatch {
    /// A watch of a channel that was opened now.
    pub(crate) fn new(timeout: Option<Duration>, window: Duration, now: Instant) -> Self {
        Self { timeout, window, last_received: now, slow: false }
    }

    /// Something came, whatever it was. Tells whether the channel was slow until now.
    pub(crate) fn received(&mut self, now: Instant) -> bool {
        self.last_received = now;
        std::mem::take(&mut self.slow)
    }

    /// When to look at the clock next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let timeout = self.timeout?;
        Some(self.last_received + if self.slow { timeout } else { warning(timeout) })
    }

    /// Looks at the clock.
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
