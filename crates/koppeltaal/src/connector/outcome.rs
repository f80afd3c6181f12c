//! The outcome of sending: [`SentMessage`] or [`SendError`].

use std::fmt;

use koppeltaal_fhir::Finding;
use koppeltaal_messaging::{ComposeError, ResourceUrl};
use koppeltaal_transport::Error;

use crate::causes::{SEND_AGAIN, causes, causes_and_advice_to_sender};
use crate::versions::VersionStoreError;

/// A message that the server has accepted.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentMessage {
    /// The `MessageHeader.identifier`.
    pub identifier: String,
    /// The focal resource, with its new version.
    pub url: ResourceUrl,
    /// Every resource that got a new version.
    pub versions: Vec<ResourceUrl>,
}

/// Why a message was not sent, or why it is not certain that it was.
///
/// `Display` and `Debug` are made for logs: they name rules, elements and types of resources, but no content
/// and no ids.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The draft breaks a rule for messages: a patient or a resource is missing, or it has the wrong kind or
    /// address. The text of this error includes the one inside, so it has no source.
    #[error("the draft makes no message: {0}")]
    Compose(ComposeError),
    /// The content of the message breaks rules of DSTU1 or of Koppeltaal. Nothing was sent.
    #[error("the message breaks {}", Rules(findings))]
    Invalid {
        /// The rules, the places and what was expected. `found` can hold data of a patient.
        findings: Vec<Finding>,
    },
    /// The identifier of the draft is empty. Nothing was sent.
    #[error("the identifier of the draft is empty")]
    NoIdentifier,
    /// The version store cannot be read. Nothing was sent.
    #[error("the versions to send are not known")]
    Versions(#[source] VersionStoreError),
    /// Somebody else changed resources since this application last heard of them, so the server stored
    /// nothing. Receive what is new, make the change again on top of it and send that as a new message;
    /// [`send_with_merge`](crate::Connector::send_with_merge) does so.
    ///
    /// If nobody else changes them, the version store was lost or restored: see
    /// [`relearn_after`](crate::Connector::relearn_after).
    #[error("{}; {CONFLICT_HELP}", causes(source.as_ref()))]
    Conflict {
        /// The resources whose versions are not the server's, without version. The focal resource, if the
        /// server named none.
        resources: Vec<ResourceUrl>,
        /// The patient whom the message is about, without version.
        patient: Option<ResourceUrl>,
        /// What the server said. The text of this error includes it.
        // With its raw name, `thiserror` does not take it for the source.
        r#source: Box<Error>,
    },
    /// The message could not be posted, or it is unknown whether it was: see
    /// [`is_outcome_unknown`](Error::is_outcome_unknown). If it is unknown, the server was already asked for
    /// the message by its identifier, without result. The same draft may be sent again with the same
    /// [identifier](koppeltaal_messaging::Draft::with_identifier), which is in the error. The text of this
    /// error includes the one inside and says what to do about it, so it has no source.
    #[error("{}", causes_and_advice_to_sender(.0))]
    Transport(Box<Error>),
    /// The runtime is shutting down. It is not known whether the message was sent.
    #[error(
        "the runtime is shutting down, and whether message {identifier} was sent is unknown; {SEND_AGAIN}"
    )]
    Stopped {
        /// The `MessageHeader.identifier`.
        identifier: String,
    },
    /// The server has accepted the message, but the versions that it gave out could not be recorded: the next
    /// change of these resources will be a conflict, unless the versions are
    /// [recorded](crate::VersionStore::record) first.
    #[error(
        "the message was accepted, but the new versions are not recorded; record those in `sent` before the \
         next change of these resources"
    )]
    NotRecorded {
        /// What was accepted.
        sent: SentMessage,
        /// Why.
        #[source]
        source: VersionStoreError,
    },
}

/// What to do about a conflict.
pub(crate) const CONFLICT_HELP: &str = "receive what is new and make the change again on top of it, or, when the version \
                                        store was lost or restored, `Connector::relearn`";

impl From<ComposeError> for SendError {
    fn from(error: ComposeError) -> Self {
        Self::Compose(error)
    }
}

impl fmt::Debug for SentMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentMessage")
            .field("identifier", &self.identifier)
            .field("resource_type", &self.url.resource_type())
            .field("versions", &self.versions.len())
            .finish()
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source: Option<&dyn fmt::Debug> = match self {
            Self::Versions(source) | Self::NotRecorded { source, .. } => Some(source),
            // The text of the others includes their causes.
            _ => None,
        };
        let mut debug = f.debug_tuple("SendError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = source {
            debug.field(source);
        }
        debug.finish()
    }
}

/// How many rules are broken, then each with its place and what it wants, without the content that was found
/// there.
pub(super) struct Rules<'a>(pub(super) &'a [Finding]);

impl fmt::Display for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rule{}: ", self.0.len(), if self.0.len() == 1 { "" } else { "s" })?;
        for (index, finding) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}", finding.summary())?;
        }
        Ok(())
    }
}

/// The types of these resources, for a log. Their ids are left out, because they may be those of patients.
pub(super) fn types<'a>(urls: impl IntoIterator<Item = &'a ResourceUrl>) -> String {
    let types: Vec<_> = urls.into_iter().map(ResourceUrl::resource_type).collect();
    types.join(", ")
}
