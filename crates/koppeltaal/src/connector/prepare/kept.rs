//! A [`Prepared`] message in a database: as text, and what to ask of it there.

use koppeltaal_fhir::{Bundle, Document, ReadError, ReadOptions, WriteError};
use koppeltaal_messaging::Event;

use super::Prepared;

/// Why a text is not what [`Prepared::to_json`] wrote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPrepared {
    #[error("unreadable: {0}")]
    Read(#[from] ReadError),
    #[error("no message with an identifier and an address of its focal resource")]
    Incomplete,
}

impl Prepared {
    /// What happened.
    pub(crate) fn event(&self) -> Event {
        self.event
    }

    /// The message, without the versions that are to be filled in.
    pub(crate) fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The message as text, to keep it until it is sent.
    pub(crate) fn to_json(&self) -> Result<String, WriteError> {
        Document::from(self.bundle.clone()).to_json()
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub(crate) fn from_json(text: &str) -> Result<Self, NotPrepared> {
        let document = ReadOptions::tolerant().json(text.as_bytes())?.document;
        let bundle = document.into_bundle().map_err(|_| NotPrepared::Incomplete)?;
        Self::of(bundle).ok_or(NotPrepared::Incomplete)
    }
}
