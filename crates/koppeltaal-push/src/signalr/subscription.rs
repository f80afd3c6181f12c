//! [`HubSubscription`]: wakes [`Notifications`](crate::Notifications) up by the hub of Koppeltaal.

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use koppeltaal_transport::Client;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::builder::HubConnectionBuilder;
use super::connection::{ConnectionState, ConnectionStatus, EventsError, HubConnection};
use super::error::InvokeError;
use crate::Notifier;

/// The hub that Koppeltaal servers push over (Koppeltaal's public documentation).
pub const KOPPELTAAL_HUB: &str = "KoppeltaalHub";
/// What the server calls when a message came.
const NEW_MESSAGE: &str = "NewMessage";
/// What has to be called for that.
const START_PUSH: &str = "StartPush";

/// How long a call of `StartPush` may take: its answer may get lost in a restart of the server.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses between failed calls of `StartPush`.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps a connection to the hub of Koppeltaal and wakes a [`Notifications`](crate::Notifications) up: whenever the
/// connection has become connected, after the `StartPush` that is called then, and on every `NewMessage`. A `StartPush`
/// that is not answered within 5 seconds is called again, with growing pauses; each of them is a reason to look, too.
///
/// While the hub cannot be reached, the timer of the notifications is what remains, and the hub is tried again with
/// growing pauses. The subscription ends when it or the notifications are dropped.
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
    stop: oneshot::Sender<oneshot::Sender<()>>,
}

impl HubSubscription {
    /// Options of the connection; end with [`subscribe`](HubConnectionBuilder::subscribe).
    pub fn builder(client: &Client) -> HubConnectionBuilder {
        HubConnection::builder(client, KOPPELTAAL_HUB)
    }

    pub(crate) fn spawn(options: HubConnectionBuilder, notifier: Notifier) -> Self {
        let connection = options.start_in_background();
        let status = connection.status();
        let (stop, stopping) = oneshot::channel();
        tokio::spawn(feed(connection, notifier, stopping));
        Self { status, stop }
    }

    /// How the connection is doing, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ConnectionStatus> {
        self.status.clone()
    }

    /// Says goodbye to the server and ends the subscription; returns when it has ended.
    pub async fn stop(self) {
        let (sender, stopped) = oneshot::channel();
        if self.stop.send(sender).is_ok() {
            // An error means that the task is gone.
            let _ = stopped.await;
        }
    }
}

impl fmt::Debug for HubSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSubscription").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

/// What is to be done about `StartPush`.
enum StartPush {
    /// Nothing: it was called on this connection, or there is none.
    Done,
    /// To be called then.
    Due(Instant),
    /// Its result is awaited.
    Called,
}

async fn feed(
    connection: HubConnection,
    notifier: Notifier,
    mut stopping: oneshot::Receiver<oneshot::Sender<()>>,
) {
    let mut events = connection.events();
    let mut status = connection.status();
    let mut start_push = StartPush::Done;
    let mut result = std::pin::pin!(None);
    let mut pauses = pauses();
    let mut connections = 0;
    let stopped = loop {
        let due = match start_push {
            StartPush::Due(due) => Some(due),
            StartPush::Done | StartPush::Called => None,
        };
        let said = tokio::select! {
            stopped = &mut stopping => break stopped.ok(),
            () = notifier.stopped() => break None,
            event = events.receive() => match event {
                Ok(event) if event.is(KOPPELTAAL_HUB, NEW_MESSAGE) => notifier.notify(),
                Ok(_) => Ok(()),
                // One of them may have been the one.
                Err(EventsError::Missed(_)) => notifier.notify(),
                Err(EventsError::Stopped) => break None,
            },
            changed = status.changed() => {
                if changed.is_err() {
                    break None;
                }
                let now = status.borrow_and_update().clone();
                if now.state == ConnectionState::Connected && now.connections != connections {
                    connections = now.connections;
                    pauses = self::pauses();
                    start_push = StartPush::Due(Instant::now());
                    result.set(None);
                    // What came while there was no connection waits, whatever becomes of the call.
                    notifier.notify()
                } else {
                    Ok(())
                }
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                start_push = StartPush::Called;
                result.set(Some(connection.start_invoke(START_PUSH, CALL_TIMEOUT)));
                Ok(())
            }
            outcome = async {
                match result.as_mut().as_pin_mut() {
                    Some(call) => call.await,
                    None => std::future::pending().await,
                }
            } => {
                result.set(None);
                start_push = match outcome {
                    Ok(_) => StartPush::Done,
                    // It will be due again when there is a connection.
                    Err(InvokeError::NotConnected | InvokeError::ConnectionLost | InvokeError::Stopped)
                        if !is_connected(&status, connections) => StartPush::Done,
                    Err(error) => {
                        tracing::warn!(%error, "the hub does not start to push; it will be asked again");
                        StartPush::Due(Instant::now() + pauses.next().unwrap_or(LONGEST_PAUSE))
                    }
                };
                // What came before the server began to push waits; after a failure, nothing else would tell.
                notifier.notify()
            }
        };
        if said.is_err() {
            break None;
        }
    };
    connection.stop().await;
    if let Some(stopped) = stopped {
        let _ = stopped.send(());
    }
}

/// Whether the connection is still the one that was counted last.
fn is_connected(status: &watch::Receiver<ConnectionStatus>, connections: u64) -> bool {
    let status = status.borrow();
    status.state == ConnectionState::Connected && status.connections == connections
}

fn pauses() -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_factor(2.0)
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
        .build()
}
