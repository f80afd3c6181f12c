//! XML: reader and writer for resources and Atom feeds, on quick-xml's events.

mod capture;
mod feed;
mod names;
mod primitive;
mod read;
mod structure;
mod text;
mod tokens;
mod write;

pub(crate) use read::read;
#[cfg(feature = "json")]
pub(crate) use text::attribute_value;
pub(crate) use text::{escape_attribute, unescape};
pub(crate) use tokens::{Token, Tokens};
pub(crate) use write::write;
