//! [`Push`] and [`Webhook`]: how instances are told that a message waits.

use std::fmt;
use std::time::Duration;

use super::ConfigError;
use crate::webhook::tls_config;

/// The times of the hub `KoppeltaalHub`, which it tells its clients when they negotiate, and of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Push {
    /// Between two signs of life on a quiet connection, more than nothing. Clients are told twice as much. Default 10
    /// seconds.
    pub keep_alive: Duration,
    /// How long a client may try to reconnect; the hub remembers it for 5 seconds more. Default 30 seconds.
    pub disconnect_timeout: Duration,
    /// How long a poll is held when there is nothing to tell. Default 110 seconds.
    pub connection_timeout: Duration,
    /// Before the second try of a webhook; before each later one twice as long as before the last. Default 1 second.
    pub webhook_pause: Duration,
    /// How long a webhook may take to answer. Default 10 seconds.
    pub webhook_timeout: Duration,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(10),
            disconnect_timeout: Duration::from_secs(30),
            connection_timeout: Duration::from_secs(110),
            webhook_pause: Duration::from_secs(1),
            webhook_timeout: Duration::from_secs(10),
        }
    }
}

/// Where the server POSTs to when a message comes into an instance's queue.
///
/// ```
/// use koppeltaal_sandbox::{Instance, Webhook};
///
/// let webhook = Webhook::new("http://127.0.0.1:8090/koppeltaal").header("X-Koppeltaal-Secret", "hush");
/// let epd = Instance::new("epd", "secret", "Zonnedauw").webhook(webhook);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// An absolute URL of the scheme http or https.
    pub url: String,
    /// Headers to send along, such as a secret.
    pub headers: Vec<(String, String)>,
    /// PEM text with the certificates to trust, in place of the operating system's.
    pub root_certificates: Option<String>,
}

impl Webhook {
    /// Without headers of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), root_certificates: None }
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusting these certificates, a PEM text, in place of the operating system's.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri().is_some_and(|url| url.scheme_str() == Some("https"))
    }

    fn uri(&self) -> Option<http::Uri> {
        self.url.parse().ok()
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_url =
            |url: http::Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
        let is_http = self.uri().is_some_and(is_url);
        let is_header = |(name, value): &(String, String)| {
            http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok()
        };
        if !is_http || !self.headers.iter().all(is_header) {
            return Err(ConfigError::Webhook(self.url.clone()));
        }
        match tls_config(self) {
            Ok(_) => Ok(()),
            Err(reason) => Err(ConfigError::WebhookTls { url: self.url.clone(), reason }),
        }
    }
}

impl fmt::Debug for Webhook {
    /// Leaves the values of the headers out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Webhook").field("url", &self.url).field("headers", &names).finish()
    }
}
