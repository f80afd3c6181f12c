//! [`PreparedMessage`]: the first step of sending. A draft becomes a valid message with its final identifier.
//! Only the versions are missing; they are filled in when the message is posted.

use std::fmt;

use koppeltaal_fhir::{Finding, Severity};
use koppeltaal_messaging::{Draft, Header, Message, ResourceUrl, Source};

use super::Connector;
use super::outcome::{SendError, SentMessage};

/// A composed and validated message that is ready to be [sent](Connector::send_prepared). It lacks only the
/// versions that the connector fills in when it posts the message.
///
/// The server recognises it by its identifier, and accepts it once however often it is posted. `Debug` shows
/// nothing of its content.
#[derive(Clone, PartialEq)]
pub struct PreparedMessage {
    message: Message,
    findings: Vec<Finding>,
    identifier: String,
    focal: ResourceUrl,
}

impl PreparedMessage {
    /// `None` for a message without an identifier, or without an address of its focal resource.
    fn new(message: Message, findings: Vec<Finding>) -> Option<Self> {
        let identifier = message.header.identifier()?.to_owned();
        let focal = message.focal.url()?.clone();
        Some(Self { message, findings, identifier, focal })
    }

    /// The message. [`into_bundle`](Message::into_bundle) of a clone is the bundle that is posted, but for
    /// the versions, which are filled in then.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// What validation found besides errors, which stop a message. Empty after
    /// [`without_validation`](Connector::without_validation).
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The `MessageHeader.identifier`.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The resource that the message is about. The address has a version only if the application insists on
    /// one.
    pub fn focal(&self) -> &ResourceUrl {
        &self.focal
    }

    /// The message as the server has accepted it, with these versions of its resources.
    pub(super) fn sent(&self, versions: Vec<ResourceUrl>) -> SentMessage {
        let url = versions.iter().find(|url| url.same_resource(&self.focal)).unwrap_or(&self.focal).clone();
        SentMessage { identifier: self.identifier.clone(), url, versions }
    }

    /// Whether a header at the server belongs to this message.
    pub(super) fn has_header(&self, header: &Header) -> bool {
        let source = Source::new("", self.message.header.source_endpoint().unwrap_or_default());
        header.identifier() == Some(&self.identifier) && source.sent(header)
    }
}

#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod stored {
    use koppeltaal_fhir::{Document, ReadError, ReadOptions, WriteError};
    use koppeltaal_messaging::{ExtractReason, Message};

    use super::PreparedMessage;

    /// Why a text is not what [`PreparedMessage::to_json`] wrote.
    #[derive(Debug, thiserror::Error)]
    pub(crate) enum StoredMessageError {
        #[error("unreadable: {0}")]
        Read(#[from] ReadError),
        #[error("not a message: {0}")]
        Extract(ExtractReason),
        #[error("a message without an identifier or an address of its focal resource")]
        Incomplete,
    }

    impl PreparedMessage {
        /// The message as text, to store it until it is sent.
        pub(crate) fn to_json(&self) -> Result<String, WriteError> {
            Document::from(self.message.clone().into_bundle()).to_json()
        }

        /// Reads what [`to_json`](Self::to_json) wrote.
        pub(crate) fn from_json(text: &str) -> Result<Self, StoredMessageError> {
            let document = ReadOptions::tolerant().json(text.as_bytes())?.document;
            let bundle = document.into_bundle().map_err(|_| StoredMessageError::Incomplete)?;
            let message =
                Message::extract(bundle).map_err(|error| StoredMessageError::Extract(error.reason))?;
            Self::new(message, Vec::new()).ok_or(StoredMessageError::Incomplete)
        }
    }
}

impl Connector {
    /// Composes and validates a message without posting it, for an application that wants to look at it
    /// first.
    ///
    /// ```no_run
    /// # async fn example(epd: koppeltaal::Connector, draft: koppeltaal::messaging::Draft) -> Result<(), koppeltaal::SendError> {
    /// let prepared = epd.prepare(draft)?;
    /// println!("{} is sent with {} findings", prepared.message().event(), prepared.findings().len());
    /// let sent = epd.send_prepared(prepared).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Compose`], [`SendError::Invalid`], [`SendError::NoIdentifier`].
    pub fn prepare(&self, draft: Draft) -> Result<PreparedMessage, SendError> {
        let message = Message::compose(self.sender(), draft)?;
        let mut findings = Vec::new();
        if self.validates {
            findings = self.validator.validate_bundle(&message.clone().into_bundle());
            if findings.iter().any(|finding| finding.severity == Severity::Error) {
                findings.retain(|finding| finding.severity == Severity::Error);
                return Err(SendError::Invalid { findings });
            }
        }
        // `compose` makes sure that there is an address, so only the identifier can be missing.
        PreparedMessage::new(message, findings).ok_or(SendError::NoIdentifier)
    }
}

impl fmt::Debug for PreparedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedMessage")
            .field("identifier", &self.identifier)
            .field("event", &self.message.event())
            .field("findings", &self.findings.len())
            .finish_non_exhaustive()
    }
}
