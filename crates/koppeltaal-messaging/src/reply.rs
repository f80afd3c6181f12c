//! [`Reply`]: what a server answers to a posted message, to compose and to read.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::datatypes::ResourceReference;
use koppeltaal_fhir::resources::{
    MessageHeader, MessageHeaderResponse, MessageHeaderSource, OperationOutcome, ResponseType,
};

use crate::header::{Header, filled};
use crate::message::envelope;
use crate::url::ResourceUrl;

/// The id of the contained outcome in a reply that refuses.
const OUTCOME_ID: &str = "outcome";

/// The answer to a posted message: a header with a response part.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The header.
    pub header: Header,
}

/// Why a reply does not say that the message was accepted. `Debug` and `Display` show codes and identifiers, nothing of
/// the explanation, which can quote content.
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
    #[error("the reply is about message {}, not about {expected}", Shown(.found))]
    OtherMessage {
        /// The identifier of the message that was sent.
        expected: String,
        /// The identifier in the reply.
        found: Option<String>,
    },
    /// The reply is about another event.
    #[error("the reply is about event {}, not about {expected}", Shown(.found))]
    OtherEvent {
        /// The event of the message that was sent.
        expected: String,
        /// The event in the reply.
        found: Option<String>,
    },
    /// The message was refused.
    #[error("the reply has response code {}, not ok", Shown(.code))]
    NotOk {
        /// What the reply says instead of `ok`.
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

/// An optional text in an error message.
struct Shown<'a>(&'a Option<String>);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(text) => write!(f, "{text:?}"),
            None => f.write_str("(none)"),
        }
    }
}

impl Reply {
    /// Accepts a message. `versions` are the resources that got versions, the focal one first: for a 1.3.3 sender just
    /// that one.
    pub fn accept<'a>(
        request: &Header,
        source: MessageHeaderSource,
        versions: impl IntoIterator<Item = &'a ResourceUrl>,
    ) -> Self {
        let mut reply = Self::to(request, source, ResponseType::Ok);
        reply.header.set_data(versions);
        reply
    }

    /// Refuses a message: for good, or for now (`passing`). The outcome travels inside the header.
    pub fn refuse(
        request: &Header,
        source: MessageHeaderSource,
        passing: bool,
        mut outcome: OperationOutcome,
    ) -> Self {
        let code = if passing { ResponseType::TransientError } else { ResponseType::FatalError };
        let mut reply = Self::to(request, source, code);
        outcome.id = Some(OUTCOME_ID.to_owned());
        let fhir = reply.header.fhir_mut();
        fhir.contained.push(outcome.into());
        if let Some(response) = &mut fhir.response {
            let reference = format!("#{OUTCOME_ID}").into();
            response.details = Some(ResourceReference { reference, ..ResourceReference::default() });
        }
        reply
    }

    /// A header of its own identifier and time, with the event and the patient of the request.
    fn to(request: &Header, source: MessageHeaderSource, code: ResponseType) -> Self {
        let response = MessageHeaderResponse {
            identifier: request.fhir().identifier.clone(),
            code: code.into(),
            ..MessageHeaderResponse::default()
        };
        let mut header = Header::from(MessageHeader {
            event: request.fhir().event.clone(),
            source: Some(source),
            response: Some(response),
            ..MessageHeader::default()
        });
        header.set_identifier(&uuid::Uuid::new_v4().to_string());
        header.set_timestamp(koppeltaal_fhir::primitives::Instant::now());
        if let Some(patient) = request.patient().and_then(|patient| patient.parse().ok()) {
            header.set_patient(Some(&patient));
        }
        Self { header }
    }

    /// The reply as a bundle of one entry.
    pub fn into_bundle(self, domain: &str) -> Bundle {
        let mut bundle = envelope(Some(domain));
        bundle.entry.push(self.header.into_entry());
        bundle
    }

    /// Reads the reply to the message with header `request`.
    ///
    /// # Errors
    ///
    /// A bundle without header or response, a reply to another message or event, or one that refuses; the error says
    /// what came back.
    pub fn read(bundle: &Bundle, request: &Header) -> Result<Self, ReplyError> {
        let header = Header::all_of(bundle).next().ok_or(ReplyError::NoHeader)?;
        let response = header.response().ok_or(ReplyError::NoResponse)?;
        let owned = |text: Option<&str>| filled(text).map(str::to_owned);

        let found = response.identifier.as_str();
        if found != request.fhir().identifier.as_str() {
            let expected = request.identifier().unwrap_or_default().to_owned();
            return Err(ReplyError::OtherMessage { expected, found: owned(found) });
        }
        if header.event_code() != request.event_code() {
            let expected = request.event_code().unwrap_or_default().to_owned();
            return Err(ReplyError::OtherEvent { expected, found: owned(header.event_code()) });
        }
        if response.code.get() != Some(&ResponseType::Ok) {
            let code = owned(response.code.as_str());
            return Err(ReplyError::NotOk { code, outcome: outcome_of(&header, bundle).map(Box::new) });
        }
        Ok(Self { header })
    }

    /// The addresses with their new versions, the focal resource first. What is no versioned address is left out.
    pub fn versions(&self) -> impl Iterator<Item = ResourceUrl> {
        let urls = self.header.data().filter_map(|data| data.parse::<ResourceUrl>().ok());
        urls.filter(|url| url.version().is_some())
    }
}

/// The outcome in a reply: inside the header or beside it.
fn outcome_of(header: &Header, bundle: &Bundle) -> Option<OperationOutcome> {
    header.fhir().contained.iter().chain(bundle.resources()).find_map(|resource| resource.get().cloned())
}
