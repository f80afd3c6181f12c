//! koppeltaal-r4, which checks what it reads.

use koppeltaal_r4::{ReadOptions, Resource};

pub type Document = Resource;

pub fn from_json(text: &str) -> Result<Document, String> {
    ReadOptions::tolerant().json(text.as_bytes()).map(|read| read.document).map_err(|error| error.to_string())
}

pub fn to_json(document: &Document) -> Result<String, String> {
    document.to_json().map_err(|error| error.to_string())
}

pub fn from_xml(text: &str) -> Result<Document, String> {
    ReadOptions::tolerant().xml(text.as_bytes()).map(|read| read.document).map_err(|error| error.to_string())
}

pub fn to_xml(document: &Document) -> Result<String, String> {
    document.to_xml().map_err(|error| error.to_string())
}
