//! Sending: a draft goes in, versions come back.

use std::panic::resume_unwind;

use koppeltaal_messaging::{Draft, Message};
use koppeltaal_transport::Error;
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument as _;

use super::Connector;
use super::outcome::{SendError, SentMessage};
use super::prepare::PreparedMessage;

impl Connector {
    /// Sends a message: composes it, validates it, fills in the versions that are known, posts it, and
    /// records the versions that come back.
    ///
    /// If an address has a version, the message is a change of exactly that version. A newer version at the
    /// server makes it a conflict, whether this application knows it or not. Without a version, it is a
    /// change of the newest version that this application has sent or received. Leave out the version only
    /// where no change by others can get lost. Messages about one resource are sent one after the other, so
    /// that the application does not conflict with itself.
    ///
    /// ```no_run
    /// # async fn example(epd: koppeltaal::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::fhir::datatypes::HumanName;
    /// use koppeltaal::messaging::profiles::Patient;
    ///
    /// let name = HumanName::new("Mees", "Duinroos");
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
    pub async fn send(&self, draft: Draft) -> Result<SentMessage, SendError> {
        self.send_prepared(self.prepare(draft)?).await
    }

    /// Sends a message that was [prepared](Self::prepare) before: the other half of [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send), without those of `prepare`.
    pub async fn send_prepared(&self, prepared: PreparedMessage) -> Result<SentMessage, SendError> {
        let turn = self.shared.turns.wait(prepared.focal()).await;
        let message = self.fill_versions(&prepared).await.map_err(SendError::Versions)?;
        self.post_and_record(message, prepared, turn).await
    }

    /// Posts in a task of its own. So the versions in the answer are recorded even if nobody waits for it any
    /// more; without them, the next change of these resources would be a conflict.
    pub(super) async fn post_and_record(
        &self,
        message: Message,
        prepared: PreparedMessage,
        turn: OwnedMutexGuard<()>,
    ) -> Result<SentMessage, SendError> {
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
    async fn found_after(&self, error: &Error, prepared: &PreparedMessage) -> Option<SentMessage> {
        if !error.is_outcome_unknown() {
            return None;
        }
        let versions = self.look_up(prepared).await.ok()??;
        Some(prepared.sent(versions))
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
