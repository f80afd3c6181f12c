//! The few DER structures between the forms of keys and the ones that the cryptography reads and gives:
//! PKCS#1 for RSA, PKCS#8 for EC, the public key of a certificate for both. What is written here is checked
//! by the library that reads it.

use secrecy::zeroize::Zeroizing;

use crate::algorithm::Curve;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// The object identifier `ecPublicKey`, as DER.
const EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];

/// The object identifier `rsaEncryption`, as DER.
const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];

/// A public key in a `SubjectPublicKeyInfo`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SubjectPublicKey<'a> {
    /// An `RSAPublicKey`.
    Rsa(&'a [u8]),
    /// A point on the curve.
    Ec(Curve, &'a [u8]),
}

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
    let mut content = Der::default();
    element(&mut content, INTEGER, &[0]);
    element(&mut content, SEQUENCE, &[EC_PUBLIC_KEY, oid(curve)].concat());
    element(&mut content, OCTET_STRING, sec1);
    let mut der = Der::default();
    element(&mut der, SEQUENCE, &content);
    der
}

/// The object identifier of a curve, as DER.
fn oid(curve: Curve) -> &'static [u8] {
    match curve {
        Curve::P256 => &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07],
        Curve::P384 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22],
        Curve::P521 => &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23],
    }
}

/// The key in a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7). `None` if it is of another kind.
pub(crate) fn subject_public_key(der: &[u8]) -> Option<SubjectPublicKey<'_>> {
    let (content, _) = read(SEQUENCE, der)?;
    let (algorithm, rest) = read(SEQUENCE, content)?;
    let (bits, _) = read(BIT_STRING, rest)?;
    // The first byte counts the bits that are not used: none.
    let key = bits.strip_prefix(&[0])?;
    if algorithm.starts_with(RSA_ENCRYPTION) {
        return Some(SubjectPublicKey::Rsa(key));
    }
    let parameters = algorithm.strip_prefix(EC_PUBLIC_KEY)?;
    let curve =
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| parameters == oid(*curve))?;
    Some(SubjectPublicKey::Ec(curve, key))
}

/// The modulus and the exponent in an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
pub(crate) fn rsa_numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (content, _) = read(SEQUENCE, der)?;
    let (n, rest) = read(INTEGER, content)?;
    let (e, _) = read(INTEGER, rest)?;
    let number = |digits: &[u8]| digits.strip_prefix(&[0]).unwrap_or(digits).to_vec();
    Some((number(n), number(e)))
}

/// The content of the first element, and what follows it.
fn read(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..=127 => (short, rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(long & 0x7F)?;
            let length = bytes
                .iter()
                .try_fold(0_usize, |length, byte| length.checked_mul(256)?.checked_add(usize::from(*byte)))?;
            (length, rest)
        }
    };
    rest.split_at_checked(length).filter(|_| *found == tag)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read_with_their_signs() {
        // A number whose first bit is set gets a zero, and a needless zero is dropped.
        let numbers = [vec![0x80; 300], vec![0, 1, 0, 1]].map(Zeroizing::new);
        let [n, e] = &numbers;
        let mut content = Der::default();
        element(&mut content, INTEGER, &[&[0], n.as_slice()].concat());
        element(&mut content, INTEGER, &e[1..]);
        let mut der = Der::default();
        element(&mut der, SEQUENCE, &content);
        assert_eq!(rsa_numbers(&der), Some((vec![0x80; 300], vec![1, 0, 1])));
        for cut in 0..der.len() {
            assert_eq!(rsa_numbers(&der[..cut]), None, "cut off at {cut}");
        }
        assert_eq!(rsa_numbers(&[SEQUENCE, 0xFF]), None);
    }
}
