//! A `SQLite` file: opened so that the application, and other processes, can use it at the same time.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
#[cfg(feature = "connector")]
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use tokio::time::timeout;
use tracing::{info, warn};

use super::{DatabaseError, DriverError, ErrorKind, MISSING_TABLE, PARTS, Script};
use crate::metrics::database_failed;

/// The tables.
const SCRIPT: Script = Script(include_str!("../../sql/sqlite.sql"));

/// How long to wait for others who write to the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait between tries where `SQLite` itself does not wait.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// After which time an operation is late.
const LATE: Duration = Duration::from_secs(1);

/// This crate's own connection to the file. `SQLite` is synchronous, so the work is done on the runtime's
/// threads for blocking work, one piece at a time.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    part: &'static str,
    /// Whether the log says that the file is late.
    is_late: Arc<AtomicBool>,
}

impl Database {
    /// Opens or makes the file, and brings the tables of a part up to date.
    pub(crate) fn open(path: &Path, part: &'static str) -> Result<Self, DatabaseError> {
        let open = || {
            let mut connection = make(path)?;
            if format(&connection, part)? != SCRIPT.format(part) {
                migrate_part(&mut connection, part)?;
            }
            Ok(Self::new(connection, part))
        };
        open().map_err(|error| of_file(path, error))
    }

    /// Opens a file that has the tables of a part. Makes and changes no table.
    pub(crate) fn open_without_migration(path: &Path, part: &'static str) -> Result<Self, DatabaseError> {
        let open = || {
            let connection = connect(path, OpenFlags::default() - OpenFlags::SQLITE_OPEN_CREATE)?;
            let (found, known) = (format(&connection, part)?, SCRIPT.format(part));
            if found != known {
                return Err(DatabaseError::Format { found, known });
            }
            Ok(Self::new(connection, part))
        };
        open().map_err(|error| of_file(path, error))
    }

    fn new(connection: Connection, part: &'static str) -> Self {
        Self { connection: Arc::new(Mutex::new(connection)), part, is_late: Arc::default() }
    }

    /// Does a piece of work in one transaction, which is rolled back on an error. The transaction holds the
    /// file's write lock from the start: one that began as a reader could not become a writer while others
    /// write.
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
        let mut task = tokio::task::spawn_blocking(work);
        let done = match timeout(LATE, &mut task).await {
            Ok(done) => {
                if self.is_late.swap(false, Ordering::Relaxed) {
                    info!(part = self.part, "the database answers again");
                }
                done
            }
            // After 30 s it would be an error. Somebody can do something about it now.
            Err(_) => {
                if !self.is_late.swap(true, Ordering::Relaxed) {
                    warn!(
                        part = self.part,
                        "the database does not answer within {} s, in most cases because the file is locked; \
                         see which program keeps it locked, and whether the disk is slow",
                        LATE.as_secs()
                    );
                }
                task.await
            }
        };
        let done = match done {
            Ok(done) => done.map_err(DatabaseError::from),
            Err(error) => Err(error.into()),
        };
        done.inspect_err(|_| database_failed(self.part))
    }
}

/// The error for a file that cannot be opened: it names the file, and says when its folder is missing.
fn of_file(path: &Path, error: DatabaseError) -> DatabaseError {
    let DatabaseError::Driver(DriverError { kind, text, advice }) = error else { return error };
    let has_folder = path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    let advice = if has_folder { advice } else { Some("make its folder first, since only the file is made") };
    DatabaseError::Driver(DriverError { kind, text: format!("{}: {text}", path.display()), advice })
}

/// Opens or makes the file.
fn make(path: &Path) -> Result<Connection, DatabaseError> {
    make_private(path)?;
    connect(path, OpenFlags::default())
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, DatabaseError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    write_ahead(&connection)?;
    // Committed data also survives a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Makes the file, if it is not there, so that nobody but its owner can read or write it. `SQLite` gives its
/// other files (`-wal`, `-shm`, `-journal`) the same mode. The mode of an existing file is the application's
/// decision.
///
/// Names that `SQLite` does not take for a plain path are left to `SQLite`.
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

/// What `SQLite` says, without values. In the application's own connection, functions and triggers of the
/// application can say anything. So only text that certainly is `SQLite`'s own is shown.
pub(super) fn describe(error: &(dyn Error + 'static)) -> Option<(ErrorKind, String)> {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, SqlInputError, SqliteFailure,
    };
    Some(match error.downcast_ref::<rusqlite::Error>()? {
        SqliteFailure(code, Some(message)) | SqlInputError { error: code, msg: message, .. }
            if names_our_table(message) =>
        {
            (kind(code.code), message.clone())
        }
        SqliteFailure(code, _) | SqlInputError { error: code, .. } => (kind(code.code), code.to_string()),
        FromSqlConversionFailure(column, ..) | IntegralValueOutOfRange(column, _) => {
            (ErrorKind::Permanent, format!("column {column} holds a value that does not belong there"))
        }
        InvalidColumnType(column, ..) => {
            (ErrorKind::Permanent, format!("column {column} holds a value of another type"))
        }
        _ => (ErrorKind::Transient, "the driver fails".to_owned()),
    })
}

/// Whether a message only says that one of this crate's tables is missing.
fn names_our_table(message: &str) -> bool {
    let table =
        message.strip_prefix("no such table: ").map(|table| table.strip_prefix("main.").unwrap_or(table));
    table.is_some_and(|table| {
        ["koppeltaal_outbox", "koppeltaal_version", "koppeltaal_dead_letter", "koppeltaal_format"]
            .contains(&table)
    })
}

const MAKE_ROOM: &str = "make room on its disk";
const NO_RIGHT: &str = "see whether the file and its folder are there, and whether this user may write both";

/// What an operator can do about an error of `SQLite`.
pub(super) fn advice(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use rusqlite::Error::{SqlInputError, SqliteFailure};
    use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return (error.kind() == std::io::ErrorKind::PermissionDenied).then_some(NO_RIGHT);
    }
    let error = error.downcast_ref::<rusqlite::Error>()?;
    if let SqliteFailure(_, Some(message)) | SqlInputError { msg: message, .. } = error
        && names_our_table(message)
    {
        return Some(MISSING_TABLE);
    }
    Some(match error.sqlite_error_code()? {
        ErrorCode::DiskFull => MAKE_ROOM,
        // The index of the write-ahead log, which a connection makes beside the file, could not get its size.
        ErrorCode::SystemIoFailure if error.sqlite_error()?.extended_code == SQLITE_IOERR_SHMSIZE => {
            MAKE_ROOM
        }
        ErrorCode::SystemIoFailure => "see whether its disk is there, and has room",
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => NO_RIGHT,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "see which program keeps the file locked",
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            "see whether this is the right file, or restore it from a backup"
        }
        _ => return None,
    })
}

fn kind(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Contention,
        ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => ErrorKind::Permanent,
        _ => ErrorKind::Transient,
    }
}

/// Chooses the write-ahead log, with which readers and one writer do not wait for each other. `SQLite` itself
/// does not wait for others who open a new file at the same time.
fn write_ahead(connection: &Connection) -> Result<(), DatabaseError> {
    let started = Instant::now();
    loop {
        let result = connection.pragma_update(None, "journal_mode", "WAL");
        let is_busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        match result {
            Err(error) if is_busy(&error) && started.elapsed() < BUSY_TIMEOUT => sleep(BUSY_PAUSE),
            result => return Ok(result?),
        }
    }
}

/// Makes the file if it is not there, and brings the tables of all parts up to date.
pub(crate) fn migrate(path: &Path) -> Result<(), DatabaseError> {
    let migrate = || {
        let mut connection = make(path)?;
        PARTS.iter().try_for_each(|part| migrate_part(&mut connection, part))
    };
    migrate().map_err(|error| of_file(path, error))
}

/// Brings the tables of a part up to date.
fn migrate_part(connection: &mut Connection, part: &str) -> Result<(), DatabaseError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !has_formats(&transaction)? {
        transaction.execute_batch(SCRIPT.format_table())?;
    }
    for step in SCRIPT.steps_after(part, format(&transaction, part)?)? {
        transaction.execute_batch(step)?;
    }
    Ok(transaction.commit()?)
}

/// The format of a part's tables; 0 if there are none.
fn format(connection: &Connection, part: &str) -> rusqlite::Result<i64> {
    if !has_formats(connection)? {
        return Ok(0);
    }
    let select = "SELECT format FROM koppeltaal_format WHERE part = ?1";
    Ok(connection.query_row(select, [part], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn has_formats(connection: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'koppeltaal_format'";
    connection.query_row(select, [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// The time as it is stored: milliseconds since 1970, by the clock of the process.
#[cfg(feature = "connector")]
pub(crate) fn now() -> i64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A stretch of time as it is stored.
#[cfg(feature = "connector")]
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    // A limit at which no sum overflows.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// A stored time.
#[cfg(feature = "connector")]
pub(crate) fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or(0))
}

/// A number of rows.
#[cfg(feature = "connector")]
pub(crate) fn count(rows: usize) -> u64 {
    rows.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(error: &rusqlite::Error) -> String {
        describe(error).expect("an error of the driver").1
    }

    #[test]
    fn nothing_that_the_application_says_in_its_connection_is_shown() -> rusqlite::Result<()> {
        let connection = Connection::open_in_memory()?;
        let missing = connection.execute("INSERT INTO koppeltaal_outbox (place) VALUES (1)", []);
        let missing = text_of(&missing.expect_err("there is no table"));
        assert_eq!(missing, "no such table: koppeltaal_outbox");

        // What a trigger raises, and what a table of the application is called.
        connection.execute_batch(
            "CREATE TABLE koppeltaal_outbox (place);
             CREATE TRIGGER loud BEFORE INSERT ON koppeltaal_outbox WHEN new.place = 1
             BEGIN SELECT RAISE(ABORT, 'Mees Duinroos is in the way'); END;
             CREATE TRIGGER broken BEFORE INSERT ON koppeltaal_outbox WHEN new.place = 2
             BEGIN INSERT INTO of_mees_duinroos VALUES (1); END",
        )?;
        for place in [1, 2] {
            let error = connection.execute("INSERT INTO koppeltaal_outbox VALUES (?1)", [place]);
            let text = text_of(&error.expect_err("a trigger is against it"));
            assert!(!text.to_lowercase().contains("duinroos"), "{text}");
        }
        // What a function of the application returns as its own error.
        let of_function = |message: &str| {
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some(message.to_owned()))
        };
        for message in ["Mees Duinroos", "no such table: Duinroos", "no such column: Duinroos"] {
            assert!(!text_of(&of_function(message)).contains("Duinroos"), "{message}");
        }
        Ok(())
    }
}
