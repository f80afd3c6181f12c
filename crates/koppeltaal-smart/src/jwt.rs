//! [`Jwt`] and [`UnverifiedJwt`]: signed tokens in the compact form (RFC 7515 section 3.1), made and read.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::claims::Claims;
use crate::jwk::Jwk;
use crate::jwks::Jwks;
use crate::key_source::{KeySource, KeySourceError};

/// A signed token. A secret: `Debug` does not show it, and it is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Jwt(SecretString);

/// A token that was read and not checked yet. Nothing in it can be believed.
#[derive(Clone)]
pub struct UnverifiedJwt {
    header: JwtHeader,
    claims: Claims,
    signed: SecretString,
    signature: Vec<u8>,
}

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

/// Why a token is refused. No text quotes the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// The token is longer than [`UnverifiedJwt::MAX_BYTES`].
    #[error("the token has more than {} bytes", UnverifiedJwt::MAX_BYTES)]
    TooLarge,
    /// Not three parts of base64url with JSON objects in the first two, or a registered claim of another type.
    #[error("this is no signed token: {0}")]
    Malformed(&'static str),
    /// No algorithm of [`Algorithm`], or one that is not allowed here: `none`, HMAC, encryption.
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

impl Jwt {
    pub(crate) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        self.0.expose_secret()
    }
}

impl UnverifiedJwt {
    /// How long a token may be. Those of Koppeltaal have 1 to 2 kB.
    pub const MAX_BYTES: usize = 16 << 10;

    /// Reads a token.
    ///
    /// # Errors
    ///
    /// [`JwtError::TooLarge`], [`Malformed`](JwtError::Malformed), [`Algorithm`](JwtError::Algorithm),
    /// [`Critical`](JwtError::Critical).
    pub fn parse(token: &str) -> Result<Self, JwtError> {
        let token = token.trim();
        if token.len() > Self::MAX_BYTES {
            return Err(JwtError::TooLarge);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), next) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwtError::Malformed("a token has three parts with dots between them"));
        };
        if next.is_some() {
            return Err(JwtError::Malformed("it has more than three parts, as an encrypted token has"));
        }
        let header =
            JwtHeader::read(&object(header).ok_or(JwtError::Malformed("the header is no JSON object"))?)?;
        let claims = object(claims).ok_or(JwtError::Malformed("the claims are no JSON object"))?;
        let signature =
            base64url::decode(signature).ok_or(JwtError::Malformed("the signature is not in base64url"))?;
        let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
        Ok(Self { header, claims: Claims::new(claims), signed: signed.into(), signature })
    }

    /// What the header says.
    pub fn header(&self) -> &JwtHeader {
        &self.header
    }

    /// What the token claims, before anybody knows whether it is true: to find out whose keys check it.
    pub fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// Checks the signature against these keys. Returns the claims, whose times, issuer and audience a
    /// [`Validation`](crate::Validation) then checks.
    ///
    /// # Errors
    ///
    /// [`JwtError::UnknownKey`], [`JwtError::Signature`].
    pub fn verify(&self, keys: &Jwks) -> Result<&Claims, JwtError> {
        let header = &self.header;
        self.verify_by(keys.candidates(header.kid.as_deref(), header.algorithm))
    }

    /// Checks the signature against the keys of a source, which may have to fetch them.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify), and [`JwtError::Keys`].
    pub async fn verify_with(&self, source: &(impl KeySource + ?Sized)) -> Result<&Claims, JwtError> {
        let keys = source.keys_for(&self.header).await?;
        self.verify_by(keys.iter())
    }

    fn verify_by<'a>(&self, keys: impl Iterator<Item = &'a Jwk>) -> Result<&Claims, JwtError> {
        let mut refusal = JwtError::UnknownKey;
        for key in keys {
            if key.verify(self.header.algorithm, self.signed.expose_secret().as_bytes(), &self.signature) {
                return Ok(&self.claims);
            }
            refusal = JwtError::Signature;
        }
        Err(refusal)
    }
}

impl JwtHeader {
    fn read(members: &Map<String, Value>) -> Result<Self, JwtError> {
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

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&base64url::decode(part)?).ok()
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwt({} bytes)", self.as_str().len())
    }
}

impl fmt::Debug for UnverifiedJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJwt").field("header", &self.header).finish_non_exhaustive()
    }
}
