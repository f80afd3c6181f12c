//! Receiving: claim a message, hand it out as a [`Delivery`], and see to it that it is answered once.

mod claims;
mod deliveries;
mod delivery;

use koppeltaal_transport::Error;

use crate::connector::Connector;
use crate::versions::VersionStoreError;
use claims::Claims;

pub use deliveries::Deliveries;
pub use delivery::{Delivery, Received};

/// Why no message could be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The server cannot be asked, or its answer makes no sense. A message that was claimed all the same comes again when
    /// the time of its claim is over.
    #[error("no message can be claimed: {0}")]
    Transport(#[from] Error),
    /// The versions in a message that was claimed could not be kept. It was given back.
    #[error("the versions in a message cannot be kept")]
    Versions(#[from] VersionStoreError),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Stopped,
}

impl ReceiveError {
    /// Whether it may pass by itself. Otherwise somebody has to change something: credentials, an address.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_retryable() || error.is_outcome_unknown(),
            Self::Versions(VersionStoreError::Database { .. }) => true,
            Self::Versions(_) | Self::Stopped => false,
        }
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
        Claims::new(self.clone()).start().await.map_err(|_| ReceiveError::Stopped)?
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
