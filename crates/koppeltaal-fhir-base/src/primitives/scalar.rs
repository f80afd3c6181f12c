//! [`Scalar`]: the values of primitives, how their text is read, and the names of their types.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

/// Text that is not of the primitive type it was parsed as. `Display` and `Debug` say what was expected. They
/// leave the text out, because it may be data of a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct ParseError {
    expected: &'static str,
    found: String,
}

impl ParseError {
    pub(crate) fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.to_owned() }
    }

    /// The text that was parsed. It may be data of a patient.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseError").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl std::error::Error for ParseError {}

/// The lexical families of the primitives. They decide quotes in JSON, and the name of the type in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Uri,
    Url,
    Canonical,
    Code,
    ListedCode,
    Id,
    LongId,
    Oid,
    Uuid,
    Date,
    Time,
    DateTime,
    Instant,
    Base64Binary,
}

impl ScalarKind {
    /// The least length of a value's text in any of its forms: numbers and base64 have several.
    #[inline]
    pub(crate) fn sure_length(self, text: &str) -> usize {
        match self {
            _ if self.is_number() || matches!(self, Self::Boolean | Self::Base64Binary) => 0,
            _ => text.len(),
        }
    }

    /// Whether JSON has a number for it.
    #[inline]
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::UnsignedInt | Self::PositiveInt | Self::Decimal)
    }

    /// What the prose of the standard wants beyond the schema, for a [`Reading::Lax`].
    pub(crate) fn describe_prose(self) -> &'static str {
        match self {
            Self::DateTime | Self::Instant => "an offset from UTC behind the time, such as Z or +02:00",
            Self::Date => "a date without an offset",
            _ => "no leading, trailing or double blanks",
        }
    }

    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Integer => "an integer of 32 bits",
            Self::UnsignedInt => "an integer from 0 to 2147483647",
            Self::PositiveInt => "an integer from 1 to 2147483647",
            Self::Decimal => "a decimal number",
            Self::String => "a string of at least one character",
            Self::Uri => "a URI",
            Self::Url => "a URL",
            Self::Canonical => "the canonical URL of a definition",
            Self::Code => "a code (at least one character, no leading, trailing or double blanks)",
            Self::ListedCode => "a code of the closed list",
            Self::Id => "an id (1 to 36 of a-z, 0-9, - and .)",
            Self::LongId => "an id (1 to 64 of A-Z, a-z, 0-9, - and .)",
            Self::Time => "a time (hh:mm:ss)",
            Self::Oid => "an OID written as urn:oid:...",
            Self::Uuid => "a UUID written as urn:uuid: and lower-case digits",
            Self::Date => "a date (YYYY, YYYY-MM or YYYY-MM-DD)",
            Self::DateTime => "a dateTime (YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with offset)",
            Self::Instant => "an instant (YYYY-MM-DDThh:mm:ss with offset)",
            Self::Base64Binary => "base64",
        }
    }
}

/// The result of reading the text of a value.
pub enum Reading<T> {
    /// The value, by all rules of its type.
    Valid(T),
    /// A value that the schema lets pass, and the prose of the standard does not: a time without offset.
    Lax(T),
    /// A value that an application can use, though a rule of its type is broken: an id with upper case, an
    /// unlisted code.
    Doubtful(T),
    /// No value of this type.
    Unreadable,
}

/// A type that stands as the value of a primitive.
pub trait Scalar: Sized + PartialEq {
    const KIND: ScalarKind;

    /// Reads the text of a value as XML holds it.
    fn read(text: &str) -> Reading<Self>;

    /// The same, for text that is already owned: saves text types a copy.
    fn read_owned(text: String) -> Reading<Self> {
        Self::read(&text)
    }

    /// The canonical text of the value.
    fn to_text(&self) -> Cow<'_, str>;

    /// Whether `text` is exactly what [`to_text`](Self::to_text) would give. Text types keep what they read.
    fn is_text(&self, text: &str) -> bool {
        self.to_text() == text
    }
}

/// The value of a text that the schema allows, [`Reading::Valid`] or [`Reading::Lax`].
pub fn parse<T: Scalar>(text: &str) -> Result<T, ParseError> {
    match T::read(text) {
        Reading::Valid(value) | Reading::Lax(value) => Ok(value),
        Reading::Doubtful(_) | Reading::Unreadable => Err(ParseError::new(T::KIND.describe(), text)),
    }
}

/// What XML Schema calls white space.
pub fn is_xml_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

impl Scalar for bool {
    const KIND: ScalarKind = ScalarKind::Boolean;

    fn read(text: &str) -> Reading<Self> {
        match text.trim_matches(is_xml_space) {
            "true" | "1" => Reading::Valid(true),
            "false" | "0" => Reading::Valid(false),
            _ => Reading::Unreadable,
        }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(if *self { "true" } else { "false" })
    }
}

impl Scalar for i32 {
    const KIND: ScalarKind = ScalarKind::Integer;

    fn read(text: &str) -> Reading<Self> {
        // `i32::from_str` takes what xs:int takes: an optional sign, digits, leading zeros.
        text.trim_matches(is_xml_space).parse().map_or(Reading::Unreadable, Reading::Valid)
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

/// The largest number of an `unsignedInt` or `positiveInt`.
const LARGEST: u32 = i32::MAX as u32;

impl Scalar for u32 {
    const KIND: ScalarKind = ScalarKind::UnsignedInt;

    fn read(text: &str) -> Reading<Self> {
        match text.trim_matches(is_xml_space).parse() {
            Ok(number) if number <= LARGEST => Reading::Valid(number),
            _ => Reading::Unreadable,
        }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl Scalar for NonZeroU32 {
    const KIND: ScalarKind = ScalarKind::PositiveInt;

    fn read(text: &str) -> Reading<Self> {
        match text.trim_matches(is_xml_space).parse::<Self>() {
            Ok(number) if number.get() <= LARGEST => Reading::Valid(number),
            _ => Reading::Unreadable,
        }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_string())
    }
}

impl Scalar for String {
    const KIND: ScalarKind = ScalarKind::String;

    fn read(text: &str) -> Reading<Self> {
        Self::read_owned(text.to_owned())
    }

    fn read_owned(text: String) -> Reading<Self> {
        if text.is_empty() { Reading::Doubtful(text) } else { Reading::Valid(text) }
    }

    fn to_text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn is_text(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::primitives::Date;

    #[test]
    fn an_error_says_what_was_expected_and_shows_the_text_only_when_asked() {
        let error = "30-03-1970".parse::<Date>().expect_err("no date");
        assert_eq!(error.to_string(), "expected a date (YYYY, YYYY-MM or YYYY-MM-DD)");
        assert!(!format!("{error:?}").contains("1970"), "{error:?}");
        assert_eq!(error.found(), "30-03-1970");
    }
}
