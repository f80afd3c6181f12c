//! [`Error`]: everything that can go wrong, sorted by what an application can do about it.
//!
//! `Display` and `Debug` are made for logs: neither shows a secret, a URL with a patient in it or what a body said.
//! That is in the fields, for who asks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use koppeltaal_fhir::{ReadError, WriteError};
use koppeltaal_messaging::{IllegalTransition, ReplyError, ResourceUrl};

use crate::oauth::error::OAuthError;
use crate::outcome::Outcome;

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed, sorted by what a caller can do about it.
///
/// Cloning is cheap: an error that many callers wait for, such as a failed refresh of a token, goes to each of them.
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
    #[error("the server does not allow this{}", said(outcome.as_ref()))]
    Forbidden {
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// There is nothing at this address (404). Without an outcome, the address of the server may be wrong.
    #[error("not found{}", said(outcome.as_ref()))]
    NotFound {
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// Somebody else changed resources since the versions that were sent (409). Nothing was stored. Get the current
    /// versions, make the change again, send it as a new message.
    #[error("{} of another version than the server's{}", count(resources), said(outcome.as_ref()))]
    Conflict {
        /// The resources whose versions are not correct, without version; empty if the server named none.
        resources: Vec<ResourceUrl>,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server refuses the content. Sending it again will not help.
    #[error("the server refuses the content (HTTP {status}){}", said(outcome.as_ref()))]
    Rejected {
        /// The HTTP status; 500 is as usual as 400 and 422 (then an issue type says that it is the content), and 200 is
        /// that of a reply which refuses a message.
        status: StatusCode,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// Too many requests (429). Nothing was processed.
    #[error("too many requests{}{}", said(outcome.as_ref()), later(*retry_after))]
    RateLimited {
        /// How long to wait, if the server said so.
        retry_after: Option<Duration>,
        /// What the server said.
        outcome: Option<Outcome>,
    },
    /// The server, or a proxy for it, is out of order for now: status 408, 502, 503 or 504; an outcome with an issue type
    /// that passes ([`Trouble`](crate::Trouble)), or 5xx and one that does not say that the content is wrong; or a reply to
    /// a message with the code `transient-error` (then with status 200).
    #[error("the server is not available (HTTP {status}){}{}", said(outcome.as_ref()), later(*retry_after))]
    Unavailable {
        /// The HTTP status.
        status: StatusCode,
        /// How long to wait, if the server said so.
        retry_after: Option<Duration>,
        /// What the server said, if it was not a proxy.
        outcome: Option<Outcome>,
    },
    /// The request never reached the server. Nothing happened there.
    #[error("the server cannot be reached: {reason}")]
    Unreachable {
        /// What stood in the way.
        reason: UnreachableReason,
        /// The error below: a socket, a name server, TLS.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A read got no complete answer in time.
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
    /// A write was sent and no usable answer came: the server may have done it or not.
    ///
    /// For a posted message, look it up: [`Client::message_headers`](crate::Client::message_headers), or
    /// [`Client::message`](crate::Client::message) with `message_identifier` (servers since 1.1 take it). Posting the
    /// same message again risks a second delivery or a version conflict with itself. A claim that is lost comes back
    /// when its time is over; an acknowledgement may be given again.
    #[error(
        "the request was sent, but whether the server acted on it is unknown{}: {}",
        of_message(message_identifier.as_deref()),
        Whole(source)
    )]
    UnknownOutcome {
        /// The `MessageHeader.identifier` of the message in question; none for a claim and for resources without message.
        message_identifier: Option<String>,
        /// What a read would have failed with. The text of this error tells it with all that is below it, so
        /// [`source`](std::error::Error::source) does not give it once more.
        // By a raw name, which keeps `thiserror` from taking it for the source.
        r#source: Box<Error>,
    },
    /// An OAuth endpoint refuses (RFC 6749): a launch, code, refresh token or client that it does not take.
    #[error("the server refuses: {error} (HTTP {status})")]
    OAuth {
        /// The HTTP status.
        status: StatusCode,
        /// Why.
        error: OAuthError,
    },
    /// The access token has expired, and no new one could be had. The request was not made, or was refused unprocessed.
    #[error("the token has expired and cannot be refreshed: {}", Whole(source))]
    TokenRefresh {
        /// What stood in the way, which the text of this error tells whole.
        r#source: Box<Error>,
    },
    /// There is no refresh token to get new tokens with. No request was made.
    #[error("there is no refresh token")]
    NoRefreshToken,
    /// What came back is not Koppeltaal.
    #[error(transparent)]
    Protocol(Box<ProtocolError>),
    /// A header or resource has no address in the server's FHIR service, or the server's link leads out of it. No
    /// request was made: credentials go to the configured server only.
    #[error("the address is not one of the server's FHIR service")]
    ForeignUrl {
        /// The address, if there is one.
        url: Option<String>,
    },
    /// The conformance statement names an address that must not be used for this: no URL of the web, or one where the
    /// user would not be protected (neither https nor this machine). Nothing was sent there.
    #[error("the conformance statement names no usable {name} endpoint")]
    Endpoint {
        /// `authorize`, `token` or `launch`.
        name: &'static str,
    },
    /// The bundle to send has no `MessageHeader`. No request was made.
    #[error("the bundle to send has no MessageHeader")]
    NotAMessage,
    /// The media type of a content to store holds a character that a header cannot carry. No request was made.
    #[error("the media type of the content is none")]
    MediaType,
    /// The message was answered before, and its status cannot become what is to be said now. Nothing was sent.
    #[error("the message was answered before: {0}")]
    Answered(IllegalTransition),
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
    /// TLS failed: a certificate that is not trusted, has expired or is for another name, or no common version.
    #[error("TLS failed")]
    Tls,
    /// No connection within the connect timeout.
    #[error("connecting takes too long")]
    Timeout,
    /// Something else, such as a network that is down.
    #[error("no connection")]
    Other,
}

/// An answer that is not Koppeltaal's. `Debug` and `Display` leave the excerpt out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the answer is not Koppeltaal's: {problem} (HTTP {status}, {})", content_type.as_deref().unwrap_or("no content type"))]
#[non_exhaustive]
pub struct ProtocolError {
    /// What is wrong with it.
    pub problem: ProtocolProblem,
    /// The HTTP status.
    pub status: StatusCode,
    /// The media type as the answer names it.
    pub content_type: Option<String>,
    /// How the body starts.
    pub excerpt: Excerpt,
}

/// What is wrong with an answer.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolProblem {
    /// Neither JSON nor XML: a proxy's page in HTML, for instance.
    #[error("neither FHIR JSON nor XML")]
    MediaType,
    /// Labelled JSON or XML, but it cannot be read: broken off, malformed, no DSTU1.
    #[error("unreadable {}", place(.0))]
    Unreadable(ReadError),
    /// Text in another encoding than UTF-8.
    #[error("not in UTF-8")]
    Charset,
    /// Compressed in a way that was not asked for, or damaged.
    #[error("compression that cannot be undone")]
    Compression,
    /// No body where one is due.
    #[error("no body")]
    Empty,
    /// The body is larger than the client takes.
    #[error("a body of more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A redirect, which is never followed: it could take the credentials elsewhere.
    #[error("a redirect{}", to.as_ref().map(|origin| format!(" to {origin}")).unwrap_or_default())]
    Redirect {
        /// Scheme and host that it leads to.
        to: Option<String>,
    },
    /// FHIR, but not what the operation gives.
    #[error("{0}")]
    Unexpected(&'static str),
    /// A reply that is not about the message that was sent.
    #[error("{}", what_is_wrong(.0))]
    Reply(ReplyError),
    /// A search whose pages go in circles.
    #[error("a page that was there before")]
    RepeatedPage,
    /// A search that does not end ([`Search::max_pages`](crate::Search::max_pages)).
    #[error("more than {limit} pages")]
    TooManyPages {
        /// How many pages were fetched.
        limit: usize,
    },
}

/// The start of a body, at most 512 bytes. Not shown by `Debug`: it may hold data of patients.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Excerpt(String);

impl Excerpt {
    const BYTES: usize = 512;

    pub(crate) fn of(body: &[u8]) -> Self {
        Self(String::from_utf8_lossy(&body[..body.len().min(Self::BYTES)]).into_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Error {
    /// Whether the same call may be made again as it is, and may then succeed: nothing was done, or it was a read, and
    /// the trouble is a passing one. The client has tried already, as often as its [`RetryPolicy`](crate::RetryPolicy)
    /// says.
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

    /// Whether the trouble is a passing one: the same may succeed later although nobody changes anything. Of a write whose
    /// outcome is unknown this says what its cause is; look the message up before it is posted again.
    ///
    /// The issue types of an outcome decide ([`Trouble`](crate::Trouble)), not the status: original servers answer 500 to
    /// content that they refuse, and 5xx without a reason that lies in the content passes.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.is_passing(),
            Self::Protocol(protocol) => protocol.status.is_server_error(),
            Self::OAuth { error, .. } => error.code.is_passing(),
            _ => self.is_retryable(),
        }
    }

    /// Whether a limit of time was reached, at whatever stage.
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

    /// The kind of error as a word for metrics and scripts: the name of the variant, in kebab case.
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
            | Self::Unavailable { outcome, .. } => outcome.as_ref(),
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => source.outcome(),
            _ => None,
        }
    }

    /// Whether a write may be repeated without asking: it never reached the server, or was declined unprocessed with
    /// the invitation to come back.
    pub(crate) fn is_repeatable_write(&self) -> bool {
        match self {
            _ if self.leaves_open() => false,
            Self::Unreachable { .. } | Self::RateLimited { .. } => self.is_retryable(),
            Self::Unavailable { retry_after, .. } => retry_after.is_some(),
            _ => false,
        }
    }

    /// Whether, after a write, this leaves open what the server did.
    ///
    /// Only a refusal is certain: an `OperationOutcome` that says why, a reply that refuses the message, a status 3xx or
    /// 4xx (but 408), or 503 with an outcome or `Retry-After`, by which a server declines to begin. An outcome that tells of
    /// a failure at work, with another status 5xx, is no refusal.
    fn leaves_open(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Interrupted { .. } => true,
            Self::Unavailable { status, retry_after, outcome } => match outcome {
                _ if status.is_success() => false,
                None => *status != StatusCode::SERVICE_UNAVAILABLE || retry_after.is_none(),
                // The server itself says that it is not available, or that it failed at work.
                Some(outcome) => {
                    *status != StatusCode::SERVICE_UNAVAILABLE && outcome.trouble().leaves_open()
                }
            },
            Self::Protocol(protocol) => protocol.status.is_success() || protocol.status.is_server_error(),
            _ => false,
        }
    }

    /// The same error for a write, where an answer that did not come, or came from somebody else than the server,
    /// leaves open what the server did.
    pub(crate) fn of_write(self, message_identifier: Option<&str>) -> Self {
        if !self.leaves_open() {
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
        let source: Option<&dyn fmt::Debug> = match self {
            Self::UnknownOutcome { source, .. } | Self::TokenRefresh { source } => Some(source),
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

impl fmt::Debug for ProtocolProblem {
    /// As `Display`: what a reader found in a body is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Excerpt({} bytes)", self.0.len())
    }
}

/// An error and what is below it in one line, each part once: some layers repeat the one below them.
struct Whole<'a>(&'a Error);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut below = std::error::Error::source(self.0);
        while let Some(error) = below {
            let part = error.to_string();
            if !text.contains(&part) {
                text = text + ": " + &part;
            }
            below = error.source();
        }
        f.write_str(&text)
    }
}

fn said(outcome: Option<&Outcome>) -> String {
    outcome.map(|outcome| format!(" ({outcome})")).unwrap_or_default()
}

fn later(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!("; wait {} s", wait.as_secs())).unwrap_or_default()
}

fn of_message(identifier: Option<&str>) -> String {
    identifier.map(|identifier| format!(" (message {identifier})")).unwrap_or_default()
}

/// Types only: the ids are those of patients and their plans.
fn count(resources: &[ResourceUrl]) -> String {
    match resources {
        [] => "resources".to_owned(),
        [one] => format!("a {}", one.resource_type()),
        many => {
            let types: Vec<_> = many.iter().map(ResourceUrl::resource_type).collect();
            format!("{} resources ({})", many.len(), types.join(", "))
        }
    }
}

/// What a reply has instead of what was asked, without quoting it.
fn what_is_wrong(error: &ReplyError) -> &'static str {
    match error {
        ReplyError::NoHeader => "a reply without a MessageHeader",
        ReplyError::NoResponse => "a reply whose MessageHeader has no response",
        ReplyError::OtherMessage { .. } => "a reply to another message",
        ReplyError::OtherEvent { .. } => "a reply about another event",
        ReplyError::NotOk { .. } => "a reply that refuses the message",
        _ => "a reply that is none to the message",
    }
}

/// What kind of trouble a reader had, and where, without its words: they quote the body.
fn place(error: &ReadError) -> String {
    match error {
        ReadError::Malformed { position, .. } => format!("(not well-formed at {position})"),
        ReadError::Limit { limit, .. } => format!("({limit})"),
        ReadError::NotFhir { position, .. } => format!("(not a DSTU1 resource or bundle at {position})"),
        _ => String::new(),
    }
}
