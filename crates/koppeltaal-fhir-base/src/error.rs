//! Why text cannot be read, and why a value cannot be written.

use std::borrow::Cow;
use std::fmt;

use crate::findings::{Finding, Position};

/// Why text could not be read.
///
/// `Display` and `Debug` quote nothing of the text: it may be data of a patient.
/// [`with_content`](Self::with_content) does.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// The text is not well-formed JSON or XML, or holds what this reader refuses on principle (a DOCTYPE).
    Malformed {
        /// What is wrong. What it quotes of the text stands between backticks.
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
    /// The content is well-formed, but neither a resource nor a bundle.
    NotFhir {
        /// What is there instead. What it quotes of the text stands between backticks.
        problem: String,
        /// Where in the text.
        position: Position,
    },
    /// A strict read met its first finding of severity error.
    Invalid(Box<Finding>),
}

impl ReadError {
    /// The error with what it quotes of the text, which can be data of a patient: for the user, not for a
    /// log.
    pub fn with_content(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| match self {
            Self::Invalid(finding) => write!(f, "{}", finding.with_content()),
            error => error.write(f, |problem| Cow::Borrowed(problem)),
        })
    }

    /// Writes the error, with its problem in the form that `shown` gives it.
    fn write(&self, f: &mut fmt::Formatter<'_>, shown: fn(&str) -> Cow<'_, str>) -> fmt::Result {
        let at = |f: &mut fmt::Formatter<'_>, path: &str| {
            if path.is_empty() { Ok(()) } else { write!(f, ", in {path}") }
        };
        match self {
            Self::Malformed { problem, path, position } => {
                write!(f, "not well-formed: {} ({position}", shown(problem))?;
                at(f, path)?;
                f.write_str(")")
            }
            Self::Limit { limit, path, position } => {
                write!(f, "too much: {limit} ({position}")?;
                at(f, path)?;
                f.write_str(")")
            }
            Self::NotFhir { problem, position } => {
                write!(f, "not a FHIR resource or bundle: {} ({position})", shown(problem))
            }
            Self::Invalid(finding) => write!(f, "{finding}"),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, without_quotes)
    }
}

impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadError({self})")
    }
}

impl std::error::Error for ReadError {}

/// A problem without what stands between the first backtick and the last. Punctuation that was expected, such
/// as "`,` or `]`", stays.
fn without_quotes(problem: &str) -> Cow<'_, str> {
    let is_punctuation = |quote: &str| quote.len() == 1 && !quote.as_bytes()[0].is_ascii_alphanumeric();
    if problem.split('`').skip(1).step_by(2).all(is_punctuation) {
        return Cow::Borrowed(problem);
    }
    match (problem.split_once('`'), problem.rsplit_once('`')) {
        (Some((before, _)), Some((_, after))) => Cow::Owned(format!("{before}`…`{after}")),
        _ => Cow::Borrowed(problem),
    }
}

/// Why a value cannot be written.
///
/// `Display` and `Debug` leave out what is wrong with a value, because it can quote data of a patient.
/// [`with_content`](Self::with_content) shows it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A resource of a type that this build does not model was read in one format and is to be written in the
    /// other.
    UnknownResource {
        /// Where in the content.
        path: String,
        /// The resource's type.
        resource_type: String,
    },
    /// A narrative is not well-formed XHTML, so it cannot stand in XML.
    Narrative {
        /// Where in the content.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The signature of a bundle is not a `Signature` element of XML signatures.
    Signature {
        /// What is wrong with it.
        problem: String,
    },
    /// An attribute that FHIR does not know cannot be written in its place.
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

impl WriteError {
    /// The error with what is wrong, which can quote data of a patient: for the user, not for a log.
    pub fn with_content(&self) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            write!(f, "{self}")?;
            match self {
                Self::Narrative { problem, .. }
                | Self::Signature { problem }
                | Self::Attribute { problem, .. } => write!(f, ": {problem}"),
                Self::UnknownResource { resource_type, .. } => write!(f, ": {resource_type}"),
                Self::Character { .. } => Ok(()),
            }
        })
    }
}

impl fmt::Debug for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteError({self})")
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The name of an unknown type may be anything.
            Self::UnknownResource { path, .. } => write!(
                f,
                "{path}: a resource of a type that this build does not model can only be written in the \
                 format it was read in"
            ),
            Self::Narrative { path, .. } => {
                write!(f, "{path}: the narrative cannot be written as XML")
            }
            Self::Signature { .. } => f.write_str("signature: it cannot be written as XML"),
            Self::Attribute { path, .. } => {
                write!(f, "{path}: an unknown attribute cannot be written as XML")
            }
            Self::Character { path, character } => {
                write!(f, "{path}: XML cannot carry the character U+{:04X}", u32::from(*character))
            }
        }
    }
}

impl std::error::Error for WriteError {}
