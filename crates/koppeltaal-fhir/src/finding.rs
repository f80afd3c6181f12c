//! What a reader or validator has to say about content that is not as the standard wants it.
//!
//! A [`Finding`] names a rule, a place and an expectation, so that an application can show it, count it or decide on
//! it. A tolerant read returns findings beside the value; a strict read turns the first one of severity error into a
//! [`ReadError`].

use std::fmt;

/// How much a [`Finding`] matters. The order is from harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, but worth knowing.
    Information,
    /// The schema lets it pass, the prose of the standard does not.
    Warning,
    /// Violates the schema of the standard.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A rule that content can break, by its stable id: `Rule::MINIMUM` is `cardinality-min`.
///
/// The constants are the rules of the base standard; a layer above adds its own with [`Rule::new`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule(&'static str);

impl Rule {
    /// A rule with this id: lower-case words with hyphens between them.
    pub const fn new(id: &'static str) -> Self {
        Self(id)
    }

    /// The stable id of the rule.
    pub const fn id(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident $id:literal,)*) => {
        impl Rule { $($(#[$doc])* pub const $name: Self = Self($id);)* }
    };
}

rules! {
    /// A mandatory element is missing.
    MINIMUM "cardinality-min",
    /// An element that may occur once occurs again.
    MAXIMUM "cardinality-max",
    /// An element stands behind one that the schema wants after it (XML only).
    ORDER "element-order",
    /// Two alternatives of one choice (`value[x]`) are present.
    CHOICE "choice-exclusive",
    /// An element or member that the type does not have.
    UNKNOWN_ELEMENT "unknown-element",
    /// An attribute that the element does not have (XML only).
    UNKNOWN_ATTRIBUTE "unknown-attribute",
    /// A resource type that DSTU1, or this build of the crate, does not have.
    UNKNOWN_RESOURCE "unknown-resource",
    /// Text where only elements are allowed.
    STRAY_TEXT "stray-text",
    /// A code that is not on the closed list of its element.
    CODE "code-unlisted",
    /// A value that is not written as its primitive type demands.
    FORMAT "value-format",
    /// An element, attribute or string that is present but empty.
    EMPTY "empty",
    /// A JSON value of another kind than the type demands: a string for a number, an object for an array.
    JSON_TYPE "json-type",
    /// A JSON `null` outside the arrays of repeating primitives, or there without extensions beside it.
    JSON_NULL "json-null",
    /// A JSON object with the same member twice.
    DUPLICATE_MEMBER "duplicate-member",
    /// JSON of the time before 0.0.82: `_id` for `id`, or a bundle wrapped in `feed`.
    LEGACY "json-legacy",
    /// An XML declaration that tells of another encoding than UTF-8, above text that is UTF-8.
    ENCODING "encoding",
    /// An element in another XML namespace than the standard's.
    NAMESPACE "namespace",
    /// A narrative that is not the XHTML fragment that the standard allows.
    NARRATIVE "narrative",
    /// A narrative of HTML that was made XHTML (see [`ReadOptions::repair_narrative`](crate::ReadOptions::repair_narrative)).
    NARRATIVE_REPAIRED "narrative-repaired",
    /// An Atom feed, entry or link that does not follow the bundle schema.
    BUNDLE "bundle",
    /// A `contained` element that does not hold exactly one resource.
    CONTAINED "contained",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A place in the text that was read, both counted from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The position of byte `offset` of `text`, which is on a line counted from 0.
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
/// `found` can hold data of a patient: show it to the person at work, do not write it to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The rule that is broken.
    pub rule: Rule,
    /// Where in the content, such as `entry[1].content.activity[0].simple.category`; empty for the root.
    pub path: String,
    /// Where in the text, when text was read.
    pub position: Option<Position>,
    /// What the standard wants there.
    pub expected: String,
    /// What was there, cut off after some 80 characters.
    pub found: String,
}

impl Finding {
    /// Bytes that it takes in a list, which may have a quarter more room, and in its copy when the list is sorted or moved.
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
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

/// Why text could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not well-formed JSON or XML, or holds what this reader refuses on principle (a DOCTYPE).
    Malformed {
        /// What is wrong.
        problem: String,
        /// Where in the content the reader was.
        path: String,
        /// Where in the text.
        position: Position,
    },
    /// A limit of [`Limits`](crate::Limits) was exceeded.
    Limit {
        /// Which limit, and its value.
        limit: String,
        /// Where in the content the reader was.
        path: String,
        /// Where in the text.
        position: Position,
    },
    /// The content is well-formed, but neither a DSTU1 resource nor a bundle.
    NotFhir {
        /// What is there instead.
        problem: String,
        /// Where in the text.
        position: Position,
    },
    /// A strict read met its first finding of severity error.
    Invalid(Box<Finding>),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |f: &mut fmt::Formatter<'_>, path: &str| {
            if path.is_empty() { Ok(()) } else { write!(f, ", in {path}") }
        };
        match self {
            Self::Malformed { problem, path, position } => {
                write!(f, "not well-formed: {problem} ({position}")?;
                at(f, path)?;
                f.write_str(")")
            }
            Self::Limit { limit, path, position } => {
                write!(f, "too much: {limit} ({position}")?;
                at(f, path)?;
                f.write_str(")")
            }
            Self::NotFhir { problem, position } => {
                write!(f, "not a DSTU1 resource or bundle: {problem} ({position})")
            }
            Self::Invalid(finding) => finding.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

/// Why a value cannot be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A resource of a type that this build does not model was read in one format and is to be written in the other.
    UnknownResource {
        /// Where in the content.
        path: String,
        /// The resource's type.
        resource_type: String,
    },
    /// A narrative is no well-formed XHTML, so it cannot stand in XML.
    Narrative {
        /// Where in the content.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The signature of a bundle is no `Signature` element of XML signatures.
    Signature {
        /// What is wrong with it.
        problem: String,
    },
    /// An attribute that DSTU1 does not know cannot stand where it would have to.
    Attribute {
        /// Where in the content.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A string holds a character that XML cannot carry, such as NUL.
    Character {
        /// Where in the content.
        path: String,
        /// The character.
        character: char,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownResource { path, resource_type } => write!(
                f,
                "{path}: a {resource_type} can only be written in the format it was read in \
                 (feature `all-resources` models every DSTU1 type)"
            ),
            Self::Narrative { path, problem } => {
                write!(f, "{path}: the narrative cannot be written as XML: {problem}")
            }
            Self::Signature { problem } => {
                write!(f, "signature: it cannot be written as XML: {problem}")
            }
            Self::Attribute { path, problem } => {
                write!(f, "{path}: an unknown attribute cannot be written as XML: {problem}")
            }
            Self::Character { path, character } => {
                write!(f, "{path}: XML cannot carry the character U+{:04X}", u32::from(*character))
            }
        }
    }
}

impl std::error::Error for WriteError {}
