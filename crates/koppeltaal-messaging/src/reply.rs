//! [`Reply`]: the answer of a server to a posted message.

use koppeltaal_fhir::resources::{MessageHeader, OperationOutcome, ResponseType};
use koppeltaal_fhir::{Bundle, Entry};

use crate::header::{Header, event_code, filled};
use crate::log_text::code_or_none;
use crate::url::ResourceUrl;

/// The answer to a posted message: a header with a response part.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The header.
    pub header: Header,
}

/// Why a reply does not say that the message was accepted. `Debug` and `Display` show codes and the
/// identifier of the message that was sent, but nothing of the explanation, which can quote content.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The bundle has no header.
    #[error("the reply has no MessageHeader")]
    NoHeader,
    /// The header has no response part.
    #[error("the header of the reply has no response")]
    NoResponse,
    /// The reply is about another message.
    #[error("the reply is about another message than {expected}")]
    OtherMessage {
        /// The identifier of the message that was sent.
        expected: String,
        /// The identifier in the reply.
        found: Option<String>,
    },
    /// The reply is about another event.
    #[error("the reply is about event {}, not about {expected}", code_or_none(.found))]
    OtherEvent {
        /// The event of the message that was sent.
        expected: String,
        /// The event in the reply.
        found: Option<String>,
    },
    /// The message was refused.
    #[error("the reply has response code {}, not ok", code_or_none(.code))]
    NotOk {
        /// The code in the reply instead of `ok`.
        code: Option<String>,
        /// The explanation, if there is one.
        outcome: Option<Box<OperationOutcome>>,
    },
}

impl std::fmt::Debug for ReplyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReplyError({self}")?;
        if let Self::NotOk { outcome: Some(outcome), .. } = self {
            write!(f, "; issues: {}", outcome.issue.len())?;
        }
        f.write_str(")")
    }
}

impl Reply {
    /// Reads the reply to the message whose header is `request`.
    ///
    /// # Errors
    ///
    /// See [`ReplyError`]: a bundle without header or response, a reply to another message or event, or a
    /// refusal.
    pub fn read(mut bundle: Bundle, request: &MessageHeader) -> Result<Self, ReplyError> {
        let is_header = |entry: &Entry| {
            entry.content.as_ref().is_some_and(|content| content.get::<MessageHeader>().is_some())
        };
        let place = bundle.entry.iter().position(is_header).ok_or(ReplyError::NoHeader)?;
        let header = Header::from_entry(bundle.entry.remove(place)).ok_or(ReplyError::NoHeader)?;
        let response = header.response().ok_or(ReplyError::NoResponse)?;
        let owned = |text: Option<&str>| filled(text).map(str::to_owned);

        let (found, expected) = (response.identifier.as_str(), request.identifier.as_str());
        if found != expected {
            let expected = expected.unwrap_or_default().to_owned();
            return Err(ReplyError::OtherMessage { expected, found: owned(found) });
        }
        let (found, expected) = (header.event_code(), event_code(request));
        if found != expected {
            let expected = expected.unwrap_or_default().to_owned();
            return Err(ReplyError::OtherEvent { expected, found: owned(found) });
        }
        if response.code.get() != Some(&ResponseType::Ok) {
            let code = owned(response.code.as_str());
            return Err(ReplyError::NotOk { code, outcome: outcome_of(&header, &bundle).map(Box::new) });
        }
        Ok(Self { header })
    }

    /// The addresses with their new versions, the focal resource first. Addresses without version are left
    /// out.
    pub fn versions(&self) -> impl Iterator<Item = ResourceUrl> {
        let urls = self.header.data().filter_map(|data| data.parse::<ResourceUrl>().ok());
        urls.filter(|url| url.version().is_some())
    }
}

/// The outcome in a reply: contained in the header, or an entry of its own.
fn outcome_of(header: &Header, bundle: &Bundle) -> Option<OperationOutcome> {
    header.fhir().contained.iter().chain(bundle.resources()).find_map(|resource| resource.get().cloned())
}
