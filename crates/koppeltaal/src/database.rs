//! The tables of this crate in a database that usually is the application's own. They are made and brought up
//! to date by the text in `sql/`. The table `koppeltaal_format` holds the format of each part.

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

/// The parts of this crate that have tables of their own, by their names in the table of formats.
pub(crate) const OUTBOX: &str = "outbox";
pub(crate) const VERSIONS: &str = "versions";
#[cfg(feature = "connector")]
pub(crate) const DEAD_LETTERS: &str = "dead_letters";
pub(crate) const PARTS: [&str; 3] = [OUTBOX, VERSIONS, "dead_letters"];

/// What an operator can do when a table is missing.
const MISSING_TABLE: &str =
    "restore the table from a backup, or restart the application, which makes an empty one";

/// What an operation on a database gives.
#[cfg(feature = "connector")]
pub(crate) type Answer<'a, T> = futures_util::future::BoxFuture<'a, Result<T, DatabaseError>>;

/// The text of `sql/`: the statements that make the tables, one step after the other. A line `-- step: PART
/// NUMBER` begins each step. The format of a part is the number of its steps that were run. The last
/// statement of a step notes the new format.
pub(crate) struct Script(pub(crate) &'static str);

/// Why a database could not be used.
#[derive(Debug)]
pub(crate) enum DatabaseError {
    /// The driver reports an error.
    Driver(DriverError),
    /// The tables are not those of this version of the crate.
    Format { found: i64, known: i64 },
}

/// An error of a database or its driver. `Display` and `Debug` are made for logs: unlike the messages of some
/// drivers, they show no value of a row, and say what to do.
pub(crate) struct DriverError {
    kind: ErrorKind,
    text: String,
    /// What an operator can do.
    advice: Option<&'static str>,
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
        Self { kind: ErrorKind::Permanent, text, advice: None }
    }

    fn from_error(error: &(dyn Error + 'static)) -> Self {
        let described = None;
        #[cfg(feature = "postgresql")]
        let described = described.or_else(|| postgresql::describe(error));
        #[cfg(feature = "sqlite")]
        let described = described.or_else(|| sqlite::describe(error));
        let (kind, text) = described.unwrap_or_else(|| (ErrorKind::Transient, error.to_string()));
        let advice = None;
        #[cfg(feature = "postgresql")]
        let advice = advice.or_else(|| postgresql::advice(error));
        #[cfg(feature = "sqlite")]
        let advice = advice.or_else(|| sqlite::advice(error));
        Self { kind, text, advice }
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
        f.write_str(&self.text)?;
        self.advice.map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl fmt::Debug for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DriverError").field(&format_args!("{self}")).finish()
    }
}

impl Error for DriverError {}

impl Script {
    /// The step that makes the table of formats.
    fn format_table(&self) -> &'static str {
        self.steps("format").next().unwrap_or_default()
    }

    /// The steps that the tables of a part still need after this format.
    fn steps_after(&self, part: &str, format: i64) -> Result<Vec<&'static str>, DatabaseError> {
        let known = self.format(part);
        match usize::try_from(format) {
            Ok(taken) if format <= known => Ok(self.steps(part).skip(taken).collect()),
            _ => Err(DatabaseError::Format { found: format, known }),
        }
    }

    /// The format of a part after all of its steps.
    fn format(&self, part: &str) -> i64 {
        self.steps(part).count().try_into().unwrap_or(i64::MAX)
    }

    fn steps(&self, part: &str) -> impl Iterator<Item = &'static str> {
        let of_part = format!("{part} ");
        let steps = self.0.split("\n-- step: ").skip(1);
        steps.filter(move |step| step.starts_with(&of_part)).filter_map(|step| Some(step.split_once('\n')?.1))
    }
}

/// Text without the character that `PostgreSQL` cannot store (U+0000), and not longer than this.
#[cfg(feature = "connector")]
pub(crate) fn storable(text: &str, limit: usize) -> String {
    let mut stored = text.replace('\0', "\u{FFFD}");
    if stored.len() > limit {
        let end = (0..=limit).rev().find(|end| stored.is_char_boundary(*end)).unwrap_or(0);
        stored.truncate(end);
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_each_part_are_numbered_and_note_their_number() {
        let scripts = [include_str!("../sql/sqlite.sql"), include_str!("../sql/postgresql.sql")].map(Script);
        for script in &scripts {
            assert!(script.format_table().contains("CREATE TABLE koppeltaal_format"));
            for part in PARTS {
                assert!(script.format(part) > 0, "{part}");
                for (step, number) in script.steps(part).zip(1..) {
                    assert!(
                        script.0.contains(&format!("\n-- step: {part} {number}\n{step}")),
                        "{part} {number}"
                    );
                    let notes = match number {
                        1 => format!("INSERT INTO koppeltaal_format (part, format) VALUES ('{part}', 1);"),
                        _ => format!("UPDATE koppeltaal_format SET format = {number} WHERE part = '{part}';"),
                    };
                    assert!(step.trim_end().ends_with(&notes), "{part} {number}");
                }
            }
        }
        let formats = |script: &Script| PARTS.map(|part| script.format(part));
        assert_eq!(formats(&scripts[0]), formats(&scripts[1]), "the databases have the same formats");
    }
}
