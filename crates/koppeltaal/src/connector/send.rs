//! Sending: a draft goes in, versions come back.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use koppeltaal_fhir::{Bundle, Finding};
use koppeltaal_messaging::{ComposeError, Draft, ResourceUrl};
use koppeltaal_transport::Error;
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument as _;

use super::Connector;
use super::prepare::Prepared;
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

/// Why a message was not sent, or not for certain.
///
/// `Display` and `Debug` are made for logs: they name rules, elements and types of resources, no content and no ids.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The draft breaks a rule for messages: a patient or a resource is missing, or has the wrong kind or address.
    #[error("the draft makes no message: {}", breach(.0))]
    Compose(#[from] ComposeError),
    /// What is in the message breaks rules of DSTU1 or of Koppeltaal. Nothing was sent.
    #[error("the message breaks {} rule{}: {}", findings.len(), if findings.len() == 1 { "" } else { "s" }, Rules(findings))]
    Invalid {
        /// The rules, the places and what was expected. `found` can hold data of a patient.
        findings: Vec<Finding>,
    },
    /// The draft was given an empty identifier. Nothing was sent.
    #[error("the identifier of the draft is empty")]
    NoIdentifier,
    /// The versions to send could not be looked up. Nothing was sent.
    #[error("the versions to send are not known")]
    Versions(#[source] VersionStoreError),
    /// Somebody else changed resources since this application last heard of them, so nothing was stored. Receive what
    /// is new, make the change again on top of it and send that as a new message;
    /// [`send_with_merge`](Connector::send_with_merge) does so.
    ///
    /// Where nobody else changes them, the version store was lost or restored: [`relearn`](Connector::relearn).
    #[error("{source}; {CONFLICT_HELP}")]
    Conflict {
        /// The resources whose versions are not the server's, without version. The focal resource, if the server named
        /// none.
        resources: Vec<ResourceUrl>,
        /// What the server said.
        source: Box<Error>,
    },
    /// The message could not be posted, or it is not known whether it was: ask
    /// [`is_outcome_unknown`](Error::is_outcome_unknown). In that case the server was asked for the message by its
    /// identifier, and did not tell. The same draft may be sent again with the same [identifier](Draft::identifier).
    #[error(transparent)]
    Transport(Box<Error>),
    /// The runtime is shutting down. It is not known whether the message was sent.
    #[error("the runtime is shutting down; whether message {identifier} was sent is unknown")]
    Stopped {
        /// The `MessageHeader.identifier`.
        identifier: String,
    },
    /// The server has accepted the message, but the versions that it gave out could not be kept: the next change of these
    /// resources will be a conflict, unless they are [recorded](crate::VersionStore::record) before.
    #[error("the message was accepted, but the new versions are not kept")]
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
    /// Sends a message: composes it, validates it, fills in the versions that are known, posts it, and keeps the versions
    /// that come back.
    ///
    /// A draft whose address has a version insists on it: it is a change of that version, and a conflict if there is a
    /// newer one, known here or not. Without, it is a change of the newest version that this application has sent or
    /// received - take that only where nothing is lost by it. Messages about one resource are sent one after the other, so
    /// that the application is in no conflict with itself.
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
    /// When the future is dropped, a message that is being posted comes to its end all the same.
    ///
    /// # Errors
    ///
    /// [`SendError`]: by its variants what to do.
    pub async fn send(&self, draft: Draft) -> Result<Sent, SendError> {
        let prepared = self.prepare(draft)?;
        let turn = self.shared.turns.wait(prepared.focal()).await;
        let bundle = self.fill_versions(&prepared).await.map_err(SendError::Versions)?;
        self.post_and_record(Arc::new(bundle), prepared, turn).await
    }

    /// In a task of its own: when nobody waits for the answer any more, the versions in it are kept all the same. Without them
    /// the application could not change these resources again.
    pub(super) async fn post_and_record(
        &self,
        bundle: Arc<Bundle>,
        prepared: Prepared,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Sent, SendError> {
        let (connector, identifier) = (self.clone(), prepared.identifier().to_owned());
        let task = async move {
            let _turn = turn;
            let sent = match connector.post(&bundle, &prepared).await {
                Ok(sent) => sent,
                Err(error) => match connector.found_after(&error, &prepared).await {
                    Some(sent) => sent,
                    None => return Err(SendError::of(error, prepared.focal())),
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
}

impl Connector {
    /// The message whose post was not answered, if it is at the server after all. It is asked for once.
    async fn found_after(&self, error: &Error, prepared: &Prepared) -> Option<Sent> {
        if !error.is_outcome_unknown() {
            return None;
        }
        let versions = self.look_up(prepared).await.ok()??;
        Some(Sent::new(prepared.identifier().to_owned(), prepared.focal(), versions))
    }
}

impl Sent {
    pub(super) fn new(identifier: String, focal: &ResourceUrl, versions: Vec<ResourceUrl>) -> Self {
        let url = versions.iter().find(|url| url.same_resource(focal)).unwrap_or(focal).clone();
        Self { identifier, url, versions }
    }
}

impl SendError {
    fn of(error: Error, focal: &ResourceUrl) -> Self {
        match error {
            Error::Conflict { ref resources, .. } => {
                let mut resources = resources.clone();
                if resources.is_empty() {
                    resources.push(focal.without_version());
                }
                Self::Conflict { resources, source: Box::new(error) }
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
    let kinds = |urls: &[&ResourceUrl]| {
        let types: Vec<_> = urls.iter().map(|url| url.resource_type()).collect();
        types.join(", ")
    };
    match error {
        ComposeError::RelativeUrl(url) => {
            format!("the address of a {} is no absolute URL", url.resource_type())
        }
        ComposeError::WrongUrl { url, kind } => {
            format!("the address of a {kind} says that it is a {}", url.resource_type())
        }
        ComposeError::Duplicate(url) => format!("a {} is in the message twice", url.resource_type()),
        ComposeError::Missing(missing) => {
            let urls: Vec<_> = missing.iter().map(|missing| &missing.to).collect();
            format!("referred to, but not in the message: {}; add them to the draft by `with`", kinds(&urls))
        }
        other => other.to_string(),
    }
}
