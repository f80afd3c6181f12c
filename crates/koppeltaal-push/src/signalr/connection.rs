//! [`HubConnection`]: what an application holds. The work is done in a task of its own, the [driver](super::driver).

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use koppeltaal_transport::Client;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::builder::HubConnectionBuilder;
use super::driver::{self, Driver};
use super::error::{ConnectError, InvokeError};
use super::protocol::Transport;
use super::protocol::hub::HubEvent;

/// How many events are kept for a receiver that is busy.
const EVENTS: usize = 1024;
/// How many calls may wait to be taken up.
const COMMANDS: usize = 32;

/// A connection to one hub of a classic ASP.NET SignalR 2.x server that keeps itself connected.
///
/// A lost channel is opened again where it was lost (`reconnect`), for as long as the server remembers the connection;
/// after that the connection is started anew, with growing pauses, until it is [stopped](Self::stop) or dropped. Every
/// request has fresh authorization of the [`Client`], and goes to its server only, through its TLS and proxy.
///
/// Events may be lost while there is no connection, and a server that was restarted knows of nothing: after every
/// increase of [`ConnectionStatus::connections`], do again what tells the server what you want, and look for what you
/// missed. [`HubSubscription`](crate::HubSubscription) does that for Koppeltaal.
///
/// ```no_run
/// use koppeltaal_push::HubConnection;
/// use koppeltaal_transport::{Client, Credentials};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder("https://koppeltaal.example")
///     .credentials(Credentials::basic("game", "secret")?)
///     .build()?;
/// let connection = HubConnection::builder(&client, "KoppeltaalHub").start().await?;
/// let mut events = connection.events();
/// connection.invoke("StartPush", vec![]).await?;
/// while let Ok(event) = events.receive().await {
///     if event.is("KoppeltaalHub", "NewMessage") {
///         println!("a message waits");
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct HubConnection {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<ConnectionStatus>,
    events: broadcast::WeakSender<HubEvent>,
    /// Hears everything from the beginning, for the first who asks.
    first_events: Mutex<Option<broadcast::Receiver<HubEvent>>>,
    invoke_timeout: Duration,
}

/// What the driver is asked to do.
pub(crate) enum Command {
    Invoke { method: String, arguments: Vec<Value>, reply: Reply },
    Stop(oneshot::Sender<()>),
}

/// Where a result goes.
pub(crate) type Reply = oneshot::Sender<Result<Value, InvokeError>>;

/// Where a connection is in its life. Names are SignalR's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Being started.
    #[default]
    Connecting,
    /// Events arrive and calls can be made.
    Connected,
    /// The channel was lost, and the server still knows the connection.
    Reconnecting,
    /// There is no connection. Unless it was stopped, it will be started anew.
    Disconnected,
}

/// How a connection is doing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// The state.
    pub state: ConnectionState,
    /// The transport in use, while there is one.
    pub transport: Option<Transport>,
    /// How often the connection has become connected, by a start or by reconnecting: who watches sees by it that there was
    /// a gap, however short.
    pub connections: u64,
    /// The server has not said anything for two thirds of the time after which the channel counts as lost.
    pub is_slow: bool,
    /// Why the last start failed or the last connection was given up. Gone as soon as it is connected again.
    pub error: Option<ConnectError>,
}

/// Why there is no next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The receiver was too slow: this many events were dropped. The next call goes on after them.
    #[error("{0} events were missed")]
    Missed(u64),
    /// The connection was stopped.
    #[error("the connection was stopped")]
    Stopped,
}

/// The calls of the server; from [`HubConnection::events`].
#[derive(Debug)]
pub struct HubEvents(Option<broadcast::Receiver<HubEvent>>);

impl HubEvents {
    /// Waits for the next event. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`EventsError`]
    pub async fn receive(&mut self) -> Result<HubEvent, EventsError> {
        let Some(events) = &mut self.0 else { return Err(EventsError::Stopped) };
        events.recv().await.map_err(|error| match error {
            broadcast::error::RecvError::Lagged(missed) => EventsError::Missed(missed),
            broadcast::error::RecvError::Closed => EventsError::Stopped,
        })
    }
}

impl HubConnection {
    /// Options for a connection to this hub of the client's server.
    pub fn builder(client: &Client, hub: impl Into<String>) -> HubConnectionBuilder {
        HubConnectionBuilder::new(client.clone(), hub.into())
    }

    pub(crate) fn spawn(
        options: HubConnectionBuilder,
        started: Option<oneshot::Sender<Result<(), ConnectError>>>,
    ) -> Self {
        let (commands, received_commands) = mpsc::channel(COMMANDS);
        let (status_sender, status) = watch::channel(ConnectionStatus::default());
        let (events, first_events) = broadcast::channel(EVENTS);
        let invoke_timeout = options.invoke_timeout;
        let weak_events = events.downgrade();
        tokio::spawn(driver::run(
            Driver { options, status: status_sender, events },
            received_commands,
            started,
        ));
        Self {
            commands,
            status,
            events: weak_events,
            first_events: Mutex::new(Some(first_events)),
            invoke_timeout,
        }
    }

    /// Calls a method of the hub and waits for its result; `null` for a method without. It can be dropped; the method
    /// then runs all the same.
    ///
    /// Over webSockets, calls start in the order in which they are made; over other transports in any.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]. Nothing is tried again.
    pub async fn invoke(&self, method: &str, arguments: Vec<Value>) -> Result<Value, InvokeError> {
        invoke(self.commands.clone(), method.to_owned(), arguments, self.invoke_timeout).await
    }

    /// A call that borrows nothing, and may take this long, or as long as all calls if that is shorter.
    pub(crate) fn start_invoke(
        &self,
        method: &str,
        limit: Duration,
    ) -> impl Future<Output = Result<Value, InvokeError>> + Send + use<> {
        invoke(self.commands.clone(), method.to_owned(), Vec::new(), limit.min(self.invoke_timeout))
    }

    /// The calls of the server from now on, and for the first who asks those since the beginning. 1024 are kept for a
    /// receiver that is busy.
    pub fn events(&self) -> HubEvents {
        let first = self.first_events.lock().unwrap_or_else(PoisonError::into_inner).take();
        HubEvents(first.or_else(|| Some(self.events.upgrade()?.subscribe())))
    }

    /// How the connection is doing, and every change of it.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<ConnectionStatus> {
        self.status.clone()
    }

    /// Says goodbye to the server and ends the connection. Returns when it has ended, after the
    /// [request timeout](HubConnectionBuilder::request_timeout) at most.
    pub async fn stop(self) {
        let (sender, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(sender)).await.is_ok() {
            // An error means that the driver is gone: ended, too.
            let _ = stopped.await;
        }
    }
}

impl fmt::Debug for HubConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnection").field("status", &*self.status.borrow()).finish_non_exhaustive()
    }
}

async fn invoke(
    commands: mpsc::Sender<Command>,
    method: String,
    arguments: Vec<Value>,
    limit: Duration,
) -> Result<Value, InvokeError> {
    let result = async {
        let (reply, result) = oneshot::channel();
        let command = Command::Invoke { method, arguments, reply };
        commands.send(command).await.map_err(|_| InvokeError::Stopped)?;
        // Who waits for a result must not keep a connection alive that nobody holds.
        drop(commands);
        result.await.unwrap_or(Err(InvokeError::Stopped))
    };
    tokio::time::timeout(limit, result).await.unwrap_or(Err(InvokeError::Timeout { limit }))
}
