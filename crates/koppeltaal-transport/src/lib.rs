#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod authorization;
mod backoff;
mod builder;
mod client;
mod credentials;
mod endpoints;
mod error;
mod exchange;
mod metrics;
mod oauth;
mod operations;
mod outcome;
mod secret;
mod tls;

pub use authorization::CredentialsError;
pub use backoff::Backoff;
pub use builder::ClientBuilder;
pub use builder::error::BuildError;
pub use client::Client;
pub use credentials::Credentials;
pub use endpoints::Endpoints;
pub use error::causes::causes;
pub use error::protocol::{Excerpt, ProtocolError, ProtocolProblem};
pub use error::{Error, Result, UnreachableReason};
pub use exchange::retry::RetryPolicy;
pub use http::{HeaderMap, HeaderValue, StatusCode};
pub use koppeltaal_fhir::Format;
pub use oauth::authorize::{
    AuthorizationCode, AuthorizationError, AuthorizationRequest, PendingAuthorization,
};
pub use oauth::client_authentication::ClientAuthentication;
pub use oauth::error::{OAuthError, OAuthErrorCode};
pub use oauth::launch::{LaunchRequest, MobileLaunch, NotALaunch, ReceivedLaunch};
pub use oauth::session::{Session, TokenStore};
pub use oauth::tokens::{LaunchContext, Tokens};
pub use operations::binary::{BinaryContent, BinaryKey, StoredBinary};
pub use operations::conformance::{ConformanceStatement, Validation};
pub use operations::definitions::{IncludeArchived, StoredActivityDefinition};
pub use operations::messages::{HeaderQuery, MessageFilter, StoredMessage};
pub use operations::search::{Page, Search};
pub use operations::storage::{Comparison, StorageQuery, StoredItem};
pub use outcome::Outcome;
pub use outcome::cause::FailureCause;
pub use reqwest::Url;
