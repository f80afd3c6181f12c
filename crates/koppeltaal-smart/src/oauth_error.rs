//! [`OAuthError`]: how an OAuth endpoint refuses (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750).

use std::fmt;

use serde_json::Value;

/// A refusal of an OAuth endpoint. `Display` shows the code and what to do, `Debug` the code. Neither shows
/// the server's words, because they are made for logs, and servers quote codes and tokens.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The error code.
    pub code: OAuthErrorCode,
    /// What the server says about it. It may quote what was sent. At most 500 characters, without control
    /// characters.
    pub description: Option<String>,
}

/// The error codes of RFC 6749, and `invalid_token` of RFC 6750.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthErrorCode {
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_client`.
    InvalidClient,
    /// `invalid_grant`.
    InvalidGrant,
    /// `unauthorized_client`.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`.
    InvalidScope,
    /// `access_denied`.
    AccessDenied,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// `invalid_token`.
    InvalidToken,
    /// Words instead of a code, such as the `Access Denied` of Koppeltaal's reference service, or a code of
    /// another specification.
    Other,
}

/// Each code as OAuth writes it, and what to do.
const CODES: [(OAuthErrorCode, &str, &str); 11] = [
    (OAuthErrorCode::InvalidRequest, "invalid_request", "a parameter is missing, unknown or given twice"),
    (
        OAuthErrorCode::InvalidClient,
        "invalid_client",
        "see that the client is approved, that the server can fetch its JWKS, and that the clocks agree",
    ),
    (
        OAuthErrorCode::InvalidGrant,
        "invalid_grant",
        "the code is unknown, used up or expired, or the verifier is wrong; a new launch helps",
    ),
    (OAuthErrorCode::UnauthorizedClient, "unauthorized_client", "the client may not use this grant"),
    (OAuthErrorCode::UnsupportedGrantType, "unsupported_grant_type", "the server does not know the grant"),
    (
        OAuthErrorCode::UnsupportedResponseType,
        "unsupported_response_type",
        "the server does not know the response type",
    ),
    (OAuthErrorCode::InvalidScope, "invalid_scope", "ask for less, or have the client's role extended"),
    (OAuthErrorCode::AccessDenied, "access_denied", "the user or the server said no"),
    (OAuthErrorCode::ServerError, "server_error", "the server failed; try again later"),
    (
        OAuthErrorCode::TemporarilyUnavailable,
        "temporarily_unavailable",
        "the server is busy; try again later",
    ),
    (OAuthErrorCode::InvalidToken, "invalid_token", "the token has expired or was revoked; get a new one"),
];

/// The longest description that is kept, in characters.
const MAX_DESCRIPTION: usize = 500;

impl OAuthErrorCode {
    fn from_text(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(text.trim()))
            .map_or(Self::Other, |(code, ..)| *code)
    }

    /// The code as OAuth writes it; `other` for [`Other`](Self::Other).
    pub fn as_str(self) -> &'static str {
        CODES.iter().find(|(code, ..)| *code == self).map_or("other", |(_, text, _)| text)
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        CODES
            .iter()
            .find(|(code, ..)| *code == self)
            .map_or("the server gives no code of OAuth", |(.., advice)| advice)
    }
}

impl OAuthError {
    /// A refusal with a code and the server's words.
    pub fn new(code: &str, description: Option<&str>) -> Self {
        Self { code: OAuthErrorCode::from_text(code), description: description.map(printable) }
    }

    /// The refusal in a body: JSON of RFC 6749, or plain text. `None` for an empty body and a page in HTML.
    pub fn from_body(body: &[u8]) -> Option<Self> {
        if let Ok(json) = serde_json::from_slice::<Value>(body)
            && let Some(code) = json.get("error").and_then(Value::as_str)
        {
            return Some(Self::new(code, json.get("error_description").and_then(Value::as_str)));
        }
        let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_DESCRIPTION)]);
        let text = text.trim();
        (!text.is_empty() && !text.starts_with('<')).then(|| Self::new("", Some(text)))
    }
}

/// A text that a terminal can show, and not longer than the limit.
fn printable(text: &str) -> String {
    text.chars().take(MAX_DESCRIPTION).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for OAuthErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.code, self.code.advice())
    }
}

impl fmt::Debug for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OAuthError({})", self.code)
    }
}

impl std::error::Error for OAuthError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_as_json_and_as_text() {
        let json = OAuthError::from_body(br#"{"error":"invalid_client","error_description":"jti abc123"}"#);
        let json = json.expect("a refusal");
        assert_eq!(
            (json.code, json.description.as_deref()),
            (OAuthErrorCode::InvalidClient, Some("jti abc123"))
        );
        let text = OAuthError::from_body(b"Access Denied\n").expect("a refusal");
        assert_eq!((text.code, text.description.as_deref()), (OAuthErrorCode::Other, Some("Access Denied")));
        assert_eq!(OAuthError::from_body(b"<html>502</html>"), None);
        assert_eq!(OAuthError::from_body(b" "), None);
    }

    #[test]
    fn words_of_the_server_are_kept_and_not_shown() {
        let words = format!("\u{1b}[31mtoken abc123 {}", "x".repeat(10_000));
        let error = OAuthError::from_body(words.as_bytes()).expect("a refusal");
        assert_eq!(error.description.as_ref().map(|text| text.chars().count()), Some(MAX_DESCRIPTION));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("abc123"), "{shown}");
    }
}
