//! [`Difference`]: a place where two trees differ, and what each side has there.

use std::fmt;

/// How many differences one comparison collects. More say nothing new about a file.
pub const MOST: usize = 200;

/// One place where two trees differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, as the format names places: `Patient/name[1]/@value` in XML, `name[1].family` in JSON.
    pub path: String,
    /// What the original or reference has there; `None` for nothing.
    pub left: Option<String>,
    /// What the other side has there; `None` for nothing.
    pub right: Option<String>,
}

impl Difference {
    /// A difference at a place, with what each side has there.
    pub fn new(path: impl Into<String>, left: Option<String>, right: Option<String>) -> Self {
        Self { path: path.into(), left, right }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |side: &Option<String>| side.as_deref().map_or_else(|| "nothing".to_owned(), excerpt);
        write!(f, "{}: {} became {}", self.path, show(&self.left), show(&self.right))
    }
}

/// At most some 100 characters of `text`, on one line.
pub fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(100).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t")
}
