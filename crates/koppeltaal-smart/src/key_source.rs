//! [`KeySource`]: where the keys that check a token come from.

use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::jwk::Jwk;
use crate::jwks::Jwks;
use crate::jwt_error::KeySourceError;
use crate::jwt_header::JwtHeader;

/// Gives the keys of one signer: a [`Jwks`] in memory, or one that is fetched (`JwksClient`).
pub trait KeySource: Send + Sync {
    /// The keys that may have made the signature of a token with this header; none if there are none.
    fn keys_for<'a>(&'a self, header: &'a JwtHeader) -> BoxFuture<'a, Result<Vec<Jwk>, KeySourceError>>;
}

impl KeySource for Jwks {
    fn keys_for<'a>(&'a self, header: &'a JwtHeader) -> BoxFuture<'a, Result<Vec<Jwk>, KeySourceError>> {
        let keys = self.candidates(header.kid.as_deref(), header.algorithm).cloned().collect();
        Box::pin(std::future::ready(Ok(keys)))
    }
}

impl<T: KeySource + ?Sized> KeySource for Arc<T> {
    fn keys_for<'a>(&'a self, header: &'a JwtHeader) -> BoxFuture<'a, Result<Vec<Jwk>, KeySourceError>> {
        (**self).keys_for(header)
    }
}
