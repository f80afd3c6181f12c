//! The tables of this crate in a database that usually is the application's own. They are made and brought up
//! to date when they are opened. The table `koppeltaal_format` holds the format of each part.

#![cfg_attr(
    not(all(feature = "connector", feature = "postgresql")),
    allow(dead_code, reason = "only the outbox and PostgreSQL need the kind of an error")
)]

#[cfg(feature = "postgresql")]
pub(crate) mod postgresql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::error::Error;
use std::fmt;

/// The tables of one purpose, and the steps that make them.
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
    /// The driver reports an error.
    Driver(DriverError),
    /// The tables were made by a later version of this crate.
    Format { found: i64, known: i64 },
}

/// An error of a database or its driver. `Display` and `Debug` are made for logs: unlike the messages of some
/// drivers, they show no value of a row.
pub(crate) struct DriverError {
    kind: ErrorKind,
    text: String,
}

/// Whether the same statement can succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// It may succeed later, perhaps after a repair: the database is down, full, or lacks a table.
    Transient,
    /// It failed because of another transaction. The whole transaction has to be run again.
    Contention,
    /// It will never succeed: the database does not accept the values.
    Permanent,
}

impl DriverError {
    /// A stored value cannot be used.
    pub(crate) fn damaged(text: String) -> Self {
        Self { kind: ErrorKind::Permanent, text }
    }

    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let described = None;
        #[cfg(feature = "postgresql")]
        let described = described.or_else(|| postgresql::describe(error));
        #[cfg(feature = "sqlite")]
        let described = described.or_else(|| sqlite::describe(error));
        let (kind, text) = described.unwrap_or_else(|| (ErrorKind::Transient, error.to_string()));
        Self { kind, text }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl DatabaseError {
    /// Whether it failed because of another transaction. Then the whole transaction has to be run again.
    pub(crate) fn is_contention(&self) -> bool {
        self.kind() == ErrorKind::Contention
    }

    /// Whether the same statement will never succeed.
    pub(crate) fn is_permanent(&self) -> bool {
        self.kind() == ErrorKind::Permanent
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Driver(error) => error.kind,
            Self::Format { .. } => ErrorKind::Permanent,
        }
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for DatabaseError {
    fn from(error: E) -> Self {
        Self::Driver(DriverError::from_error(&error))
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DriverError").field(&format_args!("{self}")).finish()
    }
}

impl Error for DriverError {}

impl Part {
    /// The steps that tables of this format still need.
    fn steps_after(&self, format: i64) -> Result<&'static [&'static str], DatabaseError> {
        let future = || DatabaseError::Format { found: format, known: self.format() };
        usize::try_from(format).ok().and_then(|taken| self.steps.get(taken..)).ok_or_else(future)
    }

    /// The format after all steps.
    fn format(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }
}
