//! The outbox in a `PostgreSQL` database. Times are the server's, so that machines need not agree on one.

use std::time::{Duration, SystemTime};

use deadpool_postgres::{Pool, tokio_postgres};
use futures_util::FutureExt as _;
use tokio_postgres::{GenericClient, Row};

use super::OutboxError;
use super::entry::{OutboxEntry, OutboxFault, OutboxState, OutboxSummary};
use super::outgoing::Outgoing;
use super::store::{Answer, Change, Claim, Claimed, End, OPEN, Selection, Store};
use crate::database::postgresql::{self, Database};
use crate::database::{DatabaseError, DatabaseTrouble, Part};

const PART: Part = Part {
    name: "outbox",
    steps: &[
        "CREATE TABLE koppeltaal_outbox (
             place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
             identifier text NOT NULL UNIQUE,
             domain text NOT NULL,
             event text NOT NULL,
             focal text NOT NULL,
             message text,
             state text NOT NULL DEFAULT 'waiting',
             attempts bigint NOT NULL DEFAULT 0,
             not_before timestamptz NOT NULL DEFAULT clock_timestamp(),
             posted_at timestamptz,
             holder text,
             fault_kind text,
             fault text,
             fault_detail text,
             created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
             changed_at timestamptz NOT NULL DEFAULT clock_timestamp());
         CREATE INDEX koppeltaal_outbox_open ON koppeltaal_outbox (domain, place)
             WHERE state IN ('waiting', 'sending', 'refused');
         CREATE INDEX koppeltaal_outbox_focal ON koppeltaal_outbox (domain, focal, place)
             WHERE state IN ('waiting', 'sending', 'refused');
         CREATE INDEX koppeltaal_outbox_state ON koppeltaal_outbox (state, place)",
        "ALTER TABLE koppeltaal_outbox ADD COLUMN unsettled bigint NOT NULL DEFAULT 0",
    ],
};

pub(super) struct PostgresqlStore {
    database: Database,
}

impl PostgresqlStore {
    pub(super) async fn open(pool: Pool) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open(pool, &PART).await? })
    }
}

impl Outgoing {
    /// Hands the message over in a transaction of the application, of whatever isolation level. The tables have to be there:
    /// [`Outbox::postgresql`](super::Outbox::postgresql) makes them. Once the transaction is committed, call
    /// [`Outbox::wake`](super::Outbox::wake).
    ///
    /// Transactions that hand over messages about the same resource wait for each other, so that there is an order. One that
    /// hands over several messages should do so in the order of their addresses, or `PostgreSQL` may have to end a deadlock.
    ///
    /// Handing the same message over again does nothing.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InTheWay`] when the transaction has to be run again; [`OutboxError::IdentifierTaken`]; or the database
    /// does not take it.
    pub async fn put_postgresql(&self, transaction: &impl GenericClient) -> Result<(), OutboxError> {
        let is_there = self.insert_postgresql(transaction).await?;
        let identifier = || self.identifier.clone();
        if is_there { Ok(()) } else { Err(OutboxError::IdentifierTaken { identifier: identifier() }) }
    }

    /// False: another message has the identifier.
    async fn insert_postgresql(&self, transaction: &impl GenericClient) -> Result<bool, DatabaseError> {
        // Held until the transaction ends. Only then is a place given out, so that of two messages about one resource the
        // one that is before the other also becomes visible before it.
        let lock =
            transaction.prepare("SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 7806))");
        postgresql::run(transaction, &lock.await?, &[&self.domain, &self.focal]).await?;
        let insert = transaction.prepare(
            "INSERT INTO koppeltaal_outbox (identifier, domain, event, focal, message)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (identifier) DO NOTHING",
        );
        let row: postgresql::Parameters<'_> =
            &[&self.identifier, &self.domain, &self.event, &self.focal, &self.message];
        if postgresql::run(transaction, &insert.await?, row).await?.count == 1 {
            return Ok(true);
        }
        let same = transaction.prepare(
            "SELECT 1 FROM koppeltaal_outbox
             WHERE identifier = $1 AND domain = $2 AND event = $3 AND focal = $4",
        );
        Ok(!postgresql::run(transaction, &same.await?, &row[..4]).await?.rows.is_empty())
    }
}

impl Store for PostgresqlStore {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, Option<Claimed>> {
        let Claim { domain, holder, lease, aside } = claim;
        // Whoever is faster has the row locked, and then changed; the others leave it out.
        let statement = "WITH next AS (
                 SELECT place, posted_at FROM koppeltaal_outbox AS entry
                 WHERE domain = $1 AND state IN ('waiting', 'sending') AND not_before <= clock_timestamp()
                     AND state IN ('waiting', 'sending', 'refused') AND place <> ALL ($4)
                     AND NOT EXISTS (SELECT 1 FROM koppeltaal_outbox AS before
                         WHERE before.domain = entry.domain AND before.focal = entry.focal
                             AND before.place < entry.place AND before.state IN ('waiting', 'sending', 'refused'))
                 ORDER BY place LIMIT 1 FOR UPDATE SKIP LOCKED)
             UPDATE koppeltaal_outbox AS entry
             SET state = 'sending', attempts = attempts + 1, unsettled = unsettled + 1, holder = $2,
                 not_before = clock_timestamp() + make_interval(secs => $3),
                 posted_at = coalesce(entry.posted_at, clock_timestamp()), changed_at = clock_timestamp()
             FROM next WHERE entry.place = next.place
             RETURNING entry.place, identifier, event, message, attempts, unsettled,
                 extract(epoch FROM clock_timestamp() - next.posted_at)::float8";
        async move {
            let lease = lease.as_secs_f64();
            let row = self.database.run(statement, &[&domain, &holder, &lease, &aside]).await?.rows.pop();
            let claimed = |row: Row| {
                let posted: Option<f64> = row.try_get(6)?;
                Ok(Claimed {
                    place: row.try_get(0)?,
                    identifier: row.try_get(1)?,
                    event: row.try_get(2)?,
                    message: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
                    attempts: whole(row.try_get(4)?),
                    unsettled: whole(row.try_get(5)?),
                    posted: posted.map(|since| Duration::try_from_secs_f64(since).unwrap_or_default()),
                })
            };
            row.map(claimed).transpose()
        }
        .boxed()
    }

    fn post_again<'a>(&'a self, place: i64, holder: &'a str, lease: Duration) -> Answer<'a, bool> {
        let statement =
            "UPDATE koppeltaal_outbox SET posted_at = clock_timestamp(), changed_at = clock_timestamp(),
                 not_before = clock_timestamp() + make_interval(secs => $3)
             WHERE place = $1 AND state = 'sending' AND holder = $2";
        async move { Ok(self.database.change(statement, &[&place, &holder, &lease.as_secs_f64()]).await? == 1) }
            .boxed()
    }

    fn settle<'a>(&'a self, place: i64, holder: &'a str, end: End) -> Answer<'a, ()> {
        async move {
            match end {
                End::Sent => {
                    let statement =
                        "UPDATE koppeltaal_outbox SET state = 'sent', message = NULL, holder = NULL, unsettled = 0,
                             posted_at = NULL, fault_kind = NULL, fault = NULL, fault_detail = NULL,
                             changed_at = clock_timestamp()
                         WHERE place = $1 AND state <> 'sent'";
                    self.database.change(statement, &[&place]).await?
                }
                End::Later { pause, posted, fault: OutboxFault { kind, text, detail } } => {
                    let statement = "UPDATE koppeltaal_outbox SET state = 'waiting', holder = NULL, unsettled = 0,
                             not_before = clock_timestamp() + make_interval(secs => $3),
                             posted_at = CASE WHEN $4 THEN posted_at END,
                             fault_kind = $5, fault = $6, fault_detail = $7, changed_at = clock_timestamp()
                         WHERE place = $1 AND state = 'sending' AND holder = $2";
                    let pause = pause.as_secs_f64();
                    self.database.change(statement, &[&place, &holder, &pause, &posted, &kind, &text, &detail]).await?
                }
                End::Refused(OutboxFault { kind, text, detail }) => {
                    let statement =
                        "UPDATE koppeltaal_outbox SET state = 'refused', holder = NULL, posted_at = NULL, unsettled = 0,
                             fault_kind = $3, fault = $4, fault_detail = $5, changed_at = clock_timestamp()
                         WHERE place = $1 AND state = 'sending' AND holder = $2";
                    self.database.change(statement, &[&place, &holder, &kind, &text, &detail]).await?
                }
            };
            Ok(())
        }
        .boxed()
    }

    fn select(&self, selection: Selection, limit: usize) -> Answer<'_, Vec<OutboxEntry>> {
        async move {
            let (condition, order, arguments) = match selection {
                Selection::Identifier(identifier) => {
                    ("identifier = ANY ($1)".to_owned(), "", vec![identifier])
                }
                Selection::States(states) => {
                    let names = states.iter().map(|state| state.name().to_owned()).collect();
                    ("state = ANY ($1)".to_owned(), "", names)
                }
                Selection::Troubled => {
                    let condition =
                        format!("fault_kind IS NOT NULL AND state IN {OPEN} AND $1 = '{{}}'::text[]");
                    (condition, "state <> 'refused', ", Vec::new())
                }
            };
            let select = format!(
                "SELECT identifier, domain, event, focal, state, attempts, not_before, posted_at,
                     fault_kind, fault, fault_detail, created_at, changed_at,
                     CASE WHEN state IN {OPEN} THEN (SELECT count(*) FROM koppeltaal_outbox AS later
                         WHERE later.domain = entry.domain AND later.focal = entry.focal
                             AND later.place > entry.place AND later.state IN {OPEN}) ELSE 0 END AS behind
                 FROM koppeltaal_outbox AS entry WHERE {condition} ORDER BY {order}place LIMIT $2"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = self.database.run(&select, &[&arguments, &limit]).await?.rows;
            rows.iter().map(entry).collect()
        }
        .boxed()
    }

    fn change(&self, identifier: String, change: Change) -> Answer<'_, bool> {
        let statement = match change {
            Change::Retry => {
                "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0, not_before = clock_timestamp(),
                     changed_at = clock_timestamp()
                 WHERE identifier = $1 AND state IN ('waiting', 'refused')"
            }
            // A dispatcher whose lease is over has been killed, or will find that it has lost the message.
            Change::GiveUp => {
                "UPDATE koppeltaal_outbox SET state = 'given-up', holder = NULL, changed_at = clock_timestamp()
                 WHERE identifier = $1 AND (state IN ('waiting', 'refused')
                     OR state = 'sending' AND not_before <= clock_timestamp())"
            }
        };
        async move { Ok(self.database.change(statement, &[&identifier]).await? == 1) }.boxed()
    }

    fn retry_all(&self) -> Answer<'_, u64> {
        let statement = "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0,
                 not_before = clock_timestamp(), changed_at = clock_timestamp()
             WHERE state = 'refused' OR state = 'waiting' AND not_before > clock_timestamp()";
        self.database.change(statement, &[]).boxed()
    }

    fn summary(&self) -> Answer<'_, OutboxSummary> {
        async move {
            let select = format!(
                "SELECT state, count(*), min(created_at) FILTER (WHERE state IN {OPEN})
                 FROM koppeltaal_outbox GROUP BY state"
            );
            let mut summary = OutboxSummary::default();
            for row in self.database.run(&select, &[]).await?.rows {
                summary.add(state(row.try_get(0)?)?, row.try_get::<_, i64>(1)?.unsigned_abs());
                let oldest: Option<SystemTime> = row.try_get(2)?;
                summary.oldest_open = summary.oldest_open.into_iter().chain(oldest).min();
            }
            Ok(summary)
        }
        .boxed()
    }

    fn forget(&self, age: Duration) -> Answer<'_, u64> {
        let statement = "DELETE FROM koppeltaal_outbox WHERE state IN ('sent', 'given-up')
             AND extract(epoch FROM clock_timestamp() - changed_at)::float8 >= $1";
        async move { self.database.change(statement, &[&age.as_secs_f64()]).await }.boxed()
    }
}

fn entry(row: &Row) -> Result<OutboxEntry, DatabaseError> {
    let kind: Option<String> = row.try_get("fault_kind")?;
    let fault = match kind {
        Some(kind) => {
            Some(OutboxFault { kind, text: row.try_get("fault")?, detail: row.try_get("fault_detail")? })
        }
        None => None,
    };
    let state = state(row.try_get("state")?)?;
    let next: SystemTime = row.try_get("not_before")?;
    Ok(OutboxEntry {
        identifier: row.try_get("identifier")?,
        domain: row.try_get("domain")?,
        event: row.try_get("event")?,
        focal: row.try_get("focal")?,
        state,
        attempts: whole(row.try_get("attempts")?),
        behind: row.try_get::<_, i64>("behind")?.unsigned_abs(),
        fault,
        is_outcome_unknown: row.try_get::<_, Option<SystemTime>>("posted_at")?.is_some(),
        created_at: row.try_get("created_at")?,
        changed_at: row.try_get("changed_at")?,
        next_attempt: (state == OutboxState::Waiting).then_some(next),
    })
}

fn state(name: &str) -> Result<OutboxState, DatabaseError> {
    let unknown =
        || DatabaseError::Database(DatabaseTrouble::damaged(format!("{name:?} is no state of a message")));
    OutboxState::of_name(name).ok_or_else(unknown)
}

/// A count, which the database has as a larger number.
fn whole(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
