//! [`Outgoing`]: a message that is ready to be handed over to an outbox.

use std::fmt;

use koppeltaal_messaging::Draft;
use koppeltaal_transport::Error;

use crate::connector::{Connector, SendError};

/// A composed and validated message that is ready for an outbox. It lacks only the versions of its resources,
/// which are filled in when it is sent. Put it into the outbox in the transaction that saves the change.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub(super) domain: String,
    pub(super) identifier: String,
    pub(super) event: &'static str,
    /// Without version.
    pub(super) focal: String,
    /// In JSON.
    pub(super) message: String,
}

impl Connector {
    /// Turns a draft into a message for an [`Outbox`](super::Outbox): [prepares](Self::prepare) it and writes
    /// it as text. Needs neither the server nor the version store.
    ///
    /// An address with a version means the same as for [`send`](Self::send): the message is a change of that
    /// version, and a conflict if there is a newer one when it is sent.
    ///
    /// # Errors
    ///
    /// [`SendError::Compose`], [`SendError::Invalid`], [`SendError::NoIdentifier`].
    pub fn outgoing(&self, draft: Draft) -> Result<Outgoing, SendError> {
        let prepared = self.prepare(draft)?;
        let message =
            prepared.to_json().map_err(|error| SendError::Transport(Box::new(Error::Unwritable(error))))?;
        Ok(Outgoing {
            domain: self.sender().domain().to_owned(),
            identifier: prepared.identifier().to_owned(),
            event: prepared.message().event().code(),
            focal: prepared.focal().versionless().to_owned(),
            message,
        })
    }
}

impl Outgoing {
    /// The `MessageHeader.identifier`, by which the outbox knows the message.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("domain", &self.domain)
            .field("identifier", &self.identifier)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
