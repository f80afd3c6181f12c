//! [`BuildError`]: why a client cannot be built.

/// Why a [`Client`](crate::Client) cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The address of the server is not a URL, or has parts that it must not have.
    #[error("the server's address cannot be used: {0}")]
    Url(String),
    /// The address has `http:` and is not this machine: passwords and patient data would travel unencrypted.
    #[error(
        "{host} is to be reached without TLS; use https, or `ClientBuilder::danger_allow_plain_http` in a closed network"
    )]
    InsecureUrl {
        /// The host of the address.
        host: String,
    },
    /// A certificate or private key cannot be read.
    #[error("a certificate or key cannot be read: {0}")]
    Certificate(String),
    /// TLS cannot be set up, for instance because this machine has no certificate authorities.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// Neither feature `ring` nor `aws-lc-rs` is on, and the application installed no rustls provider of its
    /// own.
    #[error("no cryptography for TLS: switch on feature `ring` or `aws-lc-rs`")]
    NoCryptography,
    /// The proxy's address cannot be used. The error does not repeat it: it may hold a password.
    #[error("the proxy's address cannot be used: expected http://HOST:PORT or https://HOST:PORT")]
    Proxy,
    /// The HTTP client refuses its options, for instance a user agent with a line break.
    #[error("the HTTP client cannot be set up: {0}")]
    Http(String),
}
