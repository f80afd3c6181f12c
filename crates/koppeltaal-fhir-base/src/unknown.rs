//! Content of a message that FHIR has no place for. It is kept, so that nothing is lost on the way through.
//!
//! The source text is kept, not a tree. In the same format it is written back unchanged; only a change of
//! format (module `convert`) has to understand it.

mod convert;

pub(crate) use convert::{element_to_json, member_to_xml};

/// Elements, attributes and text that the type does not know, in the order they were met.
///
/// Most values have none; that costs one pointer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unknown(
    #[allow(clippy::box_collection, reason = "one word in every structure instead of three")]
    Option<Box<Vec<UnknownNode>>>,
);

impl Unknown {
    /// Whether there is nothing unknown.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is unknown, in document order.
    pub fn iter(&self) -> std::slice::Iter<'_, UnknownNode> {
        self.0.as_deref().map_or(&[][..], Vec::as_slice).iter()
    }

    /// Removes and returns the nodes that `take` picks, for code that has learnt what they mean.
    pub fn extract(&mut self, mut take: impl FnMut(&UnknownNode) -> bool) -> Vec<UnknownNode> {
        let Some(nodes) = &mut self.0 else { return Vec::new() };
        let taken = nodes.extract_if(.., |node| take(node)).collect();
        if nodes.is_empty() {
            self.0 = None;
        }
        taken
    }

    /// Adds a node.
    #[doc(hidden)]
    pub fn push(&mut self, node: UnknownNode) {
        let nodes = self.0.get_or_insert_default();
        if nodes.len() == nodes.capacity() {
            nodes.reserve_exact(nodes.len() / 2 + 1);
        }
        nodes.push(node);
    }
}

impl<'a> IntoIterator for &'a Unknown {
    type Item = &'a UnknownNode;
    type IntoIter = std::slice::Iter<'a, UnknownNode>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One unknown thing inside a structure.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownNode {
    #[doc(hidden)]
    pub name: String,
    #[doc(hidden)]
    pub content: UnknownContent,
    /// How many fields of the type's schema stand before it, so that it is written in the same place.
    #[doc(hidden)]
    pub after: usize,
}

#[doc(hidden)]
#[derive(Debug, Clone, PartialEq)]
pub enum UnknownContent {
    /// An XML element, self-contained: its start tag declares its namespace if that is not FHIR's.
    XmlElement(String),
    /// The value of an XML attribute, and the namespace that the prefix of its name stands for, if it has
    /// one.
    XmlAttribute { value: String, namespace: Option<String> },
    /// Text between elements, unescaped.
    XmlText(String),
    /// The value of a JSON member.
    JsonMember(String),
    /// What the Atom schema allows in a bundle and the model has no field for.
    Atom(AtomPart, String),
}

impl UnknownContent {
    fn source(&self) -> &str {
        match self {
            Self::XmlElement(source)
            | Self::XmlAttribute { value: source, .. }
            | Self::XmlText(source)
            | Self::JsonMember(source)
            | Self::Atom(_, source) => source,
        }
    }
}

/// The kinds of Atom parts that have no field.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtomPart {
    /// The markup of an element whose field holds only a part of it, such as a title of type `html`. It is
    /// written instead of the field as long as both say the same.
    Form,
    /// The markup of an element that no field holds, such as a second title.
    More,
    /// The value of an attribute.
    Attribute,
    /// Text in a place where it means nothing.
    Text,
}

impl AtomPart {
    const ALL: [(char, Self); 4] =
        [('=', Self::Form), ('+', Self::More), ('@', Self::Attribute), ('#', Self::Text)];

    /// The character in front of the part in JSON, where the member `_atom`, an array of strings, carries
    /// what only Atom has.
    pub fn mark(self) -> char {
        Self::ALL.iter().find(|(_, part)| *part == self).map_or('+', |(mark, _)| *mark)
    }

    /// The kind of part that a string of `_atom` holds, and the rest of the string.
    pub fn split(text: &str) -> Option<(Self, &str)> {
        Self::ALL.iter().find_map(|(mark, part)| Some((*part, text.strip_prefix(*mark)?)))
    }
}

impl UnknownNode {
    /// Bytes to account for: the node in a list that may have half as much room again, its old place while
    /// the list moves, and two small texts.
    #[doc(hidden)]
    pub const COST: usize = size_of::<Self>() * 5 / 2 + 2 * 32;

    /// The namespace that is kept with the name of an attribute.
    pub(crate) fn declared_namespace(&self) -> Option<&str> {
        match &self.content {
            UnknownContent::XmlAttribute { namespace, .. } => namespace.as_deref(),
            _ => None,
        }
    }

    /// Whether JSON has a place for it.
    pub(crate) fn is_json(&self) -> bool {
        !matches!(self.content, UnknownContent::XmlAttribute { .. } | UnknownContent::XmlText(_))
    }

    /// The name of the element, attribute or JSON member; empty for text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source text as it stood in the message: markup of an element, value of an attribute, a JSON value.
    pub fn source(&self) -> &str {
        self.content.source()
    }
}

/// A whole resource of a type that this build does not model, kept as source text.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownResource {
    #[doc(hidden)]
    pub resource_type: String,
    #[doc(hidden)]
    pub content: UnknownContent,
}

impl UnknownResource {
    /// Bytes to account for beside the source text.
    #[doc(hidden)]
    pub const COST: usize = size_of::<Self>() + 32;

    /// The name of the resource's type.
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The resource as it stood in the message, XML or JSON.
    pub fn source(&self) -> &str {
        self.content.source()
    }
}

/// How much there is in unknown content.
#[derive(Clone, Copy, Default)]
pub(crate) struct ValueCount {
    /// The number of elements in XML: one per item of an array, or one.
    pub(crate) items: usize,
    /// All values in it.
    pub(crate) values: usize,
}
