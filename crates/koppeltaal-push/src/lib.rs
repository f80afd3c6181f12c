#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod notifications;
pub mod webhook;

pub use notifications::{Notification, Notifications, Notifier};
pub use webhook::{Webhook, WebhookError, WebhookNotification};
