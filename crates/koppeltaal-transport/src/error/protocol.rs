//! [`ProtocolError`]: an answer that is not Koppeltaal's, and what is wrong with it.

use std::fmt;

use http::StatusCode;
use koppeltaal_fhir::ReadError;
use koppeltaal_messaging::ReplyError;

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
    /// Neither JSON nor XML; an HTML page of a proxy, for instance.
    #[error("neither FHIR JSON nor XML")]
    MediaType,
    /// JSON or XML that cannot be read: cut off, malformed, or not DSTU1.
    #[error("unreadable {}", place(.0))]
    Unreadable(ReadError),
    /// Text in another encoding than UTF-8.
    #[error("not in UTF-8")]
    Charset,
    /// Compressed in a way that was not asked for, or damaged.
    #[error("compression that cannot be undone")]
    Compression,
    /// No body, although the operation needs one.
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
    /// Readable, but not an answer to this operation.
    #[error("{0}")]
    Unexpected(&'static str),
    /// A reply that is not about the message that was sent.
    #[error("{}", what_is_wrong(.0))]
    Reply(ReplyError),
    /// A search whose pages go in circles.
    #[error("a page that was fetched before")]
    RepeatedPage,
    /// A search with too many pages ([`Search::max_pages`](crate::Search::max_pages)).
    #[error("more than {limit} pages")]
    TooManyPages {
        /// How many pages were fetched.
        limit: usize,
    },
}

/// The start of a body: up to 512 bytes of it, as text. Not shown by `Debug`: it may hold data of patients.
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

impl fmt::Debug for ProtocolProblem {
    /// The same as `Display`: logs must not show what a reader found in a body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Excerpt({} bytes)", self.0.len())
    }
}

/// What is wrong with a reply, without quoting it.
fn what_is_wrong(error: &ReplyError) -> &'static str {
    match error {
        ReplyError::NoHeader => "a reply without a MessageHeader",
        ReplyError::NoResponse => "a reply whose MessageHeader has no response",
        ReplyError::OtherMessage { .. } => "a reply to another message",
        ReplyError::OtherEvent { .. } => "a reply about another event",
        ReplyError::NotOk { .. } => "a reply that refuses the message",
        _ => "not a reply to the message",
    }
}

/// Where a reader failed. The text of its error is left out, since it quotes the body.
fn place(error: &ReadError) -> String {
    match error {
        ReadError::Malformed { position, .. } => format!("(not well-formed at {position})"),
        ReadError::Limit { limit, .. } => format!("({limit})"),
        ReadError::NotFhir { position, .. } => format!("(not a DSTU1 resource or bundle at {position})"),
        _ => String::new(),
    }
}
