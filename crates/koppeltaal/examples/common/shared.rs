//! Shared by the examples: settings from the environment, a connector, the end of a service, and errors as
//! answers to a browser.
#![allow(dead_code, reason = "each example takes what it needs")]

use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use koppeltaal::messaging::{Sender, Source};
use koppeltaal::transport::{Client, Credentials};
use koppeltaal::{ConfigError, Connector, VersionStore};

pub(crate) type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// An environment variable, or else the value for the built-in configuration of `koppeltaal sandbox`.
pub(crate) fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The connector of an application whose resources are at `endpoint`, for the account in the environment
/// ([`Connector::from_env`]). What the environment lacks is that of the built-in `instance` of `koppeltaal
/// sandbox`, so that an example runs at once. An application has no use for that: for it, `from_env` is all.
pub(crate) fn connector(
    (application, endpoint): (&str, &str),
    instance: &str,
    versions: impl VersionStore,
) -> Result<Connector> {
    let (source, versions) = (Source::new(application, endpoint), Arc::new(versions));
    match Connector::from_env(source.clone(), Arc::clone(&versions)) {
        Err(ConfigError::Missing { .. }) => {}
        connector => return Ok(connector?),
    }
    let username = setting("KOPPELTAAL_USERNAME", instance);
    let password = setting("KOPPELTAAL_PASSWORD", instance);
    let client = Client::builder(&setting("KOPPELTAAL_SERVER", "http://127.0.0.1:8480"))
        .credentials(Credentials::basic(&username, &password)?)
        .build()?;
    let sender = Sender::new(source, setting("KOPPELTAAL_DOMAIN", "Sandbox"));
    Ok(Connector::new(client, sender, versions))
}

/// The path of a file in the folder for temporary files, so that an example leaves nothing in the working
/// folder.
pub(crate) fn temporary_file(name: &str) -> String {
    std::env::temp_dir().join(name).to_string_lossy().into_owned()
}

/// Ready when the process has to stop: after Ctrl-C, or after SIGTERM, which service managers and containers
/// send.
pub(crate) async fn shutdown() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("the process may handle SIGTERM");
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

/// Any error, as an answer to a browser.
pub(crate) struct Failure(Box<dyn Error>);

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
