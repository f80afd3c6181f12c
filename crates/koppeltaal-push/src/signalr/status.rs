//! [`ConnectionStatus`]: how a connection is doing.

use super::error::ConnectError;
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
