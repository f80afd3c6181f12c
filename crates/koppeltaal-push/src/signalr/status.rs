//! [`ConnectionStatus`]: how a connection is doing.

use tokio::sync::watch;

use super::error::ConnectError;
use super::metrics::StateGauge;
use super::protocol::Transport;

/// The state of a connection. Names are SignalR's.
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

impl ConnectionState {
    /// The state in lower case, for metrics.
    fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Disconnected => "disconnected",
        }
    }
}

/// How a connection is doing.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectionStatus {
    /// The state.
    pub state: ConnectionState,
    /// The transport in use, while there is one.
    pub transport: Option<Transport>,
    /// How often the connection has become connected, by a start or by reconnecting. Whoever watches the
    /// status notices by this number that there was a gap, however short.
    pub connections: u64,
    /// The server has not sent anything for two thirds of the time after which the channel counts as lost.
    pub is_slow: bool,
    /// Why the last start failed or the last connection was given up. It is cleared when the connection is
    /// connected again.
    pub error: Option<ConnectError>,
}

impl ConnectionStatus {
    /// The status of a connection that has just become connected, by a start or by reconnecting.
    pub(crate) fn connected(&self, transport: Transport) -> Self {
        Self {
            state: ConnectionState::Connected,
            transport: Some(transport),
            connections: self.connections + 1,
            ..Self::default()
        }
    }

    /// The status of a connection that has ended, with an error unless it was stopped.
    pub(crate) fn disconnected(&self, error: Option<ConnectError>) -> Self {
        Self {
            state: ConnectionState::Disconnected,
            connections: self.connections,
            error: error.or_else(|| self.error.clone()),
            ..Self::default()
        }
    }
}

/// Tells those who watch a connection, and the metrics, how it is doing.
pub(crate) struct StatusSender {
    sender: watch::Sender<ConnectionStatus>,
    gauge: StateGauge,
}

/// The status of a connection that is being started.
pub(crate) fn channel() -> (StatusSender, watch::Receiver<ConnectionStatus>) {
    let (sender, receiver) = watch::channel(ConnectionStatus::default());
    let mut gauge = StateGauge::default();
    gauge.set(Some(ConnectionState::default().name()));
    (StatusSender { sender, gauge }, receiver)
}

impl StatusSender {
    pub(crate) fn send_modify(&mut self, change: impl FnOnce(&mut ConnectionStatus)) {
        self.sender.send_modify(change);
        let state = self.sender.borrow().state;
        self.gauge.set(Some(state.name()));
    }
}
