#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
mod arbitrary;
mod bundle;
mod bytes;
mod check;
mod code_list;
mod datatype_methods;
mod document;
mod error;
mod findings;
mod format;
mod limits;
mod markup;
mod outline;
mod read;
mod references;
mod repair;
mod resource;
mod structure;
mod unknown;
mod weight;
mod write;
mod xhtml;

#[rustfmt::skip]
mod generated;
pub mod primitives;

mod json;
mod xml;

pub use bundle::{Author, Bundle, Category, Entry, Link};
pub use document::Document;
pub use error::{ReadError, WriteError};
pub use findings::{ElementPath, Finding, Findings, NewFinding, PathSegment, Position, Rule, Severity};
pub use format::{Format, UnknownFormat};
pub use generated::datatypes;
pub use generated::resources;
pub use limits::Limits;
pub use outline::Outline;
pub use primitives::primitive::Primitive;
pub use primitives::scalar::ParseError;
pub use read::{ReadDocument, ReadOptions};
pub use resource::{RESOURCE_TYPES, Resource, ResourceType};
pub use unknown::{Unknown, UnknownNode, UnknownResource};
pub use xhtml::Xhtml;
