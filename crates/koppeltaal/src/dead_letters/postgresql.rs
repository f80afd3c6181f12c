//! Dead letters in a `PostgreSQL` database.

use std::time::Duration;

use deadpool_postgres::Pool;
use deadpool_postgres::tokio_postgres::Row;
use futures_util::FutureExt as _;

use super::store::{DeadLetter, NewLetter, Store};
use crate::database::postgresql::Database;
use crate::database::{Answer, DEAD_LETTERS, DatabaseError};

/// A thousand years. Much more is before the first time that `PostgreSQL` knows.
const LONGEST_AGE: Duration = Duration::from_secs(1000 * 365 * 86_400);

pub(super) struct PostgresqlStore {
    database: Database,
}

impl PostgresqlStore {
    pub(super) async fn open(pool: Pool) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open(pool, DEAD_LETTERS).await? })
    }

    pub(super) async fn open_without_migration(pool: Pool) -> Result<Self, DatabaseError> {
        Ok(Self { database: Database::open_without_migration(pool, DEAD_LETTERS).await? })
    }
}

impl Store for PostgresqlStore {
    fn keep(&self, letter: NewLetter, forget_after: Option<Duration>) -> Answer<'_, ()> {
        async move {
            if let Some(age) = forget_after {
                let old = "DELETE FROM koppeltaal_dead_letter
                     WHERE domain = $1 AND failed_at <= clock_timestamp() - make_interval(secs => $2)";
                let seconds = age.min(LONGEST_AGE).as_secs_f64();
                self.database.change(old, &[&letter.domain, &seconds]).await?;
            }
            let insert = "INSERT INTO koppeltaal_dead_letter (domain, identifier, event, message, reason)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (domain, identifier) DO UPDATE SET event = excluded.event,
                     message = excluded.message, reason = excluded.reason, failed_at = excluded.failed_at";
            let NewLetter { domain, identifier, event, message, reason } = letter;
            self.database.change(insert, &[&domain, &identifier, &event, &message, &reason]).await?;
            Ok(())
        }
        .boxed()
    }

    fn list(&self, domain: String, after: i64, limit: usize) -> Answer<'_, Vec<DeadLetter>> {
        let select = "SELECT place, domain, identifier, event, reason, failed_at FROM koppeltaal_dead_letter
             WHERE domain = $1 AND place > $2 ORDER BY place LIMIT $3";
        async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            self.database.run(select, &[&domain, &after, &limit]).await?.rows.iter().map(letter).collect()
        }
        .boxed()
    }

    fn message(&self, domain: String, identifier: String) -> Answer<'_, Option<String>> {
        let select = "SELECT message FROM koppeltaal_dead_letter WHERE domain = $1 AND identifier = $2";
        async move {
            let row = self.database.run(select, &[&domain, &identifier]).await?.rows.pop();
            row.map(|row| Ok(row.try_get(0)?)).transpose()
        }
        .boxed()
    }

    fn forget(&self, domain: String, identifier: String) -> Answer<'_, u64> {
        let delete = "DELETE FROM koppeltaal_dead_letter WHERE domain = $1 AND identifier = $2";
        async move { self.database.change(delete, &[&domain, &identifier]).await }.boxed()
    }
}

fn letter(row: &Row) -> Result<DeadLetter, DatabaseError> {
    Ok(DeadLetter {
        place: row.try_get("place")?,
        domain: row.try_get("domain")?,
        identifier: row.try_get("identifier")?,
        event: row.try_get("event")?,
        reason: row.try_get("reason")?,
        failed_at: row.try_get("failed_at")?,
    })
}
