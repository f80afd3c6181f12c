//! Dead letters in a `SQLite` file.

use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::store::{DeadLetter, NewLetter, Store};
use crate::database::sqlite::{Database, count, milliseconds, now, time};
use crate::database::{Answer, DEAD_LETTERS, DatabaseError};

pub(super) struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    pub(super) fn open(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(path, DEAD_LETTERS)? })
    }

    pub(super) fn open_without_migration(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open_without_migration(path, DEAD_LETTERS)? })
    }
}

impl Store for SqliteStore {
    fn keep(&self, letter: NewLetter, forget_after: Option<Duration>) -> Answer<'_, ()> {
        Box::pin(self.database.write(move |transaction| {
            let now = now();
            if let Some(age) = forget_after {
                let old = "DELETE FROM koppeltaal_dead_letter WHERE domain = ?1 AND failed_at <= ?2";
                transaction.execute(old, params![letter.domain, now.saturating_sub(milliseconds(age))])?;
            }
            let insert = "INSERT INTO koppeltaal_dead_letter
                     (domain, identifier, event, message, reason, failed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (domain, identifier) DO UPDATE SET event = excluded.event,
                     message = excluded.message, reason = excluded.reason, failed_at = excluded.failed_at";
            let NewLetter { domain, identifier, event, message, reason } = letter;
            transaction.execute(insert, params![domain, identifier, event, message, reason, now])?;
            Ok(())
        }))
    }

    fn list(&self, domain: String, after: i64, limit: usize) -> Answer<'_, Vec<DeadLetter>> {
        Box::pin(self.database.read(move |connection| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut select = connection.prepare_cached(
                "SELECT place, domain, identifier, event, reason, failed_at FROM koppeltaal_dead_letter
                 WHERE domain = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
            )?;
            select.query_map(params![domain, after, limit], letter)?.collect()
        }))
    }

    fn message(&self, domain: String, identifier: String) -> Answer<'_, Option<String>> {
        Box::pin(self.database.read(move |connection| {
            let select = "SELECT message FROM koppeltaal_dead_letter WHERE domain = ?1 AND identifier = ?2";
            connection.query_row(select, [domain, identifier], |row| row.get(0)).optional()
        }))
    }

    fn forget(&self, domain: String, identifier: String) -> Answer<'_, u64> {
        Box::pin(self.database.write(move |transaction| {
            let delete = "DELETE FROM koppeltaal_dead_letter WHERE domain = ?1 AND identifier = ?2";
            Ok(count(transaction.execute(delete, [domain, identifier])?))
        }))
    }
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        place: row.get("place")?,
        domain: row.get("domain")?,
        identifier: row.get("identifier")?,
        event: row.get("event")?,
        reason: row.get("reason")?,
        failed_at: time(row.get("failed_at")?),
    })
}
