#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "arbitrary")]
#[doc(hidden)]
pub mod arbitrary;
mod bytes;
#[doc(hidden)]
pub mod check;
#[doc(hidden)]
pub mod code_list;
#[doc(hidden)]
pub mod document;
mod error;
#[doc(hidden)]
pub mod findings;
mod format;
#[doc(hidden)]
pub mod json;
mod limits;
#[doc(hidden)]
pub mod markup;
#[doc(hidden)]
pub mod model;
mod outline;
pub mod primitives;
mod read;
mod repair;
#[doc(hidden)]
pub mod resource;
#[doc(hidden)]
pub mod structure;
mod unknown;
#[doc(hidden)]
pub mod visit;
#[doc(hidden)]
pub mod weight;
#[doc(hidden)]
pub mod write;
mod xhtml;
#[doc(hidden)]
pub mod xml;

pub use error::{ReadError, WriteError};
pub use findings::{ElementPath, Finding, Findings, NewFinding, PathSegment, Position, Rule, Severity};
#[doc(hidden)]
pub use format::Labelled;
pub use format::{Format, UnknownFormat};
pub use limits::Limits;
pub use outline::Outline;
pub use primitives::primitive::Primitive;
pub use primitives::scalar::ParseError;
#[doc(hidden)]
pub use read::ReadableDocument;
pub use read::{ReadDocument, ReadOptions};
pub use unknown::{Unknown, UnknownNode, UnknownResource};
pub use xhtml::Xhtml;

/// The parts of [`Unknown`] and [`Xhtml`] that models see.
#[doc(hidden)]
pub mod parts {
    pub use crate::unknown::{AtomPart, UnknownContent};
    pub use crate::xhtml::Refusal;
}
