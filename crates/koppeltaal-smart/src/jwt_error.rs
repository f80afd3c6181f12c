//! [`JwtError`]: why a token is refused.

use std::sync::Arc;

/// How long a token may be.
pub(crate) const MAX_BYTES: usize = 16 << 10;

/// Why a token is refused. No text quotes the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// The token is longer than [`UnverifiedJwt::MAX_BYTES`](crate::UnverifiedJwt::MAX_BYTES).
    #[error("the token has more than {} bytes", MAX_BYTES)]
    TooLarge,
    /// Not three parts of base64url with JSON objects in the first two, or a registered claim of another
    /// type.
    #[error("this is no signed token: {0}")]
    Malformed(&'static str),
    /// No [`Algorithm`](crate::Algorithm), or one that is not allowed here: `none`, HMAC, encryption.
    #[error("the token is signed in a way that is not accepted; use one of the algorithms that SMART names")]
    Algorithm,
    /// The header has `crit`: extensions that a reader must understand. There are none that this crate does.
    #[error("the token needs extensions (crit) that are not known")]
    Critical,
    /// None of the signer's keys can have made the signature, even after its JWKS was fetched again.
    #[error("the signer's JWKS has no key with the token's kid that is for its algorithm")]
    UnknownKey,
    /// The keys of the signer cannot be had right now.
    #[error(transparent)]
    Keys(#[from] KeySourceError),
    /// The signature is not that of the signer's key.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing.
    #[error("the token has no claim {0}")]
    Missing(&'static str),
    /// The issuer (`iss`) is not one that is accepted here.
    #[error("the token is of an issuer that is not accepted here")]
    Issuer,
    /// The subject (`sub`) is not the one it has to be.
    #[error("the subject of the token is not the one it has to be")]
    Subject,
    /// The token is for somebody else (`aud`).
    #[error("the token is for another audience")]
    Audience,
    /// The token has expired (`exp`). Ask for a new one; if it is new, compare the clocks.
    #[error("the token has expired; if it is new, compare the clocks")]
    Expired,
    /// The token is not valid yet (`nbf`), or was made in the future (`iat`).
    #[error("the token is not valid yet; compare the clocks")]
    NotYetValid,
    /// The token is valid for longer than is accepted here.
    #[error("the token is valid for longer than {limit} s")]
    Lifetime {
        /// The limit in seconds.
        limit: u64,
    },
    /// The token was used before (`jti`).
    #[error("the token was used before; each can be used once")]
    Replayed,
    /// The server that was asked about the token does not accept it. It does not say why.
    #[error("the server does not accept the token: it has expired, was used before or is for somebody else")]
    Inactive,
    /// The guard against replays cannot take more tokens, or fails. The token may be good: try again later.
    #[error("the token cannot be taken now, because the memory of used tokens is full or out of reach")]
    ReplayGuard,
}

/// The keys cannot be had right now. Nothing is known about the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys of the signer cannot be had: {reason}")]
pub struct KeySourceError {
    reason: Arc<str>,
}

impl KeySourceError {
    /// For this reason.
    pub fn new(reason: &str) -> Self {
        Self { reason: reason.into() }
    }
}
