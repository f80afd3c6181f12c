//! A `PostgreSQL` database, reached through the application's pool of connections. So the application decides
//! about TLS, and broken connections are replaced.
//!
//! Every statement of this crate runs through [`Database`], or through [`run`] in a transaction of the
//! application. So no statement depends on the default isolation level of the database, and the driver logs
//! no parameters.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::tokio_postgres::types::{Format, IsNull, ToSql, Type};
use deadpool_postgres::tokio_postgres::{self, GenericClient, IsolationLevel, Row, Statement};
use deadpool_postgres::{Pool, PoolError, Transaction};
use futures_util::TryStreamExt as _;

use super::{DatabaseError, ErrorKind, Part};

/// The key of the advisory lock under which tables are made: "koppelta" as a number.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"koppelta");

/// Pauses before a transaction is run again because of another one. After the last pause it fails.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(250),
    Duration::from_millis(700),
];

/// A parameter of a statement. The driver logs parameters with `Debug`, at the level DEBUG; this type shows
/// nothing.
struct Private<'a>(&'a (dyn ToSql + Sync));

impl fmt::Debug for Private<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

impl ToSql for Private<'_> {
    fn to_sql(&self, r#type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(r#type, out)
    }

    /// The wrapped parameter checks its type when it is written.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        r#type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(r#type, out)
    }

    fn encode_format(&self, r#type: &Type) -> Format {
        self.0.encode_format(r#type)
    }
}

/// The parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// What a statement did.
pub(crate) struct Done {
    pub(crate) rows: Vec<Row>,
    /// How many rows were changed, or found.
    pub(crate) count: u64,
}

/// Runs one statement without showing its parameters to the driver's log.
pub(crate) async fn run(
    client: &impl GenericClient,
    statement: &Statement,
    parameters: Parameters<'_>,
) -> Result<Done, tokio_postgres::Error> {
    let parameters = parameters.iter().map(|parameter| Private(*parameter)).collect::<Vec<_>>();
    let mut stream = pin!(client.query_raw(statement, parameters).await?);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok(Done { rows, count: stream.rows_affected().unwrap_or_default() })
}

/// The database with the tables of one part.
#[derive(Clone)]
pub(crate) struct Database {
    pool: Pool,
}

impl Database {
    /// Brings the tables of a part up to date. Any number of processes may do so at once.
    pub(crate) async fn open(pool: Pool, part: &Part) -> Result<Self, DatabaseError> {
        let database = Self { pool };
        let mut pauses = PAUSES.iter();
        while let Err(error) = database.migrate(part).await {
            match pauses.next() {
                Some(pause) if error.is_contention() => tokio::time::sleep(*pause).await,
                _ => return Err(error),
            }
        }
        Ok(database)
    }

    /// Runs a statement in a transaction of its own.
    ///
    /// It runs at READ COMMITTED, whatever the database's default is. So it can fail because of another
    /// transaction only in a deadlock with statements of the application. Then it is run again, several
    /// times.
    pub(crate) async fn run(
        &self,
        statement: &str,
        parameters: Parameters<'_>,
    ) -> Result<Done, DatabaseError> {
        let mut pauses = PAUSES.iter();
        loop {
            match self.try_to_run(statement, parameters).await {
                Err(error) if error.is_contention() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                result => return result,
            }
        }
    }

    /// Runs a statement that changes rows. Returns how many.
    pub(crate) async fn change(
        &self,
        statement: &str,
        parameters: Parameters<'_>,
    ) -> Result<u64, DatabaseError> {
        Ok(self.run(statement, parameters).await?.count)
    }

    async fn try_to_run(&self, statement: &str, parameters: Parameters<'_>) -> Result<Done, DatabaseError> {
        let mut client = self.pool.get().await?;
        let transaction = begin(&mut client).await?;
        let statement = transaction.prepare_cached(statement).await?;
        let done = run(&*transaction, &statement, parameters).await?;
        transaction.commit().await?;
        Ok(done)
    }

    async fn migrate(&self, part: &Part) -> Result<(), DatabaseError> {
        let mut client = self.pool.get().await?;
        let transaction = begin(&mut client).await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        transaction
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS koppeltaal_format (part text PRIMARY KEY, format bigint NOT NULL)",
            )
            .await?;
        let row = transaction
            .query_opt("SELECT format FROM koppeltaal_format WHERE part = $1", &[&part.name])
            .await?;
        for step in part.steps_after(row.map_or(0, |row| row.get(0)))? {
            transaction.batch_execute(step).await?;
        }
        transaction
            .execute(
                "INSERT INTO koppeltaal_format (part, format) VALUES ($1, $2)
                 ON CONFLICT (part) DO UPDATE SET format = excluded.format",
                &[&part.name, &part.format()],
            )
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Begins a transaction that depends on no default of the database. Each of its statements sees the data that
/// is committed when the statement begins.
async fn begin(client: &mut deadpool_postgres::Client) -> Result<Transaction<'_>, tokio_postgres::Error> {
    client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).read_only(false).start().await
}

/// What the driver or the pool says, without values. Some errors have values in their message, others in
/// their detail.
pub(super) fn describe(error: &(dyn Error + 'static)) -> Option<(ErrorKind, String)> {
    let of_driver = |error: &tokio_postgres::Error| {
        let Some(database) = error.as_db_error() else { return (ErrorKind::Transient, error.to_string()) };
        let code = database.code().code();
        let kind = kind(code);
        // Errors about data quote values, and so may errors that the application's own functions raise.
        let quotes = code.starts_with("22") || code.starts_with("P0");
        let message = if quotes { "" } else { database.message() };
        let separator = if quotes { "" } else { ": " };
        (kind, format!("SQLSTATE {code}{separator}{message}"))
    };
    if let Some(error) = error.downcast_ref::<tokio_postgres::Error>() {
        return Some(of_driver(error));
    }
    match error.downcast_ref::<PoolError>()? {
        PoolError::Backend(error) => Some(of_driver(error)),
        error => Some((ErrorKind::Transient, error.to_string())),
    }
}

/// What an error of this code means (appendix A of `PostgreSQL`'s manual).
fn kind(code: &str) -> ErrorKind {
    match code {
        "40001" | "40P01" => ErrorKind::Contention,
        _ => match code.get(..2) {
            // Data, integrity, a view's check, program limits, and errors that functions or triggers raise.
            Some("22" | "23" | "44" | "54" | "P0") => ErrorKind::Permanent,
            _ => ErrorKind::Transient,
        },
    }
}
