//! [`KeyPair`]: a private key in this process, made or loaded.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_core::future::BoxFuture;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use serde_json::{Map, Value};

use crate::algorithm::{Algorithm, Curve, KeyType};
use crate::backend::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaKeyPair, Scheme};
use crate::der;
use crate::jwk::{self, Jwk, PublicKey};
use crate::signer::{SignError, Signer};

/// A private key with its public key, for one algorithm. Its `kid` is the thumbprint of RFC 7638.
///
/// `Debug` shows the public key only, and there is no way to get the private key out. The texts that it is
/// read from are wiped where this crate copies them; the key itself lies in the memory of the library for
/// cryptography, which does not wipe it. Where that matters, let another process or device sign, by a
/// [`Signer`] of your own.
pub struct KeyPair {
    private: PrivateKey,
    algorithm: Algorithm,
    public: Jwk,
}

enum PrivateKey {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
}

/// Why there is no key pair. No text quotes what was read.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text has no PEM block with a private key that can be read. Encrypted ones cannot.
    #[error("the text has no PEM block with an unencrypted private key (PKCS#8, PKCS#1 or SEC1)")]
    Pem,
    /// The private JWK lacks a member, or one cannot be read.
    #[error("the private JWK cannot be read: {0}")]
    Jwk(#[from] jwk::JwkError),
    /// The key is not one for this algorithm: RS needs RSA of 2048 to 4096 bits, ES256 the curve P-256, ES384
    /// P-384, ES512 P-521. Or its parts do not belong together.
    #[error("the key is not a valid one for {0}")]
    NotFor(Algorithm),
    /// This build cannot do that.
    #[error(
        "this build cannot make a key for {0}: turn on the feature aws-lc-rs, or make one with \
         `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` and load it"
    )]
    CannotGenerate(Algorithm),
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers")]
    Randomness,
}

impl fmt::Debug for KeyError {
    /// The same as `Display`: `main` prints errors by `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError({self})")
    }
}

impl KeyPair {
    /// Makes a new key. A new one at each start of the application, published in its JWKS, is good practice.
    ///
    /// ES256 and ES384 with every build; RSA (3072 bits) and ES512 with the feature `aws-lc-rs`, since ring
    /// makes none. Without it, make an RSA key with
    /// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem` and
    /// [load](Self::from_pem) it.
    ///
    /// # Errors
    ///
    /// [`KeyError::CannotGenerate`], [`KeyError::Randomness`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        match backend::scheme(algorithm) {
            Scheme::Ecdsa(scheme, _) => {
                let der = backend::generate_ecdsa(scheme).ok_or(KeyError::Randomness)?;
                Self::from_new_ecdsa(scheme, &der, algorithm)
            }
            #[cfg(feature = "aws-lc-rs")]
            Scheme::Rsa(..) => {
                let key = backend::generate_rsa().ok_or(KeyError::Randomness)?;
                Self::new(PrivateKey::Rsa(key), algorithm)
            }
            _ => Err(KeyError::CannotGenerate(algorithm)),
        }
    }

    /// Makes a new key for ES256, ES384 or ES512, and gives its PEM (PKCS#8) with it, to be stored; the text
    /// is wiped when it is dropped. A key that was made by [`generate`](Self::generate) never leaves the
    /// process.
    ///
    /// # Errors
    ///
    /// [`KeyError::CannotGenerate`], [`KeyError::Randomness`].
    pub fn generate_with_pem(algorithm: Algorithm) -> Result<(Self, Zeroizing<String>), KeyError> {
        let Scheme::Ecdsa(scheme, _) = backend::scheme(algorithm) else {
            return Err(KeyError::CannotGenerate(algorithm));
        };
        let der = backend::generate_ecdsa(scheme).ok_or(KeyError::Randomness)?;
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(&*der));
        let mut pem = Zeroizing::new(String::with_capacity(512));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        for line in encoded.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok((Self::from_new_ecdsa(scheme, &der, algorithm)?, pem))
    }

    fn from_new_ecdsa(
        scheme: &'static EcdsaSigningAlgorithm,
        pkcs8: &[u8],
        algorithm: Algorithm,
    ) -> Result<Self, KeyError> {
        let key = backend::ecdsa_from_pkcs8(scheme, pkcs8).ok_or(KeyError::Randomness)?;
        Self::new(PrivateKey::Ecdsa(key), algorithm)
    }

    /// Reads a private key whose algorithm nobody named, in PEM or as a JWK: ES384 or ES256 for an EC key,
    /// RS512 for an RSA key, as Koppeltaal's reference service takes them.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem) and [`from_jwk`](Self::from_jwk).
    pub fn from_text(text: &[u8]) -> Result<Self, KeyError> {
        const CHOICE: [Algorithm; 3] = [Algorithm::Es384, Algorithm::Rs512, Algorithm::Es256];
        let jwk = serde_json::from_slice::<Value>(text).ok();
        let read = |algorithm| match &jwk {
            Some(jwk) => Self::from_jwk(algorithm, jwk),
            None => Self::from_pem(algorithm, text),
        };
        let [first, others @ ..] = CHOICE;
        // When none fits, the first error says what the text lacks.
        read(first)
            .or_else(|error| others.into_iter().find_map(|algorithm| read(algorithm).ok()).ok_or(error))
    }

    /// Reads an unencrypted private key in PEM: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or SEC1
    /// (`EC PRIVATE KEY`). What else is in the text, such as a certificate, is ignored.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`], [`KeyError::NotFor`].
    pub fn from_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let mut der = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
        let key = Self::from_der(algorithm, &der);
        der.zeroize();
        key
    }

    fn from_der(algorithm: Algorithm, der: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        let refused = KeyError::NotFor(algorithm);
        let key = match (backend::scheme(algorithm), der) {
            (Scheme::Rsa(..), PrivateKeyDer::Pkcs8(der)) => {
                RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok().map(PrivateKey::Rsa)
            }
            (Scheme::Rsa(..), PrivateKeyDer::Pkcs1(der)) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).ok().map(PrivateKey::Rsa)
            }
            (Scheme::Ecdsa(scheme, _), PrivateKeyDer::Pkcs8(der)) => {
                backend::ecdsa_from_pkcs8(scheme, der.secret_pkcs8_der()).map(PrivateKey::Ecdsa)
            }
            (Scheme::Ecdsa(scheme, _), PrivateKeyDer::Sec1(der)) => {
                let curve = curve_of(algorithm).ok_or(refused)?;
                let pkcs8 = der::pkcs8_of_sec1(curve, der.secret_sec1_der());
                backend::ecdsa_from_pkcs8(scheme, &pkcs8).map(PrivateKey::Ecdsa)
            }
            _ => None,
        };
        Self::new(key.ok_or(refused)?, algorithm)
    }

    /// Reads a private JWK (RFC 7517). A `kid` in it is kept. `alg` may be absent.
    ///
    /// # Errors
    ///
    /// [`KeyError::Jwk`], or [`KeyError::NotFor`] for another type, another `alg`, or parts that do not
    /// belong together.
    pub fn from_jwk(algorithm: Algorithm, jwk: &Value) -> Result<Self, KeyError> {
        let none = Map::new();
        let members = jwk.as_object().unwrap_or(&none);
        let public = Jwk::read(members)?;
        let refused = KeyError::NotFor(algorithm);
        if !public.is_for(algorithm) {
            return Err(refused);
        }
        let secret = |name| jwk::number(members, name).map(Zeroizing::new);
        let key = match (public.key(), backend::scheme(algorithm)) {
            (PublicKey::Rsa { n, e }, Scheme::Rsa(..)) => {
                let public = [n, e].map(|number| Zeroizing::new(number.clone()));
                let [n, e] = public;
                let numbers = [
                    n,
                    e,
                    secret("d")?,
                    secret("p")?,
                    secret("q")?,
                    secret("dp")?,
                    secret("dq")?,
                    secret("qi")?,
                ];
                RsaKeyPair::from_der(&der::pkcs1(&numbers)).ok().map(PrivateKey::Rsa)
            }
            (PublicKey::Ec { point, .. }, Scheme::Ecdsa(scheme, _)) => {
                backend::ecdsa_from_numbers(scheme, &secret("d")?, point).map(PrivateKey::Ecdsa)
            }
            _ => None,
        };
        let mut pair = Self::new(key.ok_or(refused)?, algorithm)?;
        if let Some(kid) = public.kid() {
            pair.public = pair.public.with_kid(kid);
        }
        Ok(pair)
    }

    /// The key pair, if it signs: ring compares some parts of an RSA key only then.
    fn new(private: PrivateKey, algorithm: Algorithm) -> Result<Self, KeyError> {
        let refused = KeyError::NotFor(algorithm);
        let key = match &private {
            PrivateKey::Rsa(key) => {
                let (n, e) = der::rsa_numbers(key.public_key().as_ref()).ok_or(refused)?;
                PublicKey::Rsa { n, e }
            }
            PrivateKey::Ecdsa(key) => PublicKey::Ec {
                curve: curve_of(algorithm).ok_or(refused)?,
                point: key.public_key().as_ref().to_vec(),
            },
        };
        let pair = Self { private, algorithm, public: Jwk::new(key, Some(algorithm)) };
        pair.sign_now(b"probe").map_err(|_| refused)?;
        Ok(pair)
    }

    /// This pair under another `kid`, instead of the thumbprint.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self { public: self.public.with_kid(kid), ..self }
    }

    fn sign_now(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = match (&self.private, backend::scheme(self.algorithm), self.public.key()) {
            (PrivateKey::Rsa(key), Scheme::Rsa(encoding, _), PublicKey::Rsa { n, .. }) => {
                backend::sign_rsa(key, encoding, n.len(), message)
            }
            (PrivateKey::Ecdsa(key), ..) => backend::sign_ecdsa(key, message),
            _ => None,
        };
        signature.ok_or_else(|| SignError::new("the key does not sign"))
    }
}

fn curve_of(algorithm: Algorithm) -> Option<Curve> {
    match algorithm.key_type() {
        KeyType::Ec(curve) => Some(curve),
        KeyType::Rsa => None,
    }
}

impl Signer for KeyPair {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn public_key(&self) -> &Jwk {
        &self.public
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(std::future::ready(self.sign_now(message)))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}
