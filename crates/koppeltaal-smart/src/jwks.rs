//! [`Jwks`]: a document with public keys (RFC 7517 section 5).

use serde_json::{Value, json};

use crate::algorithm::Algorithm;
use crate::jwk::Jwk;

/// A set of public keys: an application's own, or those of somebody else.
///
/// Several live keys are normal: a new key is published before it signs, and an old one stays until its last
/// token has expired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jwks {
    keys: Vec<Jwk>,
    skipped: usize,
}

/// The text is not that of a JWKS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is no JWKS: it has to be a JSON object whose member `keys` is an array")]
pub struct NotAJwks;

/// How many keys of a document are read. Real ones have a handful.
const MAX_KEYS: usize = 100;

impl Jwks {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        Self { keys: keys.into_iter().collect(), skipped: 0 }
    }

    /// Reads a document. Keys that SMART has no use for, such as those for encryption by other algorithms,
    /// and keys beyond the hundredth are [skipped](Self::skipped), as RFC 7517 says.
    ///
    /// # Errors
    ///
    /// [`NotAJwks`].
    pub fn from_json(text: &[u8]) -> Result<Self, NotAJwks> {
        let document: Value = serde_json::from_slice(text).map_err(|_| NotAJwks)?;
        let listed = document.get("keys").and_then(Value::as_array).ok_or(NotAJwks)?;
        let keys: Vec<_> = listed.iter().filter_map(|key| Jwk::from_json(key).ok()).take(MAX_KEYS).collect();
        let skipped = listed.len() - keys.len();
        Ok(Self { keys, skipped })
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.keys.iter().map(Jwk::to_json).collect::<Vec<_>>() })
    }

    /// The keys.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// How many keys of the document were not read.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The keys that may have made a signature: those for the algorithm, with this `kid` if the token names
    /// one.
    pub fn candidates<'a>(
        &'a self,
        kid: Option<&'a str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'a Jwk> {
        self.keys
            .iter()
            .filter(move |key| kid.is_none_or(|kid| key.kid() == Some(kid)) && key.is_for(algorithm))
    }
}

impl FromIterator<Jwk> for Jwks {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self::new(keys)
    }
}
