//! [`Finding`]: one thing that is not as the standard wants it, and [`Position`], where it is.

use std::fmt;

use super::rule::{Rule, Severity};

/// A place in the text that was read, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The position of byte `offset` of `text`. The byte is on `line`, counted from 0.
    pub(crate) fn on_line(line: usize, text: &[u8], offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        // A character starts at each byte that does not continue one (UTF-8: 10xxxxxx).
        let column = before[line_start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Self {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// One thing that is not as the standard wants it.
///
/// `found` can hold data of a patient: show it to the user, but do not write it to a log. `Display` and
/// `Debug` leave it out; [`with_content`](Self::with_content) shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The rule that is broken.
    pub rule: Rule,
    /// Where in the content, such as `entry[1].content.activity[0].simple.category`; empty for the root.
    pub path: String,
    /// Where in the text, when text was read.
    pub position: Option<Position>,
    /// What the standard wants there. It quotes no value of the content.
    pub expected: String,
    /// What was there, cut off after some 80 characters.
    pub found: String,
}

impl Finding {
    /// The finding in the words of `Display` with what was found, which can hold data of a patient: for the
    /// user, not for a log.
    pub fn with_content(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{self}, found {}", self.found))
    }

    /// The finding without severity, position and what was found:
    /// `identifier-bsn at entry[1].content.identifier[0].value: expected a BSN, ...`.
    pub fn summary(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            write!(f, "{}", self.rule)?;
            if !self.path.is_empty() {
                write!(f, " at {}", self.path)?;
            }
            write!(f, ": expected {}", self.expected)
        })
    }

    /// The bytes that it takes: in a list that may have a quarter more room, and in a copy while the list is
    /// sorted or moved.
    pub(crate) fn memory(&self) -> usize {
        let texts = self.path.capacity() + self.expected.capacity() + self.found.capacity();
        size_of::<Self>() * 9 / 4 + texts
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.severity, self.rule)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        if let Some(position) = self.position {
            write!(f, " ({position})")?;
        }
        write!(f, ": expected {}", self.expected)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finding({self})")
    }
}
