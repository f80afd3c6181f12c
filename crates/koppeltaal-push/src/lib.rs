#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod notifications;
mod webhook;

pub use notifications::{
    DEFAULT_INTERVAL, LONGEST_INTERVAL, Notification, Notifications, Notifier, SHORTEST_INTERVAL, Stopped,
};
pub use webhook::{Webhook, WebhookConfigurationError, WebhookError, WebhookNotification, WebhookService};
