//! [`Store`]: a `SQLite` file in which the state of the sandbox survives the end of the process, also a sudden one.
//!
//! The state lives in memory; each part of it says after every step which of its records changed, and they are written
//! before the step is answered. `SQLite`'s write-ahead log hands each transaction to the operating system, so that only a
//! loss of power can lose the last ones.

mod changed;

use std::path::Path;

use rusqlite::{Connection, params};

pub(crate) use changed::Changed;

/// What a record is. The names are in the file, so they stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
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
}

impl Kind {
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
        }
    }
}

/// A record to be written, or to be removed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) key: String,
    /// JSON; none when the record is gone.
    pub(crate) state: Option<String>,
}

impl Record {
    /// A record with this state, or without one.
    pub(crate) fn new<T: serde::Serialize>(
        kind: Kind,
        key: &impl ToString,
        state: Option<&T>,
    ) -> Result<Self, StoreError> {
        let state = state.map(serde_json::to_string).transpose()?;
        Ok(Self { kind, key: key.to_string(), state })
    }
}

/// A part of the state that can be kept in the file.
pub(crate) trait Persistent {
    /// The kinds of its records, in the order in which they are read back.
    const KINDS: &'static [Kind];

    /// The records that changed since the last time.
    fn changes(&mut self) -> Result<Vec<Record>, StoreError>;

    /// The same when nobody wants them.
    fn forget_changes(&mut self);

    /// Takes a record back. One that belongs to nothing that is configured now is left alone.
    fn restore(&mut self, kind: Kind, key: &str, state: &str) -> Result<(), StoreError>;
}

/// Why the state could not be kept or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// `SQLite` cannot read or write the file.
    #[error("the data file: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file is of a later version of the sandbox, or of another program.
    #[error("the data file has the format {0}, which this version does not know")]
    Format(i64),
    /// A record is not what it should be.
    #[error("a record of the data file: {0}")]
    Record(String),
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(error.to_string())
    }
}

/// The format of the file, in `SQLite`'s `user_version`.
const FORMAT: i64 = 1;

/// An open data file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens or makes a data file.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        // Whoever else has the file keeps it; better to say so at once.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Two sandboxes on one file would overwrite each other.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match format {
            0 => {
                connection.execute_batch(
                    "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL,
                     PRIMARY KEY (kind, key))",
                )?;
                connection.pragma_update(None, "user_version", FORMAT)?;
            }
            FORMAT => {}
            other => return Err(StoreError::Format(other)),
        }
        Ok(Self { connection })
    }

    /// Reads a part of the state back.
    pub(crate) fn restore<T: Persistent>(&self, part: &mut T) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare("SELECT key, state FROM record WHERE kind = ?1")?;
        for kind in T::KINDS {
            let mut rows = statement.query(params![kind.name()])?;
            while let Some(row) = rows.next()? {
                let (key, state): (String, String) = (row.get(0)?, row.get(1)?);
                part.restore(*kind, &key, &state)?;
            }
        }
        part.forget_changes();
        Ok(())
    }

    /// The secret of this name: the one in the file, or else this one, which is there from now on.
    pub(crate) fn secret(&self, name: &str, fresh: &str) -> Result<String, StoreError> {
        self.connection.execute(
            "INSERT OR IGNORE INTO record (kind, key, state) VALUES ('secret', ?1, ?2)",
            params![name, fresh],
        )?;
        let secret = "SELECT state FROM record WHERE kind = 'secret' AND key = ?1";
        Ok(self.connection.query_row(secret, params![name], |row| row.get(0))?)
    }

    /// Writes what changed, all of it or nothing.
    pub(crate) fn write(&mut self, records: &[Record]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        {
            let mut put = transaction
                .prepare_cached("INSERT OR REPLACE INTO record (kind, key, state) VALUES (?1, ?2, ?3)")?;
            let mut remove = transaction.prepare_cached("DELETE FROM record WHERE kind = ?1 AND key = ?2")?;
            for Record { kind, key, state } in records {
                match state {
                    Some(state) => put.execute(params![kind.name(), key, state])?,
                    None => remove.execute(params![kind.name(), key])?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}
