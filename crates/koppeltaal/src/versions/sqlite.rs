//! [`SqliteVersionStore`]: versions in a SQLite file.

use std::fmt;
use std::path::Path;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::ResourceUrl;
use rusqlite::{OptionalExtension, params, params_from_iter};

use super::list::known_version;
use super::{KnownVersion, VersionFilter, VersionStore, VersionStoreError, rows};
use crate::database::VERSIONS;
use crate::database::sqlite::Database;

/// Versions in a `SQLite` file, which may be that of the application. They are in the tables
/// `koppeltaal_version` and `koppeltaal_format`. Several processes on one machine can share the file. Clones
/// share one connection.
///
/// Needs a Tokio runtime.
#[derive(Clone)]
pub struct SqliteVersionStore {
    database: Database,
}

impl SqliteVersionStore {
    /// Opens the file, creates it if it does not exist, and brings the tables up to date.
    ///
    /// The file names patients by the addresses of their resources. On Unix a new file can be read and
    /// written by its owner only; an existing one keeps its mode. Directories are not created.
    ///
    /// # Errors
    ///
    /// [`VersionStoreError::Database`] for a file that cannot be opened or is not a database,
    /// [`VersionStoreError::Format`] for one of a later version of this crate.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, VersionStoreError> {
        Ok(Self { database: Database::open(path.as_ref(), VERSIONS)? })
    }

    /// Opens a file that has the tables: makes and changes none. They come from
    /// [`migrate_sqlite`](crate::migrate_sqlite) or from the file `sql/sqlite.sql` of this crate.
    ///
    /// # Errors
    ///
    /// [`VersionStoreError::Database`] for a file that is not there or is not a database,
    /// [`VersionStoreError::Format`] for tables that are missing, or are those of another version.
    pub fn open_without_migration(path: impl AsRef<Path>) -> Result<Self, VersionStoreError> {
        Ok(Self { database: Database::open_without_migration(path.as_ref(), VERSIONS)? })
    }

    /// The versions that the filter admits, at most this many, in the order of domains and addresses: for
    /// operators, who look at what an application knows.
    ///
    /// # Errors
    ///
    /// [`VersionStoreError::Database`]; or [`VersionStoreError::Damaged`] for a row that holds no version.
    pub async fn list(
        &self,
        filter: &VersionFilter,
        limit: usize,
    ) -> Result<Vec<KnownVersion>, VersionStoreError> {
        let (select, mut values) = filter.select('?', "CAST(?1 AS INTEGER)");
        values.insert(0, limit.to_string());
        let read = move |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached(&select)?;
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_map(params_from_iter(values), row)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        self.database.read(read).await?.into_iter().map(known_version).collect()
    }
}

impl VersionStore for SqliteVersionStore {
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>> {
        Box::pin(async move {
            let (domain, urls) = (domain.to_owned(), resources.to_vec());
            let select = "SELECT version FROM koppeltaal_version WHERE domain = ?1 AND resource = ?2";
            let look_up = move |connection: &rusqlite::Connection| {
                let mut statement = connection.prepare_cached(select)?;
                let version_of = |url: &ResourceUrl| {
                    statement
                        .query_row([&domain, url.versionless()], |row| row.get::<_, String>(0))
                        .optional()
                };
                urls.iter().map(version_of).collect::<rusqlite::Result<Vec<_>>>()
            };
            rows::with_versions(resources, self.database.read(look_up).await?)
        })
    }

    fn record<'a>(
        &'a self,
        domain: &'a str,
        versioned: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<(), VersionStoreError>> {
        Box::pin(async move {
            let (domain, urls) = (domain.to_owned(), versioned.to_vec());
            let record = move |transaction: &rusqlite::Transaction<'_>| {
                let mut statement = transaction.prepare_cached(
                    "INSERT INTO koppeltaal_version (domain, resource, version) VALUES (?1, ?2, ?3)
                     ON CONFLICT (domain, resource) DO UPDATE SET version = excluded.version
                     WHERE version < excluded.version",
                )?;
                for (resource, version) in rows::newest(&urls) {
                    statement.execute(params![domain, resource, version])?;
                }
                Ok(())
            };
            if versioned.iter().any(|url| url.version().is_some()) {
                self.database.write(record).await?;
            }
            Ok(())
        })
    }
}

impl fmt::Debug for SqliteVersionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteVersionStore").finish_non_exhaustive()
    }
}
