//! The two representations, JSON and XML. The sandbox accepts only what can be written in both, because each
//! receiver chooses its own.

use koppeltaal_fhir::{Document, Format, WriteError};

/// The formats in which everything is handed out.
const FORMATS: [Format; 2] = [Format::Json, Format::Xml];

/// Content cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be written as {}: {error}", name(*format))]
pub(crate) struct RepresentationError {
    format: Format,
    error: WriteError,
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Json => "JSON",
        Format::Xml => "XML",
    }
}

impl RepresentationError {
    pub(crate) fn new(format: Format, error: WriteError) -> Self {
        Self { format, error }
    }

    /// Where in the content, if that is known.
    pub(crate) fn path(&self) -> Option<&str> {
        match &self.error {
            WriteError::UnknownResource { path, .. }
            | WriteError::Narrative { path, .. }
            | WriteError::Attribute { path, .. }
            | WriteError::Character { path, .. } => Some(path),
            _ => None,
        }
    }
}

/// What is known about content after it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// The format that it came in. Content can always be written in that format again, as the tests of
    /// readers and writers show.
    pub(crate) format: Format,
    /// What it takes in memory, in bytes.
    pub(crate) bytes: usize,
}

/// Whether a document can be written in both formats.
pub(crate) fn check(document: &Document) -> Result<(), RepresentationError> {
    FORMATS.into_iter().try_for_each(|format| check_as(document, format))
}

/// Whether a document can be written in this format.
pub(crate) fn check_as(document: &Document, format: Format) -> Result<(), RepresentationError> {
    document.write(format).map(drop).map_err(|error| RepresentationError::new(format, error))
}

/// Whether a text can be written in both formats. JSON takes every text.
pub(crate) fn is_writable(text: &str) -> bool {
    text.chars().all(is_of_xml)
}

/// The text, with every character replaced that cannot be written.
pub(crate) fn replaced(text: &str) -> String {
    text.chars().map(|letter| if is_of_xml(letter) { letter } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// The characters of XML 1.0, section 2.2.
fn is_of_xml(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
