//! [`Fault`]: something that goes wrong on purpose, so that clients can be tested against it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Something that goes wrong on purpose. There are none unless they are configured, or set while the sandbox runs: see
/// [`Sandbox::set_faults`](crate::Sandbox::set_faults).
///
/// ```
/// use koppeltaal_sandbox::{Fault, FaultKind};
///
/// let hiccup = Fault::new(FaultKind::Status { status: 503, html: true }).path("Mailbox").times(2);
/// assert_eq!(hiccup.times, Some(2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// For requests only in whose path this text stands; for all when not set. Pushes have no path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// So many times; for ever when not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A request is answered so much later.
    Latency {
        /// In milliseconds.
        milliseconds: u64,
    },
    /// A request is not looked at: the connection is closed without an answer.
    Refuse,
    /// A request is carried out, but the connection is closed without an answer.
    Cut,
    /// A request is not looked at, and is answered with this status.
    Status {
        /// The HTTP status, 100 to 999.
        status: u16,
        /// Whether the body is HTML, as of a proxy, rather than an outcome.
        #[serde(default)]
        html: bool,
    },
    /// Half of the answer's body comes, then the connection is closed.
    HalfBody,
    /// The answer's body comes in ten parts.
    SlowBody {
        /// Between two parts, in milliseconds.
        milliseconds: u64,
    },
    /// A claim runs out as soon as it is made.
    ClaimExpires,
    /// A bearer token counts as expired.
    TokenExpires,
    /// A push is not sent, neither by the hub nor by the webhook.
    LostPush,
    /// A push is sent twice.
    DuplicatePush,
}

impl Fault {
    /// A fault of every request, for ever.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, path: None, times: None }
    }

    /// For requests only in whose path this text stands.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// So many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

impl FaultKind {
    /// Milliseconds as a duration.
    pub(crate) fn pause(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
}
