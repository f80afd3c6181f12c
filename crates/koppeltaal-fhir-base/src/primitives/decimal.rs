//! `decimal`: a number whose digits are kept, because precision is meaning.

use std::borrow::Cow;

use super::scalar::{Reading, Scalar, ScalarKind};
use super::{is_xml_space, lexical};

/// A `decimal`, as written: `1.00` stays `1.00`.
///
/// Holds what XML Schema allows (`+1.5`, `.5`, `5.`, `007.10`) and what JSON allows (`6.02E23`); each format
/// is written in its own legal form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

lexical!(Decimal);

impl Scalar for Decimal {
    const KIND: ScalarKind = ScalarKind::Decimal;

    fn read(text: &str) -> Reading<Self> {
        let trimmed = text.trim_matches(is_xml_space);
        match Parts::of(trimmed) {
            // An exponent is JSON's; the XML reader refuses it itself.
            Some(_) => Reading::Valid(Self(trimmed.to_owned())),
            None => Reading::Unreadable,
        }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

impl From<i32> for Decimal {
    fn from(value: i32) -> Self {
        Self(value.to_string())
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(value.to_string())
    }
}

impl Decimal {
    /// The nearest `f64`. Good for a chart, not for a dose: digits can be lost.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

/// The pieces of a decimal's text.
struct Parts<'a> {
    negative: bool,
    whole: &'a str,
    fraction: Option<&'a str>,
    exponent: i32,
}

/// Expanding `1E1000000` would let twelve bytes become a megabyte; no measurement needs more than this.
const LARGEST_EXPONENT: u32 = 400;

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            None => (unsigned, 0),
            Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i32>().ok()?),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            None => (mantissa, None),
            Some((whole, fraction)) => (whole, Some(fraction)),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let some_digit = !whole.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
        let legal = digits(whole)
            && fraction.is_none_or(digits)
            && some_digit
            && exponent.unsigned_abs() <= LARGEST_EXPONENT;
        legal.then_some(Self { negative, whole, fraction, exponent })
    }
}

/// `text` as a JSON number: no plus, no leading zeros, a digit on each side of the point. `None` if it is no
/// decimal.
pub(crate) fn to_json(text: &str) -> Option<Cow<'_, str>> {
    let trimmed = text.trim_matches(is_xml_space);
    let parts = Parts::of(trimmed)?;
    let whole = match parts.whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = parts.fraction.filter(|fraction| !fraction.is_empty());
    let has_plus = trimmed.starts_with('+');
    if !has_plus && whole.len() == parts.whole.len() && fraction.is_some() == parts.fraction.is_some() {
        return Some(Cow::Borrowed(trimmed));
    }
    let sign = if parts.negative { "-" } else { "" };
    let mut number = format!("{sign}{whole}");
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    if parts.exponent != 0 {
        number.push_str(&format!("E{}", parts.exponent));
    }
    Some(Cow::Owned(number))
}

/// `text` as xs:decimal, which has no exponent: `6.02E2` becomes `602`.
pub(crate) fn to_xml(text: &str) -> Cow<'_, str> {
    if !text.contains(['e', 'E']) {
        return Cow::Borrowed(text);
    }
    let Some(parts) = Parts::of(text) else { return Cow::Borrowed(text) };
    let mut digits = format!("{}{}", parts.whole, parts.fraction.unwrap_or_default());
    let point = parts.whole.len() as i64 + i64::from(parts.exponent);
    let expanded = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point as usize >= digits.len() {
        digits.push_str(&"0".repeat(point as usize - digits.len()));
        digits
    } else {
        digits.insert(point as usize, '.');
        digits
    };
    Cow::Owned(format!("{}{expanded}", if parts.negative { "-" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_as_written() {
        assert_eq!("1.00".parse::<Decimal>().map(String::from), Ok("1.00".to_owned()));
        for bad in ["", ".", "-", "1,5", "1e", "abc", "1E9999", "1E-2147483648", "--1", "NaN"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn json_gets_a_legal_number_with_the_same_digits() {
        let cases = [
            ("1.00", "1.00"),
            ("+1.5", "1.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("007.10", "7.10"),
            ("-0.0", "-0.0"),
            ("6.02E23", "6.02E23"),
            ("0", "0"),
            ("-.5", "-0.5"),
        ];
        for (xml, json) in cases {
            assert_eq!(to_json(xml).as_deref(), Some(json));
        }
    }

    #[test]
    fn xml_gets_the_exponent_written_out() {
        let cases = [
            ("6.02E2", "602"),
            ("6.02E5", "602000"),
            ("1E-3", "0.001"),
            ("-1.5e1", "-15"),
            ("12.5E-1", "1.25"),
            ("1.50", "1.50"),
        ];
        for (json, xml) in cases {
            assert_eq!(to_xml(json), xml);
        }
    }
}
