//! The client of classic ASP.NET SignalR 2.x for any hub: protocol, channels and connection.
//!
//! From the wire up: [`protocol`] decodes, [`http`] sends requests, a [`session`] is one connection at the
//! server, a [`channel`] receives its texts, the [`handshake`] starts it, the [active
//! connection](active_connection) keeps it going, and the [`driver`] starts it anew. [`connection`] and
//! [`builder`] are what an application sees.

mod active_connection;
mod builder;
mod calls;
mod channel;
mod connection;
mod context;
mod driver;
mod error;
mod events;
mod handshake;
mod http;
mod metrics;
mod options;
mod protocol;
mod session;
mod status;
pub(crate) mod stop;

pub use builder::HubConnectionBuilder;
pub use connection::HubConnection;
pub use error::{ConnectError, ConnectStep, InvokeError, LostReason};
pub use events::{EventsError, HubEvents};
pub use protocol::Transport;
pub use protocol::hub::{HubEvent, HubException};
pub use protocol::negotiate::{NegotiateError, ProtocolVersion};
pub use status::{ConnectionState, ConnectionStatus};
