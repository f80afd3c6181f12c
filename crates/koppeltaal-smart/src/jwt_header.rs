//! [`JwtHeader`]: how a token says that it is signed.

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::jwt_error::JwtError;

/// What the header of a token says. Keys in it, and addresses of keys (`jwk`, `jku`, `x5c`, `x5u`), are not
/// read: whoever makes a token cannot say how it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JwtHeader {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Which key of the signer made the signature.
    pub kid: Option<String>,
}

impl JwtHeader {
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, JwtError> {
        let algorithm = members.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
        let algorithm = algorithm.ok_or(JwtError::Algorithm)?;
        if members.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(JwtError::Malformed("the kid is no text")),
        };
        Ok(Self { algorithm, kid })
    }
}
