//! The data file itself: opens it, reads it back, writes it, and sets unusable records aside.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Transaction, params};

use super::{DataFileError, Persistent, RESERVE, Record, RecordError, RecordKind, WriteFailure};
use crate::clock::Timestamp;

/// The format of the file, in SQLite's `user_version`.
const FORMAT: i64 = 1;

/// When messages are forgotten to make room, the goal is twice the missing bytes, and at most this many more.
const ROOM_AHEAD: u64 = 1 << 20;

/// How many of the records that are set aside get a line in the log. Further ones are only counted.
const LOGGED: usize = 100;

/// A record that cannot be used.
struct UnusableRecord {
    /// Its place in the table of records.
    row: i64,
    kind: &'static str,
    reason: String,
}

/// An unusable record whose key a new record takes. It could not be set aside when the file was opened.
struct ReplacedRecord {
    row: i64,
    kind: &'static str,
    /// Its place in the table `set_aside`, or why it could not be moved there.
    place: rusqlite::Result<i64>,
}

/// An open data file.
#[derive(Debug)]
pub(crate) struct DataFile {
    connection: Connection,
    path: PathBuf,
    page_bytes: u32,
    /// The length that new content may bring the file to.
    bytes: u64,
    /// Records that were set aside, by kind.
    set_aside: BTreeMap<&'static str, usize>,
    /// The rows of unusable records that could not be set aside, with the reasons why they are unusable.
    immovable: BTreeMap<i64, String>,
}

impl DataFile {
    /// The kinds of the records that belong to no part of the state.
    pub(crate) const KINDS: &[RecordKind] = &[RecordKind::Secret];

    /// Opens or makes a data file.
    pub(crate) fn open(path: &Path, bytes: u64) -> Result<Self, DataFileError> {
        open_private(path).map_err(|source| DataFileError::Open { path: path.to_owned(), source })?;
        let as_opening = |error| opening_error(error, path);
        let connection = Connection::open(path).map_err(as_opening)?;
        let format = prepare(&connection).map_err(as_opening)?;
        match format {
            0 => make(&connection, path)?,
            FORMAT => {}
            found => return Err(DataFileError::Format { path: path.to_owned(), found, known: FORMAT }),
        }
        // Also checks the columns, not only the name of the table.
        connection
            .execute_batch(
                "SELECT kind, key, state FROM record WHERE kind = '';
                 CREATE TABLE IF NOT EXISTS set_aside
                 (kind, key, state, reason TEXT NOT NULL, at TEXT NOT NULL)",
            )
            .map_err(as_opening)?;
        let page_bytes: u32 =
            connection.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(as_opening)?;
        let path = path.to_owned();
        let (set_aside, immovable) = (BTreeMap::new(), BTreeMap::new());
        let mut store = Self { connection, path, page_bytes, bytes, set_aside, immovable };
        store.set_limit(bytes)?;
        Ok(store)
    }

    /// Reads a part of the state back. Records that cannot be used are set aside.
    pub(crate) fn restore<T: Persistent>(&mut self, part: &mut T) -> Result<(), DataFileError> {
        let unusable = self.read(part).map_err(|error| opening_error(error, &self.path))?;
        // Records raise counters, such as the last number given out. To take back the first step must not
        // lower them.
        part.commit();
        self.set_aside(&unusable)
    }

    fn read<T: Persistent>(&self, part: &mut T) -> rusqlite::Result<Vec<UnusableRecord>> {
        let mut unusable = Vec::new();
        let mut statement =
            self.connection.prepare("SELECT rowid, key, state FROM record WHERE kind = ?1")?;
        for kind in T::KINDS {
            let mut rows = statement.query(params![kind.name()])?;
            while let Some(row) = rows.next()? {
                let restored = match (row.get_ref(1)?.as_str(), row.get_ref(2)?.as_str()) {
                    (Ok(key), Ok(state)) => part.restore(*kind, key, state),
                    _ => Err(RecordError::new("it is not text")),
                };
                if let Err(RecordError(reason)) = restored {
                    unusable.push(UnusableRecord { row: row.get(0)?, kind: kind.name(), reason });
                }
            }
        }
        let mut find = self.connection.prepare("SELECT rowid FROM record WHERE kind = ?1 AND key = ?2")?;
        for (kind, key) in part.restored() {
            let row = find.query_row(params![kind.name(), key], |row| row.get(0)).optional()?;
            let Some(row) = row else { continue };
            unusable.push(UnusableRecord {
                row,
                kind: kind.name(),
                reason: "nothing refers to it".to_owned(),
            });
        }
        Ok(unusable)
    }

    /// Sets aside all records but the ones of these kinds, and logs how many were set aside in all.
    pub(crate) fn restored(&mut self, kinds: &[&[RecordKind]]) -> Result<(), DataFileError> {
        let unknown =
            self.records_of_unknown_kinds(kinds).map_err(|error| opening_error(error, &self.path))?;
        self.set_aside(&unknown)?;
        for (kind, records) in &self.set_aside {
            tracing::warn!(
                kind,
                records,
                "records of the data file cannot be used; they are in its table set_aside, if they could be moved"
            );
        }
        Ok(())
    }

    fn records_of_unknown_kinds(&self, kinds: &[&[RecordKind]]) -> rusqlite::Result<Vec<UnusableRecord>> {
        let known: Vec<&str> = kinds.iter().copied().flatten().map(|kind| kind.name()).collect();
        let mut unknown = Vec::new();
        let mut statement = self.connection.prepare("SELECT rowid, kind FROM record")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if !row.get_ref(1)?.as_str().is_ok_and(|kind| known.contains(&kind)) {
                let reason = "this version knows no such kind of record".to_owned();
                unknown.push(UnusableRecord { row: row.get(0)?, kind: "unknown", reason });
            }
        }
        Ok(unknown)
    }

    /// How many records could not be used when the file was opened, whether or not they could be set aside.
    pub(crate) fn number_set_aside(&self) -> usize {
        self.set_aside.values().sum()
    }

    /// Moves records to the table `set_aside`. Logs name them by their place in the file, not by their keys,
    /// which may name a patient or be a secret.
    fn set_aside(&mut self, unusable: &[UnusableRecord]) -> Result<(), DataFileError> {
        if unusable.is_empty() {
            return Ok(());
        }
        let places: Result<Vec<i64>, DataFileError> = write_with(&mut self.connection, |transaction| {
            let places = unusable
                .iter()
                .map(|UnusableRecord { row, reason, .. }| move_aside(transaction, *row, reason));
            Ok(places.collect::<rusqlite::Result<Vec<i64>>>()?)
        });
        match &places {
            Ok(places) => {
                let named = LOGGED.saturating_sub(self.number_set_aside());
                for (UnusableRecord { kind, reason, .. }, place) in unusable.iter().zip(places).take(named) {
                    tracing::warn!(kind, place, reason, "a record of the data file is set aside");
                }
            }
            // They stay where they are until the next start, or until a new record takes their place.
            Err(error) => {
                let rows = unusable.iter().map(|unusable| (unusable.row, unusable.reason.clone()));
                self.immovable.extend(rows);
                let records = unusable.len();
                tracing::warn!(%error, records, "records of the data file cannot be used, nor set aside");
            }
        }
        for UnusableRecord { kind, .. } in unusable {
            *self.set_aside.entry(kind).or_default() += 1;
        }
        Ok(())
    }

    /// The secret of this name in the file. When there is none, it is `fresh`, which is saved; when that
    /// fails, `fresh` is valid until the sandbox stops.
    pub(crate) fn secret(&mut self, name: &str, fresh: String) -> String {
        let found = self.connection.query_row(
            "SELECT state FROM record WHERE kind = ?1 AND key = ?2",
            params![RecordKind::Secret.name(), name],
            |row| row.get(0),
        );
        if let Ok(secret) = found {
            return secret;
        }
        let record = Record::from_text(RecordKind::Secret, name.to_owned(), Some(fresh.clone()));
        if let Err(error) = self.write(&[record]).map_err(DataFileError::from) {
            tracing::warn!(
                %error,
                name,
                "a secret cannot be kept in the data file: the sessions that need it end when the sandbox stops"
            );
        }
        fresh
    }

    /// Writes records, all of them or none.
    pub(crate) fn write(&mut self, records: &[Record]) -> Result<(), WriteFailure> {
        if records.is_empty() {
            return Ok(());
        }
        // To remove records needs no room.
        let reserve =
            records.iter().filter(|record| record.state.is_some()).map(|record| record.reserve).min();
        match self.write_records(records, reserve) {
            Err(WriteFailure::Failed(DataFileError::Full)) => Err(self.why_full(records, reserve)),
            written => written,
        }
    }

    fn write_records(&mut self, records: &[Record], reserve: Option<u64>) -> Result<(), WriteFailure> {
        let (page_bytes, bytes) = (self.page_bytes, self.bytes);
        let immovable = &self.immovable;
        let replaced = write_with(&mut self.connection, |transaction| {
            let before = used(transaction, page_bytes)?;
            // An existing record keeps its place, so one that does not become longer needs no room.
            let mut put = transaction.prepare_cached(
                "INSERT INTO record (kind, key, state) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, key) DO UPDATE SET state = excluded.state",
            )?;
            let mut remove = transaction.prepare_cached("DELETE FROM record WHERE kind = ?1 AND key = ?2")?;
            // Removing comes first: new records use the pages that become free.
            for Record { kind, key, .. } in records.iter().filter(|record| record.state.is_none()) {
                remove.execute(params![kind.name(), key])?;
            }
            let mut replaced = Vec::new();
            for Record { kind, key, state, .. } in records.iter().filter(|record| record.state.is_some()) {
                if !immovable.is_empty() {
                    replaced.extend(replace_immovable(transaction, immovable, *kind, key)?);
                }
                put.execute(params![kind.name(), key, state])?;
            }
            let limit = match reserve {
                None => return Ok(replaced),
                Some(0) => bytes,
                Some(reserve) => bytes.saturating_add(reserve).max(before),
            };
            match used(transaction, page_bytes)?.saturating_sub(limit) {
                0 => Ok(replaced),
                bytes => Err(WriteFailure::NoRoom { bytes }),
            }
        })?;
        for ReplacedRecord { row, kind, place } in replaced {
            let reason = self.immovable.remove(&row);
            match place {
                Ok(place) => tracing::warn!(kind, place, reason, "a record of the data file is set aside"),
                Err(error) => tracing::warn!(
                    %error, kind, reason,
                    "a record of the data file that cannot be used, nor set aside, is overwritten by a new one with its key"
                ),
            }
        }
        Ok(())
    }

    /// How many bytes to forget when this many are missing: some more, so that the next records find room
    /// too.
    pub(crate) fn batch(&self, bytes: u64) -> u64 {
        2 * bytes + (self.bytes / 16).min(ROOM_AHEAD)
    }

    /// Why SQLite says that there is no room: the file has reached its limit, or the disk is full.
    fn why_full(&self, records: &[Record], reserve: Option<u64>) -> WriteFailure {
        let (Ok(used), Some(reserve)) = (used(&self.connection, self.page_bytes), reserve) else {
            return WriteFailure::Failed(DataFileError::Full);
        };
        let limit = self.bytes.saturating_add(reserve);
        let page = u64::from(self.page_bytes);
        let state = |record: &Record| record.state.as_ref().map_or(0, |state| state.len() as u64 + page);
        match (used + records.iter().map(state).sum::<u64>()).saturating_sub(limit) {
            0 => WriteFailure::Failed(DataFileError::Full),
            bytes => WriteFailure::NoRoom { bytes },
        }
    }

    /// Bounds the length of the file from now on. A file that is longer already does not grow.
    pub(crate) fn set_limit(&mut self, bytes: u64) -> Result<(), DataFileError> {
        self.bytes = bytes;
        let pages = bytes.saturating_add(RESERVE) / u64::from(self.page_bytes.max(1));
        let pages = pages.clamp(1, u64::from(u32::MAX) - 1);
        Ok(self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
    }
}

/// Writes in a transaction. It is rolled back when writing fails, and when it cannot be committed.
fn write_with<T, E: From<rusqlite::Error>>(
    connection: &mut Connection,
    write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction()?;
    let written = write(&transaction)?;
    transaction.commit()?;
    Ok(written)
}

/// Moves a record to the table `set_aside`, and gives its place there.
fn move_aside(transaction: &Transaction<'_>, row: i64, reason: &str) -> rusqlite::Result<i64> {
    let mut copy = transaction.prepare_cached(
        "INSERT INTO set_aside SELECT kind, key, state, ?2, ?3 FROM record WHERE rowid = ?1",
    )?;
    copy.execute(params![row, reason, Timestamp::now().instant().as_str()])?;
    let place = transaction.last_insert_rowid();
    transaction.prepare_cached("DELETE FROM record WHERE rowid = ?1")?.execute(params![row])?;
    Ok(place)
}

/// Moves an unusable record out of the way of a new one with its kind and key, if there is one. When it
/// cannot be moved, the new one overwrites it.
fn replace_immovable(
    transaction: &Transaction<'_>,
    immovable: &BTreeMap<i64, String>,
    kind: RecordKind,
    key: &str,
) -> rusqlite::Result<Option<ReplacedRecord>> {
    let kind = kind.name();
    let mut find = transaction.prepare_cached("SELECT rowid FROM record WHERE kind = ?1 AND key = ?2")?;
    let row: Option<i64> = find.query_row(params![kind, key], |row| row.get(0)).optional()?;
    let Some((row, reason)) = row.and_then(|row| Some((row, immovable.get(&row)?))) else { return Ok(None) };
    match move_aside(transaction, row, reason) {
        // Once there is room, the record can be moved. Besides, SQLite may have ended the transaction.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Err(error),
        place => Ok(Some(ReplacedRecord { row, kind, place })),
    }
}

/// How many bytes of the file are in use, changes of the open transaction included. Free pages do not count:
/// SQLite uses them before the file grows.
fn used(connection: &Connection, page_bytes: u32) -> rusqlite::Result<u64> {
    let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (all, free) = (pages("page_count")?, pages("freelist_count")?);
    Ok(u64::from(all.saturating_sub(free)) * u64::from(page_bytes))
}

/// Opens or makes the file. A new file is readable for its owner only; SQLite gives the files beside it the
/// same mode. On Windows the folder decides.
fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let file = options.mode(0o600).open(path)?;
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            let mode = format!("{:o}", mode & 0o777);
            tracing::warn!(mode, "not only its owner can open the data file, which is about patients");
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

/// Sets the connection up, and gives the format of the file.
fn prepare(connection: &Connection) -> rusqlite::Result<i64> {
    // When another process has the file, it is better to say so at once.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Two sandboxes on one file would overwrite each other.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Makes the tables in a file that has none. The tables of another program are not touched.
fn make(connection: &Connection, path: &Path) -> Result<(), DataFileError> {
    let as_opening = |error| opening_error(error, path);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(as_opening)?;
    if tables > 0 {
        let reason = "it holds tables of another program".to_owned();
        return Err(DataFileError::Damaged { path: path.to_owned(), reason });
    }
    connection
        .execute_batch(&format!(
            "BEGIN;
             CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (kind, key));
             PRAGMA user_version = {FORMAT};
             COMMIT"
        ))
        .map_err(as_opening)
}

fn opening_error(error: rusqlite::Error, path: &Path) -> DataFileError {
    let path = PathBuf::from(path);
    // A table or a column is not there.
    if let rusqlite::Error::SqlInputError { msg, .. } = error {
        return DataFileError::Damaged { path, reason: msg };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DataFileError::InUse { path },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            DataFileError::Damaged { path, reason: error.to_string() }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            DataFileError::Open { path, source: std::io::Error::other(error) }
        }
        Some(ErrorCode::Unknown) => DataFileError::Damaged { path, reason: error.to_string() },
        _ => error.into(),
    }
}
