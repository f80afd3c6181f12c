#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
mod arbitrary;
mod datatype_methods;
mod model;
mod read;
mod resource;
mod resource_methods;

#[rustfmt::skip]
mod generated;
pub mod primitives;

pub use generated::datatypes;
pub use generated::resources;
#[doc(inline)]
pub use koppeltaal_fhir_base::{
    ElementPath, Finding, Findings, Format, Limits, NewFinding, Outline, ParseError, PathSegment, Position,
    ReadError, Rule, Severity, Unknown, UnknownFormat, UnknownNode, UnknownResource, WriteError, Xhtml,
};
pub use primitives::Primitive;
pub use read::{ReadDocument, ReadOptions};
pub use resource::{RESOURCE_TYPES, Resource, ResourceType};
