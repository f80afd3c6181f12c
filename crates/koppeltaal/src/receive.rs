//! Receiving: claim a message, hand it out as a [`Delivery`], and see to it that it is answered once.

mod claims;
mod deliveries;
mod delivery;
mod in_hand;

use koppeltaal_transport::{Error, ProtocolProblem, UnreachableReason};
use tokio::task::JoinError;

use crate::causes::causes;
use crate::connector::Connector;
use crate::versions::VersionStoreError;
use claims::Claims;

pub use deliveries::Deliveries;
pub use delivery::{Delivery, Received};
pub(crate) use in_hand::{InHand, line};

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The server cannot be asked, or its answer makes no sense. A message that was claimed all the same comes again when
    /// the time of its claim is over.
    #[error("no message can be claimed: {}", causes(.0))]
    Transport(Error),
    /// The versions in a message that was claimed could not be kept. It was given back.
    #[error("the versions in a message cannot be kept")]
    Versions(#[from] VersionStoreError),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Stopped,
    /// The application's version store panicked.
    #[error("the version store panicked")]
    Panicked,
}

impl ReceiveError {
    /// Whether it may pass by itself. Otherwise somebody has to change something: credentials, an address.
    ///
    /// A claim has no content that a server could refuse. So whatever it says beside that it does not know who asks, does not
    /// allow it, or that there is nothing at this address, is trouble of its own, and passes.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_transient() || !is_set_up_wrong(error),
            Self::Versions(VersionStoreError::Database { .. }) | Self::Panicked => true,
            Self::Versions(_) | Self::Stopped => false,
        }
    }

    fn of_task(error: &JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Stopped }
    }
}

impl From<Error> for ReceiveError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

/// Whether an address or credentials are wrong, or a certificate.
fn is_set_up_wrong(error: &Error) -> bool {
    match error {
        Error::TokenRefresh { source } => is_set_up_wrong(source),
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
    /// Claims the oldest message that waits; `None` if none does.
    ///
    /// The application's own messages, which a server delivers back to a sender that subscribes to them, are acknowledged
    /// and passed over. [`deliveries`](Self::deliveries) has them on demand.
    ///
    /// When the future is dropped half-way, a message that was claimed is given back.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    pub async fn receive(&self) -> Result<Option<Delivery>, ReceiveError> {
        Claims::new(self.clone()).start().await.map_err(|error| ReceiveError::of_task(&error))?
    }

    /// The messages that wait and those that are to come, one after the other.
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
