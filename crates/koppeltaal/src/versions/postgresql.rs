//! [`PostgresqlVersionStore`]: versions that several machines share.

use std::fmt;

use deadpool_postgres::Pool;
use futures_util::future::BoxFuture;
use koppeltaal_messaging::ResourceUrl;

use super::list::known_version;
use super::{KnownVersion, VersionFilter, VersionStore, VersionStoreError, rows};
use crate::database::postgresql::{Database, as_parameters};
use crate::database::{DatabaseError, VERSIONS};

/// Versions in a `PostgreSQL` database, which may be that of the application. They are in the tables
/// `koppeltaal_version` and `koppeltaal_format`, in the current schema of the pool's connections. Any number
/// of processes and machines can share them.
#[derive(Clone)]
pub struct PostgresqlVersionStore {
    database: Database,
}

impl PostgresqlVersionStore {
    /// Makes the tables or brings them up to date, with connections of this pool. Tables that are up to date
    /// are not changed, and then no right to make tables is needed.
    ///
    /// # Errors
    ///
    /// [`VersionStoreError::Database`] when there is no connection or no right to make tables,
    /// [`VersionStoreError::Format`] for tables of a later version of this crate.
    pub async fn open(pool: Pool) -> Result<Self, VersionStoreError> {
        Ok(Self { database: Database::open(pool, VERSIONS).await? })
    }

    /// Opens a database that has the tables: makes and changes none. They come from
    /// [`migrate_postgresql`](crate::migrate_postgresql) or from the file `sql/postgresql.sql` of this crate.
    ///
    /// # Errors
    ///
    /// [`VersionStoreError::Database`] when there is no connection, [`VersionStoreError::Format`] for tables
    /// that are missing, or are those of another version.
    pub async fn open_without_migration(pool: Pool) -> Result<Self, VersionStoreError> {
        Ok(Self { database: Database::open_without_migration(pool, VERSIONS).await? })
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
        self.select(filter, limit).await?.into_iter().map(known_version).collect()
    }

    async fn select(
        &self,
        filter: &VersionFilter,
        limit: usize,
    ) -> Result<Vec<(String, String, String)>, DatabaseError> {
        let (select, values) = filter.select('$', "$1");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut parameters = as_parameters(&values);
        parameters.insert(0, &limit);
        let rows = self.database.run(&select, &parameters).await?.rows;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }

    async fn look_up(
        &self,
        domain: &str,
        resources: &[ResourceUrl],
    ) -> Result<Vec<Option<String>>, DatabaseError> {
        let select = "SELECT version FROM unnest($2::text[]) WITH ORDINALITY AS asked (resource, place)
             LEFT JOIN koppeltaal_version known ON known.domain = $1 AND known.resource = asked.resource
             ORDER BY place";
        let urls: Vec<_> = resources.iter().map(ResourceUrl::versionless).collect();
        let rows = self.database.run(select, &[&domain, &urls]).await?.rows;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    async fn write(&self, domain: &str, versioned: &[ResourceUrl]) -> Result<(), DatabaseError> {
        let (resources, versions): (Vec<_>, Vec<_>) = rows::newest(versioned).into_iter().unzip();
        if resources.is_empty() {
            return Ok(());
        }
        // The rows come from the arrays in their order, which is that of the addresses, and are locked in it.
        let statement = "INSERT INTO koppeltaal_version AS known (domain, resource, version)
             SELECT $1, resource, version FROM unnest($2::text[], $3::text[]) AS new (resource, version)
             ON CONFLICT (domain, resource) DO UPDATE SET version = excluded.version
             WHERE known.version < excluded.version";
        self.database.change(statement, &[&domain, &resources, &versions]).await?;
        Ok(())
    }
}

impl VersionStore for PostgresqlVersionStore {
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>> {
        Box::pin(async move { rows::with_versions(resources, self.look_up(domain, resources).await?) })
    }

    fn record<'a>(
        &'a self,
        domain: &'a str,
        versioned: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<(), VersionStoreError>> {
        Box::pin(async move { Ok(self.write(domain, versioned).await?) })
    }
}

impl fmt::Debug for PostgresqlVersionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresqlVersionStore").finish_non_exhaustive()
    }
}
