//! [`Position`]: how far a change feed has come, in a text that survives a restart.

use std::fmt;
use std::str::FromStr;

use koppeltaal_r4::primitives::Instant;
use serde::{Deserialize, Serialize};

/// How far a change feed has come: the time of the last change, and which versions near that time were handed
/// out. A text of JSON; keep it where the results of the changes are kept.
///
/// It holds ids of resources and no data of people.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The time of the last change, by the server's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// Id, version and time of what was handed out near that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) seen: Vec<(String, String, String)>,
}

/// The text is not a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position of a change feed: JSON with `since` and `seen` was expected")]
pub struct NotAPosition;

impl Position {
    /// What was written from this time on, by the server's clock. The feed looks back from it by its overlap,
    /// so that something older may come too.
    pub fn since(instant: &Instant) -> Self {
        Self { since: Some(instant.to_string()), seen: Vec::new() }
    }

    /// The time of the last change; none before the first.
    pub fn last_updated(&self) -> Option<&str> {
        self.since.as_deref()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Position").field("since", &self.since).field("seen", &self.seen.len()).finish()
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let position: Self = serde_json::from_str(text).map_err(|_| NotAPosition)?;
        let is_time = |text: &str| text.parse::<koppeltaal_r4::Primitive<Instant>>().is_ok();
        let times = position.seen.iter().map(|(.., time)| time).chain(&position.since);
        if times.into_iter().all(|time| is_time(time)) { Ok(position) } else { Err(NotAPosition) }
    }
}
