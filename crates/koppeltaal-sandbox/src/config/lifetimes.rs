//! [`Lifetimes`]: how long launches, codes and tokens are valid.

use std::time::Duration;

use serde::Deserialize;

use super::seconds::seconds;

/// How long launches, codes and tokens are valid. The public documents of Koppeltaal leave this open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Lifetimes {
    /// A web launch, until Authorize. Default 5 minutes.
    #[serde(deserialize_with = "seconds")]
    pub launch: Duration,
    /// The activation code of a mobile launch. Default 7 days; clients are told whole days, rounded up.
    #[serde(deserialize_with = "seconds")]
    pub activation: Duration,
    /// An authorization code. Default 1 minute.
    #[serde(deserialize_with = "seconds")]
    pub code: Duration,
    /// An access token. Default 1 hour.
    #[serde(deserialize_with = "seconds")]
    pub token: Duration,
    /// A refresh token. Default 30 days.
    #[serde(deserialize_with = "seconds")]
    pub refresh: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self {
            launch: Duration::from_secs(5 * 60),
            activation: HOUR * 24 * 7,
            code: Duration::from_secs(60),
            token: HOUR,
            refresh: HOUR * 24 * 30,
        }
    }
}
