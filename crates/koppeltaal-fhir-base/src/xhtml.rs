//! The narrative `div`: XHTML kept as markup, exactly as it came.

use std::fmt;

/// The namespace of XHTML.
pub(crate) const XHTML_NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// What is expected of a narrative, for messages.
pub(crate) const ONE_DIV: &str = "markup of one div element";

/// What is expected of a signature, for messages.
pub(crate) const ONE_SIGNATURE: &str = "a Signature element of XML signatures";

/// Why markup cannot stand in XML.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is not well-formed, or not the element that was expected.
    Malformed(String),
    /// It exceeds a limit.
    Limit(String),
}

impl Refusal {
    pub fn into_problem(self) -> String {
        match self {
            Self::Malformed(problem) | Self::Limit(problem) => problem,
        }
    }
}

/// A narrative: one `div` element of XHTML, as text.
///
/// Treat it as untrusted: sanitise it before showing it to anybody.
#[derive(Clone, Default)]
pub struct Xhtml {
    markup: String,
    /// Whether the markup is known to be well-formed XML that declares its own namespace.
    is_xml: bool,
}

impl Xhtml {
    /// Markup as it is: a `div` element, with or without its namespace declaration. Writing it as XML checks
    /// it.
    pub fn from_markup(markup: impl Into<String>) -> Self {
        Self { markup: markup.into(), is_xml: false }
    }

    /// A `div` that shows `text`, escaped.
    pub fn from_text(text: &str) -> Self {
        let mut markup = format!("<div xmlns=\"{XHTML_NAMESPACE}\">");
        for character in text.chars() {
            match character {
                '<' => markup.push_str("&lt;"),
                '>' => markup.push_str("&gt;"),
                '&' => markup.push_str("&amp;"),
                other => markup.push(other),
            }
        }
        markup.push_str("</div>");
        Self { markup, is_xml: false }
    }

    /// Markup that an XML reader has seen to be well-formed and self-contained.
    #[doc(hidden)]
    pub fn from_xml(markup: String) -> Self {
        Self { markup, is_xml: true }
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.markup
    }

    /// Whether there is no markup.
    pub fn is_empty(&self) -> bool {
        self.markup.is_empty()
    }

    /// Notes whether [`examine`](Self::examine) found the markup to be XML.
    pub(crate) fn examined(self, is_xml: bool) -> Self {
        Self { is_xml, ..self }
    }

    pub(crate) fn is_xml(&self) -> bool {
        self.is_xml
    }
}

impl PartialEq for Xhtml {
    /// Compares the markup only, not what is known about it.
    fn eq(&self, other: &Self) -> bool {
        self.markup == other.markup
    }
}

impl Eq for Xhtml {}

impl fmt::Debug for Xhtml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.markup.fmt(f)
    }
}
