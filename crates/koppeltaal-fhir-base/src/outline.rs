//! [`Outline`]: the places of elements in a text. A reader gives the place of each finding; a check of the
//! value that was read knows only the path.

mod json;
mod xml;

use std::borrow::Cow;

use crate::findings::{Lines, Position};
use crate::format::{BYTE_ORDER_MARK, Format};

/// The elements of a text as a tree, for finding the place of a [path](crate::Finding::path).
///
/// The text should have been read before. If it is not well-formed, the outline ends at the first error.
///
/// ```
/// use koppeltaal_fhir_base::{Format, Outline};
///
/// let text = br#"{"resourceType": "Patient",
///                 "name": [{"family": ["Vries"]}, {"text": "Jan"}]}"#;
/// let outline = Outline::new(Format::Json, text);
/// assert_eq!(outline.position("name[1].text", |_, _| false).line, 2);
/// ```
#[derive(Debug)]
pub struct Outline<'t> {
    root: Node<'t>,
    lines: Lines<'t>,
}

/// An element or member.
#[derive(Debug, Default)]
struct Node<'t> {
    name: Cow<'t, str>,
    /// Where it starts, in bytes.
    offset: usize,
    /// The URL, if it is an extension.
    url: Option<Cow<'t, str>>,
    children: Vec<Node<'t>>,
}

impl<'t> Outline<'t> {
    /// The outline of a text in a format.
    pub fn new(format: Format, text: &'t [u8]) -> Self {
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let content = match std::str::from_utf8(text) {
            Ok(content) => content,
            Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
        };
        let root = match format {
            Format::Json => json::outline(content),
            Format::Xml => xml::outline(content),
        };
        Self { root, lines: Lines::new(text) }
    }

    /// The start of the element at a path, or of the innermost element around it that is there.
    ///
    /// A path may name an element that an extension holds, as the paths of profiles do: `is_held(element,
    /// url)` says whether an extension of this URL holds it.
    pub fn position(&self, path: &str, is_held: impl Fn(&str, &str) -> bool) -> Position {
        let mut node = &self.root;
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            let (name, index) = match segment.strip_suffix(']').and_then(|segment| segment.split_once('[')) {
                Some((name, index)) => (name, index.parse().unwrap_or_default()),
                None => (segment, 0),
            };
            let Some(child) = node.child(name, index, &is_held) else { break };
            node = child;
        }
        self.lines.position(node.offset)
    }
}

impl<'t> Node<'t> {
    /// The child of a name: the element itself, or the extension that holds it.
    fn child(&self, name: &str, index: usize, is_held: impl Fn(&str, &str) -> bool) -> Option<&Self> {
        let holds = |child: &&Self| {
            child.name == "extension" && child.url.as_deref().is_some_and(|url| is_held(name, url))
        };
        let mut named = self.children.iter().filter(|child| child.name == name);
        named.nth(index).or_else(|| self.children.iter().filter(holds).nth(index))
    }
}
