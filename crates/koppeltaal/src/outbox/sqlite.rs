//! The outbox in a `SQLite` file. Times are milliseconds since 1970, by the clock of the process.

use std::collections::BTreeMap;
use std::iter;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params, params_from_iter};

use super::OutboxError;
use super::entry::{CLAIMABLE, LastError, OPEN, OutboxEntry, OutboxState, OutboxSummary};
use super::filter::OutboxFilter;
use super::outgoing::Outgoing;
use super::store::{ClaimRequest, ClaimedEntry, Failures, Settlement, Store, select_counts};
use crate::database::sqlite::{Database, count, milliseconds, now, time};
use crate::database::{Answer, DatabaseError, OUTBOX};

/// Places have the order in which transactions committed, because there is one writer at a time.
pub(super) struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    pub(super) fn open(path: &Path) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open(path, OUTBOX)? })
    }

    pub(super) fn open_without_migration(path: &Path) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open_without_migration(path, OUTBOX)? })
    }
}

impl Outgoing {
    /// Hands the message over in a transaction of the application: a `Transaction`, or a `Connection` outside
    /// of one. The tables have to exist: [`Outbox::sqlite`](super::Outbox::sqlite) makes them. Once the
    /// transaction is committed, call [`Outbox::wake`](super::Outbox::wake).
    ///
    /// A transaction that reads before it writes should begin as
    /// [`Immediate`](rusqlite::TransactionBehavior::Immediate). One that began as a reader fails as locked if
    /// a dispatcher has written meanwhile.
    ///
    /// Handing the same message over again does nothing.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Contention`] when the transaction has to be run again;
    /// [`OutboxError::IdentifierTaken`]; [`OutboxError::Database`].
    pub fn put_sqlite(&self, transaction: &Connection) -> Result<(), OutboxError> {
        let insert = || transaction.prepare_cached(Self::INSERT_SQLITE)?.execute(self.parameters());
        self.confirm(count(insert().map_err(DatabaseError::from)?))
    }
}

impl Store for SqliteStore {
    fn claim<'a>(&'a self, claim: ClaimRequest<'a>) -> Answer<'a, Option<ClaimedEntry>> {
        let ClaimRequest { domain, holder, lease, quarantined } = claim;
        let holder = holder.to_owned();
        let which = Which { domain: domain.to_owned(), quarantined: places(quarantined) };
        Box::pin(async move {
            // A read does not keep others from writing, and most of the time no message is due.
            let unlocked = which.clone();
            if self.database.read(move |connection| next(connection, &unlocked)).await?.is_none() {
                return Ok(None);
            }
            self.database.write(move |transaction| take(transaction, &which, &holder, lease)).await
        })
    }

    fn post_again<'a>(&'a self, entry: &'a ClaimedEntry, lease: Duration) -> Answer<'a, bool> {
        let (place, holder) = (entry.place, entry.holder.clone());
        Box::pin(self.database.write(move |transaction| {
            let now = now();
            let changed = transaction
                .prepare_cached(
                    "UPDATE koppeltaal_outbox SET posted_at = ?1, not_before = ?2, changed_at = ?1
                     WHERE place = ?3 AND state = 'sending' AND holder = ?4",
                )?
                .execute(params![now, now + milliseconds(lease), place, holder])?;
            Ok(changed == 1)
        }))
    }

    fn settle<'a>(&'a self, entry: &'a ClaimedEntry, settlement: Settlement) -> Answer<'a, ()> {
        let (place, holder) = (entry.place, entry.holder.clone());
        Box::pin(self.database.write(move |transaction| {
            let now = now();
            match settlement {
                Settlement::Sent => transaction
                    .prepare_cached(
                        "UPDATE koppeltaal_outbox SET state = 'sent', message = NULL, holder = NULL, unsettled = 0,
                             posted_at = NULL, fault_kind = NULL, fault = NULL, fault_detail = NULL, changed_at = ?1
                         WHERE place = ?2 AND state <> 'sent'",
                    )?
                    .execute(params![now, place])?,
                Settlement::Delayed { pause, posted, failures, error: LastError { kind, text, detail } } => {
                    transaction
                        .prepare_cached(
                            "UPDATE koppeltaal_outbox SET state = 'waiting', holder = NULL, unsettled = 0,
                                 not_before = ?1, posted_at = CASE WHEN ?2 THEN posted_at END,
                                 fault_kind = ?3, fault = ?4, fault_detail = ?5, changed_at = ?6,
                                 failures = coalesce(?9, failures),
                                 failed_at = CASE WHEN ?9 IS NULL THEN failed_at ELSE ?6 END,
                                 failing_since = CASE WHEN ?9 IS NULL THEN failing_since
                                     ELSE coalesce(failing_since, ?6) END
                             WHERE place = ?7 AND state = 'sending' AND holder = ?8",
                        )?
                        .execute(params![
                            now + milliseconds(pause),
                            posted,
                            kind,
                            text,
                            detail,
                            now,
                            place,
                            holder,
                            failures
                        ])?
                }
                Settlement::Refused { posted, error: LastError { kind, text, detail } } => transaction
                    .prepare_cached(
                        "UPDATE koppeltaal_outbox SET state = 'refused', holder = NULL, unsettled = 0,
                             posted_at = CASE WHEN ?1 THEN posted_at END,
                             fault_kind = ?2, fault = ?3, fault_detail = ?4, changed_at = ?5
                         WHERE place = ?6 AND state = 'sending' AND holder = ?7",
                    )?
                    .execute(params![posted, kind, text, detail, now, place, holder])?,
            };
            Ok(())
        }))
    }

    fn select(
        &self,
        filter: OutboxFilter,
        refused_first: bool,
        limit: usize,
    ) -> Answer<'_, Vec<OutboxEntry>> {
        Box::pin(self.database.read(move |connection| {
            let (condition, mut values) = filter.condition('?', 2);
            values.insert(0, limit.to_string());
            let order = if refused_first { "state <> 'refused', place" } else { "place" };
            let select = format!(
                "SELECT *, CASE WHEN state IN {OPEN} THEN (SELECT count(*) FROM koppeltaal_outbox AS later
                     WHERE later.domain = entry.domain AND later.focal = entry.focal AND later.place > entry.place
                         AND later.state IN {OPEN}) ELSE 0 END AS behind
                 FROM koppeltaal_outbox AS entry WHERE {condition} ORDER BY {order} LIMIT CAST(?1 AS INTEGER)"
            );
            let mut statement = connection.prepare_cached(&select)?;
            statement.query_map(params_from_iter(values), entry)?.collect()
        }))
    }

    fn message(&self, identifier: String) -> Answer<'_, Option<Option<String>>> {
        Box::pin(self.database.read(move |connection| {
            let select = "SELECT message FROM koppeltaal_outbox WHERE identifier = ?1";
            connection.query_row(select, [identifier], |row| row.get(0)).optional()
        }))
    }

    fn retry(&self, filter: OutboxFilter) -> Answer<'_, u64> {
        // Makes messages due at once, as if they had never failed.
        let retry =
            "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0, not_before = ?1, changed_at = ?1,
                 failures = 0, failing_since = NULL, failed_at = NULL
             WHERE (state = 'refused' OR state = 'waiting' AND not_before > ?1)";
        self.change(retry, &filter)
    }

    fn give_up(&self, filter: OutboxFilter) -> Answer<'_, u64> {
        // A dispatcher whose lease is over was killed, or will find out that it lost the message.
        let give_up = "UPDATE koppeltaal_outbox SET state = 'given-up', holder = NULL, changed_at = ?1
             WHERE (state IN ('waiting', 'refused') OR state = 'sending' AND not_before <= ?1)";
        self.change(give_up, &filter)
    }

    fn summaries(&self, open_only: bool) -> Answer<'_, BTreeMap<String, OutboxSummary>> {
        Box::pin(self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(&select_counts(open_only))?;
            let mut rows = statement.query([])?;
            let mut summaries: BTreeMap<_, OutboxSummary> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let count = row.get::<_, i64>(2)?.unsigned_abs();
                summaries.entry(row.get(0)?).or_default().add(state(row, 1)?, count, time(row.get(3)?));
            }
            Ok(summaries)
        }))
    }

    fn count_open(&self, domain: String) -> Answer<'_, u64> {
        Box::pin(self.database.read(move |connection| {
            let count =
                format!("SELECT count(*) FROM koppeltaal_outbox WHERE domain = ?1 AND state IN {OPEN}");
            Ok(connection.query_row(&count, [domain], |row| row.get::<_, i64>(0))?.unsigned_abs())
        }))
    }

    fn forget(&self, age: Duration, domain: Option<String>, limit: u64) -> Answer<'_, u64> {
        Box::pin(self.database.write(move |transaction| {
            let until = now().saturating_sub(milliseconds(age));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let deleted = transaction.execute(
                "DELETE FROM koppeltaal_outbox WHERE place IN (SELECT place FROM koppeltaal_outbox
                     WHERE state IN ('sent', 'given-up') AND changed_at <= ?1 AND domain = coalesce(?2, domain)
                     LIMIT ?3)",
                params![until, domain, limit],
            )?;
            Ok(count(deleted))
        }))
    }
}

impl SqliteStore {
    /// Runs an update, whose `?1` is the time, on the entries that the filter admits. Returns how many it has
    /// changed.
    fn change(&self, update: &str, filter: &OutboxFilter) -> Answer<'_, u64> {
        let (condition, values) = filter.condition('?', 2);
        let update = format!("{update} AND {condition}");
        Box::pin(self.database.write(move |transaction| {
            let values = values.into_iter().map(Value::from);
            let parameters = params_from_iter(iter::once(Value::from(now())).chain(values));
            Ok(count(transaction.execute(&update, parameters)?))
        }))
    }
}

/// Which messages may be claimed.
#[derive(Clone)]
struct Which {
    domain: String,
    /// Places of messages that are not claimed, as a list in JSON.
    quarantined: String,
}

fn places(places: &[i64]) -> String {
    let numbers: Vec<_> = places.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// The place of the next message to claim. A message that was not tried yet is due at the time 0.
fn next(connection: &Connection, which: &Which) -> rusqlite::Result<Option<i64>> {
    let select = format!(
        "SELECT place FROM koppeltaal_outbox AS entry
         WHERE domain = :domain AND state IN {CLAIMABLE} AND not_before <= :now
             AND place NOT IN (SELECT value FROM json_each(:quarantined))
             AND NOT EXISTS (SELECT 1 FROM koppeltaal_outbox AS before
                 WHERE before.domain = entry.domain AND before.focal = entry.focal AND before.place < entry.place
                     AND before.state IN {OPEN})
         ORDER BY not_before, place LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let parameters =
        named_params! { ":domain": which.domain, ":now": now(), ":quarantined": which.quarantined };
    statement.query_row(parameters, |row| row.get(0)).optional()
}

fn take(
    transaction: &Transaction<'_>,
    which: &Which,
    holder: &str,
    lease: Duration,
) -> rusqlite::Result<Option<ClaimedEntry>> {
    let Some(place) = next(transaction, which)? else { return Ok(None) };
    let now = now();
    let since = |at: i64| Duration::from_millis(now.saturating_sub(at).try_into().unwrap_or(0));
    let (posted, failures) = transaction
        .prepare_cached(
            "SELECT posted_at, failures, failing_since, failed_at IS NOT NULL AND EXISTS (
                 SELECT 1 FROM koppeltaal_outbox AS other
                 WHERE other.domain = entry.domain AND other.state = 'sent' AND other.changed_at >= entry.failed_at)
             FROM koppeltaal_outbox AS entry WHERE place = ?1",
        )?
        .query_row([place], |row| {
            let failing_since: Option<i64> = row.get(2)?;
            let failures =
                Failures { count: row.get(1)?, since: failing_since.map(since), others_sent: row.get(3)? };
            Ok((row.get::<_, Option<i64>>(0)?, failures))
        })?;
    transaction
        .prepare_cached(
            "UPDATE koppeltaal_outbox SET state = 'sending', attempts = attempts + 1, unsettled = unsettled + 1,
                 holder = ?1, not_before = ?2, posted_at = coalesce(posted_at, ?3), changed_at = ?3
             WHERE place = ?4 RETURNING identifier, event, message, attempts, unsettled",
        )?
        .query_row(params![holder, now + milliseconds(lease), now, place], |row| {
            Ok(Some(ClaimedEntry {
                place,
                holder: holder.to_owned(),
                identifier: row.get(0)?,
                event: row.get(1)?,
                message: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                attempts: row.get(3)?,
                unsettled: row.get(4)?,
                posted: posted.map(since),
                failures,
            }))
        })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    let kind: Option<String> = row.get("fault_kind")?;
    let last_error = match kind {
        Some(kind) => Some(LastError { kind, text: row.get("fault")?, detail: row.get("fault_detail")? }),
        None => None,
    };
    let place = row.as_ref().column_index("state")?;
    let state = state(row, place)?;
    let next: i64 = row.get("not_before")?;
    Ok(OutboxEntry {
        place: row.get("place")?,
        identifier: row.get("identifier")?,
        domain: row.get("domain")?,
        event: row.get("event")?,
        focal: row.get("focal")?,
        state,
        attempts: row.get("attempts")?,
        behind: row.get::<_, i64>("behind")?.unsigned_abs(),
        last_error,
        is_outcome_unknown: row.get::<_, Option<i64>>("posted_at")?.is_some(),
        created_at: time(row.get("created_at")?),
        changed_at: time(row.get("changed_at")?),
        next_attempt: (state == OutboxState::Waiting).then(|| time(next)),
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<OutboxState> {
    let name: String = row.get(column)?;
    OutboxState::from_name(&name).ok_or_else(|| {
        let error = format!("{name:?} is not the state of a message");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}
