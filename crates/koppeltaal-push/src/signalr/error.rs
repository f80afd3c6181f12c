//! The errors of a hub connection, sorted by what a caller can do about them. No text shows a URL, a token,
//! or a text of the server.

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use koppeltaal_transport::causes;

use super::protocol::Transport;
use super::protocol::hub::HubException;
use super::protocol::negotiate::NegotiateError;

/// What the client was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectStep {
    /// Asking for a connection token.
    Negotiate,
    /// Opening the receive channel of a new connection.
    Connect,
    /// Telling the server that the channel is open.
    Start,
    /// Opening a receive channel of a connection that lost one.
    Reconnect,
    /// Asking for the next frame of a long poll.
    Poll,
    /// Calling a method of the hub over a request of its own.
    Send,
    /// Telling the server that the connection ends.
    Abort,
}

impl ConnectStep {
    /// The name, which is also the last part of the path of the request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "negotiate",
            Self::Connect => "connect",
            Self::Start => "start",
            Self::Reconnect => "reconnect",
            Self::Poll => "poll",
            Self::Send => "send",
            Self::Abort => "abort",
        }
    }
}

impl fmt::Display for ConnectStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server does not accept the credentials (401), or does not allow the user to use the hub, or the
    /// user is not the one of the step before (403). No other transport is tried.
    #[error("the server refuses the credentials at {step} (HTTP {status})")]
    Authentication {
        /// What was being done.
        step: ConnectStep,
        /// 401 or 403.
        status: StatusCode,
    },
    /// The access token has expired, and there is no new one.
    #[error(transparent)]
    Credentials(Box<koppeltaal_transport::Error>),
    /// The server answers with another status: 404 where there is no hub, 500 for a hub that it does not
    /// know.
    #[error("the server answers {step} with HTTP {status}")]
    Status {
        /// What was being done.
        step: ConnectStep,
        /// The status.
        status: StatusCode,
    },
    /// The server cannot be reached, or the connection broke before it had answered.
    #[error("no answer to {step}")]
    Unreachable {
        /// What was being done.
        step: ConnectStep,
        /// The error of the network, without the URL.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The server did not answer in time.
    #[error("no answer to {step} within {} s", limit.as_secs_f32())]
    Timeout {
        /// What was being done.
        step: ConnectStep,
        /// The limit.
        limit: Duration,
    },
    /// The answer to negotiate cannot be used.
    #[error("the answer to negotiate cannot be used")]
    Negotiate(#[from] NegotiateError),
    /// The answer does not follow the protocol.
    #[error("the answer to {step} is not that of a SignalR server")]
    Protocol {
        /// What was being done.
        step: ConnectStep,
    },
    /// The channel was lost before the connection had started.
    #[error("the channel was lost at {step}: {}", causes(reason))]
    Lost {
        /// What was being done.
        step: ConnectStep,
        /// Why.
        reason: LostReason,
    },
    /// None of the transports works.
    #[error("no transport works{}", each(tried))]
    NoTransport {
        /// Each with its error, in the order in which they were tried.
        tried: Vec<(Transport, ConnectError)>,
    },
    /// The server asked the client to disconnect.
    #[error("the server ended the connection")]
    Ended {
        /// The server's text, if there is one; the first kilobyte. It is not in `Display`, since it may hold
        /// anything.
        reason: Option<String>,
    },
    /// Reconnecting did not succeed within the disconnect timeout that the server named.
    #[error("not reconnected within {} s", limit.as_secs_f32())]
    DisconnectTimeout {
        /// The disconnect timeout.
        limit: Duration,
    },
    /// A frame is too large, makes the state of the hub too large, or is unreadable for the second time in a
    /// row. The server would send it again after every reconnect, so the connection is started anew, after
    /// that frame. Events may be lost.
    #[error("the connection cannot go on: {}", causes(reason))]
    UnusableFrame {
        /// What is wrong with the frame.
        reason: LostReason,
    },
    /// The connection was stopped before it had started.
    #[error("stopped")]
    Stopped,
}

impl ConnectError {
    /// Whether the credentials are the reason, so that another try with the same ones would fail, too.
    #[must_use]
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Authentication { .. } | Self::Credentials(_))
    }

    /// Whether the server refuses the credentials or, after a restart with another key, the connection token,
    /// so that the same request would fail again. Only the status says so; 408 and 429 say "later".
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                status.is_client_error() && !later.contains(status)
            }
            error => error.is_authentication(),
        }
    }

    pub(crate) fn from_status(step: ConnectStep, status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Authentication { step, status },
            _ => Self::Status { step, status },
        }
    }

    pub(crate) fn from_request(step: ConnectStep, error: reqwest::Error) -> Self {
        // The URL holds the connection token.
        Self::Unreachable { step, source: Arc::new(error.without_url()) }
    }
}

fn each(tried: &[(Transport, ConnectError)]) -> String {
    tried.iter().map(|(transport, error)| format!("; {transport}: {}", causes(error))).collect()
}

/// Why a receive channel is lost. The connection reconnects, unless the server would send the same frame
/// again ([`ConnectError::UnusableFrame`]).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LostReason {
    /// The server, or something between, ended it. An orderly close counts, too.
    #[error("it was closed")]
    Closed,
    /// The network failed.
    #[error("the network failed")]
    Network(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Nothing came for the keep-alive timeout.
    #[error("the server is silent")]
    Silent,
    /// A text of the server is not a frame.
    #[error("a text of the server is not a frame of SignalR")]
    Unreadable,
    /// A frame, or a part of it that has to be kept, is larger than the client accepts.
    #[error("a frame is too large")]
    TooLarge,
    /// The state that the client keeps for the hub is larger than
    /// [`hub_state_limit`](super::HubConnectionBuilder::hub_state_limit).
    #[error("the state of the hub is too large")]
    HubStateTooLarge,
    /// A poll was answered with an error.
    #[error("a poll was answered with HTTP {0}")]
    Status(StatusCode),
    /// The server is shutting down and asks to reconnect.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The server does not read what the client sends.
    #[error("the server does not read")]
    Blocked,
    /// The access token has expired, and there is no new one.
    #[error("no credentials")]
    Credentials,
}

/// Why a call of a hub's method has no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The connection is not connected at the moment. The call was not made.
    #[error("not connected")]
    NotConnected,
    /// The method failed, or no method has this name and number of arguments.
    #[error(transparent)]
    Hub(#[from] HubException),
    /// The connection was lost before the result came. The method may have run.
    #[error("the connection was lost before the result came")]
    ConnectionLost,
    /// The result did not come in time. The method may be running, or the server does not know the hub.
    #[error("no result within {} s", limit.as_secs_f32())]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// The server answers the call with an error: 401 or 403 for credentials, 500 for a hub that it does not
    /// know.
    #[error("the server answers the call with HTTP {status}")]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// The request of the call failed on the way. The method may have run.
    #[error("no answer to the call")]
    Unreachable {
        /// The error of the network, without the URL.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The answer to the call is not a result, or too large.
    #[error("the answer to the call is not a result")]
    Protocol,
    /// The method has returned, but the results that wait for their callers already take 32 MiB of memory.
    /// Poll the calls that were made, or drop them.
    #[error("the result was dropped: too many results wait for their callers")]
    ResultDropped,
    /// The call is longer than the 64 KiB that servers accept.
    #[error("the call is too long")]
    TooLong,
    /// The connection was stopped.
    #[error("the connection was stopped")]
    Stopped,
}
