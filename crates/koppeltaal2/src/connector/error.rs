//! [`Error`]: why a request to a domain failed, sorted by what an application can do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use koppeltaal_r4::{ReadError, WriteError};

use crate::connector::refusal::Refusal;
use crate::connector::request_info::RequestInfo;

/// Why a request failed.
///
/// `Display` and `Debug` are made for logs: no token, no identifier of a person, no words of the server.
/// Success is any 2xx and only 401 and 403 have one meaning in Koppeltaal 2.0 (topic 12a), so variants name
/// what happened, not a status.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no access token: the authorization service refuses the application, or cannot be reached.
    #[error("no access token for {request}: {source}")]
    Token {
        /// The request that needed it. It was not sent.
        request: RequestInfo,
        /// Why not.
        source: koppeltaal_smart::Error,
    },
    /// The server does not accept a new access token (401).
    #[error("the server does not accept the access token: {0}; see that the application is approved")]
    Unauthenticated(Refusal),
    /// The application has no permission (403). Its role in the domain says what it may do.
    #[error("no permission: {0}; ask the domain's administrator for a role that allows it")]
    Denied(Refusal),
    /// There is no such resource (404), or the address of the domain is wrong.
    #[error("not found: {0}")]
    NotFound(Refusal),
    /// The resource was deleted (410). Its history can still be read.
    #[error("deleted: {0}")]
    Gone(Refusal),
    /// The content is refused (400, 422). The same request will be refused again;
    /// [`Refusal::issues`] says what is wrong and where.
    #[error("the content is refused: {0}")]
    Invalid(Refusal),
    /// The resource is in a state that does not allow it (409, 412): other resources refer to what was to be
    /// deleted, or somebody changed it and its current version cannot be read.
    #[error("in conflict with what is stored: {0}; read it again")]
    Conflict(Refusal),
    /// Any other refusal: of the media type, or an error of the server.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The server, or a proxy before it, cannot answer for now (408, 429, 502, 503, 504), also not after the
    /// retries. Nothing was done. Try again later.
    #[error("not available for now: {request}, HTTP {}; try again later", status.as_u16())]
    Unavailable {
        /// Which request.
        request: RequestInfo,
        /// The HTTP status.
        status: StatusCode,
        /// How long to wait, if the server said so; at most an hour.
        retry_after: Option<Duration>,
    },
    /// The request never reached the server: name, connection, TLS. Nothing was done.
    #[error("the server cannot be reached: {request}; see that it runs and that its address is right")]
    Unreachable {
        /// Which request.
        request: RequestInfo,
        /// The error below.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// No complete answer came to a read or a search: the time was over, or the connection broke.
    #[error("no complete answer: {request}; try again later")]
    Interrupted {
        /// Which request.
        request: RequestInfo,
        /// The error below.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A write was sent, and nobody knows whether the server did it. Do not repeat a create before a search
    /// for an identifier of the resource has found nothing; before you repeat an update, read the resource:
    /// its version says whether the update was done.
    #[error(
        "it is unknown whether this was done: {request}; look for the resource before you try again \
         (why: {reason})"
    )]
    Unknown {
        /// Which request.
        request: RequestInfo,
        /// What happened to the answer.
        reason: Box<Error>,
    },
    /// The answer is not one of a FHIR server: an HTML page of a proxy, a body that is too large, a redirect.
    #[error(
        "the answer is not what was asked for: {problem} ({request}, HTTP {}); see that the address is right",
        status.as_u16()
    )]
    Answer {
        /// Which request.
        request: RequestInfo,
        /// The HTTP status.
        status: StatusCode,
        /// What is wrong with it.
        problem: &'static str,
        /// Where it is not FHIR.
        #[source]
        source: Option<Box<ReadError>>,
    },
    /// An entry of a search cannot be used. The others still come.
    #[error("entry {entry} of page {page} cannot be used: {problem} ({request})")]
    Entry {
        /// Which request.
        request: RequestInfo,
        /// The page, counted from 1.
        page: usize,
        /// The entry on the page, counted from 1.
        entry: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A search has more pages than it may have, or a link to the next page that must not be followed. What
    /// came before is all right.
    #[error("the search ends early after page {page}: {problem} ({request})")]
    Pages {
        /// Which request.
        request: RequestInfo,
        /// The last page that was read, counted from 1.
        page: usize,
        /// Why no further page is read.
        problem: &'static str,
    },
    /// The resource cannot be written as JSON.
    #[error("the resource cannot be written: {0}")]
    Unwritable(#[from] WriteError),
    /// What was given is neither the id of a resource of this type nor a reference to one in this domain, so
    /// no request was made.
    #[error("expected the id of a {0}, or a reference such as {0}/<id> in this domain")]
    Reference(&'static str),
    /// The id, version or address is not one that FHIR has, so no request was made.
    #[error("{0} is not a logical id or a version of FHIR: letters, digits, `-` and `.`, at most 64")]
    Id(&'static str),
}

impl Error {
    /// Whether the same request may succeed later, without anybody changing anything, and may be repeated
    /// without harm.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Token { source, .. } => source.is_transient(),
            Self::Refused(refusal) => refusal.status.is_server_error(),
            _ => false,
        }
    }

    /// How long the server wants to be left alone, if it said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Token { source: koppeltaal_smart::Error::Unavailable { retry_after, .. }, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// What the server said, if it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Unauthenticated(refusal)
            | Self::Denied(refusal)
            | Self::NotFound(refusal)
            | Self::Gone(refusal)
            | Self::Invalid(refusal)
            | Self::Conflict(refusal)
            | Self::Refused(refusal) => Some(refusal),
            Self::Unknown { reason, .. } => reason.refusal(),
            _ => None,
        }
    }

    /// Which request the error is about. None for one that was not made.
    pub fn request(&self) -> Option<&RequestInfo> {
        match self {
            Self::Token { request, .. }
            | Self::Unavailable { request, .. }
            | Self::Unreachable { request, .. }
            | Self::Interrupted { request, .. }
            | Self::Unknown { request, .. }
            | Self::Answer { request, .. }
            | Self::Entry { request, .. }
            | Self::Pages { request, .. } => Some(request),
            error => error.refusal().map(|refusal| &refusal.request),
        }
    }
}

impl fmt::Debug for Error {
    /// The same as `Display`, with the cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self {
            Self::Unreachable { source, .. } | Self::Interrupted { source, .. } => write!(f, ": {source}"),
            Self::Answer { source: Some(source), .. } => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}
