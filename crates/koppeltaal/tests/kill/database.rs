//! The database of the senders: what they save, the outbox and the versions.

use std::fmt;
use std::path::{Path, PathBuf};

use koppeltaal::{Connector, Outbox, Outgoing, SqliteVersionStore};

use crate::{Result, connector, open};

/// Names a schema.
#[cfg(feature = "postgresql")]
const SCHEMA: &str = "KOPPELTAAL_KILL_SCHEMA";
const FILE: &str = "epd.db";

const TABLE: &str = "CREATE TABLE saved (number INTEGER PRIMARY KEY)";
const INSERT: &str = "INSERT INTO saved (number) VALUES ($1) ON CONFLICT DO NOTHING";

pub(crate) enum Database {
    /// One sender's.
    Sqlite(PathBuf),
    /// Shared by two.
    #[cfg(feature = "postgresql")]
    Postgresql(koppeltaal::deadpool_postgres::Pool),
}

impl Database {
    /// The database, with a table of what is saved: the `PostgreSQL` schema that the environment names, else
    /// a file in this directory.
    pub(crate) async fn create(directory: &Path) -> Result<Self> {
        #[cfg(feature = "postgresql")]
        if let Ok(schema) = std::env::var(SCHEMA) {
            let pool = crate::postgresql::create_schema(&schema).await;
            pool.get().await?.batch_execute(TABLE).await?;
            return Ok(Self::Postgresql(pool));
        }
        let path = directory.join(FILE);
        open(&path)?.execute_batch(TABLE)?;
        Ok(Self::Sqlite(path))
    }

    /// The database that was made before.
    pub(crate) fn of(directory: &Path) -> Self {
        #[cfg(feature = "postgresql")]
        if let Ok(schema) = std::env::var(SCHEMA) {
            return Self::Postgresql(crate::postgresql::schema(&schema));
        }
        Self::Sqlite(directory.join(FILE))
    }

    pub(crate) fn senders(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => 2,
        }
    }

    pub(crate) async fn outbox(&self) -> Result<Outbox> {
        Ok(match self {
            Self::Sqlite(path) => Outbox::sqlite(path)?,
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => Outbox::postgresql(pool.clone()).await?,
        })
    }

    pub(crate) async fn connector(&self, server: &str) -> Result<Connector> {
        match self {
            Self::Sqlite(path) => connector(server, "epd", SqliteVersionStore::open(path)?),
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => {
                connector(server, "epd", koppeltaal::PostgresqlVersionStore::open(pool.clone()).await?)
            }
        }
    }

    /// How many are saved, which is also the number of the next one.
    pub(crate) async fn saved(&self) -> Result<u32> {
        let count = "SELECT count(*) FROM saved";
        Ok(match self {
            Self::Sqlite(path) => open(path)?.query_row(count, [], |row| row.get(0))?,
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => {
                u32::try_from(pool.get().await?.query_one(count, &[]).await?.try_get::<_, i64>(0)?)?
            }
        })
    }

    /// Saves one and hands over messages in the same transaction, unless another sender has saved it.
    pub(crate) async fn save(&self, number: u32, messages: &[Outgoing]) -> Result {
        match self {
            Self::Sqlite(path) => {
                let mut connection = open(path)?;
                let transaction = connection.transaction()?;
                if transaction.execute(INSERT, [number])? == 1 {
                    for message in messages {
                        message.put_sqlite(&transaction)?;
                    }
                }
                transaction.commit()?;
            }
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => {
                // The other sender can be in the way, when the database's transactions are isolated from each
                // other.
                while let Err(error) = save_postgresql(pool, number, messages).await {
                    if !is_contention(&*error) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(feature = "postgresql")]
async fn save_postgresql(
    pool: &koppeltaal::deadpool_postgres::Pool,
    number: u32,
    messages: &[Outgoing],
) -> Result {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    if transaction.execute(INSERT, &[&i32::try_from(number)?]).await? == 1 {
        for message in messages {
            message.put_postgresql(&transaction).await?;
        }
    }
    Ok(transaction.commit().await?)
}

/// Whether the whole transaction is to be run again.
#[cfg(feature = "postgresql")]
fn is_contention(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    use koppeltaal::OutboxError;
    use koppeltaal::deadpool_postgres::tokio_postgres;
    use tokio_postgres::error::SqlState;

    let of_driver = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
    of_driver == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
        || matches!(error.downcast_ref(), Some(OutboxError::Contention { .. }))
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "SQLite, one sender",
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => "PostgreSQL, two senders",
        })
    }
}
