//! [`OAuthError`]: the error responses of OAuth 2 (RFC 6749 sections 4.1.2.1 and 5.2).

/// The codes of RFC 6749 that the sandbox gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    ServerError,
}

impl Code {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
        }
    }
}

/// A refusal, with a description for the developer of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OAuthError {
    pub(crate) code: Code,
    pub(crate) description: &'static str,
}

impl OAuthError {
    pub(crate) fn new(code: Code, description: &'static str) -> Self {
        Self { code, description }
    }
}
