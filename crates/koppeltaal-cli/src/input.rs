//! [`Input`]: the text of a file or of standard input, and reading DSTU1 from it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use koppeltaal_fhir::{Format, Limits, ReadDocument, ReadError, ReadOptions};

use crate::excerpt::Places;

/// A text to be read as DSTU1, with the name that messages about it use.
#[derive(Debug)]
pub(crate) struct Input {
    name: String,
    text: Vec<u8>,
    format: Format,
}

/// Why there is no [`Input`].
#[derive(Debug)]
pub(crate) struct NoInput {
    /// The file, or `standard input`.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl Input {
    /// Reads a file, or standard input if the path is `-`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is neither JSON nor XML.
    pub(crate) fn load(path: &Path) -> Result<Self, NoInput> {
        let (name, text) = match path.to_str() {
            Some("-") => ("standard input".to_owned(), read_bounded(io::stdin().lock())),
            _ => (path.display().to_string(), File::open(path).and_then(read_bounded)),
        };
        let text = text.map_err(|error| NoInput { name: name.clone(), problem: error.to_string() })?;
        match format_of(&text) {
            Ok(format) => Ok(Self { name, text, format }),
            Err(problem) => Err(NoInput { name, problem: problem.to_owned() }),
        }
    }

    /// What messages call the text.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The places in the text, without a byte order mark: what positions of findings refer to.
    pub(crate) fn places(&self) -> Places<'_> {
        Places::new(&self.name, self.text())
    }

    /// The text without a byte order mark.
    pub(crate) fn text(&self) -> &[u8] {
        self.text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.text)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Reads the text as DSTU1.
    ///
    /// # Errors
    ///
    /// As [`ReadOptions::read`].
    pub(crate) fn read(&self, options: ReadOptions) -> Result<ReadDocument, ReadError> {
        options.read(self.format, &self.text)
    }
}

/// The format of a text, or what is wrong with it.
fn format_of(text: &[u8]) -> Result<Format, &'static str> {
    if text.starts_with(b"\xFF\xFE") || text.starts_with(b"\xFE\xFF") {
        return Err("it is UTF-16; convert it to UTF-8 first");
    }
    Format::of_content(text).ok_or(if text.trim_ascii().is_empty() {
        "it is empty"
    } else {
        "it is neither JSON nor XML: expected it to start with { or <"
    })
}

/// Reads all there is, or one byte more than the reader takes: enough for it to say that it is too much.
fn read_bounded(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let enough = u64::try_from(Limits::default().bytes).unwrap_or(u64::MAX).saturating_add(4);
    source.take(enough).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_json_nor_xml_is_named() {
        assert!(format_of(b" \n").is_err_and(|problem| problem.contains("empty")));
        assert!(format_of(b"Service Unavailable").is_err_and(|problem| problem.contains("neither")));
        assert!(format_of(b"\xFF\xFE<\0").is_err_and(|problem| problem.contains("UTF-16")));
        assert_eq!(format_of(b"<feed/>"), Ok(Format::Xml));
    }
}
