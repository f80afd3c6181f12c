//! [`Prepared`]: the first step of sending. A draft becomes a message that keeps all rules, with an identifier of its own
//! for good, and without the versions: those are filled in when it is posted.

use koppeltaal_fhir::{Bundle, Document, Finding, ReadError, ReadOptions, Severity, WriteError};
use koppeltaal_messaging::{ComposeError, Draft, Event, Header, Message, ResourceUrl, Validator};

use super::Connector;
use super::send::SendError;

/// A message that lacks nothing but versions. However often it is posted, the server takes it once, by its identifier.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prepared {
    pub(super) bundle: Bundle,
    identifier: String,
    event: Event,
    focal: ResourceUrl,
}

/// Why a draft makes no message to send.
#[derive(Debug)]
pub(crate) enum PrepareError {
    Compose(ComposeError),
    Invalid(Vec<Finding>),
    NoIdentifier,
}

/// Why a text is not what [`Prepared::to_json`] wrote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPrepared {
    #[error("unreadable: {0}")]
    Read(#[from] ReadError),
    #[error("no message with an identifier and an address of its focal resource")]
    Incomplete,
}

impl Prepared {
    /// The `MessageHeader.identifier`.
    pub(crate) fn identifier(&self) -> &str {
        &self.identifier
    }

    /// What happened.
    pub(crate) fn event(&self) -> Event {
        self.event
    }

    /// The resource that the message is about. A version means that the application insists on it.
    pub(crate) fn focal(&self) -> &ResourceUrl {
        &self.focal
    }

    /// The message, without the versions that are to be filled in.
    pub(crate) fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The message as text, to keep it until it is sent.
    pub(crate) fn to_json(&self) -> Result<String, WriteError> {
        Document::from(self.bundle.clone()).to_json()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub(crate) fn from_json(text: &str) -> Result<Self, NotPrepared> {
        let document = ReadOptions::tolerant().json(text.as_bytes())?.document;
        let bundle = document.into_bundle().map_err(|_| NotPrepared::Incomplete)?;
        Self::of(bundle).ok_or(NotPrepared::Incomplete)
    }

    fn of(bundle: Bundle) -> Option<Self> {
        let header = Header::all_of(&bundle).next()?;
        let identifier = header.identifier()?.to_owned();
        let (event, focal) = (header.event().ok()?, header.focal()?);
        Some(Self { bundle, identifier, event, focal })
    }
}

impl Connector {
    /// Composes and validates. Findings of severity error stop the message.
    pub(crate) fn prepare(&self, draft: Draft) -> Result<Prepared, PrepareError> {
        let bundle = Message::compose(self.sender(), draft).map_err(PrepareError::Compose)?.into_bundle();
        if self.validates {
            let validator = Validator::default().api_version(self.sender().version_rules());
            let mut findings = validator.bundle(&bundle);
            findings.retain(|finding| finding.severity == Severity::Error);
            if !findings.is_empty() {
                return Err(PrepareError::Invalid(findings));
            }
        }
        // Composing has seen to the rest.
        Prepared::of(bundle).ok_or(PrepareError::NoIdentifier)
    }
}

impl From<PrepareError> for SendError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Compose(error) => Self::Compose(error),
            PrepareError::Invalid(findings) => Self::Invalid { findings },
            PrepareError::NoIdentifier => Self::NoIdentifier,
        }
    }
}
