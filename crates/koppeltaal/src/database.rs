//! The tables of this crate in a database that, as a rule, is the application's own: made and brought up to date when they
//! are opened, with a table of their own that says how far each part has come.

#[cfg(feature = "postgresql")]
pub(crate) mod postgresql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

use std::error::Error;

/// The tables of one purpose, and how they came to be.
pub(crate) struct Part {
    /// Its name in the table of formats.
    pub(crate) name: &'static str,
    /// What was done to the tables, one step after the other. The format of the tables is the number of steps taken. A step
    /// that was released does not change any more; what is new is a new step.
    pub(crate) steps: &'static [&'static str],
}

/// Why a database could not be used.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    /// It does not do what it was asked.
    Database(Box<dyn Error + Send + Sync>),
    /// The tables are from the future.
    Format { found: i64, known: i64 },
}

impl<E: Error + Send + Sync + 'static> From<E> for DatabaseError {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

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
