//! [`NotificationSettings`]: how patient the server is with endpoints.

use std::time::Duration;

/// How notifications are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NotificationSettings {
    /// How often one is tried. After the last failure the Subscription gets the status `error`.
    pub(crate) attempts: u32,
    /// How long an endpoint may take to answer.
    pub(crate) timeout: Duration,
    /// The pause after the first attempt; it doubles with each.
    pub(crate) pause: Duration,
}

impl Default for NotificationSettings {
    /// One attempt, as the reference server makes.
    fn default() -> Self {
        Self { attempts: 1, timeout: Duration::from_secs(10), pause: Duration::from_secs(1) }
    }
}
