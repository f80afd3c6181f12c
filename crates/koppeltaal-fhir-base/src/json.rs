//! JSON: the reader, the writer, and the tokens below them.
//!
//! The tokens are our own code because FHIR asks for what general JSON crates do not give at once: numbers
//! as written, the place of every member for findings, duplicate members noticed, raw text of what is
//! unknown, and a depth limit that counts.

mod measure;
mod progress;
mod read;
mod resource_types;
mod scan;
mod structure;
mod text;
mod values;
mod write;

pub(crate) use measure::{count_values, values_length};
pub use read::{read, resource_type};
pub(crate) use scan::{Kind, Result as ScanResult, Scanner};
pub(crate) use text::write_string;
pub use write::{write, write_legacy};
