//! XML: reader and writer, on tokens of our own. The readers and writers of elements are public for a model
//! whose bundles are Atom feeds.

mod capture;
#[cfg(test)]
mod comparison;
mod element;
pub mod fragment;
mod names;
mod narrative;
mod primitive;
mod read;
mod structure;
mod tag;
mod text;
mod tokens;
mod write;

pub use element::Element;
pub(crate) use fragment::{count_values, values_length};
pub(crate) use names::is_reserved as is_reserved_namespace;
pub use names::{Namespace, Scopes};
pub use narrative::is_language;
pub(crate) use read::declared_encoding;
pub use read::{Reader, Result, read, resource_type};
pub use tag::{RawValue, is_name_token};
pub(crate) use tag::{Tag, is_unprefixed_name};
pub use text::{escape_attribute, escape_text, forbidden_character};
pub(crate) use text::{is_xml_character, unescape};
pub use tokens::{Token, Tokens};
pub use write::{Writer, write};
