//! The connector: a domain, its resources, subscriptions, launches.

mod application;
mod create;
mod delete;
mod domain;
mod error;
mod exchange;
mod outgoing;
mod own_writes;
mod read;
mod refusal;
mod request_info;
mod retry;
mod search;
mod stored;
mod trace;
mod update;
mod version;

/// What the crate's root shows of the connector.
pub(crate) mod exports {
    pub use super::application::Connector;
    pub use super::domain::Domain;
    pub use super::domain::builder::DomainBuilder;
    pub use super::domain::error::DiscoveryFailure;
    pub use super::error::Error;
    pub use super::refusal::{Issue, Refusal};
    pub use super::request_info::RequestInfo;
    pub use super::retry::RetryPolicy;
    pub use super::search::Search;
    pub use super::search::pages::{Found, Page};
    pub use super::stored::Stored;
    pub use super::trace::Trace;
    pub use super::update::UpdateError;
}
