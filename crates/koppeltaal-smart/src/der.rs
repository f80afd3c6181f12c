//! The few DER structures that lead from the forms of private keys to the two that the cryptography reads:
//! PKCS#1 for RSA, PKCS#8 for EC. What is written here is checked by the library that reads it.

use secrecy::zeroize::Zeroizing;

use crate::algorithm::Curve;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The object identifier `ecPublicKey`, as DER.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// A private key in DER, wiped when it is dropped.
pub(crate) type Der = Zeroizing<Vec<u8>>;

/// An `RSAPrivateKey` (RFC 8017 appendix A.1.2) of n, e, d, p, q, dp, dq, qi.
pub(crate) fn pkcs1(numbers: &[Zeroizing<Vec<u8>>; 8]) -> Der {
    let mut content = Der::default();
    element(&mut content, INTEGER, &[0]);
    for number in numbers {
        // An integer has no needless zeros, and one when its first bit would make it negative.
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        let digits = &number[start..];
        let sign: &[u8] = if digits.first().is_none_or(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
        element(&mut content, INTEGER, &Zeroizing::new([sign, digits].concat()));
    }
    let mut der = Der::default();
    element(&mut der, SEQUENCE, &content);
    der
}

/// The PKCS#8 form (RFC 5958) of an `ECPrivateKey` (RFC 5915) on this curve.
pub(crate) fn pkcs8_of_sec1(curve: Curve, sec1: &[u8]) -> Der {
    let oid: &[u8] = match curve {
        Curve::P256 => &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        Curve::P384 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22],
        Curve::P521 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23],
    };
    let mut content = Der::default();
    element(&mut content, INTEGER, &[0]);
    element(&mut content, SEQUENCE, &[EC_PUBLIC_KEY, oid].concat());
    element(&mut content, OCTET_STRING, sec1);
    let mut der = Der::default();
    element(&mut der, SEQUENCE, &content);
    der
}

fn element(der: &mut Der, tag: u8, content: &[u8]) {
    // Reserved at once: a vector that grows leaves parts of the key in memory.
    der.reserve(content.len() + 8 + 4096);
    der.push(tag);
    let length = content.len().to_be_bytes();
    match content.len() {
        short @ 0..=127 => der.push(short as u8),
        _ => {
            let bytes = &length[length.iter().position(|byte| *byte != 0).unwrap_or(0)..];
            der.push(0x80 | bytes.len() as u8);
            der.extend_from_slice(bytes);
        }
    }
    der.extend_from_slice(content);
}
