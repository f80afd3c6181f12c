//! The cryptography: ring, or aws-lc-rs, which has the same interface and some more algorithms. No other file
//! names either.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as library;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as library;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("koppeltaal-smart needs one of its features `ring` and `aws-lc-rs`");

pub(crate) use library::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaKeyPair};

use library::digest;
use library::rand::{SecureRandom as _, SystemRandom};
use library::signature::{
    self, EcdsaVerificationAlgorithm, RsaEncoding, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};

use secrecy::zeroize::Zeroizing;

use crate::algorithm::Algorithm;

/// How a signature of an algorithm is made and checked.
pub(crate) enum Scheme {
    Rsa(&'static dyn RsaEncoding, &'static RsaParameters),
    Ecdsa(&'static EcdsaSigningAlgorithm, &'static EcdsaVerificationAlgorithm),
    /// The library does not have it.
    #[cfg_attr(feature = "aws-lc-rs", expect(dead_code, reason = "AWS-LC has all of them"))]
    Missing,
}

pub(crate) fn scheme(algorithm: Algorithm) -> Scheme {
    match algorithm {
        Algorithm::Rs256 => Scheme::Rsa(&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Scheme::Rsa(&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Scheme::Rsa(&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Es256 => {
            Scheme::Ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &signature::ECDSA_P256_SHA256_FIXED)
        }
        Algorithm::Es384 => {
            Scheme::Ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, &signature::ECDSA_P384_SHA384_FIXED)
        }
        #[cfg(feature = "aws-lc-rs")]
        Algorithm::Es512 => {
            Scheme::Ecdsa(&signature::ECDSA_P521_SHA512_FIXED_SIGNING, &signature::ECDSA_P521_SHA512_FIXED)
        }
        #[cfg(not(feature = "aws-lc-rs"))]
        Algorithm::Es512 => Scheme::Missing,
    }
}

/// Random bytes of the operating system. `None` if it gives none.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    array.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    array
}

/// Whether an RSA signature is right. The numbers are big-endian, without leading zeros.
pub(crate) fn verify_rsa(
    parameters: &'static RsaParameters,
    (n, e): (&[u8], &[u8]),
    message: &[u8],
    signature: &[u8],
) -> bool {
    RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
}

/// Whether an ECDSA signature is right. The point is uncompressed.
pub(crate) fn verify_ecdsa(
    algorithm: &'static EcdsaVerificationAlgorithm,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
}

/// The signature by an RSA key, whose modulus has `length` bytes.
pub(crate) fn sign_rsa(
    key: &RsaKeyPair,
    encoding: &'static dyn RsaEncoding,
    length: usize,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut signature = vec![0; length];
    key.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

pub(crate) fn sign_ecdsa(key: &EcdsaKeyPair, message: &[u8]) -> Option<Vec<u8>> {
    Some(key.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

pub(crate) fn ecdsa_from_pkcs8(
    algorithm: &'static EcdsaSigningAlgorithm,
    der: &[u8],
) -> Option<EcdsaKeyPair> {
    #[cfg(feature = "aws-lc-rs")]
    return EcdsaKeyPair::from_pkcs8(algorithm, der).ok();
    #[cfg(not(feature = "aws-lc-rs"))]
    EcdsaKeyPair::from_pkcs8(algorithm, der, &SystemRandom::new()).ok()
}

/// The key with this private number and this uncompressed point, if they belong together.
pub(crate) fn ecdsa_from_numbers(
    algorithm: &'static EcdsaSigningAlgorithm,
    private: &[u8],
    point: &[u8],
) -> Option<EcdsaKeyPair> {
    #[cfg(feature = "aws-lc-rs")]
    return EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, point).ok();
    #[cfg(not(feature = "aws-lc-rs"))]
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, point, &SystemRandom::new()).ok()
}

/// A new key in PKCS#8.
pub(crate) fn generate_ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Option<Zeroizing<Vec<u8>>> {
    let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

/// A new RSA key of 3072 bits. ring does not make any.
#[cfg(feature = "aws-lc-rs")]
pub(crate) fn generate_rsa() -> Option<RsaKeyPair> {
    RsaKeyPair::generate(library::rsa::KeySize::Rsa3072).ok()
}
