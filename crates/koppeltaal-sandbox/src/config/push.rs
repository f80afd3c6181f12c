//! [`Push`]: intervals and time limits of the hub and of webhooks.

use std::time::Duration;

use serde::Deserialize;

use super::seconds::seconds;

/// Intervals and time limits of webhooks and of the hub `KoppeltaalHub`. A client learns the hub's when it
/// negotiates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Push {
    /// The time between two keep-alives on a quiet connection, more than zero. Clients are told to expect one
    /// within twice that time. Default 10 seconds.
    #[serde(deserialize_with = "seconds")]
    pub keep_alive: Duration,
    /// How long a client may try to reconnect. The hub remembers its connection 5 seconds longer. Default 30
    /// seconds.
    #[serde(deserialize_with = "seconds")]
    pub disconnect_timeout: Duration,
    /// How long a poll waits for an event before it gets an empty answer. Default 110 seconds.
    #[serde(deserialize_with = "seconds")]
    pub connection_timeout: Duration,
    /// The pause before the second try of a webhook. Each further pause is twice as long. Default 1 second.
    #[serde(deserialize_with = "seconds")]
    pub webhook_pause: Duration,
    /// How long a webhook may take to answer. Default 10 seconds.
    #[serde(deserialize_with = "seconds")]
    pub webhook_timeout: Duration,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(10),
            disconnect_timeout: Duration::from_secs(30),
            connection_timeout: Duration::from_secs(110),
            webhook_pause: Duration::from_secs(1),
            webhook_timeout: Duration::from_secs(10),
        }
    }
}
