//! [`Database`]: where an application keeps its outbox and its versions, a `SQLite` file or `PostgreSQL`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use koppeltaal::deadpool_postgres::tokio_postgres::{self, NoTls};
use koppeltaal::deadpool_postgres::{Manager, Pool};
use koppeltaal::{Outbox, PostgresqlVersionStore, SqliteVersionStore, VersionFilter, VersionStore};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Printable;
use crate::secret::from_environment;

/// Which database a command works on.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgument {
    /// The `SQLite` file, or a URL such as `postgresql://portal@db.example/portal`. Its password comes from
    /// PGPASSWORD, or stands in the URL in `KOPPELTAAL_DATABASE` [env: `KOPPELTAAL_DATABASE`]. Connections to
    /// `PostgreSQL` have no TLS.
    #[arg(long, global = true, value_name = "FILE|URL")]
    database: Option<String>,
}

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
            "{error}. See whether this is the database of the application, which makes the tables when it starts"
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

impl DatabaseArgument {
    /// The database in the argument or, without one, in the environment.
    ///
    /// # Errors
    ///
    /// No database is named, its URL cannot be parsed, or the argument has a password in it.
    pub(crate) fn find(&self) -> Result<Database, Failure> {
        self.find_or(|| {
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
        &self,
        file: impl FnOnce() -> Result<PathBuf, Failure>,
    ) -> Result<Database, Failure> {
        let argument = self.database.as_deref();
        let variable = from_environment(DATABASE)?;
        let Some(text) = argument.or(variable.as_deref()) else { return file().map(Database::Sqlite) };
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Ok(Database::Sqlite(text.into()));
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
        if config.get_password().is_none()
            && let Some(password) = from_environment(PASSWORD)?
        {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS).build();
        Ok(Database::Postgresql(pool.map_err(|error| Failure::Usage(error.to_string()))?))
    }
}

impl Database {
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
        limit: usize,
    ) -> Result<Vec<KnownVersion>, Failure> {
        let mut filter = VersionFilter::new();
        if let Some(domain) = domain {
            filter = filter.domain(domain);
        }
        let versions = match self {
            Self::Sqlite(file) => {
                let failed = |error| unusable(&file.display(), &error);
                let store = SqliteVersionStore::open_without_migration(file).map_err(failed)?;
                store.list(&filter, limit).await.map_err(failed)?
            }
            Self::Postgresql(pool) => {
                let failed = |error| unusable(&"PostgreSQL", &error);
                let store = PostgresqlVersionStore::open_without_migration(pool.clone()).await;
                store.map_err(failed)?.list(&filter, limit).await.map_err(failed)?
            }
        };
        Ok(versions.into_iter().map(KnownVersion::from).collect())
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

impl From<koppeltaal::KnownVersion> for KnownVersion {
    fn from(koppeltaal::KnownVersion { domain, url, .. }: koppeltaal::KnownVersion) -> Self {
        let version = url.version().unwrap_or_default().to_owned();
        Self { domain, resource: url.versionless().to_owned(), version }
    }
}

impl Printable for KnownVersion {
    fn lines(&self) -> Vec<String> {
        vec![format!("{}  {}  {}", self.domain, self.resource, self.version)]
    }
}
