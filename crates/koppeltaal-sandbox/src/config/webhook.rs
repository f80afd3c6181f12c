//! [`Webhook`]: where an instance is told that a message waits, and the check that it can be called.

use std::collections::BTreeMap;
use std::fmt;

use rustls::ClientConfig;
use serde::{Deserialize, Deserializer};

use super::{ConfigError, tls};

/// Where the server POSTs to when a message comes into an instance's queue.
///
/// ```
/// use koppeltaal_sandbox::{Instance, Webhook};
///
/// let webhook = Webhook::new("http://127.0.0.1:8090/koppeltaal").header("X-Koppeltaal-Secret", "hush");
/// let epd = Instance::new("epd", "secret", "Zonnedauw").webhook(webhook);
/// ```
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Webhook {
    /// An absolute URL of the scheme http or https.
    pub url: String,
    /// Headers to send along, such as a secret.
    #[serde(default, deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// PEM text with the certificates to trust instead of the operating system's.
    pub root_certificates: Option<String>,
}

impl Webhook {
    /// A webhook without headers of its own.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), root_certificates: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Trusts these certificates, a PEM text, instead of the operating system's.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// The TLS configuration of its calls, or why it cannot be made.
    pub(crate) fn tls(&self) -> Result<ClientConfig, String> {
        let is_https = self.uri().is_some_and(|url| url.scheme_str() == Some("https"));
        tls::config(is_https, self.root_certificates.as_deref())
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
        let unusable = |reason| ConfigError::WebhookTls { url: self.url.clone(), reason };
        self.tls().map(drop).map_err(unusable)
    }
}

impl fmt::Debug for Webhook {
    /// Leaves the values of the headers out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Webhook").field("url", &self.url).field("headers", &names).finish()
    }
}

/// Reads the headers from a configuration file, where they are a table.
fn headers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    BTreeMap::deserialize(from).map(|headers| headers.into_iter().collect())
}
