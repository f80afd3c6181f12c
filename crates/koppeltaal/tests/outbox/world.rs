//! The world of these tests: a sandbox with an EPD that has an outbox, and a game that subscribes to
//! patients.

#[path = "../support/application.rs"]
mod application;

use std::time::Duration;

use koppeltaal::messaging::{Event, ResourceKind, ResourceUrl};
use koppeltaal::transport::Format;
use koppeltaal::{
    Connector, Dispatcher, MemoryVersionStore, Outbox, OutboxEntry, OutboxState, Outgoing, VersionStore,
};
use koppeltaal_sandbox::{Fault, FaultKind, Instance, Sandbox, SandboxConfig};

pub(crate) use application::{DOMAIN, FullStore, LONG, Result, patient};

/// Where an outbox is.
#[derive(Clone)]
pub(crate) enum Database {
    Sqlite(std::sync::Arc<tempfile::TempDir>),
    #[cfg(feature = "postgresql")]
    Postgresql(koppeltaal::deadpool_postgres::Pool),
}

impl Database {
    pub(crate) fn sqlite() -> Result<Self> {
        Ok(Self::Sqlite(std::sync::Arc::new(tempfile::tempdir()?)))
    }

    pub(crate) async fn outbox(&self) -> Result<Outbox> {
        Ok(match self {
            Self::Sqlite(directory) => Outbox::sqlite(directory.path().join("epd.db"))?,
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => Outbox::postgresql(pool.clone()).await?,
        })
    }

    /// Hands messages over in one transaction, which is then committed or rolled back.
    pub(crate) async fn put(&self, messages: &[&Outgoing], commits: bool) -> Result {
        match self {
            Self::Sqlite(directory) => {
                let mut connection = koppeltaal::rusqlite::Connection::open(directory.path().join("epd.db"))?;
                connection.busy_timeout(Duration::from_secs(30))?;
                let transaction = connection.transaction()?;
                for message in messages {
                    message.put_sqlite(&transaction)?;
                }
                if commits { transaction.commit()? } else { transaction.rollback()? }
            }
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => {
                let mut client = pool.get().await?;
                let transaction = client.build_transaction().start().await?;
                for message in messages {
                    message.put_postgresql(&transaction).await?;
                }
                if commits { transaction.commit().await? } else { transaction.rollback().await? }
            }
        }
        Ok(())
    }

    /// From now on the table accepts no entry with an error.
    pub(crate) async fn reject_errors(&self) -> Result {
        match self {
            Self::Sqlite(_) => self.execute(
                "CREATE TRIGGER no_errors BEFORE UPDATE ON koppeltaal_outbox WHEN new.fault_kind IS NOT NULL
                 BEGIN SELECT RAISE(ABORT, 'no errors'); END",
            ),
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => self
                .execute("ALTER TABLE koppeltaal_outbox ADD CONSTRAINT no_errors CHECK (fault_kind IS NULL)"),
        }
        .await
    }

    /// Makes every message look as if dispatchers had claimed it this many times and had been killed each
    /// time.
    pub(crate) async fn pretend_all_were_claimed(&self, times: u32) -> Result {
        let long_ago = match self {
            Self::Sqlite(_) => "1",
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => "clock_timestamp() - interval '1 day'",
        };
        let update = format!(
            "UPDATE koppeltaal_outbox SET state = 'sending', holder = 'nobody', attempts = {times},
                 unsettled = {times}, posted_at = {long_ago}, not_before = {long_ago}"
        );
        self.execute(&update).await
    }

    /// Makes every waiting message look as if it had failed this many times, first a day ago, and were due
    /// now.
    pub(crate) async fn pretend_all_failed(&self, times: u32) -> Result {
        let (a_day_ago, now) = match self {
            Self::Sqlite(_) => ("failing_since - 86400000", "1"),
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => ("failing_since - interval '1 day'", "to_timestamp(1)"),
        };
        let update = format!(
            "UPDATE koppeltaal_outbox SET failures = {times}, failing_since = {a_day_ago}, not_before = {now},
                 posted_at = NULL WHERE state = 'waiting'"
        );
        self.execute(&update).await
    }

    /// Makes every entry look as if nothing had happened to it for a week.
    pub(crate) async fn pretend_all_are_a_week_old(&self) -> Result {
        let a_week_ago = match self {
            Self::Sqlite(_) => "changed_at - 7 * 86400000",
            #[cfg(feature = "postgresql")]
            Self::Postgresql(_) => "changed_at - interval '7 days'",
        };
        self.execute(&format!("UPDATE koppeltaal_outbox SET changed_at = {a_week_ago}")).await
    }

    async fn execute(&self, statement: &str) -> Result {
        match self {
            Self::Sqlite(directory) => {
                let connection = koppeltaal::rusqlite::Connection::open(directory.path().join("epd.db"))?;
                connection.busy_timeout(Duration::from_secs(30))?;
                connection.execute_batch(statement)?;
            }
            #[cfg(feature = "postgresql")]
            Self::Postgresql(pool) => pool.get().await?.batch_execute(statement).await?,
        }
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) database: Database,
    pub(crate) outbox: Outbox,
    pub(crate) epd: Connector,
}

impl World {
    pub(crate) async fn start(database: Database) -> Result<Self> {
        let sandbox = SandboxConfig::new()
            .instance(Instance::new("epd", "secret", DOMAIN))
            .instance(Instance::new("game", "secret", DOMAIN).subscribe([Event::CreateOrUpdatePatient]))
            .start()
            .await?;
        let epd = connector(sandbox.url(), "epd", MemoryVersionStore::new())?;
        Ok(Self { outbox: database.outbox().await?, database, epd, sandbox })
    }

    /// A dispatcher with short pauses.
    pub(crate) fn dispatcher(&self) -> Dispatcher {
        with_short_pauses(self.outbox.dispatcher(self.epd.clone()))
    }

    /// Hands over a message about this patient, and returns its identifier.
    pub(crate) async fn put(&self, id: &str, given: &str) -> Result<String> {
        let message = self.outgoing(id, given)?;
        self.database.put(&[&message], true).await?;
        Ok(message.identifier().to_owned())
    }

    pub(crate) fn outgoing(&self, id: &str, given: &str) -> Result<Outgoing> {
        Ok(self.epd.outgoing(self.epd.draft(id, patient(given))?)?)
    }

    pub(crate) async fn entry(&self, identifier: &str) -> Result<OutboxEntry> {
        Ok(self.outbox.entry(identifier).await?.ok_or("no entry")?)
    }

    pub(crate) async fn states(&self, identifiers: &[&String]) -> Result<Vec<OutboxState>> {
        let mut states = Vec::new();
        for identifier in identifiers {
            states.push(self.entry(identifier).await?.state);
        }
        Ok(states)
    }

    /// The version that the server gave the patient of each message. A higher version was sent later.
    pub(crate) async fn versions(&self, identifiers: &[&String]) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        for identifier in identifiers {
            let message = self.epd.client().message(identifier).await?.ok_or("not at the server")?;
            let focal = message.header.focal().ok_or("no focal resource")?;
            versions.push(focal.version().ok_or("no version")?.to_owned());
        }
        Ok(versions)
    }

    /// Changes a patient through another connector, which knows the current version.
    pub(crate) async fn changed_by_others(&self, id: &str) -> Result<ResourceUrl> {
        let versions = self.epd.versions().versions(DOMAIN, &[self.url(id)?]).await?;
        let other = self.other("epd")?;
        let known: Vec<_> = versions.into_iter().flatten().collect();
        other.versions().record(DOMAIN, &known).await?;
        Ok(other.send(other.draft(id, patient("Otherwise"))?).await?.url)
    }

    pub(crate) fn other(&self, user: &str) -> Result<Connector> {
        connector(self.sandbox.url(), user, MemoryVersionStore::new())
    }

    pub(crate) fn url(&self, id: &str) -> Result<ResourceUrl> {
        Ok(self.epd.url(ResourceKind::Patient, id)?)
    }

    /// Makes this many posts fail in this way.
    pub(crate) fn fail_posts(&self, kind: FaultKind, times: u32) {
        self.sandbox.set_faults([Fault::new(kind).path("Mailbox").times(times)]);
    }
}

pub(crate) fn connector(server: &str, user: &str, versions: impl VersionStore) -> Result<Connector> {
    application::connector(server, user, Format::Json, versions)
}

/// The dispatcher with short pauses.
pub(crate) fn with_short_pauses(dispatcher: Dispatcher) -> Dispatcher {
    dispatcher
        .poll_interval(Duration::from_millis(20))
        .retry_pauses(Duration::from_millis(1)..=Duration::from_millis(20))
}
