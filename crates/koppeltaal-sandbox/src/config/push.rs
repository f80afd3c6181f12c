//! [`Push`]: the times of the hub and of webhooks.

use std::time::Duration;

use serde::Deserialize;

use super::seconds::seconds;

/// The times of webhooks and of the hub `KoppeltaalHub`. The hub tells its own to clients that negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Push {
    /// Between two keep-alives on a quiet connection; more than zero. Clients are told twice as much. Default
    /// 10 seconds.
    #[serde(deserialize_with = "seconds")]
    pub keep_alive: Duration,
    /// How long a client may try to reconnect. The hub remembers its connection 5 seconds longer. Default 30
    /// seconds.
    #[serde(deserialize_with = "seconds")]
    pub disconnect_timeout: Duration,
    /// After how long a poll is answered when there is no event. Default 110 seconds.
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
