//! A `SQLite` file: opened so that the application, and other processes, can use it at the same time.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Breach, DatabaseError, Part};

/// How long to wait for others who write to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often to look whether they are done, where `SQLite` does not.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// A connection of its own to the file. `SQLite` is synchronous, so work is done on the threads of the runtime that may
/// block, one piece at a time.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

impl Database {
    /// Opens or makes the file, and brings the tables of a part up to date.
    pub(crate) fn open(path: &Path, part: &Part) -> Result<Self, DatabaseError> {
        make_private(path)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        write_ahead(&connection)?;
        // What was said to be kept survives a loss of power too.
        connection.pragma_update(None, "synchronous", "FULL")?;
        migrate(&mut connection, part)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Does a piece of work in one transaction, which is undone on an error. It holds the file's write lock from the start:
    /// one that began as a reader could not become a writer while others write.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.with(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// Does a piece of work that only reads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.with(|connection| work(connection)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let connection = Arc::clone(&self.connection);
        let work = move || work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}

/// Makes the file, if it is not there, so that nobody but its owner can read or write it. `SQLite` gives the files beside it
/// (`-wal`, `-shm`, `-journal`) the same mode. A file that is there is the application's, who decides about its mode.
///
/// What `SQLite` does not take for a plain path is left to it.
fn make_private(path: &Path) -> Result<(), DatabaseError> {
    let is_plain =
        path.to_str().is_none_or(|path| !path.is_empty() && path != ":memory:" && !path.starts_with("file:"));
    if !is_plain {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What `SQLite` says, without values: what functions and triggers of the application say can quote them.
pub(super) fn describe(error: &(dyn Error + 'static)) -> Option<(Breach, String)> {
    use rusqlite::Error::{FromSqlConversionFailure, InvalidColumnType, SqliteFailure};
    Some(match error.downcast_ref::<rusqlite::Error>()? {
        // It names tables and columns: "no such table". Functions of the application are unknown to our connection.
        SqliteFailure(code, Some(message)) if code.code == ErrorCode::Unknown => {
            (breach(code.code), message.clone())
        }
        SqliteFailure(code, _) => (breach(code.code), code.to_string()),
        FromSqlConversionFailure(column, ..) => {
            (Breach::Final, format!("a value in column {column} that does not belong there"))
        }
        InvalidColumnType(column, ..) => (Breach::Final, format!("another type of value in column {column}")),
        error => (Breach::Passing, error.to_string()),
    })
}

fn breach(code: ErrorCode) -> Breach {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Breach::InTheWay,
        ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => Breach::Final,
        _ => Breach::Passing,
    }
}

/// Chooses the journal with which readers and one writer at a time do not wait for each other. `SQLite` does not wait by
/// itself for others who open a new file at the same time.
fn write_ahead(connection: &Connection) -> Result<(), DatabaseError> {
    let begun = Instant::now();
    loop {
        let result = connection.pragma_update(None, "journal_mode", "WAL");
        let is_busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        match result {
            Err(error) if is_busy(&error) && begun.elapsed() < BUSY_TIMEOUT => sleep(BUSY_PAUSE),
            result => return Ok(result?),
        }
    }
}

/// Brings the tables of a part up to date.
pub(crate) fn migrate(connection: &mut Connection, part: &Part) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS koppeltaal_format (part TEXT PRIMARY KEY, format INTEGER NOT NULL)",
    )?;
    let format = transaction
        .query_row("SELECT format FROM koppeltaal_format WHERE part = ?1", [part.name], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    for step in part.steps_after(format)? {
        transaction.execute_batch(step)?;
    }
    transaction.execute(
        "INSERT INTO koppeltaal_format (part, format) VALUES (?1, ?2)
         ON CONFLICT (part) DO UPDATE SET format = excluded.format",
        params![part.name, part.format()],
    )?;
    Ok(transaction.commit()?)
}
