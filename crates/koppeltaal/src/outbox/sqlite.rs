//! The outbox in a `SQLite` file. Times are milliseconds since 1970, by the clock of the process.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};

use super::OutboxError;
use super::entry::{OutboxEntry, OutboxFault, OutboxState, OutboxSummary};
use super::outgoing::Outgoing;
use super::store::{Answer, Change, Claim, Claimed, End, OPEN, Selection, Store};
use crate::database::Part;
use crate::database::sqlite::Database;

/// The order of `place` is that in which transactions committed: there is one writer at a time.
const PART: Part = Part {
    name: "outbox",
    steps: &[
        "CREATE TABLE koppeltaal_outbox (
             place INTEGER PRIMARY KEY AUTOINCREMENT,
             identifier TEXT NOT NULL UNIQUE,
             domain TEXT NOT NULL,
             event TEXT NOT NULL,
             focal TEXT NOT NULL,
             message TEXT,
             state TEXT NOT NULL DEFAULT 'waiting',
             attempts INTEGER NOT NULL DEFAULT 0,
             not_before INTEGER NOT NULL,
             posted_at INTEGER,
             holder TEXT,
             fault_kind TEXT,
             fault TEXT,
             fault_detail TEXT,
             created_at INTEGER NOT NULL,
             changed_at INTEGER NOT NULL);
         CREATE INDEX koppeltaal_outbox_open ON koppeltaal_outbox (domain, place)
             WHERE state IN ('waiting', 'sending', 'refused');
         CREATE INDEX koppeltaal_outbox_focal ON koppeltaal_outbox (domain, focal, place)
             WHERE state IN ('waiting', 'sending', 'refused');
         CREATE INDEX koppeltaal_outbox_state ON koppeltaal_outbox (state, place)",
        "ALTER TABLE koppeltaal_outbox ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0",
    ],
};

pub(super) struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    pub(super) fn open(path: &Path) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open(path, &PART)? })
    }
}

impl Outgoing {
    /// Hands the message over in a transaction of the application: a `Transaction`, or a `Connection` outside of one. The
    /// tables have to be there: [`Outbox::sqlite`](super::Outbox::sqlite) makes them. Once the transaction is committed,
    /// call [`Outbox::wake`](super::Outbox::wake).
    ///
    /// Begin the transaction as [`Immediate`](rusqlite::TransactionBehavior::Immediate) when it reads before it writes: one
    /// that began as a reader fails as locked if a dispatcher has written meanwhile.
    ///
    /// Handing the same message over again does nothing.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InTheWay`] when the transaction has to be run again; [`OutboxError::IdentifierTaken`]; or the database
    /// does not take it.
    pub fn put_sqlite(&self, transaction: &Connection) -> Result<(), OutboxError> {
        self.insert_sqlite(transaction)?
            .ok_or_else(|| OutboxError::IdentifierTaken { identifier: self.identifier.clone() })
    }

    /// None: another message has the identifier.
    fn insert_sqlite(&self, transaction: &Connection) -> Result<Option<()>, crate::database::DatabaseError> {
        let inserted = transaction
            .prepare_cached(
                "INSERT INTO koppeltaal_outbox
                     (identifier, domain, event, focal, message, not_before, created_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?6) ON CONFLICT (identifier) DO NOTHING",
            )?
            .execute(params![self.identifier, self.domain, self.event, self.focal, self.message, now()])?;
        if inserted == 1 {
            return Ok(Some(()));
        }
        Ok(transaction
            .prepare_cached(
                "SELECT 1 FROM koppeltaal_outbox
                 WHERE identifier = ?1 AND domain = ?2 AND event = ?3 AND focal = ?4",
            )?
            .query_row([&self.identifier, &self.domain, self.event, &self.focal], |_| Ok(()))
            .optional()?)
    }
}

impl Store for SqliteStore {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, Option<Claimed>> {
        let Claim { domain, holder, lease, aside } = claim;
        let holder = holder.to_owned();
        let which = Which { domain: domain.to_owned(), aside: places(aside) };
        Box::pin(async move {
            // Looking does not keep others from writing; most of the time there is nothing to take.
            let asked = which.clone();
            if self.database.read(move |connection| next(connection, &asked)).await?.is_none() {
                return Ok(None);
            }
            self.database.write(move |transaction| take(transaction, &which, &holder, lease)).await
        })
    }

    fn post_again<'a>(&'a self, place: i64, holder: &'a str, lease: Duration) -> Answer<'a, bool> {
        let holder = holder.to_owned();
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

    fn settle<'a>(&'a self, place: i64, holder: &'a str, end: End) -> Answer<'a, ()> {
        let holder = holder.to_owned();
        Box::pin(self.database.write(move |transaction| {
            let now = now();
            match end {
                End::Sent => transaction
                    .prepare_cached(
                        "UPDATE koppeltaal_outbox SET state = 'sent', message = NULL, holder = NULL, unsettled = 0,
                             posted_at = NULL, fault_kind = NULL, fault = NULL, fault_detail = NULL, changed_at = ?1
                         WHERE place = ?2 AND state <> 'sent'",
                    )?
                    .execute(params![now, place])?,
                End::Later { pause, posted, fault: OutboxFault { kind, text, detail } } => transaction
                    .prepare_cached(
                        "UPDATE koppeltaal_outbox SET state = 'waiting', holder = NULL, unsettled = 0, not_before = ?1,
                             posted_at = CASE WHEN ?2 THEN posted_at END,
                             fault_kind = ?3, fault = ?4, fault_detail = ?5, changed_at = ?6
                         WHERE place = ?7 AND state = 'sending' AND holder = ?8",
                    )?
                    .execute(params![
                        now + milliseconds(pause), posted, kind, text, detail, now, place, holder
                    ])?,
                End::Refused(OutboxFault { kind, text, detail }) => transaction
                    .prepare_cached(
                        "UPDATE koppeltaal_outbox SET state = 'refused', holder = NULL, posted_at = NULL, unsettled = 0,
                             fault_kind = ?1, fault = ?2, fault_detail = ?3, changed_at = ?4
                         WHERE place = ?5 AND state = 'sending' AND holder = ?6",
                    )?
                    .execute(params![kind, text, detail, now, place, holder])?,
            };
            Ok(())
        }))
    }

    fn select(&self, selection: Selection, limit: usize) -> Answer<'_, Vec<OutboxEntry>> {
        Box::pin(self.database.read(move |connection| {
            let states;
            let (condition, argument) = match &selection {
                Selection::Identifier(identifier) => ("identifier = ?1".to_owned(), identifier.as_str()),
                Selection::States(list) => {
                    states = list.iter().map(|state| state.name()).collect::<Vec<_>>().join(" ");
                    // Names of states have no blank and none is the end of another's.
                    ("instr(' ' || ?1 || ' ', ' ' || state || ' ') > 0".to_owned(), states.as_str())
                }
                Selection::Troubled => (format!("fault_kind IS NOT NULL AND state IN {OPEN} AND ?1 = ''"), ""),
            };
            let select = format!(
                "SELECT *, CASE WHEN state IN {OPEN} THEN (SELECT count(*) FROM koppeltaal_outbox AS later
                     WHERE later.domain = entry.domain AND later.focal = entry.focal AND later.place > entry.place
                         AND later.state IN {OPEN}) ELSE 0 END AS behind
                 FROM koppeltaal_outbox AS entry WHERE {condition}
                 ORDER BY state = 'refused' AND ?2 DESC, place LIMIT ?3"
            );
            let refused_first = matches!(selection, Selection::Troubled);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(&select)?;
            statement.query_map(params![argument, refused_first, limit], entry)?.collect()
        }))
    }

    fn change(&self, identifier: String, change: Change) -> Answer<'_, bool> {
        Box::pin(self.database.write(move |transaction| {
            let update = match change {
                Change::Retry => {
                    "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0, not_before = ?1, changed_at = ?1
                     WHERE identifier = ?2 AND state IN ('waiting', 'refused')"
                }
                // A dispatcher whose lease is over has been killed, or will find that it has lost the message.
                Change::GiveUp => {
                    "UPDATE koppeltaal_outbox SET state = 'given-up', holder = NULL, changed_at = ?1
                     WHERE identifier = ?2
                         AND (state IN ('waiting', 'refused') OR state = 'sending' AND not_before <= ?1)"
                }
            };
            Ok(transaction.prepare_cached(update)?.execute(params![now(), identifier])? == 1)
        }))
    }

    fn retry_all(&self) -> Answer<'_, u64> {
        Box::pin(self.database.write(move |transaction| {
            let changed = transaction.execute(
                "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0, not_before = ?1, changed_at = ?1
                 WHERE state = 'refused' OR state = 'waiting' AND not_before > ?1",
                [now()],
            )?;
            Ok(count(changed))
        }))
    }

    fn summary(&self) -> Answer<'_, OutboxSummary> {
        Box::pin(self.database.read(|connection| {
            let mut summary = OutboxSummary::default();
            let mut statement =
                connection.prepare_cached("SELECT state, count(*) FROM koppeltaal_outbox GROUP BY state")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                summary.add(state(row, 0)?, row.get::<_, i64>(1)?.unsigned_abs());
            }
            let oldest = format!("SELECT min(created_at) FROM koppeltaal_outbox WHERE state IN {OPEN}");
            summary.oldest_open =
                connection.query_row(&oldest, [], |row| row.get::<_, Option<i64>>(0))?.map(time);
            Ok(summary)
        }))
    }

    fn forget(&self, age: Duration) -> Answer<'_, u64> {
        Box::pin(self.database.write(move |transaction| {
            let deleted = transaction.execute(
                "DELETE FROM koppeltaal_outbox WHERE state IN ('sent', 'given-up') AND changed_at <= ?1",
                [now().saturating_sub(milliseconds(age))],
            )?;
            Ok(count(deleted))
        }))
    }
}

/// Which messages may be taken.
#[derive(Clone)]
struct Which {
    domain: String,
    /// Places not to look at, as a list in JSON.
    aside: String,
}

fn places(places: &[i64]) -> String {
    let numbers: Vec<_> = places.iter().map(i64::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// The place of the message to take next.
fn next(connection: &Connection, which: &Which) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT place FROM koppeltaal_outbox AS entry
         WHERE domain = :domain AND state IN ('waiting', 'sending', 'refused') AND state <> 'refused'
             AND not_before <= :now AND place NOT IN (SELECT value FROM json_each(:aside))
             AND NOT EXISTS (SELECT 1 FROM koppeltaal_outbox AS before
                 WHERE before.domain = entry.domain AND before.focal = entry.focal AND before.place < entry.place
                     AND before.state IN ('waiting', 'sending', 'refused'))
         ORDER BY place LIMIT 1";
    let mut statement = connection.prepare_cached(select)?;
    let parameters = named_params! { ":domain": which.domain, ":now": now(), ":aside": which.aside };
    statement.query_row(parameters, |row| row.get(0)).optional()
}

fn take(
    transaction: &Transaction<'_>,
    which: &Which,
    holder: &str,
    lease: Duration,
) -> rusqlite::Result<Option<Claimed>> {
    let Some(place) = next(transaction, which)? else { return Ok(None) };
    let now = now();
    let posted: Option<i64> = transaction
        .prepare_cached("SELECT posted_at FROM koppeltaal_outbox WHERE place = ?1")?
        .query_row([place], |row| row.get(0))?;
    transaction
        .prepare_cached(
            "UPDATE koppeltaal_outbox SET state = 'sending', attempts = attempts + 1, unsettled = unsettled + 1,
                 holder = ?1, not_before = ?2, posted_at = coalesce(posted_at, ?3), changed_at = ?3
             WHERE place = ?4 RETURNING identifier, event, message, attempts, unsettled",
        )?
        .query_row(params![holder, now + milliseconds(lease), now, place], |row| {
            Ok(Some(Claimed {
                place,
                identifier: row.get(0)?,
                event: row.get(1)?,
                message: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                attempts: row.get(3)?,
                unsettled: row.get(4)?,
                posted: posted.map(|at| Duration::from_millis(now.saturating_sub(at).try_into().unwrap_or(0))),
            }))
        })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    let kind: Option<String> = row.get("fault_kind")?;
    let fault = match kind {
        Some(kind) => Some(OutboxFault { kind, text: row.get("fault")?, detail: row.get("fault_detail")? }),
        None => None,
    };
    let place = row.as_ref().column_index("state")?;
    let state = state(row, place)?;
    let next: i64 = row.get("not_before")?;
    Ok(OutboxEntry {
        identifier: row.get("identifier")?,
        domain: row.get("domain")?,
        event: row.get("event")?,
        focal: row.get("focal")?,
        state,
        attempts: row.get("attempts")?,
        behind: row.get::<_, i64>("behind")?.unsigned_abs(),
        fault,
        is_outcome_unknown: row.get::<_, Option<i64>>("posted_at")?.is_some(),
        created_at: time(row.get("created_at")?),
        changed_at: time(row.get("changed_at")?),
        next_attempt: (state == OutboxState::Waiting).then(|| time(next)),
    })
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<OutboxState> {
    let name: String = row.get(column)?;
    OutboxState::of_name(&name).ok_or_else(|| {
        let error = format!("{name:?} is no state of a message");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

fn now() -> i64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn milliseconds(duration: Duration) -> i64 {
    // So large that nothing overflows, and some ages from now.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or(0))
}

fn count(rows: usize) -> u64 {
    rows.try_into().unwrap_or(u64::MAX)
}
