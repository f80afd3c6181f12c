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

/// Why an input could not be loaded.
#[derive(Debug)]
pub(crate) struct InputError {
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
    pub(crate) fn load(path: &Path) -> Result<Self, InputError> {
        // The limit, a byte order mark and one byte more: enough for the reader to say that it is too long.
        let (name, text) = read_at_most(path, Limits::default().bytes.saturating_add(4));
        let text = text.map_err(|error| InputError { name: name.clone(), problem: error.to_string() })?;
        match format_of(&text) {
            Ok(format) => Ok(Self { name, text, format }),
            Err(problem) => Err(InputError { name, problem: problem.to_owned() }),
        }
    }

    /// The name of the text in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Places in the text without a byte order mark, to which positions of findings refer.
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

/// The bytes of a file that need not be text, or of standard input if the path is `-`.
///
/// # Errors
///
/// It cannot be read, or is longer than `limit`.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, InputError> {
    let (name, bytes) = read_at_most(path, limit.saturating_add(1));
    match bytes {
        Ok(bytes) if bytes.len() > limit => {
            Err(InputError { name, problem: format!("it is longer than {limit} bytes") })
        }
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(InputError { name, problem: error.to_string() }),
    }
}

/// The name of a file in messages, and at most the first `length` bytes of its content.
fn read_at_most(path: &Path, length: usize) -> (String, io::Result<Vec<u8>>) {
    fn read(source: impl io::Read, expected: u64, length: usize) -> io::Result<Vec<u8>> {
        // One byte more than there is shows the end without another piece of memory.
        let mut bytes =
            Vec::with_capacity(usize::try_from(expected).unwrap_or(length).min(length).saturating_add(1));
        source.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
    match path.to_str() {
        Some("-") => ("standard input".to_owned(), read(io::stdin().lock(), 0, length)),
        _ => {
            let text = File::open(path).and_then(|file| {
                let expected = file.metadata()?.len();
                read(file, expected, length)
            });
            (path.display().to_string(), text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_up_to_a_limit() {
        let path = std::env::temp_dir().join(format!("koppeltaal-bytes-{}", std::process::id()));
        std::fs::write(&path, b"four").expect("a file");
        assert_eq!(bytes(&path, 4).expect("four bytes"), b"four");
        let error = bytes(&path, 3).expect_err("one byte more");
        assert_eq!(
            (error.name, error.problem.as_str()),
            (path.display().to_string(), "it is longer than 3 bytes")
        );
        std::fs::remove_file(path).expect("it is there");
    }

    #[test]
    fn what_is_neither_json_nor_xml_is_named() {
        assert!(format_of(b" \n").is_err_and(|problem| problem.contains("empty")));
        assert!(format_of(b"Service Unavailable").is_err_and(|problem| problem.contains("neither")));
        assert!(format_of(b"\xFF\xFE<\0").is_err_and(|problem| problem.contains("UTF-16")));
        assert_eq!(format_of(b"<feed/>"), Ok(Format::Xml));
    }
}
