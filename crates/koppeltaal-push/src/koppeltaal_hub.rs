//! [`HubSubscription`]: wakes [`Notifications`](crate::Notifications) up through the hub of Koppeltaal. This
//! file alone knows that hub; [`signalr`](crate::signalr) works with any hub.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use koppeltaal_transport::{Backoff, Client, causes};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::notifications::{Notifier, NotifyError};
use crate::signalr::stop::{self, StopHandle, StopSignal};
use crate::signalr::{
    ConnectionState, ConnectionStatus, EventsError, HubConnection, HubConnectionBuilder, HubEvent,
    InvokeError,
};

/// The hub that Koppeltaal servers push over (Koppeltaal's public documentation).
pub const KOPPELTAAL_HUB: &str = "KoppeltaalHub";
/// The server calls it when a message has come.
const NEW_MESSAGE: &str = "NewMessage";
/// The client calls it to get those events.
const START_PUSH: &str = "StartPush";

/// How long a call of `StartPush` may take. Its answer is lost if the server is restarted.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses between failed calls of `StartPush`.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps a connection to the hub of Koppeltaal and wakes a [`Notifications`](crate::Notifications) up:
/// whenever the connection has become connected, after the `StartPush` that is called then, and on every
/// `NewMessage`. A `StartPush` that is not answered within 5 seconds is called again, with growing pauses;
/// after each of these calls the receiver looks, too.
///
/// While the hub cannot be reached, only the timer of the notifications wakes the receiver, and the
/// subscription tries the hub again with growing pauses. The subscription ends when it or the notifications
/// are dropped.
///
/// ```no_run
/// use std::time::Duration;
/// use koppeltaal_push::{HubSubscription, Notifications};
/// use koppeltaal_transport::{Client, Credentials};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("https://koppeltaal.example")
///     .credentials(Credentials::basic("game", "secret")?)
///     .build()?;
/// let mut notifications = Notifications::every(Duration::from_secs(60));
/// let _subscription = HubSubscription::builder(&client).subscribe(notifications.notifier());
/// loop {
///     notifications.wait().await;
///     while let Some(message) = client.claim().await? {
///         // ... deal with it, acknowledge it ...
///         # drop(message);
///     }
/// }
/// # }
/// ```
pub struct HubSubscription {
    status: watch::Receiver<ConnectionStatus>,
    /// Dropping it ends the task, too.
    stop: StopHandle,
}

impl HubSubscription {
    /// Options of the connection; end with [`subscribe`](HubConnectionBuilder::subscribe).
    pub fn builder(client: &Client) -> HubConnectionBuilder {
        HubConnection::builder(client, KOPPELTAAL_HUB)
    }

    /// How the connection is doing, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ConnectionStatus> {
        self.status.clone()
    }

    /// Tells the server that the connection ends, and ends the subscription. Returns when it has ended.
    pub async fn stop(self) {
        self.stop.stop().await;
    }
}

impl HubConnectionBuilder {
    /// Wakes a [`Notifications`](crate::Notifications) up: see [`HubSubscription`].
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[must_use = "dropping the subscription stops it"]
    pub fn subscribe(self, notifier: Notifier) -> HubSubscription {
        let connection = self.start_in_background();
        let status = connection.status();
        let (stop, signal) = stop::channel();
        tokio::spawn(Feeder::new(connection, notifier).run(signal));
        HubSubscription { status, stop }
    }
}

impl fmt::Debug for HubSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSubscription").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

/// The task of a subscription: from the connection to the notifications.
struct Feeder {
    connection: HubConnection,
    notifier: Notifier,
    status: watch::Receiver<ConnectionStatus>,
    /// The number of the last connection on which `StartPush` was called.
    connections: u64,
    start_push: StartPush,
    backoff: Backoff,
}

/// The state of `StartPush`.
enum StartPush {
    /// Nothing is to be done: it was called on this connection, or there is no connection.
    Done,
    /// To be called at this time.
    Due(Instant),
    /// Its result is awaited.
    Pending(BoxFuture<'static, Result<Value, InvokeError>>),
}

impl StartPush {
    /// Waits until the next step is due: the time of the call, or its result. Never ready when nothing is to
    /// be done.
    async fn next(&mut self) -> Option<Result<Value, InvokeError>> {
        match self {
            Self::Done => std::future::pending().await,
            Self::Due(due) => {
                sleep_until(*due).await;
                None
            }
            Self::Pending(result) => Some(result.await),
        }
    }
}

impl Feeder {
    fn new(connection: HubConnection, notifier: Notifier) -> Self {
        let status = connection.status();
        let backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        Self { connection, notifier, status, connections: 0, start_push: StartPush::Done, backoff }
    }

    /// Runs until the subscription or the notifications are dropped.
    async fn run(mut self, mut stop: StopSignal) {
        let mut events = self.connection.events();
        let mut request = None;
        loop {
            let notified = tokio::select! {
                stop = stop.requested() => {
                    request = Some(stop);
                    break;
                }
                () = self.notifier.stopped() => break,
                event = events.receive() => self.on_event(event),
                Ok(()) = self.status.changed() => self.on_status(),
                result = self.start_push.next() => match result {
                    None => {
                        self.start_push();
                        Ok(())
                    }
                    Some(result) => self.on_start_push(result),
                }
            };
            if notified.is_err() {
                break;
            }
        }
        self.connection.stop().await;
        drop(request);
    }

    fn on_event(&self, event: Result<HubEvent, EventsError>) -> Result<(), NotifyError> {
        match event {
            Ok(event) if event.is(KOPPELTAAL_HUB, NEW_MESSAGE) => self.notifier.notify(),
            Ok(_) => Ok(()),
            // One of them may have been a `NewMessage`.
            Err(EventsError::Missed(_)) => self.notifier.notify(),
            Err(EventsError::Stopped) => Err(NotifyError),
        }
    }

    fn on_status(&mut self) -> Result<(), NotifyError> {
        let status = self.status.borrow_and_update().clone();
        if status.state != ConnectionState::Connected || status.connections == self.connections {
            return Ok(());
        }
        self.connections = status.connections;
        self.backoff.reset();
        self.start_push = StartPush::Due(Instant::now());
        // Messages may have come while there was no connection, however the call ends.
        self.notifier.notify()
    }

    fn start_push(&mut self) {
        let call = self.connection.start_invoke(START_PUSH, CALL_TIMEOUT);
        self.start_push = StartPush::Pending(Box::pin(call));
    }

    fn on_start_push(&mut self, result: Result<Value, InvokeError>) -> Result<(), NotifyError> {
        self.start_push = match result {
            Ok(_) => StartPush::Done,
            // It will be due again when there is a connection.
            Err(InvokeError::NotConnected | InvokeError::ConnectionLost | InvokeError::Stopped)
                if !self.is_connected() =>
            {
                StartPush::Done
            }
            Err(error) => {
                tracing::warn!(
                    error = causes(&error),
                    "the hub does not start to push; it will be asked again"
                );
                StartPush::Due(Instant::now() + self.backoff.next_delay())
            }
        };
        // Messages may have come before the server began to push. After a failure, no push comes.
        self.notifier.notify()
    }

    /// Whether the connection is still the one on which `StartPush` was called.
    fn is_connected(&self) -> bool {
        let status = self.status.borrow();
        status.state == ConnectionState::Connected && status.connections == self.connections
    }
}
