//! [`SecretHeader`]: a header that only the Koppeltaal server can send. It is compared in constant time.

use http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

use super::{WebhookConfigurationError, WebhookError};

/// A header with the values that are accepted: one, or two while a secret is being changed.
#[derive(Clone)]
pub(super) struct SecretHeader {
    pub(super) name: HeaderName,
    pub(super) accepted: Vec<SecretString>,
}

impl SecretHeader {
    /// Whether the call has the header once, with an accepted value.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), WebhookError> {
        let header = || self.name.clone();
        let mut values = headers.get_all(&self.name).iter();
        let value = values.next().ok_or_else(|| WebhookError::MissingSecret { header: header() })?;
        if values.next().is_some() {
            return Err(WebhookError::RepeatedSecret { header: header() });
        }
        // All accepted values are compared to their ends, so that the time reveals neither how many letters
        // matched nor which secret did. It reveals the length, which does not help to guess a good secret.
        let accepted = self.accepted.iter().fold(Choice::from(0), |found, secret| {
            found | secret.expose_secret().as_bytes().ct_eq(value.as_bytes())
        });
        if bool::from(accepted) { Ok(()) } else { Err(WebhookError::WrongSecret { header: header() }) }
    }
}

/// Accepts a secret that arrives in a header as it was written: printable ASCII without blanks at the ends,
/// which HTTP would strip.
pub(super) fn checked(secret: SecretString) -> Result<SecretString, WebhookConfigurationError> {
    let text = secret.expose_secret();
    let travels =
        !text.is_empty() && text.trim() == text && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if travels { Ok(secret) } else { Err(WebhookConfigurationError::Secret) }
}
