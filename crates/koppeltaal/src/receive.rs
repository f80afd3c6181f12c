//! Receiving: a message is claimed, handed out as a [`Delivery`], and answered once.

mod claims;
mod deliveries;
mod delivery;
mod in_hand;

use koppeltaal_transport::{Error, ProtocolProblem, UnreachableReason};
use tokio::task::JoinError;

use crate::causes::causes_and_advice;
use crate::connector::Connector;
use crate::versions::VersionStoreError;
use claims::Claims;

pub use deliveries::Deliveries;
pub use delivery::{Delivery, ReceivedMessage};
pub(crate) use in_hand::{InHand, Precedence, line_key, message_name};

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The server cannot be reached, refuses, or gives an unusable answer. If it handed out a message all the
    /// same, the message comes again when its claim expires.
    #[error("no message can be claimed: {}", causes_and_advice(.0))]
    Transport(Error),
    /// The versions in a message could not be recorded. The message was given back.
    #[error("the versions in a message cannot be recorded")]
    Versions(#[from] VersionStoreError),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Stopped,
    /// The application's version store panicked.
    #[error("the version store panicked")]
    Panicked,
}

impl ReceiveError {
    /// Whether the error may pass by itself. Otherwise the runtime is shutting down, or somebody has to
    /// change something: credentials, an address, a certificate, or the version store.
    ///
    /// A claim has no content that a server could refuse. So an error of the server counts as transient,
    /// unless it is about credentials, permissions, the address or a certificate.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_transient() || !is_misconfigured(error),
            Self::Versions(VersionStoreError::Database { .. }) | Self::Panicked => true,
            Self::Versions(_) | Self::Stopped => false,
        }
    }

    fn from_join(error: &JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Stopped }
    }
}

impl From<Error> for ReceiveError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

/// Whether an address, credentials or a certificate is wrong.
fn is_misconfigured(error: &Error) -> bool {
    match error {
        Error::TokenRefresh { source } => is_misconfigured(source),
        Error::Protocol(protocol) => matches!(protocol.problem, ProtocolProblem::Redirect { .. }),
        Error::Unreachable { reason, .. } => *reason == UnreachableReason::Tls,
        Error::Authentication { .. }
        | Error::Forbidden { .. }
        | Error::NotFound { .. }
        | Error::OAuth { .. }
        | Error::NoRefreshToken
        | Error::ForeignUrl { .. } => true,
        _ => false,
    }
}

impl Connector {
    /// Claims the oldest message that waits. `None` if there is none.
    ///
    /// If an application subscribes to the event of its own messages, the server delivers these to it as
    /// well. They are acknowledged and skipped; [`Deliveries::including_own`] hands them out.
    ///
    /// When the future is dropped before it is ready, a message that was claimed is given back.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    pub async fn receive(&self) -> Result<Option<Delivery>, ReceiveError> {
        Claims::new(self.clone()).start().await.map_err(|error| ReceiveError::from_join(&error))?
    }

    /// All messages, one after the other: first those that wait, then new ones.
    ///
    /// ```no_run
    /// # async fn example(portal: koppeltaal::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::messaging::profiles::CarePlanActivityStatus;
    ///
    /// let mut deliveries = portal.deliveries();
    /// loop {
    ///     let delivery = deliveries.next().await?;
    ///     match delivery.get::<CarePlanActivityStatus>() {
    ///         Some(status) => println!("{:?}: {:?}", status.activity, status.activity_status),
    ///         None => println!("something else"),
    ///     }
    ///     delivery.success().await?;
    /// }
    /// # }
    /// ```
    pub fn deliveries(&self) -> Deliveries {
        Deliveries::new(self.clone())
    }
}
