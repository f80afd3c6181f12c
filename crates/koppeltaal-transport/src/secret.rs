//! Bytes that are wiped from memory when the last holder lets go of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;

use crate::credentials::CredentialsError;

/// The bytes, shared without copying by all clones, wiped after the last one.
pub(crate) fn wiped(bytes: Vec<u8>) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes))
}

/// An `Authorization` header, which no layer below shows. `None`: a character that a header cannot carry.
pub(crate) fn authorization(scheme: &str, credentials: &[u8]) -> Option<HeaderValue> {
    let text = wiped([scheme.as_bytes(), b" ", credentials].concat());
    let mut value = HeaderValue::from_maybe_shared(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// User name and password as Basic authentication writes them (RFC 7617, in UTF-8).
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
    // Base64 always fits into a header; the error is for the compiler.
    authorization("Basic", encoded.as_bytes()).ok_or(CredentialsError::Control { part: "password" })
}
