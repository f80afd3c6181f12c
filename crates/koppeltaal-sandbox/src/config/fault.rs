//! [`Fault`]: something that goes wrong on purpose, so that clients can be tested against it.

use std::ops::RangeInclusive;
use std::time::Duration;

use koppeltaal_messaging::Event;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{ConfigError, event};

/// Something that goes wrong on purpose. Faults happen only when they are configured, or set while the
/// sandbox runs: see [`Sandbox::set_faults`](crate::Sandbox::set_faults).
///
/// ```
/// use koppeltaal_messaging::Event;
/// use koppeltaal_sandbox::{Fault, FaultKind};
///
/// let hiccup = Fault::new(FaultKind::Status { status: 503, html: true }).path("Mailbox").times(2);
/// assert_eq!(hiccup.times, Some(2));
/// let unlucky = Fault::new(FaultKind::Cut).instance("portal").event(Event::CreateOrUpdateCarePlan);
/// assert_eq!(unlucky.path, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
#[non_exhaustive]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Only requests whose path contains this text meet the fault: for a claim and a bearer token, the
    /// request that claims or has the token. Without it, all requests do. Pushes have no path, so a fault of
    /// pushes with a path never happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The username of the only instance that meets the fault: the one whose credentials a request has, or
    /// the one that is told by a push. Without it, all do, and requests without credentials too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Only messages of this event meet the fault: posts, claims and acknowledgements of one, and pushes
    /// about one. What is done before the answer to a claim ([`Latency`](FaultKind::Latency),
    /// [`Refuse`](FaultKind::Refuse), [`Status`](FaultKind::Status)) is done only if the claim names the
    /// event. A bearer token has no event.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "event::option")]
    pub event: Option<Event>,
    /// How often it happens; without a number, every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// With a [`Status`](FaultKind::Status): the header `Retry-After` of the answer, in whole seconds, by which
    /// a server says that it did nothing, and when to come back. Other kinds have no such header.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub retry_after: Option<Duration>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A request is answered later.
    Latency {
        /// By how much; `milliseconds` in JSON and TOML.
        #[serde(rename = "milliseconds", with = "milliseconds")]
        pause: Duration,
    },
    /// A request is not carried out: the connection is closed without an answer.
    Refuse,
    /// A request is carried out, but the connection is closed without an answer.
    Cut,
    /// A request is not carried out, and is answered with this status. Without a
    /// [`Retry-After`](Fault::retry_after), a client cannot know whether a post was carried out, and does not
    /// repeat it by itself.
    Status {
        /// The HTTP status, 200 to 999.
        #[serde(deserialize_with = "status")]
        status: u16,
        /// Whether the body is HTML, as a proxy would send it, rather than an `OperationOutcome`.
        #[serde(default)]
        html: bool,
    },
    /// Half of the answer's body is sent, then the connection is closed. Of an answer without a body, nothing
    /// is sent.
    HalfBody,
    /// The answer's body is sent in ten parts.
    SlowBody {
        /// Before each part; `milliseconds` in JSON and TOML.
        #[serde(rename = "milliseconds", with = "milliseconds")]
        pause: Duration,
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
    /// A fault that every request meets, every time.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, path: None, instance: None, event: None, times: None, retry_after: None }
    }

    /// Limits the fault to requests whose path contains this text.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Limits the fault to what this instance does, and to pushes to it.
    #[must_use]
    pub fn instance(mut self, username: impl Into<String>) -> Self {
        self.instance = Some(username.into());
        self
    }

    /// Limits the fault to messages of this event.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    /// Limits how often the fault happens.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Adds a `Retry-After` to the answer of a [`Status`](FaultKind::Status), in whole seconds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use koppeltaal_sandbox::{Fault, FaultKind};
    ///
    /// let busy = FaultKind::Status { status: 503, html: false };
    /// let busy = Fault::new(busy).retry_after(Duration::from_secs(1)).times(1);
    /// ```
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // Not this method, but the derived function, which `remote` makes.
        Self::serialize(self, to)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = Map::deserialize(from)?;
        // The derived function, which ignores fields that do not belong to the kind of fault. They are those
        // that are not written again.
        let fault = Self::deserialize(Value::Object(given.clone())).map_err(D::Error::custom)?;
        let mut written = serde_json::to_value(&fault).map_err(D::Error::custom)?;
        if !matches!(fault.kind, FaultKind::Status { .. }) {
            written.as_object_mut().map(|written| written.remove("retry_after"));
        }
        match given.iter().find(|(name, value)| !value.is_null() && written.get(name).is_none()) {
            None => Ok(fault),
            Some((name, _)) => {
                Err(D::Error::custom(format!("unknown field `{name}` for this kind of fault")))
            }
        }
    }
}

/// The statuses that the server can answer with.
const STATUSES: RangeInclusive<u16> = 200..=999;

impl FaultKind {
    /// Whether it can happen. A file is checked while it is read; this is for faults that are made in Rust.
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        match self {
            Self::Status { status, .. } if !STATUSES.contains(&status) => {
                Err(ConfigError::FaultStatus(status))
            }
            _ => Ok(()),
        }
    }
}

fn status<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let status = u16::deserialize(from)?;
    if STATUSES.contains(&status) {
        return Ok(status);
    }
    let (least, most) = (STATUSES.start(), STATUSES.end());
    Err(D::Error::custom(format!("expected a status from {least} to {most}, found {status}")))
}

/// A duration as a whole number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(wait: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        wait.map(|wait| wait.as_secs()).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
    }
}

/// A duration as a whole number of milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(pause: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
