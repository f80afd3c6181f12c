//! XML: reader and writer for resources and Atom feeds, on tokens of our own.

mod atom;
mod atom_parts;
mod capture;
#[cfg(test)]
mod comparison;
mod content_form;
mod element;
mod feed;
pub(crate) mod fragment;
mod names;
mod narrative;
mod primitive;
mod read;
mod structure;
mod tag;
mod text;
mod text_construct;
mod tokens;
mod write;
mod write_feed;

pub(crate) use atom_parts::part_from_json;
pub(crate) use fragment::{count_values, values_length};
pub(crate) use names::is_reserved as is_reserved_namespace;
pub(crate) use read::{declared_encoding, read, resource_type};
pub(crate) use tag::{Tag, is_unprefixed_name};
pub(crate) use text::{escape_attribute, is_xml_character, unescape};
pub(crate) use tokens::{Token, Tokens};
pub(crate) use write::write;
