//! [`Algorithm`]: the signature algorithms that SMART and HTI know.

use std::fmt;

use serde_json::Value;

/// A signature algorithm of JOSE (RFC 7518 section 3.1) that SMART backend services or HTI name. There is no
/// `none` and no HMAC: a token with one of those is refused before a key is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA (PKCS#1 v1.5) with SHA-256.
    Rs256,
    /// RSA with SHA-384. One of the two that SMART names.
    Rs384,
    /// RSA with SHA-512. What Koppeltaal's reference services sign with.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384. One of the two that SMART names.
    Es384,
    /// ECDSA on P-521 with SHA-512. Needs the feature `aws-lc-rs`.
    Es512,
}

/// The type of a key that an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyType {
    Rsa,
    Ec(Curve),
}

/// A curve of RFC 7518 section 6.2.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// Each algorithm with its name and the type of its keys.
const ALGORITHMS: [(Algorithm, &str, KeyType); 6] = [
    (Algorithm::Rs256, "RS256", KeyType::Rsa),
    (Algorithm::Rs384, "RS384", KeyType::Rsa),
    (Algorithm::Rs512, "RS512", KeyType::Rsa),
    (Algorithm::Es256, "ES256", KeyType::Ec(Curve::P256)),
    (Algorithm::Es384, "ES384", KeyType::Ec(Curve::P384)),
    (Algorithm::Es512, "ES512", KeyType::Ec(Curve::P521)),
];

/// Each curve with its name and the bytes of a coordinate.
const CURVES: [(Curve, &str, usize); 3] =
    [(Curve::P256, "P-256", 32), (Curve::P384, "P-384", 48), (Curve::P521, "P-521", 66)];

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Es256, Self::Es384, Self::Es512];

    /// The algorithm with this name. Names are compared with case, as RFC 7515 says.
    pub fn from_name(name: &str) -> Option<Self> {
        ALGORITHMS.iter().find(|(_, known, _)| *known == name).map(|(algorithm, ..)| *algorithm)
    }

    /// The name that stands in a header.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn key_type(self) -> KeyType {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, KeyType) {
        // The rows are in the order of the variants; a test compares them.
        &ALGORITHMS[self as usize]
    }

    /// The names of these algorithms as JSON, for documents of discovery.
    pub fn names(algorithms: &[Self]) -> Value {
        algorithms.iter().map(|algorithm| algorithm.name()).collect()
    }
}

impl Curve {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        CURVES.iter().find(|(_, known, _)| *known == name).map(|(curve, ..)| *curve)
    }

    pub(crate) fn name(self) -> &'static str {
        CURVES[self as usize].1
    }

    /// The number of bytes of a coordinate.
    pub(crate) fn width(self) -> usize {
        CURVES[self as usize].2
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_own_row() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            assert_eq!(Curve::from_name(curve.name()), Some(curve));
        }
        for other in ["none", "HS256", "PS256", "rs256", ""] {
            assert_eq!(Algorithm::from_name(other), None);
        }
    }
}
