//! [`Deliveries`]: messages one after the other, first those that wait, then new ones.

use std::fmt;
use std::time::Duration;

use futures_util::Stream;
use koppeltaal_messaging::{Event, ResourceUrl};
use koppeltaal_push::{DEFAULT_INTERVAL, HubSubscription, Notifications, Notifier};
use koppeltaal_transport::Backoff;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::claims::Claims;
use super::{Delivery, ReceiveError};
use crate::connector::Connector;

/// How long to wait after a claim that failed.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Messages one after the other. Made by [`Connector::deliveries`].
///
/// Messages are claimed only in [`next`](Self::next). It looks for new ones when the hub of the server or a
/// [`notifier`](Self::notifier) announces them, and also on a slow timer, since pushes can get lost.
#[must_use = "nothing is claimed until `next` is called"]
pub struct Deliveries {
    claims: Claims,
    notifications: Notifications,
    hub: bool,
    subscription: Option<HubSubscription>,
    /// Whether messages may be waiting at the server.
    looking: bool,
    /// Whether a claim has ever succeeded.
    has_claimed: bool,
    claiming: Option<JoinHandle<Result<Option<Delivery>, ReceiveError>>>,
    backoff: Backoff,
    /// Until when the server is not asked, after a claim that failed.
    pause_end: Option<Instant>,
}

impl Deliveries {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            claims: Claims::new(connector),
            notifications: Notifications::every(DEFAULT_INTERVAL),
            hub: true,
            subscription: None,
            looking: false,
            has_claimed: false,
            claiming: None,
            backoff: Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE),
            pause_end: None,
        }
    }

    /// Also hands out the application's own messages that the server delivers to it. By default they are
    /// acknowledged and skipped.
    pub fn including_own(mut self) -> Self {
        self.claims.include_own();
        self
    }

    /// Only messages about this patient. Others stay in the queue.
    pub fn of_patient(mut self, patient: ResourceUrl) -> Self {
        self.claims.of_patient(patient);
        self
    }

    /// Only messages of these events; others stay in the queue. A claim can ask for one event or for all, so
    /// the events take turns: messages of one event come in their order, but not those of different events.
    pub fn only(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.claims.only(events.into_iter().collect());
        self
    }

    /// How long to wait for a push before looking for messages anyway. Default: a minute.
    pub fn poll_every(mut self, interval: Duration) -> Self {
        self.notifications.set_interval(interval);
        self
    }

    /// Does not connect to the hub of the server: for a server without one, or when a webhook receives the
    /// pushes.
    pub fn without_hub(mut self) -> Self {
        self.hub = false;
        self
    }

    /// A handle that triggers a look for messages at once, for a [`Webhook`](koppeltaal_push::Webhook) or a
    /// button.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.notifications.notifier()
    }

    /// Waits for the next message. It may be called again after an error; then it waits before it asks the
    /// server, longer after each error in a row.
    ///
    /// Cancel safe: no message is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    pub async fn next(&mut self) -> Result<Delivery, ReceiveError> {
        loop {
            if let Some(delivery) = self.look().await? {
                return Ok(delivery);
            }
        }
    }

    /// Waits until there is a reason to look for messages, and looks once. Cancel safe, like
    /// [`next`](Self::next).
    pub(crate) async fn look(&mut self) -> Result<Option<Delivery>, ReceiveError> {
        if self.hub && self.subscription.is_none() {
            let subscription = HubSubscription::builder(self.claims.connector().client());
            self.subscription = Some(subscription.subscribe(self.notifications.notifier()));
        }
        if let Some(pause_end) = self.pause_end {
            sleep_until(pause_end).await;
            self.pause_end = None;
            self.looking = true;
        }
        if !self.looking {
            self.notifications.wait().await;
            self.looking = true;
        }
        let claim = self.claiming.get_or_insert_with(|| self.claims.start()).await;
        self.claiming = None;
        match claim.unwrap_or_else(|error| Err(ReceiveError::from_join(&error))) {
            Ok(delivery) => {
                self.has_claimed = true;
                self.looking = delivery.is_some();
                self.backoff.reset();
                Ok(delivery)
            }
            Err(error) => {
                self.pause_end = Some(Instant::now() + self.backoff.next_delay());
                Err(error)
            }
        }
    }

    /// Whether a claim has ever succeeded, with or without a message.
    pub(crate) fn has_claimed(&self) -> bool {
        self.has_claimed
    }

    /// Whether a claim is under way, even if nobody waits for it.
    pub(crate) fn is_claiming(&self) -> bool {
        self.claiming.is_some()
    }

    /// Whether all messages in the queue have been claimed.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.looking
    }

    /// From now on a worker claims. The receiver changes whenever any worker of the connector gives a message
    /// back.
    pub(crate) fn for_worker(&mut self) -> watch::Receiver<()> {
        self.claims.for_worker();
        self.claims.connector().in_hand().returns()
    }

    /// The same as a stream. It does not end.
    pub fn into_stream(self) -> impl Stream<Item = Result<Delivery, ReceiveError>> + Send + 'static {
        futures_util::stream::unfold(self, |mut deliveries| async move {
            let next = deliveries.next().await;
            Some((next, deliveries))
        })
    }

    /// Gives back a message that is being claimed, and closes the connection to the hub. Dropping does the
    /// same in the background.
    pub async fn stop(mut self) {
        if let Some(claiming) = self.claiming.take()
            && let Ok(Ok(Some(delivery))) = claiming.await
        {
            let received = delivery.received().clone();
            if let Err(error) = delivery.release().await {
                received.log_failed_release(&error);
            }
        }
        if let Some(subscription) = self.subscription.take() {
            subscription.stop().await;
        }
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("connector", self.claims.connector())
            .field("hub", &self.subscription)
            .finish_non_exhaustive()
    }
}
