//! [`DemoError`]: why the demo stops before the end of its story.

use std::io;

use koppeltaal_r4::{ParseError, WriteError};
use koppeltaal2::profiles::Task;
use koppeltaal2::{
    DiscoveryError, Error, LaunchError, LaunchFailure, UpdateError, WebhookConfigurationError,
};
use koppeltaal2_sandbox::LogInError;

use crate::facts::FactError;

#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A fact that the story claims is not true.
    #[error(transparent)]
    Fact(#[from] FactError),
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// What an application asks of the domain.
    #[error(transparent)]
    Domain(#[from] Error),
    #[error(transparent)]
    Update(#[from] UpdateError<Task>),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("the patient is not let in: {}", .0.reason)]
    Refused(LaunchFailure),
    #[error(transparent)]
    Webhook(WebhookConfigurationError),
    #[error("the module's web server does not start: {0}")]
    Web(io::Error),
    #[error("there is no browser: {0}")]
    NoBrowser(koppeltaal_smart::Error),
    #[error("the browser cannot open a page: {0}")]
    Browser(reqwest::Error),
    #[error("the browser cannot go on: {0}")]
    Page(&'static str),
    #[error("the login failed: {0}")]
    LogIn(#[from] LogInError),
    #[error("{0} did not come")]
    Late(&'static str),
    #[error("a value is not one of FHIR: {0}")]
    Value(#[from] ParseError),
    #[error("a resource cannot be written: {0}")]
    Write(#[from] WriteError),
    #[error("a resource cannot be saved: {0}")]
    Save(io::Error),
    #[error("the story cannot be printed: {0}")]
    Output(#[from] io::Error),
}

impl From<LaunchFailure> for DemoError {
    fn from(failure: LaunchFailure) -> Self {
        Self::Refused(failure)
    }
}

pub(super) type Result<T, E = DemoError> = std::result::Result<T, E>;
