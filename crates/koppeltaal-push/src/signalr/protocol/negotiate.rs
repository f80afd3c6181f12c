//! The answer to `negotiate`: the server's protocol version, transports and time limits.

use std::time::Duration;

use serde_json::Value;

use super::query::CLIENT_PROTOCOL;
use super::{Transport, json};

/// How long servers before 2.1.2, which do not say it, hold a long poll.
const USUAL_CONNECTION_TIMEOUT: Duration = Duration::from_secs(110);
/// The defaults of servers.
const USUAL_DISCONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const USUAL_TRANSPORT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer times of a server are shortened to a day.
const LONGEST: f64 = 24.0 * 3600.0;

/// A version of the protocol, compared by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// Before the dot.
    pub major: u32,
    /// After the dot.
    pub minor: u32,
}

impl ProtocolVersion {
    /// The lowest version that servers 2.0 answer. Servers 1.x have another protocol.
    const OLDEST: Self = Self { major: 1, minor: 2 };
    /// The highest version that servers 2.4 answer.
    const NEWEST: Self = Self { major: 2, minor: 1 };
    /// The first version with `/start`. On older servers that request would hang like a poll.
    const WITH_START: Self = Self { major: 1, minor: 4 };

    fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.trim().split_once('.')?;
        // .NET may write more than two numbers.
        let minor = rest.split('.').next()?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

impl std::fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The server's terms for a new connection.
#[derive(Clone, PartialEq)]
pub(crate) struct NegotiationResponse {
    /// Identifies the connection on every request. It is a secret: apart from credentials, a request needs
    /// nothing else.
    pub(crate) connection_token: String,
    /// Silence after which a channel is lost; `None`: the server sends no signs of life.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) disconnect_timeout: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) transport_connect_timeout: Duration,
    pub(crate) try_web_sockets: bool,
    pub(crate) version: ProtocolVersion,
}

/// Why an answer to `negotiate` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiateError {
    /// The body is empty, or not JSON, or not an object: often a login page.
    #[error("the answer is not that of a SignalR server")]
    NotSignalR,
    /// The server speaks ASP.NET Core SignalR, which has only the name in common.
    #[error("the server speaks ASP.NET Core SignalR, not the classic protocol")]
    AspNetCore,
    /// There is no connection token.
    #[error("the answer has no connection token")]
    NoToken,
    /// The version is missing, unreadable or outside what the client speaks.
    #[error(
        "the server's protocol version is not one from {} to {}",
        ProtocolVersion::OLDEST,
        ProtocolVersion::NEWEST
    )]
    Version {
        /// The version, if it could be read.
        found: Option<ProtocolVersion>,
    },
    /// The server declines the connection and says why.
    #[error("the server declines the connection")]
    Declined {
        /// The server's text for people; the first kilobyte. It is not in `Display`, since it may hold
        /// anything.
        reason: String,
    },
    /// The server sends the client elsewhere. It does not follow: credentials go to the configured server
    /// only.
    #[error("the server redirects to another server, which is not followed")]
    Redirected,
}

impl NegotiationResponse {
    /// Reads the body of the answer.
    ///
    /// # Errors
    ///
    /// [`NegotiateError`]
    pub(crate) fn read(body: &[u8]) -> Result<Self, NegotiateError> {
        let fields = json::object_in(body).ok_or(NegotiateError::NotSignalR)?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let seconds = |name: &str| fields.get(name).and_then(Value::as_f64).and_then(duration);
        if fields.contains_key("availableTransports") {
            return Err(NegotiateError::AspNetCore);
        }
        if let Some(reason) = text("Error") {
            return Err(NegotiateError::Declined { reason: json::shortened(reason) });
        }
        if text("RedirectUrl").is_some() {
            return Err(NegotiateError::Redirected);
        }
        // Without both fields, the answer comes from something else.
        let version = text("ProtocolVersion");
        if version.is_none() && text("ConnectionToken").is_none() {
            return Err(NegotiateError::NotSignalR);
        }
        let found = version.and_then(ProtocolVersion::parse);
        let version = found
            .filter(|version| (ProtocolVersion::OLDEST..=ProtocolVersion::NEWEST).contains(version))
            .ok_or(NegotiateError::Version { found })?;
        Ok(Self {
            connection_token: text("ConnectionToken").ok_or(NegotiateError::NoToken)?.to_owned(),
            keep_alive: seconds("KeepAliveTimeout").filter(|time| !time.is_zero()),
            disconnect_timeout: seconds("DisconnectTimeout").unwrap_or(USUAL_DISCONNECT_TIMEOUT),
            connection_timeout: seconds("ConnectionTimeout").unwrap_or(USUAL_CONNECTION_TIMEOUT),
            transport_connect_timeout: seconds("TransportConnectTimeout")
                .unwrap_or(USUAL_TRANSPORT_CONNECT_TIMEOUT),
            try_web_sockets: fields.get("TryWebSockets").and_then(Value::as_bool).unwrap_or(true),
            version,
        })
    }

    /// Whether the connection is to be started with `/start`.
    pub(crate) fn has_start(&self) -> bool {
        self.version >= ProtocolVersion::WITH_START
    }

    /// Whether the server offers a transport.
    pub(crate) fn offers(&self, transport: Transport) -> bool {
        transport != Transport::WebSockets || self.try_web_sockets
    }

    /// How long the server remembers a silent client.
    pub(crate) fn reconnect_window(&self) -> Duration {
        self.disconnect_timeout + self.keep_alive.unwrap_or_default()
    }
}

impl std::fmt::Debug for NegotiationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NegotiationResponse")
            .field("version", &self.version)
            .field("client_protocol", &CLIENT_PROTOCOL)
            .field("keep_alive", &self.keep_alive)
            .field("disconnect_timeout", &self.disconnect_timeout)
            .finish_non_exhaustive()
    }
}

/// A time from the server's seconds, which may have a fraction; `None` if they are negative.
fn duration(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST)))
}
