//! The tables of this crate in a database that usually is the application's own. They are made and brought up
//! to date when they are opened; the table `koppeltaal_format` says how far each part has come.

#![cfg_attr(
    not(all(feature = "connector", feature = "postgresql")),
    allow(
        dead_code,
        reason = "the outbox and PostgreSQL ask what an error means; version stores alone do not"
    )
)]

#[cfg(feature = "postgresql")]
pub(crate) mod postgresql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::error::Error;
use std::fmt;

/// The tables of one purpose, and how they came to be.
pub(crate) struct Part {
    /// Its name in the table of formats.
    pub(crate) name: &'static str,
    /// The statements that make the tables, one step after the other. The format of the tables is the number
    /// of steps taken. A step that was released never changes; a change of the tables is a new step.
    pub(crate) steps: &'static [&'static str],
}

/// Why a database could not be used.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    /// It fails.
    Database(DatabaseTrouble),
    /// The tables were made by a later version of this crate.
    Format { found: i64, known: i64 },
}

/// What a database said. `Display` and `Debug` are made for logs: neither shows a value that is or was to be
/// stored, as messages of drivers sometimes do.
pub(crate) struct DatabaseTrouble {
    breach: Breach,
    text: String,
}

/// What an error of a database means for what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    /// It may do it later, by itself or after a repair: it is down, full, or lacks a table.
    Passing,
    /// Another transaction was in the way. The whole transaction is to be run again.
    InTheWay,
    /// It will never take what it was given.
    Final,
}

impl DatabaseTrouble {
    /// What is stored cannot be used, and that will not pass.
    pub(crate) fn damaged(text: String) -> Self {
        Self { breach: Breach::Final, text }
    }

    fn of(error: &(dyn Error + 'static)) -> Self {
        let described = None;
        #[cfg(feature = "postgresql")]
        let described = described.or_else(|| postgresql::describe(error));
        #[cfg(feature = "sqlite")]
        let described = described.or_else(|| sqlite::describe(error));
        let (breach, text) = described.unwrap_or_else(|| (Breach::Passing, error.to_string()));
        Self { breach, text }
    }

    pub(crate) fn breach(&self) -> Breach {
        self.breach
    }
}

impl DatabaseError {
    /// Whether another transaction was in the way. Then the whole transaction is to be run again.
    pub(crate) fn is_in_the_way(&self) -> bool {
        self.breach() == Breach::InTheWay
    }

    /// Whether the database will never take what it was given.
    pub(crate) fn is_final(&self) -> bool {
        self.breach() == Breach::Final
    }

    fn breach(&self) -> Breach {
        match self {
            Self::Database(trouble) => trouble.breach,
            Self::Format { .. } => Breach::Final,
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for DatabaseError {
    fn from(error: E) -> Self {
        Self::Database(DatabaseTrouble::of(&error))
    }
}

impl fmt::Display for DatabaseTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DatabaseTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseTrouble({})", self.text)
    }
}

impl Error for DatabaseTrouble {}

impl Part {
    /// The steps that tables of this format have not taken yet.
    fn steps_after(&self, format: i64) -> Result<&'static [&'static str], DatabaseError> {
        let future = || DatabaseError::Format { found: format, known: self.format() };
        usize::try_from(format).ok().and_then(|taken| self.steps.get(taken..)).ok_or_else(future)
    }

    /// The format after all steps.
    fn format(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }
}
