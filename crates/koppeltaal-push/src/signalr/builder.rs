//! [`HubConnectionBuilder`]: sets the [`Options`] of a hub connection and starts it.

use std::fmt;
use std::time::Duration;

use koppeltaal_transport::Client;
use tokio::sync::oneshot;

use super::connection::HubConnection;
use super::error::ConnectError;
use super::options::Options;
use super::protocol::Transport;

/// Delays are no shorter, so that nothing is tried without a pause.
const SHORTEST_DELAY: Duration = Duration::from_millis(1);

/// Makes a [`HubConnection`]; from [`HubConnection::builder`].
#[derive(Clone)]
#[must_use]
pub struct HubConnectionBuilder {
    client: Client,
    hub: String,
    options: Options,
}

impl HubConnection {
    /// Options for a connection to this hub of the client's server.
    pub fn builder(client: &Client, hub: impl Into<String>) -> HubConnectionBuilder {
        HubConnectionBuilder { client: client.clone(), hub: hub.into(), options: Options::default() }
    }
}

impl HubConnectionBuilder {
    /// The path of the hub server below the address of the Koppeltaal server. Default: `signalr`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.options.path = path.into().trim_matches('/').to_owned();
        self
    }

    /// Uses only this transport, even if the server does not offer it. Default: the first of
    /// [`Transport::ALL`] that works.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.options.transport = Some(transport);
        self
    }

    /// How long negotiate, start and abort may each take. Default: 30 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.options.request_timeout = timeout;
        self
    }

    /// How long a call may take. Over a WebSocket, a server does not answer calls to a hub that it does not
    /// know, so there must be a limit. Default: 30 seconds.
    pub fn invoke_timeout(mut self, timeout: Duration) -> Self {
        self.options.invoke_timeout = timeout;
        self
    }

    /// How much longer opening a transport may take than the server says (usually 5 seconds). Default: 0.
    pub fn transport_connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.transport_connect_timeout = timeout;
        self
    }

    /// The pause between two attempts to reconnect, stretched at random up to twofold. The first attempt
    /// comes at once, unless the channel was lost just after it had been opened. Default: 2 seconds; at least
    /// a millisecond.
    pub fn reconnect_delay(mut self, delay: Duration) -> Self {
        self.options.reconnect_delay = delay.max(SHORTEST_DELAY);
        self
    }

    /// The pauses before a connection is started anew: the shortest and the longest. They double in between
    /// and are stretched at random, never beyond the longest. After refused credentials the pause is the
    /// longest at once, so that an account is not locked. Default: 1 second and 1 minute; at least a
    /// millisecond.
    pub fn restart_delay(mut self, shortest: Duration, longest: Duration) -> Self {
        self.options.restart_delay = shortest.max(SHORTEST_DELAY);
        self.options.longest_restart_delay = longest.max(self.options.restart_delay);
        self
    }

    /// How many bytes of memory the events may take that a receiver has not taken yet. Beyond that the oldest
    /// are lost, and [`HubEvents::receive`](super::HubEvents::receive) reports
    /// [`EventsError::Missed`](super::EventsError::Missed). An event that alone takes more is lost together
    /// with those before it. Default: 8 MiB.
    pub fn events_limit(mut self, bytes: usize) -> Self {
        self.options.events_limit = bytes;
        self
    }

    /// How many bytes of memory the state may take that the client keeps for the hub. A server that sends
    /// more ends the connection with [`ConnectError::UnusableFrame`], and the connection is started anew
    /// without state. Servers take back no more than 4,096 characters. Default: 512 KiB.
    pub fn hub_state_limit(mut self, bytes: usize) -> Self {
        self.options.hub_state_limit = bytes;
        self
    }

    /// Starts the connection and waits until it is connected. From then on it keeps itself connected.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: the first start failed. There is no connection, and no task.
    pub async fn start(self) -> Result<HubConnection, ConnectError> {
        let (sender, started) = oneshot::channel();
        let connection = HubConnection::spawn(self.client, self.hub, self.options, Some(sender));
        match started.await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConnectError::Stopped),
        }
    }

    /// Starts the connection without waiting. A start that fails is tried again with growing pauses; the
    /// [status](HubConnection::status) says how it goes.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[must_use = "dropping the connection stops it"]
    pub fn start_in_background(self) -> HubConnection {
        HubConnection::spawn(self.client, self.hub, self.options, None)
    }
}

impl fmt::Debug for HubConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnectionBuilder")
            .field("client", &self.client)
            .field("hub", &self.hub)
            .field("options", &self.options)
            .finish()
    }
}
