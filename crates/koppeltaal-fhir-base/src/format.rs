//! [`Format`]: JSON or XML, by name, by media type, and by the first character of a text.

use std::fmt;
use std::str::FromStr;

/// A byte order mark in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Byte order marks in UTF-16.
pub(crate) const UTF16_MARKS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// What to do about a text in another encoding, for errors.
pub(crate) const CONVERT_TO_UTF8: &str = "only UTF-8 is read; convert the text to UTF-8 first";

/// The least text that either format needs around a value: quotes and a comma in JSON, `</>` in XML.
pub(crate) const LEAST_MARKUP: usize = 3;

/// One of the two formats of FHIR.
///
/// ```
/// use koppeltaal_fhir_base::Format;
///
/// assert_eq!(Format::of_media_type("application/atom+xml; charset=utf-8"), Some(Format::Xml));
/// assert_eq!(Format::of_content(b" {}"), Some(Format::Json));
/// assert_eq!("json".parse(), Ok(Format::Json));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// JSON: smaller, and what most deployed clients speak.
    #[default]
    Json,
    /// XML; in DSTU1, a bundle is an Atom feed.
    Xml,
}

/// Media types by which FHIR has been labelled, today's and those of its time.
const MEDIA_TYPES: [(&str, Format); 9] = [
    ("application/json", Format::Json),
    ("application/json+fhir", Format::Json),
    ("application/fhir+json", Format::Json),
    ("text/json", Format::Json),
    ("application/atom+xml", Format::Xml),
    ("application/xml+fhir", Format::Xml),
    ("application/fhir+xml", Format::Xml),
    ("application/xml", Format::Xml),
    ("text/xml", Format::Xml),
];

impl Format {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Json, Self::Xml];

    /// The format that a media type stands for, whatever its parameters and case; `None` if it is not FHIR's.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let name = media_type.split(';').next().unwrap_or_default().trim();
        let known = MEDIA_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, format)| *format)
    }

    /// The format of a text by its first character that is not blank; `None` if it is neither.
    pub fn of_content(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        match text.trim_ascii_start().first() {
            Some(b'{' | b'[') => Some(Self::Json),
            Some(b'<') => Some(Self::Xml),
            _ => None,
        }
    }

    /// `json` or `xml`, which is also the ending of a file's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }
}

/// A document that has a media type in each format.
#[doc(hidden)]
pub trait Labelled {
    /// The media type to label it with.
    fn media_type(&self, format: Format) -> &'static str;
}

impl Format {
    /// The media type to label a document with. In DSTU1's XML, a bundle has another media type than a single
    /// resource.
    pub fn media_type(self, document: &impl Labelled) -> &'static str {
        document.media_type(self)
    }
}

/// The parameter `charset` of a media type.
pub(crate) fn charset(media_type: &str) -> Option<&str> {
    let parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim().trim_matches('"'))
}

/// Whether a name means UTF-8: the registered one, or `utf8`, which many senders write.
pub(crate) fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

/// A name that is neither `json` nor `xml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFormat(String);

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected json or xml, found {:?}", self.0)
    }
}

impl std::error::Error for UnknownFormat {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_tells_the_format_whatever_its_case_and_parameters() {
        for (media_type, format) in [
            ("Application/JSON+fhir", Some(Format::Json)),
            ("application/atom+xml;charset=UTF-8", Some(Format::Xml)),
            ("application/fhir+xml", Some(Format::Xml)),
            ("text/html; charset=utf-8", None),
            ("", None),
        ] {
            assert_eq!(Format::of_media_type(media_type), format, "{media_type}");
        }
    }

    #[test]
    fn the_charset_of_a_media_type_is_found_whatever_its_case_and_quotes() {
        assert_eq!(charset("application/atom+xml; type=feed; Charset=\"UTF-8\""), Some("UTF-8"));
        assert_eq!(charset("text/xml;charset=utf-16 ; charset=utf-8"), Some("utf-16"));
        assert_eq!(charset("text/xml"), None);
    }

    #[test]
    fn the_first_character_tells_the_format() {
        assert_eq!(Format::of_content(b"\xEF\xBB\xBF\r\n\t {}"), Some(Format::Json));
        assert_eq!(Format::of_content(b"<?xml version='1.0'?><feed/>"), Some(Format::Xml));
        assert_eq!(Format::of_content(b"Service Unavailable"), None);
        assert_eq!(Format::of_content(b" \n"), None);
    }

    #[test]
    fn an_unknown_name_is_told_back() {
        let error = "yaml".parse::<Format>().expect_err("no format");
        assert_eq!(error.to_string(), "expected json or xml, found \"yaml\"");
    }
}
