//! [`Error`]: why a request failed, sorted by what an application can do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use crate::discovery::DiscoveryError;
use crate::jwt_error::JwtError;
use crate::oauth_error::OAuthError;
use crate::signer::SignError;

/// Why a request failed. Cloning is cheap: all that wait for one request get the same error.
///
/// `Display` and `Debug` are made for logs: neither shows a token, a code, a key or the server's words.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server does not accept the client assertion (401 or `invalid_client`); in a launch also a wrong
    /// verifier. The administration has to approve the client, and the server must be able to fetch its JWKS
    /// and find the signer's key there.
    #[error(
        "the server does not accept the client (HTTP {status}): see that it is approved, that the server can \
         fetch its JWKS with the key that signs, and that the clocks agree"
    )]
    Authentication {
        /// The HTTP status.
        status: StatusCode,
        /// What the server said.
        error: Option<OAuthError>,
    },
    /// The server refuses the request. The same request will be refused again.
    #[error("the server refuses the request (HTTP {status}){}", with(error.as_ref()))]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// What the server said.
        error: Option<OAuthError>,
    },
    /// The server, or a proxy before it, cannot answer for now (408, 429, 5xx). Try again later.
    #[error("the server is not available (HTTP {status}); try again later")]
    Unavailable {
        /// The HTTP status.
        status: StatusCode,
        /// How long to wait, if the server said so; at most an hour.
        retry_after: Option<Duration>,
    },
    /// The request never reached the server: name, connection, TLS.
    #[error("the server cannot be reached")]
    Unreachable {
        /// The error below.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// No complete answer came in time, or the connection broke. A code may be used up: let the user launch
    /// again.
    #[error("no complete answer came from the server")]
    Interrupted {
        /// The error below.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The address is http and not of this machine. Use https, or
    /// [`HttpClient::allow_plain_http`](crate::HttpClient::allow_plain_http) in a closed network.
    #[error("the address is http, which anybody on the way can read; use https")]
    PlainHttp,
    /// The answer is not one of this protocol: an HTML page of a proxy, for instance. See that the address is
    /// right.
    #[error("the answer is not what was asked for: {problem} (HTTP {status}); see that the address is right")]
    Answer {
        /// The HTTP status.
        status: StatusCode,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The SMART configuration lacks what the request needs.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The application's own signer fails.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The `id_token` of a launch is not good. Do not let the user in.
    #[error("the id_token is not accepted: {0}")]
    IdToken(JwtError),
}

impl Error {
    /// Whether the same request may succeed later, without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. } | Self::Interrupted { .. })
            || matches!(self, Self::IdToken(JwtError::Keys(_)))
    }

    /// From an error of the HTTP library, whose URL may hold a token.
    pub(crate) fn network(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Self::Unreachable { source: Arc::new(error) }
        } else {
            Self::Interrupted { source: Arc::new(error) }
        }
    }
}

fn with(error: Option<&OAuthError>) -> String {
    error.map(|error| format!(": {error}")).unwrap_or_default()
}

impl fmt::Debug for Error {
    /// The same as `Display`, with the cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match self {
            Self::Unreachable { source } | Self::Interrupted { source } => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}
