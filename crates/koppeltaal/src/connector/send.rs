//! Sending: a draft goes in, versions come back.

use std::fmt;
use std::panic::resume_unwind;

use koppeltaal_fhir::Finding;
use koppeltaal_messaging::{ComposeError, Draft, Message, ResourceUrl};
use koppeltaal_transport::Error;
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument as _;

use super::Connector;
use super::prepare::PreparedMessage;
use crate::versions::VersionStoreError;

/// A message that the server has accepted.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
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
    /// address.
    #[error("the draft makes no message: {}", breach(.0))]
    Compose(#[from] ComposeError),
    /// The content of the message breaks rules of DSTU1 or of Koppeltaal. Nothing was sent.
    #[error("the message breaks {} rule{}: {}", findings.len(), if findings.len() == 1 { "" } else { "s" }, Rules(findings))]
    Invalid {
        /// The rules, the places and what was expected. `found` can hold data of a patient.
        findings: Vec<Finding>,
    },
    /// The draft was given an empty identifier. Nothing was sent.
    #[error("the identifier of the draft is empty")]
    NoIdentifier,
    /// The version store cannot be read. Nothing was sent.
    #[error("the versions to send are not known")]
    Versions(#[source] VersionStoreError),
    /// Somebody else changed resources since this application last heard of them, so the server stored
    /// nothing. Receive what is new, make the change again on top of it and send that as a new message;
    /// [`send_with_merge`](Connector::send_with_merge) does so.
    ///
    /// Where nobody else changes them, the version store was lost or restored:
    /// [`relearn_after`](Connector::relearn_after).
    #[error("{source}; {CONFLICT_HELP}")]
    Conflict {
        /// The resources whose versions are not the server's, without version. The focal resource, if the
        /// server named none.
        resources: Vec<ResourceUrl>,
        /// The patient whom the message is about, without version.
        patient: Option<ResourceUrl>,
        /// What the server said.
        source: Box<Error>,
    },
    /// The message could not be posted, or it is unknown whether it was: see
    /// [`is_outcome_unknown`](Error::is_outcome_unknown). If it is unknown, the server was already asked for
    /// the message by its identifier, without result. The same draft may be sent again with the same
    /// [identifier](Draft::identifier).
    #[error(transparent)]
    Transport(Box<Error>),
    /// The runtime is shutting down. It is not known whether the message was sent.
    #[error("the runtime is shutting down; whether message {identifier} was sent is unknown")]
    Stopped {
        /// The `MessageHeader.identifier`.
        identifier: String,
    },
    /// The server has accepted the message, but the versions that it gave out could not be recorded: the next
    /// change of these resources will be a conflict, unless they are [recorded](crate::VersionStore::record)
    /// before.
    #[error("the message was accepted, but the new versions are not recorded")]
    NotRecorded {
        /// What was accepted.
        sent: Sent,
        /// Why.
        #[source]
        source: VersionStoreError,
    },
}

/// What to do about a conflict.
pub(crate) const CONFLICT_HELP: &str = "receive what is new and make the change again on top of it, or, when the version \
                                        store was lost or restored, `Connector::relearn`";

impl Connector {
    /// Sends a message: composes it, validates it, fills in the versions that are known, posts it, and
    /// records the versions that come back.
    ///
    /// An address with a version insists on it: the message is a change of that version, and a conflict if
    /// there is a newer one, known here or not. Without a version, it is a change of the newest version that
    /// this application has sent or received. Do that only where no change of others can get lost by it.
    /// Messages about one resource are sent one after the other, so that the application is not in conflict
    /// with itself.
    ///
    /// ```no_run
    /// # async fn example(epd: koppeltaal::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::fhir::datatypes::HumanName;
    /// use koppeltaal::messaging::profiles::Patient;
    ///
    /// let name = HumanName { given: vec!["Mees".into()], family: vec!["Duinroos".into()], ..HumanName::default() };
    /// let sent = epd.send(epd.draft("3007", Patient { name: vec![name], ..Patient::default() })?).await?;
    /// println!("the patient is at {}", sent.url);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// When the future is dropped while the message is being posted, the post runs to its end all the same.
    ///
    /// # Errors
    ///
    /// [`SendError`], whose variants say what can be done.
    pub async fn send(&self, draft: Draft) -> Result<Sent, SendError> {
        self.send_prepared(self.prepare(draft)?).await
    }

    /// Sends a message that was [prepared](Self::prepare) before: the other half of [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), without those of `prepare`.
    pub async fn send_prepared(&self, prepared: PreparedMessage) -> Result<Sent, SendError> {
        let turn = self.shared.turns.wait(prepared.focal()).await;
        let message = self.fill_versions(&prepared).await.map_err(SendError::Versions)?;
        self.post_and_record(message, prepared, turn).await
    }

    /// In a task of its own: when nobody waits for the answer any more, the versions in it are recorded all
    /// the same. Without them the application could not change these resources again.
    pub(super) async fn post_and_record(
        &self,
        message: Message,
        prepared: PreparedMessage,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Sent, SendError> {
        let (connector, identifier) = (self.clone(), prepared.identifier().to_owned());
        let task = async move {
            let _turn = turn;
            let sent = match connector.post(message, &prepared).await {
                Ok(sent) => sent,
                Err(error) => match connector.found_after(&error, &prepared).await {
                    Some(sent) => sent,
                    None => return Err(SendError::from_transport(error, &prepared)),
                },
            };
            match connector.record(&sent.versions).await {
                Ok(()) => Ok(sent),
                Err(source) => Err(SendError::NotRecorded { sent, source }),
            }
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => Err(SendError::Stopped { identifier }),
            },
        }
    }

    /// The message whose post was not answered, if it is at the server after all. The server is asked once.
    async fn found_after(&self, error: &Error, prepared: &PreparedMessage) -> Option<Sent> {
        if !error.is_outcome_unknown() {
            return None;
        }
        let versions = self.look_up(prepared).await.ok()??;
        Some(Sent::new(prepared, versions))
    }
}

impl Sent {
    pub(super) fn new(prepared: &PreparedMessage, versions: Vec<ResourceUrl>) -> Self {
        let focal = prepared.focal();
        let url = versions.iter().find(|url| url.same_resource(focal)).unwrap_or(focal).clone();
        Self { identifier: prepared.identifier().to_owned(), url, versions }
    }
}

impl SendError {
    fn from_transport(error: Error, prepared: &PreparedMessage) -> Self {
        match error {
            Error::Conflict { ref resources, .. } => {
                let mut resources = resources.clone();
                if resources.is_empty() {
                    resources.push(prepared.focal().without_version());
                }
                let patient = prepared.message().header.patient().and_then(|patient| patient.parse().ok());
                Self::Conflict { resources, patient, source: Box::new(error) }
            }
            error => Self::Transport(Box::new(error)),
        }
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent")
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
            Self::Conflict { source, .. } | Self::Transport(source) => Some(source),
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

/// The rules that were broken and where, without what was found.
struct Rules<'a>(&'a [Finding]);

impl fmt::Display for Rules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{} at {}", finding.rule, finding.path)?;
        }
        Ok(())
    }
}

/// What composing has against a draft; the ids in it are those of patients.
fn breach(error: &ComposeError) -> String {
    match error {
        ComposeError::RelativeUrl(url) => {
            format!("the address of a {} is no absolute URL", url.resource_type())
        }
        ComposeError::WrongUrl { url, kind } => {
            format!("the address of a {kind} says that it is a {}", url.resource_type())
        }
        ComposeError::Duplicate(url) => format!("a {} is in the message twice", url.resource_type()),
        ComposeError::Missing(missing) => {
            let missing = types(missing.iter().map(|missing| &missing.to));
            format!("referred to, but not in the message: {missing}; add them to the draft by `with`")
        }
        other => other.to_string(),
    }
}

/// The types of these resources, for a log; the ids are those of patients.
pub(super) fn types<'a>(urls: impl IntoIterator<Item = &'a ResourceUrl>) -> String {
    let types: Vec<_> = urls.into_iter().map(ResourceUrl::resource_type).collect();
    types.join(", ")
}
