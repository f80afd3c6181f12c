//! [`Webhook`]: checks that a call comes from the Koppeltaal server, and reads its headers. It works with any
//! web framework, since it needs only the head of an [`http::Request`].
//!
//! The server POSTs with an empty body to an address that was configured for the application instance, up to
//! five times until the answer is a success. A call means "look for messages now" and nothing more, so a
//! forged one can only make the receiver look.

mod category;
mod secret;
mod service;

use std::fmt;

use http::{HeaderMap, HeaderName, Method, Request, StatusCode, request};
use secrecy::SecretString;

use self::secret::SecretHeader;
pub use self::service::WebhookService;

/// The header that holds the identifier of the message. Names of headers are compared without case.
const MESSAGE_IDENTIFIER: HeaderName = HeaderName::from_static("koppeltaalmessageidentifier");

/// Checks the calls of the Koppeltaal server.
///
/// ```
/// use http::Request;
/// use koppeltaal_push::{Webhook, WebhookError};
///
/// let webhook = Webhook::with_secret("X-Koppeltaal-Secret", "correct horse")?;
/// let webhook = webhook.only_domain("Zorggroep Noord");
///
/// let call = Request::post("/koppeltaal")
///     .header("X-Koppeltaal-Secret", "correct horse")
///     .header("Category", "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Zorggroep Noord; \
///                          scheme=\"http://hl7.org/fhir/tag/security\"; label=\"Zorggroep Noord\"")
///     .header("KoppeltaalMessageIdentifier", "0ea9d9ae-6b5c-4bc6-a0d6-3fe0d2f1ae51")
///     .body(())?;
/// let notification = webhook.check(&call)?;
/// assert_eq!(notification.domain.as_deref(), Some("Zorggroep Noord"));
/// assert_eq!(notification.message_identifier.as_deref(), Some("0ea9d9ae-6b5c-4bc6-a0d6-3fe0d2f1ae51"));
///
/// let forged = Request::post("/koppeltaal").header("X-Koppeltaal-Secret", "guessed").body(())?;
/// assert!(matches!(webhook.check(&forged), Err(WebhookError::WrongSecret { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Webhook {
    secrets: Vec<SecretHeader>,
    domain: Option<String>,
}

/// The headers of a call, for logs. The call itself says "look now".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct WebhookNotification {
    /// The domain that the message lies in, from the `Category` header. Servers before 1.3.8 do not send it.
    pub domain: Option<String>,
    /// `MessageHeader.identifier` of the message, from the `KoppeltaalMessageIdentifier` header. Servers
    /// before 1.3.8 do not send it.
    pub message_identifier: Option<String>,
}

/// Why a call is not accepted. No text holds a secret, neither the right one nor a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The server only POSTs.
    #[error("the method is {method} instead of POST")]
    Method {
        /// The method of the call.
        method: Method,
    },
    /// The header that authenticates the caller is missing.
    #[error("the header {header} is missing")]
    MissingSecret {
        /// The header.
        header: HeaderName,
    },
    /// The header that authenticates the caller has none of the configured values.
    #[error("the header {header} has a wrong value")]
    WrongSecret {
        /// The header.
        header: HeaderName,
    },
    /// The header that authenticates the caller is there more than once. Choosing one would be a guess.
    #[error("the header {header} is there more than once")]
    RepeatedSecret {
        /// The header.
        header: HeaderName,
    },
    /// The call is about another domain than the one chosen with [`Webhook::only_domain`].
    #[error("the call is about domain {found:?}")]
    OtherDomain {
        /// The domain that the call names.
        found: String,
    },
}

/// Why a webhook cannot require this header of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookConfigurationError {
    /// The name cannot be that of a header.
    #[error("the name of the header has characters that no header can have")]
    HeaderName,
    /// The secret is empty, has a blank at an end, or holds something other than printable ASCII. It would
    /// not arrive as it is written, so that no call would be accepted, or every call.
    #[error("the secret is empty, has blanks around it or characters that a header does not carry")]
    Secret,
}

impl Webhook {
    /// Accepts calls that have this header with this value. The server sends the headers that were configured
    /// for the application instance, such as `X-Koppeltaal-Secret`.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigurationError`]: a name or value that a header cannot have.
    pub fn with_secret(
        header: &str,
        secret: impl Into<SecretString>,
    ) -> Result<Self, WebhookConfigurationError> {
        Self::without_secret().and_secret(header, secret)
    }

    /// Accepts every POST. This is for networks where only the Koppeltaal server can call, since anyone who
    /// reaches the address can make the application look for messages as often as they like.
    pub fn without_secret() -> Self {
        Self { secrets: Vec::new(), domain: None }
    }

    /// Requires one more header. For a header that is required already, accepts one more value, so that a
    /// secret can be changed at the server and here without losing calls in between.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigurationError`]: a name or value that a header cannot have.
    pub fn and_secret(
        mut self,
        header: &str,
        secret: impl Into<SecretString>,
    ) -> Result<Self, WebhookConfigurationError> {
        let header = HeaderName::try_from(header).map_err(|_| WebhookConfigurationError::HeaderName)?;
        let secret = secret::checked(secret.into())?;
        match self.secrets.iter_mut().find(|known| known.name == header) {
            Some(known) => known.accepted.push(secret),
            None => self.secrets.push(SecretHeader { name: header, accepted: vec![secret] }),
        }
        Ok(self)
    }

    /// Refuses calls that name another domain. Calls that name none are still accepted: servers before 1.3.8
    /// name none.
    ///
    /// Names are compared verbatim, blanks included.
    pub fn only_domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Checks a request and reads its headers. The body does not matter.
    ///
    /// # Errors
    ///
    /// [`WebhookError`]: the request does not come from the Koppeltaal server, or is not meant for this
    /// application.
    pub fn check<B>(&self, request: &Request<B>) -> Result<WebhookNotification, WebhookError> {
        self.check_head(request.method(), request.headers())
    }

    /// The same for the head of a request, without its body.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn check_parts(&self, parts: &request::Parts) -> Result<WebhookNotification, WebhookError> {
        self.check_head(&parts.method, &parts.headers)
    }

    fn check_head(&self, method: &Method, headers: &HeaderMap) -> Result<WebhookNotification, WebhookError> {
        if method != Method::POST {
            return Err(WebhookError::Method { method: method.clone() });
        }
        // Before anything that the call says: a caller without the secret learns nothing from the answer.
        for secret in &self.secrets {
            secret.check(headers)?;
        }
        let notification = WebhookNotification::read(headers);
        match (&self.domain, &notification.domain) {
            (Some(expected), Some(found)) if expected != found => {
                Err(WebhookError::OtherDomain { found: found.clone() })
            }
            _ => Ok(notification),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.secrets.iter().map(|secret| &secret.name).collect();
        f.debug_struct("Webhook").field("secret_headers", &headers).field("domain", &self.domain).finish()
    }
}

impl WebhookNotification {
    /// Reads the documented headers; those that are not there or empty are `None`.
    fn read(headers: &HeaderMap) -> Self {
        Self { domain: category::domain(headers), message_identifier: first(headers, &MESSAGE_IDENTIFIER) }
    }
}

impl WebhookError {
    /// The status to answer with.
    ///
    /// For a missing or wrong secret it is 403, not 401, which would have to name a way to log in.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::MissingSecret { .. }
            | Self::WrongSecret { .. }
            | Self::RepeatedSecret { .. }
            | Self::OtherDomain { .. } => StatusCode::FORBIDDEN,
        }
    }
}

/// The text of a header's first value, without blanks around it.
fn first(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| text(value.as_bytes()).trim().to_owned()).filter(|text| !text.is_empty())
}

/// The bytes of a header as text. HTTP defines no encoding. They are read as UTF-8, as everywhere in
/// Koppeltaal, or else as Latin-1, the former encoding of HTTP, in which any bytes are text.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests;
