#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod notifications;
#[cfg(feature = "signalr")]
#[cfg_attr(docsrs, doc(cfg(feature = "signalr")))]
mod signalr;
mod webhook;

pub use notifications::{
    DEFAULT_INTERVAL, LONGEST_INTERVAL, Notification, Notifications, Notifier, SHORTEST_INTERVAL, Stopped,
};
#[cfg(feature = "signalr")]
#[cfg_attr(docsrs, doc(cfg(feature = "signalr")))]
pub use signalr::{
    ConnectError, ConnectStep, ConnectionState, ConnectionStatus, EventsError, HubConnection,
    HubConnectionBuilder, HubEvent, HubEvents, HubException, HubSubscription, InvokeError, KOPPELTAAL_HUB,
    LostReason, NegotiateError, ProtocolVersion, Transport,
};
pub use webhook::{Webhook, WebhookConfigurationError, WebhookError, WebhookNotification, WebhookService};
