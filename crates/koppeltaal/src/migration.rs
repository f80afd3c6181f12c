//! [`migrate_sqlite`] and [`migrate_postgresql`] make the tables of this crate, or bring them up to date,
//! apart from the start of the application.

use crate::database::DatabaseError;
#[cfg(feature = "postgresql")]
use crate::database::postgresql;
#[cfg(feature = "sqlite")]
use crate::database::sqlite;

/// Makes all tables of this crate in a `SQLite` file, or brings them up to date. Makes the file when it is
/// not there, so that only its owner can read it. The statements are those of the file `sql/sqlite.sql`.
///
/// Opening an outbox, a version store or dead letters does the same for the tables that it needs.
///
/// # Errors
///
/// [`TableError::Database`]; [`TableError::Format`] for tables of a later version of this crate.
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub fn migrate_sqlite(path: impl AsRef<std::path::Path>) -> Result<(), TableError> {
    Ok(sqlite::migrate(path.as_ref())?)
}

/// Makes all tables of this crate in a `PostgreSQL` database, in the current schema of the pool's
/// connections, or brings them up to date. The statements are those of the file `sql/postgresql.sql`, which
/// also says what rights the role of the application needs. Any number of processes may do so at once.
///
/// Opening an outbox, a version store or dead letters does the same for the tables that it needs. Where the
/// role of the application may make no tables, this runs with another one:
///
/// ```no_run
/// # use koppeltaal::deadpool_postgres::Pool;
/// # async fn example(of_owner: Pool, pool: Pool) -> Result<(), Box<dyn std::error::Error>> {
/// // When a version of the application is installed.
/// koppeltaal::migrate_postgresql(&of_owner).await?;
///
/// // When it starts.
/// let versions = koppeltaal::PostgresqlVersionStore::open_without_migration(pool.clone()).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`TableError::Database`] when there is no connection or no right to make tables;
/// [`TableError::Format`] for tables of a later version of this crate.
#[cfg(feature = "postgresql")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
pub async fn migrate_postgresql(pool: &deadpool_postgres::Pool) -> Result<(), TableError> {
    Ok(postgresql::migrate(pool.clone()).await?)
}

/// Why this crate's tables could not be made, brought up to date or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The database fails, or forbids it. A migration that is run again goes on where it ended.
    #[error("the database: {}", crate::causes::causes(r#source.as_ref()))]
    Database {
        /// What the database says. The text of this error has it, so [`source`](std::error::Error::source)
        /// gives none.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tables are not those of this version of the crate: a later version made them or, where nothing is
    /// migrated, they are missing or older.
    #[error(
        "the tables have format {found} (0: there are none), and this version of the crate needs {known}"
    )]
    Format {
        /// The format of the tables; 0 if there are none.
        found: i64,
        /// The format that this version of the crate needs.
        known: i64,
    },
}

impl From<DatabaseError> for TableError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Driver(source) => Self::Database { source: source.into() },
            DatabaseError::Format { found, known } => Self::Format { found, known },
        }
    }
}
