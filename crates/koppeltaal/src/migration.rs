//! [`migrate_sqlite`] and [`migrate_postgresql`]: make the tables of this crate, or bring them up to date, apart
//! from the start of the application.

use crate::database::DatabaseError;
#[cfg(feature = "postgresql")]
use crate::database::postgresql;
#[cfg(feature = "sqlite")]
use crate::database::sqlite;

/// Makes all tables of this crate in a `SQLite` file, or brings them up to date. Makes the file when it is not
/// there, so that only its owner can read it. The statements are those of the file `sql/sqlite.sql`.
///
/// Opening an outbox or a version store does the same for its own tables.
///
/// # Errors
///
/// [`MigrationError::Database`]; [`MigrationError::Format`] for tables of a later version of this crate.
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub fn migrate_sqlite(path: impl AsRef<std::path::Path>) -> Result<(), MigrationError> {
    Ok(sqlite::migrate(path.as_ref())?)
}

/// Makes all tables of this crate in a `PostgreSQL` database, in the current schema of the pool's connections,
/// or brings them up to date. The statements are those of the file `sql/postgresql.sql`, which also says what
/// rights the role of the application needs. Any number of processes may do so at once.
///
/// Opening an outbox or a version store does the same for its own tables. Where the role of the application
/// may make no tables, this runs with another one:
///
/// ```no_run
/// # async fn example(of_owner: koppeltaal::deadpool_postgres::Pool, pool: koppeltaal::deadpool_postgres::Pool)
/// #     -> Result<(), Box<dyn std::error::Error>> {
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
/// [`MigrationError::Database`] when there is no connection or no right to make tables;
/// [`MigrationError::Format`] for tables of a later version of this crate.
#[cfg(feature = "postgresql")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
pub async fn migrate_postgresql(pool: &deadpool_postgres::Pool) -> Result<(), MigrationError> {
    Ok(postgresql::migrate(pool.clone()).await?)
}

/// Why the tables could not be made or brought up to date. What was done before the error stays; running it
/// again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// The database fails, or forbids it.
    #[error("the database: {source}")]
    Database {
        /// What the database says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later version of this crate made the tables.
    #[error("the tables have format {found}; this version of the crate knows those up to {known}")]
    Format {
        /// The format of the tables.
        found: i64,
        /// The newest format that this version of the crate knows.
        known: i64,
    },
}

impl From<DatabaseError> for MigrationError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Driver(source) => Self::Database { source: source.into() },
            DatabaseError::Format { found, known } => Self::Format { found, known },
        }
    }
}
