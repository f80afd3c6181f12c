//! [`OAuthError`]: how an OAuth endpoint refuses (RFC 6749 sections 4.1.2.1 and 5.2).

use std::fmt;

use crate::oauth::description;
use crate::oauth::members::Members;

/// A refusal of an OAuth endpoint. `Display` shows the code, what it means, and what the server says about
/// it; `Debug` shows the code.
///
/// `Display` is made for logs, and servers quote codes, tokens and names of users. So it leaves out each word
/// of the server that may be one: with a digit, a sign or a capital letter, unless it is a word of OAuth. At
/// most 200 characters are shown.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The error code.
    pub code: OAuthErrorCode,
    /// What the server says about it, for developers, with all its words. It may quote what was sent. At most
    /// 500 characters, without control characters.
    pub description: Option<String>,
}

/// The error codes of RFC 6749, and `invalid_token` of RFC 6750.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OAuthErrorCode {
    /// `invalid_request`: a parameter is missing, unknown or given twice.
    InvalidRequest,
    /// `invalid_client`: the client is unknown, or its secret is wrong.
    InvalidClient,
    /// `invalid_grant`: the code or refresh token is unknown, used up, expired, or somebody else's. A new
    /// launch helps.
    InvalidGrant,
    /// `unauthorized_client`: the client may not do this.
    UnauthorizedClient,
    /// `unsupported_grant_type`.
    UnsupportedGrantType,
    /// `unsupported_response_type`.
    UnsupportedResponseType,
    /// `invalid_scope`: the launch or activation code in it is unknown, used up or expired.
    InvalidScope,
    /// `access_denied`: the user or the server said no.
    AccessDenied,
    /// `server_error`.
    ServerError,
    /// `temporarily_unavailable`.
    TemporarilyUnavailable,
    /// `invalid_token`: the access token has expired or was revoked. A new one helps.
    InvalidToken,
    /// A code that neither RFC has.
    Other,
}

/// Each code as OAuth writes it, and what it means.
const CODES: [(OAuthErrorCode, &str, &str); 11] = [
    (OAuthErrorCode::InvalidRequest, "invalid_request", "a parameter is missing, unknown or given twice"),
    (OAuthErrorCode::InvalidClient, "invalid_client", "the client is unknown, or its secret is wrong"),
    (
        OAuthErrorCode::InvalidGrant,
        "invalid_grant",
        "the code or refresh token is unknown, used up or expired; a new launch helps",
    ),
    (OAuthErrorCode::UnauthorizedClient, "unauthorized_client", "the client may not do this"),
    (
        OAuthErrorCode::UnsupportedGrantType,
        "unsupported_grant_type",
        "the server does not know the grant type",
    ),
    (
        OAuthErrorCode::UnsupportedResponseType,
        "unsupported_response_type",
        "the server does not know the response type",
    ),
    (
        OAuthErrorCode::InvalidScope,
        "invalid_scope",
        "the launch or activation code is unknown, used up or expired; a new launch helps",
    ),
    (OAuthErrorCode::AccessDenied, "access_denied", "the user or the server said no"),
    (OAuthErrorCode::ServerError, "server_error", "the server failed; try again later"),
    (
        OAuthErrorCode::TemporarilyUnavailable,
        "temporarily_unavailable",
        "the server is busy; try again later",
    ),
    (OAuthErrorCode::InvalidToken, "invalid_token", "the access token has expired or was revoked"),
];

impl OAuthErrorCode {
    fn from_text(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(text.trim()))
            .map_or(Self::Other, |(code, ..)| *code)
    }

    /// Whether the same request may succeed later, without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::ServerError | Self::TemporarilyUnavailable)
    }

    /// What the code means, and what helps.
    pub fn meaning(self) -> &'static str {
        CODES
            .iter()
            .find(|(code, ..)| *code == self)
            .map_or("a code that OAuth does not have", |(.., meaning)| meaning)
    }

    /// The code as OAuth writes it; `other` for [`Other`](Self::Other).
    pub fn as_str(self) -> &'static str {
        CODES.iter().find(|(code, ..)| *code == self).map_or("other", |(_, text, _)| text)
    }
}

impl OAuthError {
    pub(crate) fn new(code: &str, description: Option<String>) -> Self {
        Self { code: OAuthErrorCode::from_text(code), description: description.map(|text| printable(&text)) }
    }

    /// The refusal in a JSON body, if it is one.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        Self::from_members(&Members::read(body)?)
    }

    /// The refusal in a JSON object that was read, if it is one.
    pub(crate) fn from_members(members: &Members) -> Option<Self> {
        Some(Self::new(&members.text(&["error"])?, members.text(&["error_description"])))
    }

    /// The refusal in the query of a redirect, if there is one.
    pub(crate) fn from_redirect(url: &reqwest::Url) -> Option<Self> {
        let get = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Some(Self::new(&get("error")?, get("error_description")))
    }
}

/// The longest description that is kept, in characters.
const MAX_DESCRIPTION: usize = 500;

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
        write!(f, "{}, {}", self.code, self.code.meaning())?;
        match self.description.as_deref().map(str::trim) {
            None | Some("") => Ok(()),
            Some(description) => write!(f, "; the server says: {}", description::shown(description)),
        }
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
    fn words_of_the_server_are_shown_without_what_may_be_a_secret() {
        let error = OAuthError::read(br#"{"error":"invalid_grant","error_description":"token abc123"}"#);
        let error = error.expect("an error");
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
        assert_eq!(format!("{error:?}"), "OAuthError(invalid_grant)");
        assert!(error.to_string().starts_with("invalid_grant, the code or refresh token"), "{error}");
        assert!(error.to_string().ends_with("; the server says: token \u{2026}"), "{error}");
        assert_eq!(error.description.as_deref(), Some("token abc123"));
        assert_eq!(OAuthError::read(b"{}"), None);
        let other = OAuthError::new("abc123", None);
        assert_eq!(other.to_string(), "other, a code that OAuth does not have");
    }

    #[test]
    fn a_description_is_bounded_and_printable() {
        let error =
            OAuthError::new("invalid_scope", Some(format!("\u{1b}[31mgone\r\n{}", "x".repeat(10_000))));
        let description = error.description.expect("a description");
        assert!(description.starts_with(" [31mgone  xxx"), "{description}");
        assert_eq!(description.chars().count(), 500);
    }
}
