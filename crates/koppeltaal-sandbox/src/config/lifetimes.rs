//! [`Lifetimes`]: how long what OAuth 2 gives out is good.

use std::time::Duration;

/// How long launches, codes and tokens are good. The public documents leave these open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetimes {
    /// A web launch, until Authorize. Default 5 minutes.
    pub launch: Duration,
    /// The activation code of a mobile launch. Default 7 days; clients are told whole days, rounded up.
    pub activation: Duration,
    /// An authorization code. Default 1 minute.
    pub code: Duration,
    /// An access token. Default 1 hour.
    pub token: Duration,
    /// A refresh token. Default 30 days.
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
