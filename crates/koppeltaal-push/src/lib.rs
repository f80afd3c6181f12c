#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "signalr")]
mod koppeltaal_hub;
mod notifications;
#[cfg(feature = "signalr")]
mod signalr;
mod webhook;

#[cfg(feature = "signalr")]
#[cfg_attr(docsrs, doc(cfg(feature = "signalr")))]
pub use koppeltaal_hub::{HubSubscription, KOPPELTAAL_HUB};
pub use notifications::{
    DEFAULT_INTERVAL, LONGEST_INTERVAL, Notification, Notifications, Notifier, NotifyError, SHORTEST_INTERVAL,
};
#[cfg(feature = "signalr")]
#[cfg_attr(docsrs, doc(cfg(feature = "signalr")))]
pub use signalr::{
    ConnectError, ConnectStep, ConnectionState, ConnectionStatus, EventsError, HubConnection,
    HubConnectionBuilder, HubEvent, HubEvents, HubException, InvokeError, LostReason, NegotiateError,
    ProtocolVersion, Transport,
};
pub use webhook::{Webhook, WebhookConfigurationError, WebhookError, WebhookNotification, WebhookService};
