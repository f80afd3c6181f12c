//! The narrative `div`: XHTML kept as markup, exactly as it came.

use std::fmt;

/// The namespace of XHTML.
pub(crate) const XHTML_NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// A narrative: one `div` element of XHTML, as text.
///
/// Treat it as untrusted: sanitise it before showing it to anybody.
#[derive(Clone, Default)]
pub struct Xhtml {
    markup: String,
    /// Whether the markup is known to be well-formed XML that declares its own namespace. Markup from JSON is looked
    /// at only when it is to be written as XML.
    is_xml: bool,
}

impl Xhtml {
    /// Markup as it is: a `div` element, with or without its namespace declaration. Writing it as XML checks it.
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
    #[cfg(feature = "xml")]
    pub(crate) fn from_xml(markup: String) -> Self {
        Self { markup, is_xml: true }
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.markup
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.markup.is_empty()
    }

    /// What is expected where, and what is there instead, if the markup is not what DSTU1 allows in a narrative.
    #[cfg(feature = "xml")]
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let problems = if self.is_xml {
            crate::xml::narrative_problems(&self.markup)
        } else {
            match crate::convert::narrative_to_xml(&self.markup) {
                Ok(markup) => crate::xml::narrative_problems(&markup),
                Err(problem) => return vec![("markup of one div element".to_owned(), problem)],
            }
        };
        problems.into_iter().map(|problem| (problem.expected, problem.found)).collect()
    }

    /// The same, as far as it can be seen without an XML reader.
    #[cfg(not(feature = "xml"))]
    pub(crate) fn problems(&self) -> Vec<(String, String)> {
        let markup = &self.markup;
        if markup.starts_with("<div") && (markup.ends_with("</div>") || markup.ends_with("/>")) {
            return Vec::new();
        }
        vec![("markup of one div element".to_owned(), "something else".to_owned())]
    }

    #[cfg(feature = "xml")]
    pub(crate) fn is_xml(&self) -> bool {
        self.is_xml
    }
}

impl PartialEq for Xhtml {
    /// Compares the markup; how well it is known does not matter.
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
