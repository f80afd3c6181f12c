//! [`Signer`]: who signs. A [`KeyPair`](crate::KeyPair) in this process, or a device that keeps the key.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::jwk::Jwk;
use crate::jwt::Jwt;

/// Signs tokens. Implement it for a hardware module or a key service; share one as `Arc<dyn Signer>`.
pub trait Signer: Send + Sync {
    /// The algorithm of the signatures.
    fn algorithm(&self) -> Algorithm;

    /// The public key, which has to be in the JWKS that others fetch. Its `kid` goes into the header.
    fn public_key(&self) -> &Jwk;

    /// The signature of a message, in the form of JOSE: for ECDSA the two numbers one after the other, each
    /// as long as the curve (RFC 7518 section 3.4). Key services that give ASN.1 need a conversion.
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>>;
}

/// The signer does not sign.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no signature: {reason}")]
pub struct SignError {
    reason: Arc<str>,
}

impl SignError {
    /// For this reason, which must not hold a secret.
    pub fn new(reason: &str) -> Self {
        Self { reason: reason.into() }
    }
}

/// Makes a token of these claims, which have to be a JSON object. The header has `alg`, `kid` and `typ`.
///
/// # Errors
///
/// [`SignError`]: the signer fails, or the claims are no object.
pub async fn sign_jwt(signer: &(impl Signer + ?Sized), claims: &impl Serialize) -> Result<Jwt, SignError> {
    let claims = serde_json::to_value(claims).ok().filter(Value::is_object);
    let claims = claims.ok_or_else(|| SignError::new("the claims are not a JSON object"))?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(signer.algorithm().name()));
    if let Some(kid) = signer.public_key().kid() {
        header.insert("kid".to_owned(), json!(kid));
    }
    header.insert("typ".to_owned(), json!("JWT"));
    let part = |json: &Value| base64url::encode(json.to_string());
    let signed = format!("{}.{}", part(&Value::Object(header)), part(&claims));
    let signature = signer.sign(signed.as_bytes()).await?;
    Ok(Jwt::new(format!("{signed}.{}", base64url::encode(signature))))
}
