//! [`DataFile`]: an SQLite file in which the state of the sandbox survives the end of the process, even a
//! sudden one.
//!
//! The sandbox accepts only what it can save, read back, and hand out in JSON and in XML. The last is checked
//! by [`representation`](crate::representation); the rest is here:
//!
//! - The state is in memory, in [`Table`]s and [`Value`]s, which note what a step changes. A step first
//!   changes them; then its records are written in one transaction; only then is it answered, and hub and
//!   webhooks are told. A step whose records cannot be written is taken back with the same notes: it never
//!   happened.
//! - In a file that may not grow any more, the messages that were processed longest ago are forgotten in the
//!   same transaction. A step that does not make the file grow needs no room, so messages can always be
//!   claimed and acknowledged.
//! - A file that SQLite can read opens. A record in it that cannot be used is moved to the table `set_aside`,
//!   with the reason and the time, and everything else works.
//!
//! Without the feature `data-file` no file can be opened, and the same steps change only what is in memory.
//!
//! SQLite's write-ahead log hands each transaction to the operating system, so only a loss of power can lose
//! the last ones.

mod error;
#[cfg(feature = "data-file")]
mod file;
#[cfg(not(feature = "data-file"))]
mod no_file;
mod table;

pub use error::DataFileError;
pub(crate) use error::{RecordError, WriteFailure};
#[cfg(feature = "data-file")]
pub(crate) use file::DataFile;
#[cfg(not(feature = "data-file"))]
pub(crate) use no_file::DataFile;
pub(crate) use table::{AfterCommit, Companion, Journal, Single, Table, Value};

/// The kind of a record. Its name is in the file, so it must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Counter,
    Seed,
    Definition,
    Resource,
    Message,
    Delivery,
    Receipt,
    Item,
    Launch,
    Activation,
    Code,
    Session,
    Refresh,
    Secret,
}

impl RecordKind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Seed => "seed",
            Self::Definition => "definition",
            Self::Resource => "resource",
            Self::Message => "message",
            Self::Delivery => "delivery",
            Self::Receipt => "receipt",
            Self::Item => "item",
            Self::Launch => "launch",
            Self::Activation => "activation",
            Self::Code => "code",
            Self::Session => "session",
            Self::Refresh => "refresh",
            Self::Secret => "secret",
        }
    }

    /// How much of the [`RESERVE`] of a full file records of this kind may use. Content may use nothing of
    /// it. Launches and sessions may use a part, so that enough is left for the records that processing a
    /// message needs.
    fn reserve(self) -> u64 {
        match self {
            Self::Definition | Self::Message | Self::Item => 0,
            Self::Launch | Self::Activation | Self::Code | Self::Session | Self::Refresh => RESERVE / 4,
            Self::Counter | Self::Seed | Self::Resource | Self::Delivery | Self::Receipt | Self::Secret => {
                RESERVE
            }
        }
    }
}

/// Room beyond [`Limits::data_bytes`](crate::Limits::data_bytes) for claiming and acknowledging the messages
/// that are in the file.
const RESERVE: u64 = 4 << 20;

/// A record to write or to remove.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: RecordKind,
    pub(crate) key: String,
    /// JSON; `None` to remove the record.
    pub(crate) state: Option<String>,
    /// How much of the [`RESERVE`] it may use.
    reserve: u64,
}

impl Record {
    /// A record with this state, or without one.
    pub(crate) fn new<T: serde::Serialize>(
        kind: RecordKind,
        key: &impl ToString,
        state: Option<&T>,
    ) -> Result<Self, DataFileError> {
        let state = state
            .map(serde_json::to_string)
            .transpose()
            .map_err(|error| DataFileError::unwritable(&error))?;
        Ok(Self::from_text(kind, key.to_string(), state))
    }

    fn from_text(kind: RecordKind, key: String, state: Option<String>) -> Self {
        Self { kind, key, state, reserve: kind.reserve() }
    }

    /// The same record with half the reserve of its kind.
    pub(crate) fn with_half_the_reserve(self) -> Self {
        Self { reserve: self.reserve / 2, ..self }
    }
}

/// What was forgotten to make room in a full file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// Processed messages.
    Messages,
    /// Claims of messages that were claimed again since.
    EarlierClaims,
}

/// A part of the state that is saved in the file.
pub(crate) trait Persistent {
    /// The kinds of its records, in the order in which they are read back.
    const KINDS: &'static [RecordKind];

    /// Visits everything that a step can change. Implementations destructure themselves without `..`, so that
    /// the compiler asks about a new field.
    fn journals(&mut self, visit: &mut dyn FnMut(&mut dyn Journal));

    /// Puts a record back. One that belongs to nothing that is configured now is left alone.
    fn restore(&mut self, kind: RecordKind, key: &str, state: &str) -> Result<(), RecordError>;

    /// Called when all records are back. Gives the keys of the records that nothing needs, which are then set
    /// aside.
    fn restored(&mut self) -> Vec<(RecordKind, String)> {
        Vec::new()
    }

    /// As a part of the step, forgets what may be forgotten, to make room for this many bytes in the data
    /// file. Says what was forgotten, or `None` when there is nothing to forget.
    fn make_room(&mut self, _bytes: u64) -> Option<Eviction> {
        None
    }

    /// The records that the step changed.
    fn changes(&mut self) -> Result<Vec<Record>, DataFileError> {
        let mut records = Vec::new();
        let mut outcome = Ok(());
        self.journals(&mut |journal| {
            if outcome.is_ok() {
                outcome = journal.records(&mut records);
            }
        });
        outcome.map(|()| records)
    }

    /// The step is saved.
    fn commit(&mut self) {
        self.journals(&mut |journal| journal.commit());
    }

    /// The step cannot be saved: takes it back.
    fn roll_back(&mut self) {
        self.journals(&mut |journal| journal.roll_back());
    }
}
