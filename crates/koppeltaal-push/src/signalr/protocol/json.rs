//! The JSON that servers send, wherever they send it.

use serde_json::{Map, Value};

/// A byte order mark, which some servers put in front of UTF-8.
const MARK: char = '\u{feff}';

/// Removes white space and a byte order mark around JSON. The answer to a long poll begins with a space for
/// each sign of life.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == MARK)
}

/// The object in a text; `None` if the text is something else.
pub(crate) fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(trim(text)).ok()
}

/// The object in a body of UTF-8.
pub(crate) fn object_in(body: &[u8]) -> Option<Map<String, Value>> {
    object(std::str::from_utf8(body).ok()?)
}

/// How long a text for people may be, in bytes.
const TEXT_LIMIT: usize = 1024;

/// The beginning of a text for people, such as an error of the server, which may be as long as a frame.
pub(crate) fn shortened(text: &str) -> String {
    if text.len() <= TEXT_LIMIT {
        return text.to_owned();
    }
    let end = (0..=TEXT_LIMIT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    format!("{}\u{2026}", &text[..end])
}
