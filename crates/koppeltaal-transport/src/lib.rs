#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod builder;
mod client;
mod conformance;
mod credentials;
mod definitions;
mod error;
mod format;
mod headers;
mod mailbox;
mod outcome;
mod request;
mod response;
mod retry;
mod search;
mod send;
mod tls;

pub use builder::{BuildError, ClientBuilder};
pub use client::Client;
pub use conformance::{ConformanceStatement, Endpoints, Validation};
pub use credentials::{Basic, Credentials};
pub use definitions::{Archived, StoredDefinition};
pub use error::{Cause, Error, Excerpt, Obstacle, Problem, ProtocolError, Result};
pub use format::{Format, UnknownFormat};
pub use headers::{HeaderQuery, MessageFilter, ReceivedMessage};
pub use http::StatusCode;
pub use outcome::Outcome;
pub use retry::RetryPolicy;
pub use search::{Page, Search};
