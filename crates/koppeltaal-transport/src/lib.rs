#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod backoff;
mod beside;
mod binary;
mod body;
mod builder;
mod challenge;
mod client;
mod coding;
mod conformance;
mod credentials;
mod definitions;
mod error;
mod flight;
mod headers;
mod mailbox;
mod media;
mod members;
mod metrics;
mod oauth;
mod outcome;
mod request;
mod response;
mod retry;
mod search;
mod secret;
mod send;
mod storage;
mod tls;
mod trouble;

pub use backoff::Backoff;
pub use binary::{BinaryContent, BinaryKey, StoredBinary};
pub use builder::{BuildError, ClientBuilder};
pub use client::Client;
pub use conformance::{ConformanceStatement, Endpoints, Validation};
pub use credentials::{Credentials, CredentialsError};
pub use definitions::{IncludeArchived, StoredActivityDefinition};
pub use error::{Error, Excerpt, ProtocolError, ProtocolProblem, Result, UnreachableReason};
pub use headers::{HeaderQuery, MessageFilter, ReceivedMessage};
pub use http::StatusCode;
pub use koppeltaal_fhir::Format;
pub use oauth::authorize::{
    AuthorizationCode, AuthorizationError, AuthorizationRequest, PendingAuthorization,
};
pub use oauth::error::{OAuthError, OAuthErrorCode};
pub use oauth::launch::{LaunchRequest, MobileLaunch, NotALaunch, ReceivedLaunch};
pub use oauth::session::{Session, TokenStore};
pub use oauth::token::ClientAuthentication;
pub use oauth::tokens::{LaunchContext, Tokens};
pub use outcome::Outcome;
pub use reqwest::Url;
pub use retry::RetryPolicy;
pub use search::{Page, Search};
pub use storage::{Comparison, StorageQuery, StoredItem};
pub use trouble::Trouble;
