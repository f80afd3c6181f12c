//! [`DemoError`]: why the demo stops before the end of its story.

use std::io;

use koppeltaal::{ReceiveError, SendError, VersionStoreError};
use koppeltaal_fhir::WriteError;
use koppeltaal_messaging::{ExtractReason, UrlError};
use koppeltaal_transport::{BuildError, CredentialsError, Error};

use crate::facts::FactError;

#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A fact that the story claims is not true.
    #[error(transparent)]
    Fact(#[from] FactError),
    #[error("the client cannot be built: {0}")]
    Build(#[from] BuildError),
    #[error("the account cannot be used: {0}")]
    Credentials(#[from] CredentialsError),
    #[error("an id makes no address: {0}")]
    Url(#[from] UrlError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error("what was delivered is not a message: {0}")]
    Extract(#[from] ExtractReason),
    #[error(transparent)]
    Versions(#[from] VersionStoreError),
    /// Anything else that an application asks of the server.
    #[error(transparent)]
    Server(#[from] Error),
    #[error("a message cannot be written: {0}")]
    Write(#[from] WriteError),
    #[error("a message cannot be saved: {0}")]
    Save(#[source] io::Error),
    #[error("the story cannot be printed: {0}")]
    Output(#[from] io::Error),
}

pub(super) type Result<T> = std::result::Result<T, DemoError>;
