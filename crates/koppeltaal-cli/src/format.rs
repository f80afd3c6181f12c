//! [`Format`]: JSON or XML, told apart, read and written.

use clap::ValueEnum;
use koppeltaal_fhir::{Document, ReadDocument, ReadError, ReadOptions, WriteError};

/// One of the two formats of DSTU1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON.
    Json,
    /// XML; a bundle is an Atom feed.
    Xml,
}

impl Format {
    /// The format of a text, by its first character that is not blank.
    ///
    /// # Errors
    ///
    /// Neither JSON nor XML; says what it is instead.
    pub(crate) fn of(text: &[u8]) -> Result<Self, &'static str> {
        if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
            return Err("it is UTF-16; convert it to UTF-8 first");
        }
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => Ok(Self::Json),
            Some(b'<') => Ok(Self::Xml),
            Some(_) => Err("it is neither JSON nor XML: expected it to start with { or <"),
            None => Err("it is empty"),
        }
    }

    /// The name, which is also the ending of a file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    /// Reads a text of this format.
    ///
    /// # Errors
    ///
    /// As [`ReadOptions::json`] and [`ReadOptions::xml`].
    pub(crate) fn read(self, options: ReadOptions, text: &[u8]) -> Result<ReadDocument, ReadError> {
        match self {
            Self::Json => options.json(text),
            Self::Xml => options.xml(text),
        }
    }

    /// Writes a document in this format, for people or on one line.
    ///
    /// # Errors
    ///
    /// As [`Document::to_json`] and [`Document::to_xml`].
    pub(crate) fn write(self, document: &Document, compact: bool) -> Result<String, WriteError> {
        match (self, compact) {
            (Self::Json, true) => document.to_json(),
            (Self::Json, false) => document.to_json_pretty(),
            (Self::Xml, true) => document.to_xml(),
            (Self::Xml, false) => document.to_xml_pretty(),
        }
    }
}

impl From<Format> for koppeltaal_fhir::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Xml => Self::Xml,
        }
    }
}

impl From<Format> for koppeltaal_transport::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::Xml => Self::Xml,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_tells_the_format() {
        assert_eq!(Format::of(b"\xEF\xBB\xBF\r\n\t {}"), Ok(Format::Json));
        assert_eq!(Format::of(b"<?xml version='1.0'?><feed/>"), Ok(Format::Xml));
    }

    #[test]
    fn what_is_neither_is_named() {
        assert!(Format::of(b" \n").is_err_and(|problem| problem.contains("empty")));
        assert!(Format::of(b"Service Unavailable").is_err_and(|problem| problem.contains("neither")));
        assert!(Format::of(b"\xFF\xFE<\0").is_err_and(|problem| problem.contains("UTF-16")));
    }
}
