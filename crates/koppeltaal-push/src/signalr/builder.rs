//! [`HubConnectionBuilder`]: everything that can be chosen about a hub connection.

use std::fmt;
use std::time::Duration;

use koppeltaal_transport::Client;
use tokio::sync::oneshot;

use super::connection::HubConnection;
use super::error::ConnectError;
use super::protocol::Transport;
use super::subscription::HubSubscription;
use crate::Notifier;

/// Makes a [`HubConnection`]; from [`HubConnection::builder`].
#[derive(Clone)]
#[must_use]
pub struct HubConnectionBuilder {
    pub(crate) client: Client,
    pub(crate) hub: String,
    pub(crate) path: String,
    pub(crate) transport: Option<Transport>,
    pub(crate) request_timeout: Duration,
    pub(crate) invoke_timeout: Duration,
    pub(crate) transport_connect_timeout: Duration,
    pub(crate) reconnect_delay: Duration,
    pub(crate) restart_delay: Duration,
    pub(crate) longest_restart_delay: Duration,
}

impl HubConnectionBuilder {
    pub(crate) fn new(client: Client, hub: String) -> Self {
        Self {
            client,
            hub,
            path: "signalr".to_owned(),
            transport: None,
            request_timeout: Duration::from_secs(30),
            invoke_timeout: Duration::from_secs(30),
            transport_connect_timeout: Duration::ZERO,
            reconnect_delay: Duration::from_secs(2),
            restart_delay: Duration::from_secs(1),
            longest_restart_delay: Duration::from_secs(60),
        }
    }

    /// The path of the hub server below the address of the Koppeltaal server. Default: `signalr`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into().trim_matches('/').to_owned();
        self
    }

    /// Uses this transport and no other, also where the server does not offer it. Default: the first of
    /// [`Transport::ALL`] that works.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// How long negotiate, start and abort may each take. Default: 30 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long a call may take: over a WebSocket, a server does not answer calls of hubs that it does not know. Default:
    /// 30 seconds.
    pub fn invoke_timeout(mut self, timeout: Duration) -> Self {
        self.invoke_timeout = timeout;
        self
    }

    /// How much longer a transport may take to open than the server says (5 seconds as a rule). Default: 0.
    pub fn transport_connect_timeout(mut self, timeout: Duration) -> Self {
        self.transport_connect_timeout = timeout;
        self
    }

    /// The pause between two attempts to reconnect, stretched at random up to twofold. The first attempt comes at once,
    /// unless the channel was lost just after it had been opened. Default: 2 seconds; at least a millisecond.
    pub fn reconnect_delay(mut self, delay: Duration) -> Self {
        self.reconnect_delay = delay.max(Duration::from_millis(1));
        self
    }

    /// The pauses before a given-up connection is started anew: the first, and the longest, each stretched at random up
    /// to twofold. They double in between. After refused credentials it is the longest at once, so that an account is not
    /// locked. Default: 1 second and 1 minute; at least a millisecond.
    pub fn restart_delay(mut self, first: Duration, longest: Duration) -> Self {
        self.restart_delay = first.max(Duration::from_millis(1));
        self.longest_restart_delay = longest.max(self.restart_delay);
        self
    }

    /// Starts the connection and waits until it is connected. From then on it keeps itself connected.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: the first start failed. There is no connection, and no task.
    pub async fn start(self) -> Result<HubConnection, ConnectError> {
        let (sender, started) = oneshot::channel();
        let connection = HubConnection::spawn(self, Some(sender));
        match started.await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConnectError::Stopped),
        }
    }

    /// Starts the connection without waiting; what fails is tried again, as after a connection was given up. The
    /// [status](HubConnection::status) says how it goes.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[must_use = "dropping the connection stops it"]
    pub fn start_in_background(self) -> HubConnection {
        HubConnection::spawn(self, None)
    }

    /// Wakes a [`Notifications`](crate::Notifications) up: see [`HubSubscription`].
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[must_use = "dropping the subscription stops it"]
    pub fn subscribe(self, notifier: Notifier) -> HubSubscription {
        HubSubscription::spawn(self, notifier)
    }
}

impl fmt::Debug for HubConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnectionBuilder")
            .field("client", &self.client)
            .field("hub", &self.hub)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
