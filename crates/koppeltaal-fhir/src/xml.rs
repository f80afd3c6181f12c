//! XML: reader and writer for resources and Atom feeds, on tokens of our own.

mod capture;
#[cfg(test)]
mod comparison;
mod element;
mod feed;
mod names;
mod narrative;
mod primitive;
mod read;
mod structure;
mod tag;
mod text;
mod tokens;
mod write;

pub(crate) use narrative::problems_of as narrative_problems;
pub(crate) use read::{read, resource_type};
pub(crate) use text::{escape_attribute, unescape};
pub(crate) use tokens::{Token, Tokens};
pub(crate) use write::write;
