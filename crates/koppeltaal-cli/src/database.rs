//! [`Database`]: where an application keeps its outbox and its versions, a `SQLite` file or `PostgreSQL`.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use koppeltaal::deadpool_postgres::tokio_postgres::{self, NoTls};
use koppeltaal::deadpool_postgres::{Manager, Pool};
use koppeltaal::{Outbox, PostgresqlVersionStore, SqliteVersionStore, VersionStore, rusqlite};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Printable;

/// The environment variable with the database. It may hold a password.
pub(crate) const DATABASE: &str = "KOPPELTAAL_DATABASE";

/// The environment variable with the password of `PostgreSQL`, as its own programs have it.
const PASSWORD: &str = "PGPASSWORD";

/// How many connections the command opens.
const CONNECTIONS: usize = 2;

/// How long a command waits for a connection. Without a limit, a host that does not answer takes minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A database that has the tables of the outbox and the versions. The command neither makes nor alters
/// tables.
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgresql(Pool),
}

/// The failure for a database that cannot be opened or lacks the tables. Most often it is not that of the
/// application.
fn unusable(name: &dyn fmt::Display, error: &dyn fmt::Display) -> Failure {
    Failure::unusable_file(
        name,
        format_args!(
            "{error}. See whether this is the database of the application, which makes the tables when it starts, \
             and, for PostgreSQL, whether the server runs"
        ),
    )
}

/// A version that an application knows.
#[derive(Serialize)]
pub(crate) struct KnownVersion {
    domain: String,
    /// The address of the resource, without version.
    resource: String,
    version: String,
}

impl Database {
    /// The database in an argument or, without one, in the environment.
    ///
    /// # Errors
    ///
    /// No database is named, its URL cannot be parsed, or the argument has a password in it.
    pub(crate) fn find(argument: Option<&str>) -> Result<Self, Failure> {
        Self::find_or(argument, || {
            Err(Failure::Usage(format!(
                "no database: give --database (or {DATABASE}) the SQLite file of the application, or a URL such as \
                 postgresql://portal@db.example/portal"
            )))
        })
    }

    /// The same as [`find`](Self::find), but a file if neither names a database.
    ///
    /// # Errors
    ///
    /// Those of `file`, or those of `find` about the URL.
    pub(crate) fn find_or(
        argument: Option<&str>,
        file: impl FnOnce() -> Result<PathBuf, Failure>,
    ) -> Result<Self, Failure> {
        let variable = env::var(DATABASE).ok().filter(|text| !text.is_empty());
        let Some(text) = argument.or(variable.as_deref()) else { return file().map(Self::Sqlite) };
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Ok(Self::Sqlite(text.into()));
        }
        // The error does not repeat the text, which may hold a password.
        let mut config: tokio_postgres::Config = text.parse().map_err(|error| {
            Failure::Usage(format!(
                "the URL of the database cannot be used: {error}; write postgresql://USER@HOST/NAME"
            ))
        })?;
        if argument.is_some() && config.get_password().is_some() {
            return Err(Failure::Usage(format!(
                "--database has a password in it, and other users of this machine can read it: put the URL into \
                 {DATABASE}, or the password into {PASSWORD}"
            )));
        }
        if let (None, Ok(password)) = (config.get_password(), env::var(PASSWORD)) {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS).build();
        Ok(Self::Postgresql(pool.map_err(|error| Failure::Usage(error.to_string()))?))
    }

    /// The outbox in it.
    pub(crate) async fn outbox(self) -> Result<Outbox, Failure> {
        Ok(match self {
            Self::Sqlite(file) => {
                let outbox = Outbox::sqlite_without_migration(&file);
                outbox.map_err(|error| unusable(&file.display(), &error))?
            }
            Self::Postgresql(pool) => {
                let outbox = Outbox::postgresql_without_migration(pool).await;
                outbox.map_err(|error| unusable(&"PostgreSQL", &error))?
            }
        })
    }

    /// The versions in it, of all domains or of one, at most this many, sorted by domain and address.
    pub(crate) async fn known_versions(
        &self,
        domain: Option<&str>,
        limit: u32,
    ) -> Result<Vec<KnownVersion>, Failure> {
        const SELECT: &str = "SELECT domain, resource, version FROM koppeltaal_version";
        const ORDER: &str = "ORDER BY domain, resource";
        match self {
            Self::Sqlite(file) => {
                let failed = |error: rusqlite::Error| unusable(&file.display(), &error);
                let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
                let database = rusqlite::Connection::open_with_flags(file, flags).map_err(failed)?;
                let select = format!("{SELECT} WHERE ?1 IS NULL OR domain = ?1 {ORDER} LIMIT ?2");
                let mut statement = database.prepare(&select).map_err(failed)?;
                let row = |row: &rusqlite::Row<'_>| {
                    Ok(KnownVersion { domain: row.get(0)?, resource: row.get(1)?, version: row.get(2)? })
                };
                let rows = statement.query_map(rusqlite::params![domain, limit], row).map_err(failed)?;
                rows.collect::<rusqlite::Result<_>>().map_err(failed)
            }
            Self::Postgresql(pool) => {
                let failed = |error: &dyn fmt::Display| unusable(&"PostgreSQL", error);
                let client = pool.get().await.map_err(|error| failed(&error))?;
                let select = format!("{SELECT} WHERE $1::text IS NULL OR domain = $1::text {ORDER} LIMIT $2");
                let rows = client.query(&select, &[&domain, &i64::from(limit)]).await;
                let row = |row: tokio_postgres::Row| {
                    Ok(KnownVersion {
                        domain: row.try_get(0)?,
                        resource: row.try_get(1)?,
                        version: row.try_get(2)?,
                    })
                };
                let rows = rows.map_err(|error| failed(&error))?;
                rows.into_iter()
                    .map(row)
                    .collect::<Result<_, tokio_postgres::Error>>()
                    .map_err(|error| failed(&error))
            }
        }
    }

    /// The version store in it.
    pub(crate) async fn version_store(self) -> Result<Box<dyn VersionStore>, Failure> {
        Ok(match self {
            Self::Sqlite(file) => {
                let store = SqliteVersionStore::open_without_migration(&file);
                Box::new(store.map_err(|error| unusable(&file.display(), &error))?)
            }
            Self::Postgresql(pool) => {
                let store = PostgresqlVersionStore::open_without_migration(pool).await;
                Box::new(store.map_err(|error| unusable(&"PostgreSQL", &error))?)
            }
        })
    }
}

impl Printable for KnownVersion {
    fn lines(&self) -> Vec<String> {
        vec![format!("{}  {}  {}", self.domain, self.resource, self.version)]
    }
}
