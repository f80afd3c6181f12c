//! The connector: a domain, its resources, subscriptions, launches.

mod application;
mod audit;
mod changes;
mod create;
mod delete;
mod device;
mod domain;
mod error;
mod exchange;
mod launch;
mod outgoing;
mod own_writes;
mod pace;
mod read;
mod refusal;
mod request_info;
mod retry;
mod search;
mod stored;
mod subscription;
mod trace;
mod update;
mod version;
mod webhook;

/// What the crate's root shows of the connector.
pub(crate) mod exports {
    pub use super::application::Connector;
    pub use super::audit::event::{ApplicationEvent, EventKind, EventOutcome};
    pub use super::changes::Changes;
    pub use super::changes::position::{NotAPosition, Position};
    pub use super::domain::Domain;
    pub use super::domain::builder::DomainBuilder;
    pub use super::domain::error::DiscoveryError;
    pub use super::error::Error;
    pub use super::launch::checks::Objection;
    pub use super::launch::context::LaunchContext;
    pub use super::launch::failure::{FailurePage, FailureReason, LaunchFailure};
    pub use super::launch::launcher::{LaunchError, LaunchRequest, Launcher, SentLaunch};
    pub use super::launch::receiver::{IncomingLaunch, LaunchReceiver, PendingLaunch};
    pub use super::refusal::{Issue, Refusal};
    pub use super::request_info::RequestInfo;
    pub use super::retry::RetryPolicy;
    pub use super::search::Search;
    pub use super::search::pages::{Page, SearchResults};
    pub use super::stored::StoredResource;
    pub use super::subscription::{NewSubscription, SubscriptionOutcome};
    pub use super::trace::Trace;
    pub use super::update::UpdateError;
    pub use super::webhook::WebhookService;
    #[doc(inline)]
    pub use koppeltaal_push::{Notifier, NotifyError, WebhookConfigurationError};
}
