//! [`Claims`]: claims the next message, and records its versions before it is handed out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koppeltaal_messaging::{Event, ResourceUrl};
use koppeltaal_transport::MessageFilter;
use tokio::task::JoinHandle;
use tracing::error;

use super::in_hand::{ClaimTurn, WorkerNumber, line_key, message_name};
use super::{Delivery, ReceiveError};
use crate::causes::causes;
use crate::connector::Connector;

/// Which messages are claimed, and for whom.
#[derive(Clone)]
pub(super) struct Claims {
    connector: Connector,
    own: bool,
    patient: Option<ResourceUrl>,
    /// The events that are claimed. Empty: all events.
    events: Vec<Event>,
    /// The index of the event that is asked for first.
    first: Arc<AtomicUsize>,
    /// The worker that claims, if it is one.
    worker: Option<WorkerNumber>,
}

impl Claims {
    #[cfg(any(feature = "sqlite", feature = "postgresql"))]
    pub(super) fn domain(&self) -> &str {
        self.connector.sender().domain()
    }

    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, own: false, patient: None, events: Vec::new(), first: Arc::default(), worker: None }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn include_own(&mut self) {
        self.own = true;
    }

    pub(super) fn of_patient(&mut self, patient: ResourceUrl) {
        self.patient = Some(patient);
    }

    /// From now on a worker claims. Its messages get a place among those of other workers.
    pub(super) fn for_worker(&mut self) {
        self.worker = Some(self.connector.in_hand().worker());
    }

    pub(super) fn only(&mut self, events: Vec<Event>) {
        self.events = events;
    }

    /// Claims in a task of its own. The task finishes even if nobody waits for it any more; then the delivery
    /// is dropped, and so released.
    pub(super) fn start(&self) -> JoinHandle<Result<Option<Delivery>, ReceiveError>> {
        let claims = self.clone();
        tokio::spawn(async move { claims.next().await })
    }

    async fn next(&self) -> Result<Option<Delivery>, ReceiveError> {
        let in_hand = self.connector.in_hand();
        // Nobody else claims until the message has its place.
        let turn = match self.worker {
            Some(worker) => Some(in_hand.turn(worker).await),
            None => None,
        };
        let filters = self.filters();
        let first = self.first.load(Ordering::Relaxed);
        for (index, filter) in filters.iter().enumerate().cycle().skip(first).take(filters.len()) {
            loop {
                turn.iter().for_each(ClaimTurn::begin);
                let Some(received) = self.connector.client().claim_matching(filter).await? else { break };
                let header = &received.header;
                let ticket = turn
                    .as_ref()
                    .zip(line_key(header))
                    .map(|(turn, line)| turn.add(line, message_name(header)));
                let delivery = Delivery::new(self.connector.client().clone(), received, ticket);
                self.record(&delivery).await?;
                if self.own || !self.connector.sender().source().sent(delivery.header()) {
                    self.first.store((index + 1) % filters.len(), Ordering::Relaxed);
                    return Ok(Some(delivery));
                }
                delivery.success().await?;
            }
        }
        Ok(None)
    }

    /// Records the versions in a message. A version that the store will never accept must not hold up this
    /// message and all later ones.
    async fn record(&self, delivery: &Delivery) -> Result<(), ReceiveError> {
        match self.connector.record(&delivery.versions()).await {
            Err(error) if error.is_permanent() => {
                let error = causes(&error);
                error!(
                    error,
                    "the version store will never accept the versions of a message; a change may be a conflict"
                );
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    /// A claim can ask for one event or for all. Several events take turns, so that a frequent one does not
    /// displace others.
    fn filters(&self) -> Vec<MessageFilter> {
        let all = match &self.patient {
            Some(patient) => MessageFilter::default().patient(patient.clone()),
            None => MessageFilter::default(),
        };
        match &self.events[..] {
            [] => vec![all],
            events => events.iter().map(|event| all.clone().event(*event)).collect(),
        }
    }
}
