//! The `Authorization` header: Basic and Bearer, and what they cannot carry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;

use crate::secret;

/// Why credentials cannot be used. The error names the part, but not its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user name holds a colon, so that the rest of it would count as password (RFC 7617 section 2).
    #[error("the user name holds a colon, which Basic authentication cannot carry")]
    Colon,
    /// A user name or password holds a line break or another control character.
    #[error("the {part} holds a control character, which Basic authentication cannot carry")]
    Control {
        /// `user name` or `password`.
        part: &'static str,
    },
    /// A token is empty or holds a character that a header cannot carry.
    #[error("the token is empty or holds a character that a header cannot carry")]
    Token,
}

/// The header, marked as sensitive, so that no layer below shows it. `None`: a character that a header cannot
/// carry.
pub(crate) fn header(scheme: &str, credentials: &[u8]) -> Option<HeaderValue> {
    let text = secret::wiped([scheme.as_bytes(), b" ", credentials].concat());
    let mut value = HeaderValue::from_maybe_shared(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The header of Basic authentication (RFC 7617, in UTF-8).
///
/// # Errors
///
/// A character that Basic authentication cannot carry.
pub(crate) fn basic(username: &str, password: &str) -> Result<HeaderValue, CredentialsError> {
    if username.contains(':') {
        return Err(CredentialsError::Colon);
    }
    for (part, text) in [("user name", username), ("password", password)] {
        if text.chars().any(char::is_control) {
            return Err(CredentialsError::Control { part });
        }
    }
    let pair = Zeroizing::new([username, ":", password].concat());
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    // Base64 always fits into a header, so this error does not happen.
    header("Basic", encoded.as_bytes()).ok_or(CredentialsError::Control { part: "password" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_that_of_rfc_7617_and_sensitive() {
        let header = basic("Aladdin", "open sesame").expect("a header");
        assert_eq!(header.as_bytes(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(header.is_sensitive());
    }
}
