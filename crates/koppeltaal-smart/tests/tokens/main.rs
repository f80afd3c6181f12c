//! Keys, tokens, launches and assertions, without a network.

mod assertions;
mod hostile;
mod hti;
mod keys;

use std::time::{Duration, SystemTime};

use koppeltaal_smart::{Algorithm, Jwks, KeyPair, Signer as _};

/// A moment in 2026 at which every token of these tests is made or checked.
fn now() -> SystemTime {
    at(1_780_000_000)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The RSA key of the tests.
fn rsa(algorithm: Algorithm) -> KeyPair {
    KeyPair::from_pem(algorithm, include_bytes!("../keys/rsa.pkcs8.pem")).expect("the key of the tests")
}

fn ec() -> KeyPair {
    KeyPair::generate(Algorithm::Es384).expect("a key")
}

fn jwks(key: &KeyPair) -> Jwks {
    Jwks::new([key.public_key().clone()])
}
