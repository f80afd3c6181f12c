//! [`OAuthError`]: how an OAuth endpoint refuses (RFC 6749 sections 4.1.2.1 and 5.2).

use std::fmt;

use crate::oauth::members::Members;

/// A refusal of an OAuth endpoint. `Debug` and `Display` show the code, and not the server's words.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    /// The error code.
    pub code: OAuthErrorCode,
    /// What the server says about it, for developers. It may quote what was sent.
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

const CODES: [(OAuthErrorCode, &str); 11] = [
    (OAuthErrorCode::InvalidRequest, "invalid_request"),
    (OAuthErrorCode::InvalidClient, "invalid_client"),
    (OAuthErrorCode::InvalidGrant, "invalid_grant"),
    (OAuthErrorCode::UnauthorizedClient, "unauthorized_client"),
    (OAuthErrorCode::UnsupportedGrantType, "unsupported_grant_type"),
    (OAuthErrorCode::UnsupportedResponseType, "unsupported_response_type"),
    (OAuthErrorCode::InvalidScope, "invalid_scope"),
    (OAuthErrorCode::AccessDenied, "access_denied"),
    (OAuthErrorCode::ServerError, "server_error"),
    (OAuthErrorCode::TemporarilyUnavailable, "temporarily_unavailable"),
    (OAuthErrorCode::InvalidToken, "invalid_token"),
];

impl OAuthErrorCode {
    fn from_text(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(text.trim()))
            .map_or(Self::Other, |(code, _)| *code)
    }

    /// Whether the same request may succeed later, without anybody changing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::ServerError | Self::TemporarilyUnavailable)
    }

    /// The code as OAuth writes it; `other` for [`Other`](Self::Other).
    pub fn as_str(self) -> &'static str {
        CODES.iter().find(|(code, _)| *code == self).map_or("other", |(_, text)| text)
    }
}

impl OAuthError {
    pub(crate) fn new(code: &str, description: Option<String>) -> Self {
        Self { code: OAuthErrorCode::from_text(code), description }
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

impl fmt::Display for OAuthErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)
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
    fn words_of_the_server_are_not_shown() {
        let error = OAuthError::read(br#"{"error":"invalid_grant","error_description":"token abc123"}"#);
        let error = error.expect("an error");
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
        assert_eq!(format!("{error} {error:?}"), "invalid_grant OAuthError(invalid_grant)");
        assert_eq!(error.description.as_deref(), Some("token abc123"));
        assert_eq!(OAuthError::read(b"{}"), None);
        let other = OAuthError::new("abc123", None);
        assert_eq!(other.to_string(), "other");
    }
}
