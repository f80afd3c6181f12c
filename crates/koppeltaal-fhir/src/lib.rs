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
mod construct;
#[cfg(all(feature = "json", feature = "xml"))]
mod convert;
mod document;
mod finding;
mod format;
mod lines;
#[cfg(feature = "xml")]
mod markup;
mod outline;
mod primitive;
mod references;
#[cfg(all(feature = "json", feature = "xml"))]
mod repair;
mod report;
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
pub use finding::{Finding, Position, ReadError, Rule, Severity, WriteError};
pub use format::{Format, UnknownFormat};
pub use generated::datatypes;
pub use generated::resources;
pub use outline::Outline;
pub use primitive::{ParseError, Primitive};
pub use references::ElementPath;
pub use report::Limits;
pub use resource::{RESOURCE_TYPES, Resource, ResourceType};
pub use unknown::{Unknown, UnknownNode, UnknownResource};
pub use xhtml::Xhtml;
