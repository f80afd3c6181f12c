//! [`DataFile`]: a `SQLite` file in which the state of the sandbox survives the end of the process, also a sudden one.
//!
//! What the sandbox accepts it can keep, start again with, and hand out in JSON and in XML; what it cannot is refused when
//! it is posted, with an outcome that says why. The second half of that is the business of [`representation`](crate::representation), the
//! first that of this module:
//!
//! - The state lives in memory, in [`Table`]s and [`Value`]s, which note what a step changes. A step is *prepared* there,
//!   *committed* by writing its records in one transaction, and only then *applied*: it is answered, the hub and webhooks
//!   are told. A step whose records cannot be written is taken back by the same notes, so that it never happened.
//! - When the file is as long as it may be, the oldest processed messages are forgotten in the same transaction.
//! - A file that `SQLite` can read opens. A record in it that cannot be used is moved to the table `set_aside`, with the
//!   reason and the time, and everything else works.
//!
//! `SQLite`'s write-ahead log hands each transaction to the operating system, so that only a loss of power can lose the last
//! ones.

mod error;
mod file;
mod table;

pub use error::DataFileError;
pub(crate) use error::{NotWritten, RecordError};
pub(crate) use file::DataFile;
pub(crate) use table::{AfterCommit, Companion, Journal, Single, Table, Value};

/// What a record is. The names are in the file, so they stay as they are.
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

    /// How much of the [`RESERVE`] of a full file new records of this kind may use. Content gets nothing. What leads to a
    /// session gets a part, so that it never keeps from the rest what content takes to be handled and gone.
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

/// Room beyond [`Limits::data_bytes`](crate::Limits::data_bytes) in which messages that are there can still be claimed and
/// acknowledged.
const RESERVE: u64 = 4 << 20;

/// A record to be written, or to be removed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: RecordKind,
    pub(crate) key: String,
    /// JSON; none when the record is gone.
    pub(crate) state: Option<String>,
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
        Ok(Self { kind, key: key.to_string(), state })
    }
}

/// A part of the state that can be kept in the file.
pub(crate) trait Persistent {
    /// The kinds of its records, in the order in which they are read back.
    const KINDS: &'static [RecordKind];

    /// Everything in it that a step can change. An implementation takes itself apart without `..`, so that the compiler
    /// asks what a new field is.
    fn journals(&mut self, visit: &mut dyn FnMut(&mut dyn Journal));

    /// Takes a record back. One that belongs to nothing that is configured now is left alone.
    fn restore(&mut self, kind: RecordKind, key: &str, state: &str) -> Result<(), RecordError>;

    /// All records are back: the keys of those that nothing needs, which are set aside.
    fn restored(&mut self) -> Vec<(RecordKind, String)> {
        Vec::new()
    }

    /// Forgets, as a part of the step, what can be forgotten to make room for so many bytes in the data file. Whether
    /// there was anything.
    fn make_room(&mut self, _bytes: u64) -> bool {
        false
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

    /// The step is kept.
    fn commit(&mut self) {
        self.journals(&mut |journal| journal.commit());
    }

    /// The step cannot be kept: it did not happen.
    fn roll_back(&mut self) {
        self.journals(&mut |journal| journal.roll_back());
    }
}
