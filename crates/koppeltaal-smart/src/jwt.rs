//! [`Jwt`] and [`UnverifiedJwt`]: signed tokens in the compact form (RFC 7515 section 3.1), made and read.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::base64url;
use crate::claims::Claims;
use crate::jwk::Jwk;
use crate::jwks::Jwks;
use crate::jwt_error::{JwtError, MAX_BYTES};
use crate::jwt_header::JwtHeader;
use crate::key_source::KeySource;

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
    pub const MAX_BYTES: usize = MAX_BYTES;

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
