//! FHIR content and codes as the text of a record in the data file.

use std::fmt::Display;
use std::str::FromStr;

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, Format, Limits, ReadDocument, ReadOptions};
use serde::{Deserialize as _, Deserializer, Serializer};

use crate::persistence::{DataFileError, RecordError};
use crate::representation;

/// Reads content that the sandbox accepted and wrote itself, so the limits for content of strangers do not
/// apply.
pub(super) fn read(json: &str) -> Result<ReadDocument, RecordError> {
    let limits = Limits {
        bytes: usize::MAX,
        // The two formats do not nest in the same way.
        depth: 2 * Limits::default().depth,
        entries: usize::MAX,
        findings: 0,
        expansion: usize::MAX,
    };
    let read = ReadOptions::tolerant().limits(limits).json(json.as_bytes());
    // What the error says may quote content.
    let read = read.map_err(|_| RecordError::new("its content cannot be read"))?;
    match representation::check_as(&read.document, Format::Xml) {
        Ok(()) => Ok(read),
        Err(_) => Err(RecordError::new("its content cannot be written as XML")),
    }
}

pub(super) fn write(document: &Document) -> Result<String, DataFileError> {
    // What the error says may quote content.
    document.to_json().map_err(|_| DataFileError::Record("its content cannot be written as JSON".to_owned()))
}

/// What a configured definition takes in memory, in bytes.
pub(super) fn memory(definition: &Other) -> usize {
    let json = write(&definition.clone().into()).unwrap_or_default();
    read(&json).map(|read| read.memory()).unwrap_or_default()
}

/// Codes, by their text on the wire.
pub(super) mod as_text {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in super::super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
