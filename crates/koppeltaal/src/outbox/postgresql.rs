//! The outbox in a `PostgreSQL` database. Times are those of the database server, so that the clocks of the
//! machines need not agree.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use deadpool_postgres::{Pool, tokio_postgres};
use futures_util::FutureExt as _;
use tokio_postgres::Row;

use super::OutboxError;
use super::entry::{CLAIMABLE, LastError, OPEN, OutboxEntry, OutboxState, OutboxSummary};
use super::filter::OutboxFilter;
use super::outgoing::Outgoing;
use super::store::{ClaimRequest, ClaimedEntry, Failures, Settlement, Store, select_counts};
use crate::database::postgresql::{self, Database, as_parameters};
use crate::database::{Answer, DatabaseError, DriverError, OUTBOX};

pub(super) struct PostgresqlStore {
    database: Database,
}

impl PostgresqlStore {
    pub(super) async fn open(pool: Pool) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open(pool, OUTBOX).await? })
    }

    pub(super) async fn open_without_migration(pool: Pool) -> Result<Self, OutboxError> {
        Ok(Self { database: Database::open_without_migration(pool, OUTBOX).await? })
    }
}

impl Outgoing {
    /// Hands the message over in a transaction of the application, at any isolation level. It may come from
    /// `tokio-postgres` or from a pool such as deadpool or bb8. The tables have to exist:
    /// [`Outbox::postgresql`](super::Outbox::postgresql) makes them. Once the transaction is committed, call
    /// [`Outbox::wake`](super::Outbox::wake).
    ///
    /// Transactions that hand over messages about the same resource wait for each other, so that there is an
    /// order. A transaction that hands over several messages should do so in the order of their addresses;
    /// otherwise `PostgreSQL` may have to end a deadlock.
    ///
    /// Handing the same message over again does nothing.
    ///
    /// ```no_run
    /// # use koppeltaal::{Connector, Outbox, OutboxError, deadpool_postgres::Pool, messaging::Draft};
    /// # async fn save(epd: Connector, draft: Draft, pool: Pool, outbox: Outbox) -> Result<(), Box<dyn std::error::Error>> {
    /// let message = epd.outgoing(draft)?;
    /// let mut client = pool.get().await?;
    /// let transaction = client.transaction().await?;
    /// transaction.execute("UPDATE patient SET family = 'Duinroos' WHERE id = 3007", &[]).await?;
    /// message.put_postgresql(&transaction).await?;
    /// transaction.commit().await?;
    /// outbox.wake();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutboxError::Contention`] when the transaction has to be run again;
    /// [`OutboxError::IdentifierTaken`]; [`OutboxError::Database`].
    pub async fn put_postgresql(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
    ) -> Result<(), OutboxError> {
        self.confirm(self.insert_postgresql(transaction).await?)
    }

    /// Returns how many rows were changed.
    async fn insert_postgresql(
        &self,
        transaction: &tokio_postgres::Transaction<'_>,
    ) -> Result<u64, DatabaseError> {
        // The place of the row is assigned under the lock, which is held until the transaction ends. So of
        // two messages about one resource, the one with the lower place becomes visible first.
        let statement = transaction.prepare(Self::INSERT_POSTGRESQL).await?;
        let [identifier, domain, event, focal, message] = self.parameters();
        let parameters: postgresql::Parameters<'_> = &[&identifier, &domain, &event, &focal, &message];
        Ok(postgresql::run(transaction, &statement, parameters).await?.count)
    }
}

impl Store for PostgresqlStore {
    fn claim<'a>(&'a self, claim: ClaimRequest<'a>) -> Answer<'a, Option<ClaimedEntry>> {
        let ClaimRequest { domain, holder, lease, quarantined } = claim;
        // The fastest dispatcher locks the row and changes it; the others skip it. A message that was not
        // tried yet is due at the time 0.
        let statement = format!(
            "WITH next AS (
                 SELECT place, posted_at, failures, failing_since, failed_at FROM koppeltaal_outbox AS entry
                 WHERE domain = $1 AND state IN {CLAIMABLE} AND not_before <= clock_timestamp() AND place <> ALL ($4)
                     AND NOT EXISTS (SELECT 1 FROM koppeltaal_outbox AS before
                         WHERE before.domain = entry.domain AND before.focal = entry.focal
                             AND before.place < entry.place AND before.state IN {OPEN})
                 ORDER BY not_before, place LIMIT 1 FOR UPDATE SKIP LOCKED)
             UPDATE koppeltaal_outbox AS entry
             SET state = 'sending', attempts = attempts + 1, unsettled = unsettled + 1, holder = $2,
                 not_before = clock_timestamp() + make_interval(secs => $3),
                 posted_at = coalesce(entry.posted_at, clock_timestamp()), changed_at = clock_timestamp()
             FROM next WHERE entry.place = next.place
             RETURNING entry.place, identifier, event, message, attempts, unsettled,
                 extract(epoch FROM clock_timestamp() - next.posted_at)::float8,
                 next.failures, extract(epoch FROM clock_timestamp() - next.failing_since)::float8,
                 next.failed_at IS NOT NULL AND EXISTS (SELECT 1 FROM koppeltaal_outbox AS other
                     WHERE other.domain = $1 AND other.state = 'sent' AND other.changed_at >= next.failed_at)"
        );
        async move {
            let lease = lease.as_secs_f64();
            let row =
                self.database.run(&statement, &[&domain, &holder, &lease, &quarantined]).await?.rows.pop();
            let since = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
            let claimed = |row: Row| {
                let (posted, failing): (Option<f64>, Option<f64>) = (row.try_get(6)?, row.try_get(8)?);
                Ok(ClaimedEntry {
                    place: row.try_get(0)?,
                    holder: holder.to_owned(),
                    identifier: row.try_get(1)?,
                    event: row.try_get(2)?,
                    message: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
                    attempts: whole(row.try_get(4)?),
                    unsettled: whole(row.try_get(5)?),
                    posted: posted.map(since),
                    failures: Failures {
                        count: whole(row.try_get(7)?),
                        since: failing.map(since),
                        others_sent: row.try_get(9)?,
                    },
                })
            };
            row.map(claimed).transpose()
        }
        .boxed()
    }

    fn post_again<'a>(&'a self, entry: &'a ClaimedEntry, lease: Duration) -> Answer<'a, bool> {
        let statement =
            "UPDATE koppeltaal_outbox SET posted_at = clock_timestamp(), changed_at = clock_timestamp(),
                 not_before = clock_timestamp() + make_interval(secs => $3)
             WHERE place = $1 AND state = 'sending' AND holder = $2";
        async move {
            let lease = lease.as_secs_f64();
            Ok(self.database.change(statement, &[&entry.place, &entry.holder, &lease]).await? == 1)
        }
        .boxed()
    }

    fn settle<'a>(&'a self, entry: &'a ClaimedEntry, settlement: Settlement) -> Answer<'a, ()> {
        let ClaimedEntry { place, holder, .. } = entry;
        async move {
            match settlement {
                Settlement::Sent => {
                    let statement =
                        "UPDATE koppeltaal_outbox SET state = 'sent', message = NULL, holder = NULL, unsettled = 0,
                             posted_at = NULL, fault_kind = NULL, fault = NULL, fault_detail = NULL,
                             changed_at = clock_timestamp()
                         WHERE place = $1 AND state <> 'sent'";
                    self.database.change(statement, &[place]).await?
                }
                Settlement::Delayed { pause, posted, failures, error: LastError { kind, text, detail } } => {
                    let statement = "UPDATE koppeltaal_outbox SET state = 'waiting', holder = NULL, unsettled = 0,
                             not_before = clock_timestamp() + make_interval(secs => $3),
                             posted_at = CASE WHEN $4 THEN posted_at END,
                             fault_kind = $5, fault = $6, fault_detail = $7, changed_at = clock_timestamp(),
                             failures = coalesce($8, failures),
                             failed_at = CASE WHEN $8::bigint IS NULL THEN failed_at ELSE clock_timestamp() END,
                             failing_since = CASE WHEN $8::bigint IS NULL THEN failing_since
                                 ELSE coalesce(failing_since, clock_timestamp()) END
                         WHERE place = $1 AND state = 'sending' AND holder = $2";
                    let (pause, failures) = (pause.as_secs_f64(), failures.map(i64::from));
                    self.database
                        .change(statement, &[place, holder, &pause, &posted, &kind, &text, &detail, &failures])
                        .await?
                }
                Settlement::Refused { posted, error: LastError { kind, text, detail } } => {
                    let statement =
                        "UPDATE koppeltaal_outbox SET state = 'refused', holder = NULL, unsettled = 0,
                             posted_at = CASE WHEN $3 THEN posted_at END,
                             fault_kind = $4, fault = $5, fault_detail = $6, changed_at = clock_timestamp()
                         WHERE place = $1 AND state = 'sending' AND holder = $2";
                    self.database.change(statement, &[place, holder, &posted, &kind, &text, &detail]).await?
                }
            };
            Ok(())
        }
        .boxed()
    }

    fn select(
        &self,
        filter: OutboxFilter,
        refused_first: bool,
        limit: usize,
    ) -> Answer<'_, Vec<OutboxEntry>> {
        async move {
            let (condition, values) = filter.condition('$', 2);
            let order = if refused_first { "state <> 'refused', place" } else { "place" };
            let select = format!(
                "SELECT place, identifier, domain, event, focal, state, attempts, not_before, posted_at,
                     fault_kind, fault, fault_detail, created_at, changed_at,
                     CASE WHEN state IN {OPEN} THEN (SELECT count(*) FROM koppeltaal_outbox AS later
                         WHERE later.domain = entry.domain AND later.focal = entry.focal
                             AND later.place > entry.place AND later.state IN {OPEN}) ELSE 0 END AS behind
                 FROM koppeltaal_outbox AS entry WHERE {condition} ORDER BY {order} LIMIT $1"
            );
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut parameters = as_parameters(&values);
            parameters.insert(0, &limit);
            self.database.run(&select, &parameters).await?.rows.iter().map(entry).collect()
        }
        .boxed()
    }

    fn message(&self, identifier: String) -> Answer<'_, Option<Option<String>>> {
        let select = "SELECT message FROM koppeltaal_outbox WHERE identifier = $1";
        async move {
            let row = self.database.run(select, &[&identifier]).await?.rows.pop();
            row.map(|row| Ok(row.try_get(0)?)).transpose()
        }
        .boxed()
    }

    fn retry(&self, filter: OutboxFilter) -> Answer<'_, u64> {
        // Makes messages due at once, as if they had never failed.
        let retry =
            "UPDATE koppeltaal_outbox SET state = 'waiting', attempts = 0, not_before = clock_timestamp(),
                 changed_at = clock_timestamp(), failures = 0, failing_since = NULL, failed_at = NULL
             WHERE (state = 'refused' OR state = 'waiting' AND not_before > clock_timestamp())";
        self.change(retry, &filter)
    }

    fn give_up(&self, filter: OutboxFilter) -> Answer<'_, u64> {
        // A dispatcher whose lease is over was killed, or will find out that it lost the message.
        let give_up =
            "UPDATE koppeltaal_outbox SET state = 'given-up', holder = NULL, changed_at = clock_timestamp()
             WHERE (state IN ('waiting', 'refused') OR state = 'sending' AND not_before <= clock_timestamp())";
        self.change(give_up, &filter)
    }

    fn summaries(&self, open_only: bool) -> Answer<'_, BTreeMap<String, OutboxSummary>> {
        async move {
            let mut summaries: BTreeMap<String, OutboxSummary> = BTreeMap::new();
            for row in self.database.run(&select_counts(open_only), &[]).await?.rows {
                let count = row.try_get::<_, i64>(2)?.unsigned_abs();
                let summary = summaries.entry(row.try_get(0)?).or_default();
                summary.add(state(row.try_get(1)?)?, count, row.try_get(3)?);
            }
            Ok(summaries)
        }
        .boxed()
    }

    fn count_open(&self, domain: String) -> Answer<'_, u64> {
        let count = format!("SELECT count(*) FROM koppeltaal_outbox WHERE domain = $1 AND state IN {OPEN}");
        async move {
            let row = self.database.run(&count, &[&domain]).await?.rows.pop();
            row.map_or(Ok(0), |row| Ok(row.try_get::<_, i64>(0)?.unsigned_abs()))
        }
        .boxed()
    }

    fn forget(&self, age: Duration, domain: Option<String>, limit: u64) -> Answer<'_, u64> {
        let statement = "DELETE FROM koppeltaal_outbox WHERE place IN (SELECT place FROM koppeltaal_outbox
             WHERE state IN ('sent', 'given-up') AND extract(epoch FROM clock_timestamp() - changed_at)::float8 >= $1
                 AND domain = coalesce($2, domain)
             LIMIT $3)";
        async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            self.database.change(statement, &[&age.as_secs_f64(), &domain, &limit]).await
        }
        .boxed()
    }
}

impl PostgresqlStore {
    /// Runs an update on the entries that the filter admits. Returns how many it has changed.
    fn change(&self, update: &str, filter: &OutboxFilter) -> Answer<'_, u64> {
        let (condition, values) = filter.condition('$', 1);
        let update = format!("{update} AND {condition}");
        async move { self.database.change(&update, &as_parameters(&values)).await }.boxed()
    }
}

fn entry(row: &Row) -> Result<OutboxEntry, DatabaseError> {
    let kind: Option<String> = row.try_get("fault_kind")?;
    let last_error = match kind {
        Some(kind) => {
            Some(LastError { kind, text: row.try_get("fault")?, detail: row.try_get("fault_detail")? })
        }
        None => None,
    };
    let state = state(row.try_get("state")?)?;
    let next: SystemTime = row.try_get("not_before")?;
    Ok(OutboxEntry {
        place: row.try_get("place")?,
        identifier: row.try_get("identifier")?,
        domain: row.try_get("domain")?,
        event: row.try_get("event")?,
        focal: row.try_get("focal")?,
        state,
        attempts: whole(row.try_get("attempts")?),
        behind: row.try_get::<_, i64>("behind")?.unsigned_abs(),
        last_error,
        is_outcome_unknown: row.try_get::<_, Option<SystemTime>>("posted_at")?.is_some(),
        created_at: row.try_get("created_at")?,
        changed_at: row.try_get("changed_at")?,
        next_attempt: (state == OutboxState::Waiting).then_some(next),
    })
}

fn state(name: &str) -> Result<OutboxState, DatabaseError> {
    let unknown =
        || DatabaseError::Driver(DriverError::damaged(format!("{name:?} is not the state of a message")));
    OutboxState::from_name(name).ok_or_else(unknown)
}

/// A count. The database stores it as a larger type.
fn whole(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
