#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "json", feature = "xml")),
    allow(dead_code, unused_imports, reason = "each format needs its own part of what both stand on")
)]

#[cfg(all(test, feature = "json", feature = "xml"))]
mod arbitrary;
mod bundle;
#[cfg(any(feature = "json", feature = "xml"))]
mod bytes;
mod check;
mod code_list;
mod datatype_methods;
mod document;
mod error;
mod findings;
mod format;
mod limits;
#[cfg(feature = "xml")]
mod markup;
mod outline;
mod references;
#[cfg(all(feature = "json", feature = "xml"))]
mod repair;
mod resource;
mod structure;
mod unknown;
mod weight;
mod xhtml;

#[rustfmt::skip]
mod generated;
pub mod primitives;

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "xml")]
mod xml;

pub use bundle::{Author, Bundle, Category, Entry, Link};
pub use document::{Document, ReadDocument, ReadOptions};
pub use error::{ReadError, WriteError};
pub use findings::{ElementPath, Finding, Findings, NewFinding, PathSegment, Position, Rule, Severity};
pub use format::{Format, UnknownFormat};
pub use generated::datatypes;
pub use generated::resources;
pub use limits::Limits;
pub use outline::Outline;
pub use primitives::primitive::Primitive;
pub use primitives::scalar::ParseError;
pub use resource::{RESOURCE_TYPES, Resource, ResourceType};
pub use unknown::{Unknown, UnknownNode, UnknownResource};
pub use xhtml::Xhtml;
