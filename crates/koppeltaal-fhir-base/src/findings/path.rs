//! The path to an element in a value, as segments and as text.

use std::fmt::{self, Write as _};

/// One step of a path: the name of an element, and its index, from 0, if the element repeats.
pub type PathSegment = (&'static str, Option<usize>);

/// The place of an element in a value. It displays as the paths of findings do: `participant[0].member`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementPath<'a>(&'a [PathSegment]);

impl<'a> ElementPath<'a> {
    pub(crate) const fn new(segments: &'a [PathSegment]) -> Self {
        Self(segments)
    }

    /// The elements on the way, outermost first.
    pub fn segments(self) -> &'a [PathSegment] {
        self.0
    }
}

impl fmt::Display for ElementPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&path_text(self.0, ""))
    }
}

/// A path as text, with the name of one more element unless that is empty: `entry[1].content.status`.
pub(crate) fn path_text(segments: &[PathSegment], name: &str) -> String {
    let mut path = String::new();
    for (name, index) in segments {
        push_name(&mut path, name);
        if let Some(index) = index {
            // Writing to a string does not fail.
            let _ = write!(path, "[{index}]");
        }
    }
    push_name(&mut path, name);
    path
}

fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() && !name.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}
