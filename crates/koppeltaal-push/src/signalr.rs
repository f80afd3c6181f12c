//! The client of classic ASP.NET SignalR 2.x: protocol, channels, connection, and what feeds
//! [`Notifications`](crate::Notifications) from it.

mod builder;
mod calls;
mod channel;
mod connection;
mod driver;
mod error;
mod link;
mod protocol;
mod session;
mod start;
mod subscription;

pub use builder::HubConnectionBuilder;
pub use connection::{ConnectionState, ConnectionStatus, EventsError, HubConnection, HubEvents};
pub use error::{ConnectError, ConnectStep, InvokeError, LostReason};
pub use protocol::Transport;
pub use protocol::hub::{HubEvent, HubException};
pub use protocol::negotiate::{NegotiateError, ProtocolVersion};
pub use subscription::{HubSubscription, KOPPELTAAL_HUB};
