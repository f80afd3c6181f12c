//! The JSON that servers send, wherever they send it.

use serde_json::{Map, Value};

/// A byte order mark, which some servers put in front of UTF-8.
const MARK: char = '\u{feff}';

/// Without what may stand around JSON: white space, such as the spaces with which a long poll shows that it lives, and a
/// byte order mark.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == MARK)
}

/// The object in a text; none when it is something else.
pub(crate) fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(trim(text)).ok()
}

/// The object in a body of UTF-8.
pub(crate) fn object_in(body: &[u8]) -> Option<Map<String, Value>> {
    object(std::str::from_utf8(body).ok()?)
}
