//! The primitives that are text with a convention: uri, code, id, oid, uuid, base64Binary, and of later
//! versions url, canonical, time.
//!
//! They hold any text. `From` takes it as it is, `parse` checks it, validation reports what breaks the
//! convention.

use std::borrow::Cow;

use super::scalar::{Reading, Scalar, ScalarKind};
use super::{is_xml_space, lexical};

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(String);

        lexical!($name);

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl Scalar for $name {
            const KIND: ScalarKind = ScalarKind::$name;

            fn read(text: &str) -> Reading<Self> {
                let read: fn(&str) -> fn(Self) -> Reading<Self> = $read;
                read(text)(Self(text.to_owned()))
            }

            fn to_text(&self) -> Cow<'_, str> {
                Cow::Borrowed(&self.0)
            }

            fn is_text(&self, _: &str) -> bool {
                true
            }
        }
    };
}

text_type! {
    /// A `uri`: absolute or relative, case-sensitive. Koppeltaal's own hold blanks, so it is not parsed.
    Uri, |_| Reading::Valid
}
text_type! {
    /// A `code`: a token without leading, trailing or double blanks.
    Code, read_code
}
text_type! {
    /// An `id`: by the standard 1 to 36 of a-z, 0-9, `-` and `.`. Real senders use capitals and more
    /// characters.
    Id, |text| valid_if(is_id(text))
}
text_type! {
    /// An `id` of versions after DSTU1: 1 to 64 of A-Z, a-z, 0-9, `-` and `.`.
    LongId, |text| valid_if(is_long_id(text))
}
text_type! {
    /// A `url`: a URI that locates something. Not parsed.
    Url, |_| Reading::Valid
}
text_type! {
    /// A `canonical`: the URL of a definition, with `|` and a version if one is meant. Not parsed.
    Canonical, |_| Reading::Valid
}
text_type! {
    /// A `time` of a day, without a date and an offset: `hh:mm:ss`, and a fraction of a second.
    Time, |text| valid_if(is_time(text))
}
text_type! {
    /// An `oid`, written as a URI: `urn:oid:1.2.3`.
    Oid, |text| valid_if(is_oid(text))
}
text_type! {
    /// A `uuid`, written as a URI: `urn:uuid:` and lower-case hexadecimal digits.
    Uuid, |text| valid_if(is_uuid(text))
}
text_type! {
    /// A `base64Binary`, as text; white space inside is legal and kept.
    Base64Binary, |text| valid_if(is_base64(text))
}

fn valid_if<T>(is_valid: bool) -> fn(T) -> Reading<T> {
    if is_valid { Reading::Valid } else { Reading::Doubtful }
}

/// The schema collapses blanks before it validates; the prose forbids blanks that would be collapsed.
fn read_code<T>(text: &str) -> fn(T) -> Reading<T> {
    let bytes = text.as_bytes();
    let is_space = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    if bytes.iter().all(|byte| is_space(Some(byte))) {
        return Reading::Doubtful;
    }
    let is_proper = !is_space(bytes.first())
        && !is_space(bytes.last())
        && bytes.windows(2).all(|pair| !matches!(pair[0], b'\t' | b'\n' | b'\r') && pair != b"  ");
    if is_proper { Reading::Valid } else { Reading::Lax }
}

/// Whether DSTU1 allows an id to be so.
#[doc(hidden)]
pub fn is_id(text: &str) -> bool {
    (1..=36).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
}

fn is_long_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

fn is_time(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = whole.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return false };
    let fits = |part: &str, end: u8| {
        part.len() == 2 && digits(part) && part.parse::<u8>().is_ok_and(|number| number < end)
    };
    fits(hour, 24) && fits(minute, 60) && fits(second, 61) && fraction.is_none_or(digits)
}

fn is_oid(text: &str) -> bool {
    // Like an anyURI: the schema trims blanks before it validates.
    text.trim_matches(is_xml_space).strip_prefix("urn:oid:").is_some_and(|arcs| {
        arcs.split('.').all(|arc| {
            !arc.is_empty()
                && arc.bytes().all(|byte| byte.is_ascii_digit())
                && (arc == "0" || !arc.starts_with('0'))
        })
    })
}

fn is_uuid(text: &str) -> bool {
    text.trim_matches(is_xml_space).strip_prefix("urn:uuid:").is_some_and(|digits| {
        digits.len() == 36
            && digits.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            })
    })
}

/// Groups of four digits, the last one padded; blanks between digits do not count (RFC 4648 and
/// xs:base64Binary).
fn is_base64(text: &str) -> bool {
    let (mut digits, mut padding, mut last) = (0_usize, 0_usize, 0_u8);
    for byte in text.bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'=' => padding += 1,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => {
                digits += 1;
                last = byte;
            }
            _ => return false,
        }
    }
    // The bits that padding leaves over must be zero.
    let spare_bits_clear = match padding {
        0 => true,
        1 => b"AEIMQUYcgkosw048".contains(&last),
        2 => b"AQgw".contains(&last),
        _ => return false,
    };
    spare_bits_clear && (digits + padding).is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_checks_what_from_takes_unseen() {
        assert!("urn:oid:2.16.840".parse::<Oid>().is_ok());
        assert!("urn:oid:2.016".parse::<Oid>().is_err());
        assert!("6c486493-f22d".parse::<Id>().is_ok());
        assert!("cid:B01".parse::<Id>().is_err());
        assert_eq!(Id::from("cid:B01").as_str(), "cid:B01");
        assert!("Ab.9-".parse::<LongId>().is_ok());
        assert!("a_b".parse::<LongId>().is_err());
        assert!("23:59:60.5".parse::<Time>().is_ok());
        assert!("24:00:00".parse::<Time>().is_err());
        assert!("12:30".parse::<Time>().is_err());
        assert!("in progress".parse::<Code>().is_ok());
        assert!("".parse::<Code>().is_err());
    }

    #[test]
    fn base64_is_checked_to_the_last_bit() {
        for good in ["", "QUJD", "QUI=", "QQ==", "QU\n JD"] {
            assert!(is_base64(good), "{good:?}");
        }
        for bad in ["QUJ", "QUI", "QR==", "QQ=A", "====", "Q*JD"] {
            assert!(!is_base64(bad), "{bad:?}");
        }
    }
}
