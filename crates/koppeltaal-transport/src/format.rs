//! [`Format`]: JSON or XML, and the media types of both (Koppeltaal spec section 2).

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::{Document, WriteError};

/// The format of requests, and the one asked for in replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// JSON: smaller, and what most deployed clients speak.
    #[default]
    Json,
    /// XML: Atom feeds for bundles.
    Xml,
}

/// Media types by which servers, and proxies in between, label a body. `None`: certainly not FHIR.
const MEDIA_TYPES: [(&str, Option<Format>); 12] = [
    ("application/json", Some(Format::Json)),
    ("application/json+fhir", Some(Format::Json)),
    ("application/fhir+json", Some(Format::Json)),
    ("text/json", Some(Format::Json)),
    ("application/atom+xml", Some(Format::Xml)),
    ("application/xml+fhir", Some(Format::Xml)),
    ("application/fhir+xml", Some(Format::Xml)),
    ("application/xml", Some(Format::Xml)),
    ("text/xml", Some(Format::Xml)),
    ("text/html", None),
    ("application/xhtml+xml", None),
    ("application/x-www-form-urlencoded", None),
];

impl Format {
    /// What to put into `Accept`.
    pub(crate) fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/atom+xml, application/xml+fhir, text/xml;q=0.9",
        }
    }

    /// What to put into `Content-Type`.
    pub(crate) fn content_type(self, document: &Document) -> &'static str {
        match (self, document) {
            (Self::Json, _) => "application/json; charset=utf-8",
            (Self::Xml, Document::Bundle(_)) => "application/atom+xml; charset=utf-8",
            (Self::Xml, Document::Resource(_)) => "application/xml+fhir; charset=utf-8",
        }
    }

    pub(crate) fn write(self, document: &Document) -> Result<String, WriteError> {
        match self {
            Self::Json => document.to_json(),
            Self::Xml => document.to_xml(),
        }
    }

    /// The format of a body. The label decides; without a telling label (absent, `text/plain`) the first character.
    pub(crate) fn of(content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let label = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        let known = MEDIA_TYPES.iter().find(|(media_type, _)| media_type.eq_ignore_ascii_case(label));
        if let Some((_, format)) = known {
            return *format;
        }
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
        match body.first() {
            Some(b'{') => Some(Self::Json),
            Some(b'<') if !is_html(body) => Some(Self::Xml),
            _ => None,
        }
    }
}

fn is_html(body: &[u8]) -> bool {
    let starts_with =
        |tag: &str| body.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    starts_with("<!doctype") || starts_with("<html")
}

/// Whether the label says that the text is in another encoding than UTF-8.
pub(crate) fn is_foreign_charset(content_type: Option<&str>) -> bool {
    content_type
        .unwrap_or_default()
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .any(|charset| !["utf-8", "utf8", "us-ascii"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Json => "json",
            Self::Xml => "xml",
        })
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "json" => Ok(Self::Json),
            "xml" => Ok(Self::Xml),
            _ => Err(UnknownFormat),
        }
    }
}

/// A name that is neither `json` nor `xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the formats are json and xml")]
pub struct UnknownFormat;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_decides_about_the_format() {
        for (label, format) in [
            ("application/json; charset=utf-8", Some(Format::Json)),
            ("Application/JSON+fhir", Some(Format::Json)),
            ("application/atom+xml;charset=UTF-8", Some(Format::Xml)),
            ("text/html; charset=utf-8", None),
        ] {
            assert_eq!(Format::of(Some(label), b"?"), format, "{label}");
        }
    }

    #[test]
    fn without_a_telling_label_the_first_character_decides() {
        assert_eq!(Format::of(None, b"\xEF\xBB\xBF {\"a\":1}"), Some(Format::Json));
        assert_eq!(Format::of(Some("text/plain"), b"<feed/>"), Some(Format::Xml));
        assert_eq!(Format::of(None, b"<!DOCTYPE html><html>"), None);
        assert_eq!(Format::of(None, b"<HTML>"), None);
        assert_eq!(Format::of(None, b"Service Unavailable"), None);
    }

    #[test]
    fn other_encodings_than_utf8_are_noticed() {
        assert!(is_foreign_charset(Some("application/json; charset=iso-8859-1")));
        assert!(!is_foreign_charset(Some("application/json; odata=x; Charset=\"UTF-8\"")));
        assert!(!is_foreign_charset(Some("application/json")));
        assert!(!is_foreign_charset(None));
    }
}
