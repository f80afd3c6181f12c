//! [`Options`]: what can be chosen about a hub connection, as data.

use std::time::Duration;

use super::protocol::Transport;

/// The options of one connection. [`HubConnectionBuilder`](super::HubConnectionBuilder) sets them and
/// documents each.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The path of the hub server below the server's address, without slashes at its ends.
    pub(crate) path: String,
    /// The only transport to use; `None`: the first that works.
    pub(crate) transport: Option<Transport>,
    pub(crate) request_timeout: Duration,
    pub(crate) invoke_timeout: Duration,
    pub(crate) transport_connect_timeout: Duration,
    pub(crate) reconnect_delay: Duration,
    pub(crate) restart_delay: Duration,
    pub(crate) longest_restart_delay: Duration,
    /// How many bytes of memory the events may take that a receiver has not taken yet.
    pub(crate) events_limit: usize,
    /// How many bytes of memory the state may take that client and hub keep for each other.
    pub(crate) hub_state_limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: "signalr".to_owned(),
            transport: None,
            request_timeout: Duration::from_secs(30),
            invoke_timeout: Duration::from_secs(30),
            transport_connect_timeout: Duration::ZERO,
            reconnect_delay: Duration::from_secs(2),
            restart_delay: Duration::from_secs(1),
            longest_restart_delay: Duration::from_secs(60),
            events_limit: 8 << 20,
            hub_state_limit: 512 << 10,
        }
    }
}
