//! Why text cannot be read, and why a value cannot be written.

use std::fmt;

use crate::findings::{Finding, Position};

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
    /// The content is well-formed, but neither a resource nor a bundle.
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
                write!(f, "not a FHIR resource or bundle: {problem} ({position})")
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

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownResource { path, resource_type } => write!(
                f,
                "{path}: a {resource_type} can only be written in the format it was read in, \
                 because this build does not model it"
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
