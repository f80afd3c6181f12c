//! [`Jwk`]: a public key as JSON (RFC 7517), and its thumbprint (RFC 7638).

use std::fmt;

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

use crate::algorithm::{Algorithm, Curve, KeyType};
use crate::backend::{self, Scheme};
use crate::base64url;
use crate::der::{self, SubjectPublicKey};

/// A public key for signatures, with what its JWK says about its use.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    key: PublicKey,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    /// Whether `use`, `key_ops` and `alg` allow the key to check signatures.
    verifies: bool,
}

/// The numbers of a public key, big-endian.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// Modulus and exponent, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point: 4, x, y.
    Ec { curve: Curve, point: Vec<u8> },
}

/// Why a JWK cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// It is not a JSON object, or a member that its type needs is missing or no text of base64url.
    #[error("the JWK has no readable member {0}")]
    Member(&'static str),
    /// Another key type than RSA and EC, or another curve than P-256, P-384 and P-521.
    #[error("the JWK is of a key type or curve that SMART does not use")]
    Type,
    /// An RSA modulus of fewer than 2048 or more than 8192 bits.
    #[error("the RSA key has {bits} bits; it must have 2048 to 8192")]
    Size {
        /// The length of the modulus.
        bits: usize,
    },
    /// The text has no PEM block with a public key (`PUBLIC KEY`).
    #[error("the text has no PEM block with a public key (-----BEGIN PUBLIC KEY-----)")]
    Pem,
    /// It holds the private key. Whoever publishes one has to make a new key.
    #[error("the JWK holds a private key, so anybody can sign with it; publish a new public key")]
    Private,
}

/// The members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The longest `kid` that is kept; longer ones are nobody's.
const MAX_KID: usize = 256;

impl Jwk {
    pub(crate) fn new(key: PublicKey, algorithm: Option<Algorithm>) -> Self {
        let mut jwk = Self { key, kid: None, algorithm, verifies: true };
        jwk.kid = Some(jwk.thumbprint());
        jwk
    }

    /// Reads a public key.
    ///
    /// # Errors
    ///
    /// [`JwkError`]: a key of another type, or one that holds private members.
    pub fn from_json(json: &Value) -> Result<Self, JwkError> {
        let members = json.as_object().ok_or(JwkError::Member("kty"))?;
        if PRIVATE.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::Private);
        }
        Self::read(members)
    }

    /// Reads a public key in PEM (`PUBLIC KEY`), as some applications register one instead of a JWKS. Its
    /// `kid` is the thumbprint, and it is for every algorithm of its type.
    ///
    /// # Errors
    ///
    /// [`JwkError::Pem`], [`JwkError::Type`], [`JwkError::Size`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, JwkError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| JwkError::Pem)?;
        let key = match der::subject_public_key(&der).ok_or(JwkError::Type)? {
            SubjectPublicKey::Rsa(key) => {
                let (n, e) = der::rsa_numbers(key).ok_or(JwkError::Pem)?;
                checked_rsa(n, e)?
            }
            SubjectPublicKey::Ec(curve, point) if point.len() == 1 + 2 * curve.width() && point[0] == 4 => {
                PublicKey::Ec { curve, point: point.to_vec() }
            }
            SubjectPublicKey::Ec(..) => return Err(JwkError::Pem),
        };
        Ok(Self::new(key, None))
    }

    /// Reads the public members, whatever else is there.
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let key = match text(members, "kty") {
            Some("RSA") => {
                let n = without_leading_zeros(number(members, "n")?);
                checked_rsa(n, without_leading_zeros(number(members, "e")?))?
            }
            Some("EC") => {
                let curve = text(members, "crv").and_then(Curve::from_name).ok_or(JwkError::Type)?;
                let coordinate = |name| {
                    number(members, name).and_then(|bytes| {
                        Some(bytes).filter(|b| b.len() == curve.width()).ok_or(JwkError::Member(name))
                    })
                };
                PublicKey::Ec { curve, point: point(&coordinate("x")?, &coordinate("y")?) }
            }
            Some(_) => return Err(JwkError::Type),
            None => return Err(JwkError::Member("kty")),
        };
        let named = text(members, "alg").map(Algorithm::from_name);
        let operations = members.get("key_ops").and_then(Value::as_array);
        let verifies = text(members, "use").is_none_or(|usage| usage == "sig")
            && operations.is_none_or(|all| all.iter().any(|name| name == "verify" || name == "sign"))
            && named != Some(None);
        let kid = text(members, "kid").filter(|kid| kid.len() <= MAX_KID).map(str::to_owned);
        Ok(Self { key, kid, algorithm: named.flatten(), verifies })
    }

    /// This key under another `kid`, instead of the thumbprint.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self { kid: Some(kid.into()), ..self }
    }

    /// Its name in headers. The keys of this crate have their thumbprint.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm that the key is for, if the JWK says so.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The SHA-256 thumbprint in base64url (RFC 7638).
    pub fn thumbprint(&self) -> String {
        // The mandatory members, which `members` has sorted by name.
        let members: Value = Value::Object(self.members());
        base64url::encode(backend::sha256(members.to_string().as_bytes()))
    }

    /// The key as JSON, with `use`, `key_ops`, `kid` and `alg`.
    pub fn to_json(&self) -> Value {
        let mut members = self.members();
        members.insert("use".to_owned(), json!("sig"));
        members.insert("key_ops".to_owned(), json!(["verify"]));
        if let Some(kid) = &self.kid {
            members.insert("kid".to_owned(), json!(kid));
        }
        if let Some(algorithm) = self.algorithm {
            members.insert("alg".to_owned(), json!(algorithm.name()));
        }
        Value::Object(members)
    }

    fn members(&self) -> Map<String, Value> {
        let pairs: Vec<(&str, String)> = match &self.key {
            PublicKey::Rsa { n, e } => {
                vec![("e", base64url::encode(e)), ("kty", "RSA".to_owned()), ("n", base64url::encode(n))]
            }
            PublicKey::Ec { curve, point } => {
                let (x, y) = point[1..].split_at(curve.width());
                vec![
                    ("crv", curve.name().to_owned()),
                    ("kty", "EC".to_owned()),
                    ("x", base64url::encode(x)),
                    ("y", base64url::encode(y)),
                ]
            }
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    /// Whether the key may check signatures of this algorithm: its type, `alg`, `use` and `key_ops` agree.
    pub fn is_for(&self, algorithm: Algorithm) -> bool {
        let fits = match (&self.key, algorithm.key_type()) {
            (PublicKey::Rsa { .. }, KeyType::Rsa) => true,
            (PublicKey::Ec { curve, .. }, KeyType::Ec(needed)) => *curve == needed,
            _ => false,
        };
        fits && self.verifies && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether this is the signature of the message by this key. A key that is not
    /// [for the algorithm](Self::is_for) says no.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.is_for(algorithm) {
            return false;
        }
        match (&self.key, backend::scheme(algorithm)) {
            (PublicKey::Rsa { n, e }, Scheme::Rsa(_, parameters)) => {
                backend::verify_rsa(parameters, (n, e), message, signature)
            }
            (PublicKey::Ec { point, .. }, Scheme::Ecdsa(_, scheme)) => {
                backend::verify_ecdsa(scheme, point, message, signature)
            }
            _ => false,
        }
    }

    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }
}

pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// The bytes of a number in base64url.
pub(crate) fn number(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let bytes = text(members, name).and_then(base64url::decode);
    bytes.filter(|bytes| !bytes.is_empty()).ok_or(JwkError::Member(name))
}

pub(crate) fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

/// An RSA key of a length that the libraries take.
fn checked_rsa(n: Vec<u8>, e: Vec<u8>) -> Result<PublicKey, JwkError> {
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(2048..=8192).contains(&bits) {
        return Err(JwkError::Size { bits });
    }
    Ok(PublicKey::Rsa { n, e })
}

/// Some libraries write a zero before a number whose first bit is set, which changes its thumbprint.
fn without_leading_zeros(bytes: Vec<u8>) -> Vec<u8> {
    match bytes.iter().position(|byte| *byte != 0) {
        Some(0) => bytes,
        Some(zeros) => bytes[zeros..].to_vec(),
        None => Vec::new(),
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.key {
            PublicKey::Rsa { n, .. } => format!("RSA, {} bits", n.len() * 8),
            PublicKey::Ec { curve, .. } => curve.name().to_owned(),
        };
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .field("key", &kind)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 section 3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc\
        _BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQ\
        R0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bF\
        TWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn rsa() -> Value {
        json!({"kty": "RSA", "n": N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let jwk = Jwk::from_json(&rsa()).expect("a key");
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(jwk.kid(), Some("2011-04-29"));
    }

    #[test]
    fn a_leading_zero_does_not_change_the_thumbprint() {
        let plain = Jwk::from_json(&rsa()).expect("a key");
        let mut padded = rsa();
        let n = base64url::decode(N).expect("base64");
        padded["n"] = json!(base64url::encode([&[0], n.as_slice()].concat()));
        assert_eq!(Jwk::from_json(&padded).expect("a key").thumbprint(), plain.thumbprint());
    }

    #[test]
    fn a_key_checks_only_what_its_jwk_allows() {
        let with = |name: &str, value: Value| {
            let mut json = rsa();
            json[name] = value;
            Jwk::from_json(&json).expect("a key")
        };
        assert!(with("use", json!("sig")).is_for(Algorithm::Rs256));
        assert!(with("key_ops", json!(["verify"])).is_for(Algorithm::Rs256));
        assert!(!with("use", json!("enc")).is_for(Algorithm::Rs256));
        assert!(!with("key_ops", json!(["encrypt"])).is_for(Algorithm::Rs256));
        assert!(!with("alg", json!("RS384")).is_for(Algorithm::Rs256));
        assert!(!with("alg", json!("PS256")).is_for(Algorithm::Rs256));
        assert!(!with("alg", json!("RS256")).is_for(Algorithm::Es256));
        assert!(with("alg", Value::Null).is_for(Algorithm::Rs512));
    }

    #[test]
    fn a_key_that_cannot_be_used_says_why() {
        let with = |name: &str, value: Value| {
            let mut json = rsa();
            json[name] = value;
            Jwk::from_json(&json).expect_err("no key")
        };
        assert_eq!(with("d", json!("AQAB")), JwkError::Private);
        assert_eq!(with("kty", json!("oct")), JwkError::Type);
        assert_eq!(with("kty", Value::Null), JwkError::Member("kty"));
        assert_eq!(with("n", json!("AQAB")), JwkError::Size { bits: 17 });
        assert_eq!(with("n", json!("")), JwkError::Member("n"));
        assert_eq!(with("n", json!("AAAA")), JwkError::Size { bits: 0 });
        assert_eq!(with("e", json!("A Q")), JwkError::Member("e"));
        let short = json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"});
        assert_eq!(Jwk::from_json(&short), Err(JwkError::Member("x")));
        assert_eq!(Jwk::from_json(&json!([])), Err(JwkError::Member("kty")));
    }
}
