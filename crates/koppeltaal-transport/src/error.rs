//! [`Error`]: every way in which an operation fails, sorted by what an application can do about it.
//!
//! `Display` and `Debug` are made for logs: neither shows a secret, a URL of a patient, or text of a body.
//! Those are in the fields.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use koppeltaal_fhir::WriteError;
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{CodeSystem as _, IllegalTransition, ResourceUrl};

use self::causes::causes;
use self::protocol::ProtocolError;
use crate::oauth::error::OAuthError;
use crate::outcome::Outcome;

mod advice;
pub(crate) mod causes;
pub(crate) mod protocol;
#[cfg(test)]
mod tests;

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed, sorted by what a caller can do about it.
///
/// Cloning is cheap. When many callers wait for one request, such as the refresh of a token, each gets the
/// same error.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server does not know the user name, password or token (401), or the token has expired.
    #[error("the server does not accept the credentials{}", if *expired { ": the token has expired" } else { "" })]
    Authentication {
        /// Whether the server said that the token has expired: a new one helps.
        expired: bool,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server knows who asks, and does not allow it (403); a message of another domain, for instance.
    #[error("the server does not allow this{}", with_outcome(outcome.as_ref()))]
    Forbidden {
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server has nothing at this address (404 or 410). Without an outcome, the address of the server may
    /// be wrong.
    #[error("not found{}", with_outcome(outcome.as_ref()))]
    NotFound {
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// Somebody else has changed resources since (409): the message names older versions of them. Nothing was
    /// stored. Get the current versions, make the change again, and send it as a new message.
    #[error("{} of another version than the server's{}", kinds(resources), with_outcome(outcome.as_ref()))]
    Conflict {
        /// The resources with another version, as URLs without version. Empty if the server named none.
        resources: Vec<ResourceUrl>,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server refuses the content. Sending it again will not help.
    #[error("the server refuses the content (HTTP {status}){}", with_outcome(outcome.as_ref()))]
    Rejected {
        /// The HTTP status. 400, 422 and 500 are all usual; with 500, an issue type says that the content is
        /// wrong. A reply that refuses a message has 200.
        status: StatusCode,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// Too many requests (429). Nothing was processed.
    #[error("too many requests{}{}", with_outcome(outcome.as_ref()), with_wait(*retry_after))]
    RateLimited {
        /// How long to wait, if the server said so.
        retry_after: Option<Duration>,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server, or a proxy before it, cannot answer for now. One of these says so:
    ///
    /// - a status 408, 502, 503 or 504;
    /// - an outcome whose issue type is [transient](crate::FailureCause::is_transient);
    /// - another status 5xx, with an outcome that does not tell the cause;
    /// - a reply to a message with the code `transient-error`; the status is then 200.
    #[error("the server is not available (HTTP {status}){}{}", with_outcome(outcome.as_ref()), with_wait(*retry_after))]
    Unavailable {
        /// The HTTP status.
        status: StatusCode,
        /// How long to wait, if the server said so.
        retry_after: Option<Duration>,
        /// What the server said, if it was not a proxy.
        outcome: Option<Outcome>,
    },
    /// The request never reached the server.
    #[error("the server cannot be reached: {reason}")]
    Unreachable {
        /// Why not.
        reason: UnreachableReason,
        /// The error below: a socket, a name server, TLS.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A read got no complete answer within the time limit.
    #[error("no answer within {} s", limit.as_secs_f32())]
    Timeout {
        /// The limit that was reached.
        limit: Duration,
    },
    /// The connection broke before the answer to a read was complete.
    #[error("the connection broke before the answer was complete")]
    Interrupted {
        /// The error below.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A write was sent, but no usable answer came: the server may have acted on it or not.
    ///
    /// Look a posted message up, with [`Client::message_headers`](crate::Client::message_headers) or, at
    /// servers since 1.1, with [`Client::message`](crate::Client::message) and `message_identifier`. Posting
    /// the same message again risks a second delivery, or a version conflict with itself. A claimed message
    /// whose answer was lost is delivered again when the claim expires. An acknowledgement may be sent again.
    #[error(
        "the request was sent, but whether the server acted on it is unknown{}: {}",
        of_message(message_identifier.as_deref()),
        causes(source.as_ref())
    )]
    UnknownOutcome {
        /// The `MessageHeader.identifier` of the message. `None` for a claim, and for resources outside
        /// messages.
        message_identifier: Option<String>,
        /// Why no usable answer came. The text of this error includes that of its cause and of all causes
        /// below, so [`source`](std::error::Error::source) is `None`.
        // With its raw name, `thiserror` does not take it for the source.
        r#source: Box<Error>,
    },
    /// An OAuth endpoint refuses a launch, code, refresh token or client (RFC 6749).
    #[error("the server refuses (HTTP {status}): {error}")]
    OAuth {
        /// The HTTP status.
        status: StatusCode,
        /// Why.
        error: OAuthError,
    },
    /// The access token has expired, and getting a new one failed. The request was not made, or the server
    /// refused it unprocessed.
    #[error("the token has expired and cannot be refreshed: {}", causes(source.as_ref()))]
    TokenRefresh {
        /// Why the refresh failed. The text of this error includes it.
        r#source: Box<Error>,
    },
    /// The session has no refresh token. No request was made.
    #[error("there is no refresh token")]
    NoRefreshToken,
    /// The answer is not Koppeltaal's.
    #[error(transparent)]
    Protocol(Box<ProtocolError>),
    /// A header, resource or link has an address outside the server's FHIR service, or has none. No request
    /// was made: credentials go to the configured server only.
    #[error("the address is not one of the server's FHIR service")]
    ForeignUrl {
        /// The address, if there is one.
        url: Option<String>,
    },
    /// The conformance statement names an address that must not be used ([`Endpoints`](crate::Endpoints)).
    /// Nothing was sent there.
    #[error("the conformance statement names no usable {name} endpoint")]
    Endpoint {
        /// `authorize`, `token` or `launch`.
        name: &'static str,
    },
    /// The bundle to send has no `MessageHeader`. No request was made.
    #[error("the bundle to send has no MessageHeader")]
    NotAMessage,
    /// The media type of a content to store holds a character that a header cannot carry. No request was
    /// made.
    #[error("the media type of the content cannot be put into a header")]
    MediaType,
    /// The message was acknowledged before, and its status does not allow this acknowledgement. No request
    /// was made.
    #[error("the message was acknowledged before: {0}")]
    Answered(IllegalTransition),
    /// The server does not take the acknowledgement of a message, because the claim was lost: it ended before
    /// the answer came, and somebody else has claimed the message since, and may have answered it. There is
    /// nothing to repeat. A claim usually lasts some minutes; answer within them.
    #[error(
        "the server does not take the answer (HTTP {status}){}: the claim of the message ended before, and \
         was taken over by somebody else",
        with_outcome(outcome.as_ref())
    )]
    ClaimTakenOver {
        /// The HTTP status.
        status: StatusCode,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The content cannot be written in the client's format. No request was made.
    #[error("the content cannot be sent")]
    Unwritable(#[source] WriteError),
}

/// Why a request never reached the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnreachableReason {
    /// The name of the host cannot be resolved.
    #[error("its name cannot be resolved")]
    Dns,
    /// Nothing listens there.
    #[error("the connection is refused")]
    Refused,
    /// TLS failed: a certificate that is not trusted, has expired or is for another name, or no common
    /// version.
    #[error("TLS failed")]
    Tls,
    /// No connection within the connect timeout.
    #[error("connecting takes too long")]
    Timeout,
    /// Something else, such as a network that is down.
    #[error("no connection")]
    Other,
}

impl Error {
    /// Whether the same call may be made again, and may then succeed: the failure is transient, and the
    /// server did nothing or the call was a read. The client has already tried again, as often as its
    /// [`RetryPolicy`](crate::RetryPolicy) says.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Timeout { .. }
            | Self::Interrupted { .. } => true,
            Self::Unreachable { reason, .. } => *reason != UnreachableReason::Tls,
            Self::TokenRefresh { source } => source.is_retryable(),
            _ => false,
        }
    }

    /// Whether the failure is transient: the same request may succeed later, without anybody changing
    /// anything. For a write whose outcome is unknown, the cause decides; look the message up before you post
    /// it again.
    ///
    /// The issue types of the outcome decide ([`FailureCause`](crate::FailureCause)), and the status only
    /// where they do not tell the cause: original servers answer 500 to content that they refuse. A 5xx that
    /// does not blame the content is transient.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.is_transient(),
            Self::Protocol(protocol) => protocol.status.is_server_error(),
            Self::OAuth { error, .. } => error.code.is_transient(),
            _ => self.is_retryable(),
        }
    }

    /// Whether a time limit was reached, at any stage.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { reason: UnreachableReason::Timeout, .. } => true,
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.is_timeout(),
            _ => false,
        }
    }

    /// Whether the server may have acted on the request although this is an error.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::UnknownOutcome { .. })
    }

    /// The name of the variant in kebab case, for metrics and scripts.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Authentication { .. } => "authentication",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "not-found",
            Self::Conflict { .. } => "conflict",
            Self::Rejected { .. } => "rejected",
            Self::RateLimited { .. } => "rate-limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::UnknownOutcome { .. } => "unknown-outcome",
            Self::OAuth { .. } => "oauth",
            Self::TokenRefresh { .. } => "token-refresh",
            Self::NoRefreshToken => "no-refresh-token",
            Self::Protocol(_) => "protocol",
            Self::ForeignUrl { .. } => "foreign-url",
            Self::Endpoint { .. } => "endpoint",
            Self::NotAMessage => "not-a-message",
            Self::MediaType => "media-type",
            Self::Answered(_) => "answered",
            Self::ClaimTakenOver { .. } => "claim-taken-over",
            Self::Unwritable(_) => "unwritable",
        }
    }

    /// How long the server asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.retry_after(),
            _ => None,
        }
    }

    /// What the server said, if it was the server that refused or failed.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Authentication { outcome, .. }
            | Self::Forbidden { outcome }
            | Self::NotFound { outcome }
            | Self::Conflict { outcome, .. }
            | Self::Rejected { outcome, .. }
            | Self::RateLimited { outcome, .. }
            | Self::ClaimTakenOver { outcome, .. }
            | Self::Unavailable { outcome, .. } => outcome.as_ref(),
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.outcome(),
            _ => None,
        }
    }

    /// Whether a write may be repeated without asking the server what became of it: it never got there, or
    /// the server declined it unprocessed and said when to come back.
    pub(crate) fn is_repeatable_write(&self) -> bool {
        match self {
            _ if self.leaves_outcome_unknown() => false,
            Self::Unreachable { .. } | Self::RateLimited { .. } => self.is_retryable(),
            Self::Unavailable { retry_after, .. } => retry_after.is_some(),
            _ => false,
        }
    }

    /// Whether the server may have done a write that ended with this error.
    ///
    /// Only a refusal rules that out: an `OperationOutcome` with a reason, a reply that refuses the message,
    /// a status 3xx or 4xx other than 408, or 503 with an outcome or `Retry-After`, by which a server
    /// declines to begin. With another status 5xx, an outcome that reports a failure during the work is no
    /// refusal.
    fn leaves_outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Interrupted { .. } => true,
            Self::Unavailable { status, retry_after, outcome } => match outcome {
                _ if status.is_success() => false,
                None => *status != StatusCode::SERVICE_UNAVAILABLE || retry_after.is_none(),
                Some(outcome) => {
                    *status != StatusCode::SERVICE_UNAVAILABLE && outcome.cause().is_outcome_unknown()
                }
            },
            Self::Protocol(protocol) => protocol.status.is_success() || protocol.status.is_server_error(),
            _ => false,
        }
    }

    /// Turns this error into that of an acknowledgement:
    /// [`ClaimTakenOver`](Self::ClaimTakenOver) if the server knows the message, and refuses the step from
    /// its present status or version.
    pub(crate) fn for_acknowledgement(self) -> Self {
        match self {
            Self::Conflict { outcome, .. } => Self::ClaimTakenOver { status: StatusCode::CONFLICT, outcome },
            Self::Rejected { status, outcome: Some(outcome) }
                if outcome.codes().any(|code| code == IssueType::BusinessRule.code()) =>
            {
                Self::ClaimTakenOver { status, outcome: Some(outcome) }
            }
            error => error,
        }
    }

    /// Turns this error into that of a write: [`UnknownOutcome`](Self::UnknownOutcome) if the server may have
    /// done the write, else this error.
    pub(crate) fn for_write(self, message_identifier: Option<&str>) -> Self {
        if !self.leaves_outcome_unknown() {
            return self;
        }
        Self::UnknownOutcome {
            message_identifier: message_identifier.map(str::to_owned),
            source: Box::new(self),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text of the other variants includes their causes.
        let source: Option<&dyn fmt::Debug> = match self {
            Self::Unreachable { source, .. } | Self::Interrupted { source } => Some(source),
            _ => None,
        };
        let mut debug = f.debug_tuple("Error");
        debug.field(&format_args!("{self}"));
        if let Some(source) = source {
            debug.field(source);
        }
        debug.finish()
    }
}

fn with_outcome(outcome: Option<&Outcome>) -> String {
    outcome.map(|outcome| format!(" ({outcome})")).unwrap_or_default()
}

fn with_wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!("; wait {} s", wait.as_secs())).unwrap_or_default()
}

fn of_message(identifier: Option<&str>) -> String {
    identifier.map(|identifier| format!(" (message {identifier})")).unwrap_or_default()
}

/// Their types only, since the ids are those of patients and their plans.
fn kinds(resources: &[ResourceUrl]) -> String {
    match resources {
        [] => "resources".to_owned(),
        [one] => {
            let name = one.resource_type();
            format!("{} {name}", if name.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" })
        }
        many => {
            let types: Vec<_> = many.iter().map(ResourceUrl::resource_type).collect();
            format!("{} resources ({})", many.len(), types.join(", "))
        }
    }
}
