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
use koppeltaal_transport::Backoff;

use super::{DatabaseError, ErrorKind, MISSING_TABLE, PARTS, Script};
use crate::metrics::database_failed;

/// The tables.
const SCRIPT: Script = Script(include_str!("../../sql/postgresql.sql"));

/// The key of the advisory lock under which tables are made: "koppelta" as a number.
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"koppelta");

/// How often a transaction is run again because of another one.
const REPETITIONS: u32 = 5;

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

/// Texts as parameters.
pub(crate) fn as_parameters(values: &[String]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

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
    part: &'static str,
}

impl Database {
    /// Brings the tables of a part up to date. Any number of processes may do so at once. Tables that are up
    /// to date are only looked at.
    pub(crate) async fn open(pool: Pool, part: &'static str) -> Result<Self, DatabaseError> {
        let database = Self { pool, part };
        if database.format(part).await? != SCRIPT.format(part) {
            database.migrate_part(part).await?;
        }
        Ok(database)
    }

    /// Opens a database that has the tables of a part. Makes and changes no table.
    pub(crate) async fn open_without_migration(
        pool: Pool,
        part: &'static str,
    ) -> Result<Self, DatabaseError> {
        let database = Self { pool, part };
        let (found, known) = (database.format(part).await?, SCRIPT.format(part));
        if found == known { Ok(database) } else { Err(DatabaseError::Format { found, known }) }
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
        let mut repetition = Repetition::new();
        loop {
            match self.try_to_run(statement, parameters).await {
                Err(error) => {
                    repetition.wait_after(error).await.inspect_err(|_| database_failed(self.part))?;
                }
                done => return done,
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

    async fn format(&self, part: &str) -> Result<i64, DatabaseError> {
        let mut client = self.pool.get().await?;
        Ok(format(&begin(&mut client).await?, part).await?)
    }

    async fn migrate_part(&self, part: &str) -> Result<(), DatabaseError> {
        let mut repetition = Repetition::new();
        loop {
            match self.try_to_migrate(part).await {
                Err(error) => repetition.wait_after(error).await?,
                done => return done,
            }
        }
    }

    async fn try_to_migrate(&self, part: &str) -> Result<(), DatabaseError> {
        let mut client = self.pool.get().await?;
        let transaction = begin(&mut client).await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        if !has_formats(&transaction).await? {
            transaction.batch_execute(SCRIPT.format_table()).await?;
        }
        for step in SCRIPT.steps_after(part, format(&transaction, part).await?)? {
            transaction.batch_execute(step).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Brings the tables of all parts up to date.
pub(crate) async fn migrate(pool: Pool) -> Result<(), DatabaseError> {
    for part in PARTS {
        Database { pool: pool.clone(), part }.migrate_part(part).await?;
    }
    Ok(())
}

/// The format of a part's tables; 0 if there are none.
async fn format(transaction: &Transaction<'_>, part: &str) -> Result<i64, tokio_postgres::Error> {
    if !has_formats(transaction).await? {
        return Ok(0);
    }
    let select = "SELECT format FROM koppeltaal_format WHERE part = $1";
    Ok(transaction.query_opt(select, &[&part]).await?.map_or(0, |row| row.get(0)))
}

/// Whether the table of formats is there. Asking first, instead of making it if it is not there, gives no
/// notice in the log, and needs no right to make tables.
async fn has_formats(transaction: &Transaction<'_>) -> Result<bool, tokio_postgres::Error> {
    // `to_regclass` can answer from a cache that does not have yet what another process has just made.
    let select = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class
         WHERE relname = 'koppeltaal_format' AND pg_catalog.pg_table_is_visible(oid))";
    Ok(transaction.query_one(select, &[]).await?.get(0))
}

/// How often a transaction was run again because of another one.
struct Repetition {
    backoff: Backoff,
    left: u32,
}

impl Repetition {
    fn new() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(700)),
            left: REPETITIONS,
        }
    }

    /// Waits until the transaction may be run again, or gives the error back.
    async fn wait_after(&mut self, error: DatabaseError) -> Result<(), DatabaseError> {
        if !error.is_contention() || self.left == 0 {
            return Err(error);
        }
        self.left -= 1;
        tokio::time::sleep(self.backoff.next_delay()).await;
        Ok(())
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
        let Some(database) = error.as_db_error() else { return (ErrorKind::Transient, with_cause(error)) };
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

/// What an operator can do about an error of the driver or the pool, by the codes of appendix A of
/// `PostgreSQL`'s manual.
pub(super) fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    const NO_ANSWER: &str = "see whether the database server runs and can be reached";
    let error = match (error.downcast_ref::<PoolError>(), error.downcast_ref::<tokio_postgres::Error>()) {
        (Some(PoolError::Backend(error)), _) | (None, Some(error)) => error,
        (Some(_), _) => return Some(NO_ANSWER),
        (None, None) => return None,
    };
    let is_of_connection =
        || error.is_closed() || error.source().is_some_and(<dyn Error>::is::<std::io::Error>);
    let Some(code) = error.code() else { return is_of_connection().then_some(NO_ANSWER) };
    match code.code() {
        "53100" => Some("make room on the disk of the database server"),
        "53300" => Some("allow more connections to the database server, or make the pools smaller"),
        "42501" => Some("give the role the rights that `sql/postgresql.sql` lists"),
        "57P01" | "57P02" | "57P03" => Some(NO_ANSWER),
        "42P01" => Some(MISSING_TABLE),
        "3D000" => Some("see whether the name of the database is right"),
        code => match code.get(..2) {
            Some("08") => Some(NO_ANSWER),
            Some("28") => Some("see whether the user name and the password of the database are right"),
            _ => None,
        },
    }
}

/// What the driver says itself, with the cause of an error of the connection. Errors about parameters and
/// columns have values in their cause.
fn with_cause(error: &tokio_postgres::Error) -> String {
    match error.source().and_then(|source| source.downcast_ref::<std::io::Error>()) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_described_with_the_cause() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = format!("host=127.0.0.1 port={} user=nobody", free.expect("a free port").port());
        let error =
            tokio_postgres::connect(&address, tokio_postgres::NoTls).await.err().expect("nobody listens");
        let (kind, text) = describe(&error).expect("an error of the driver");
        assert_eq!(kind, ErrorKind::Transient);
        let cause = text.strip_prefix("error connecting to server: ");
        assert!(cause.is_some_and(|cause| !cause.is_empty()), "{text}");
    }
}
