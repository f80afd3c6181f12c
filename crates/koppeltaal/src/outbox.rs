//! [`Outbox`]: an application puts messages into it in its own database transaction, and a [`Dispatcher`]
//! sends them.

mod attempt;
mod dispatcher;
mod entry;
mod filter;
mod outgoing;
#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::causes::causes;
use crate::connector::Connector;
use crate::database::{DatabaseError, ErrorKind};
use store::Store;

pub use dispatcher::{DispatchProblem, DispatchReport, Dispatcher};
pub use entry::{LastError, OutboxEntry, OutboxState, OutboxSummary};
pub use filter::OutboxFilter;
pub use outgoing::Outgoing;

/// Messages that wait in the application's database until the server has them.
///
/// An application that saves a change and then sends a message can crash between the two. So it hands the
/// message over in the transaction that saves the change: either both happen or neither does. A
/// [`Dispatcher`], in this process or another, sends the messages:
///
/// - Messages about one resource are sent in the order in which they were handed over. Messages about
///   different resources do not wait for each other.
/// - A message that the server has accepted is not sent again. When an answer was lost, or the process was
///   killed, the dispatcher first asks the server for the message by its identifier.
/// - After a problem that concerns all messages, such as a server that is down or wrong credentials, they
///   wait as long as it lasts.
/// - After a problem that does not pass, a [conflict](koppeltaal_transport::Error::Conflict) or a refusal of
///   the content, the message is [`Refused`](OutboxState::Refused). It and later messages about the same
///   resource wait until the application calls [`retry`](Self::retry) or [`give_up`](Self::give_up).
/// - A message at which the server fails while it accepts others is tried again, and is `Refused` after
///   [20 such failures](Dispatcher::refuse_after).
///
/// The message itself is deleted from the database when the server has it. The rest of the entry stays for 90
/// days, or as long as [`Dispatcher::forget_after`] says.
///
/// With `SQLite`:
///
/// ```
/// # #[cfg(not(feature = "sqlite"))] fn main() {}
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use koppeltaal::fhir::datatypes::HumanName;
/// use koppeltaal::messaging::{Sender, Source, profiles::Patient};
/// use koppeltaal::transport::{Client, Credentials};
/// use koppeltaal::{Connector, Outbox, SqliteVersionStore};
/// # use koppeltaal_sandbox::{Instance, SandboxConfig};
/// # let sandbox = SandboxConfig::new().instance(Instance::new("epd", "secret", "Zonnedauw")).start().await?;
/// # let (server, directory) = (sandbox.url(), tempfile::tempdir()?);
/// # let database = directory.path().join("epd.db");
/// # let mut connection = koppeltaal::rusqlite::Connection::open(&database)?;
/// # connection.execute_batch("CREATE TABLE patient (id INTEGER, family TEXT)")?;
///
/// let client = Client::builder(server).credentials(Credentials::basic("epd", "secret")?).build()?;
/// let sender = Sender::new(Source::new("EPD", "https://epd.example/fhir"), "Zonnedauw");
/// let epd = Connector::new(client, sender, SqliteVersionStore::open(&database)?);
/// let outbox = Outbox::sqlite(&database)?;
///
/// // Where patients are saved: one transaction for the patient and the message.
/// let name = HumanName::new("Mees", "Duinroos");
/// let message = epd.outgoing(epd.draft("3007", Patient { name: vec![name], ..Default::default() })?)?;
/// let transaction = connection.transaction()?;
/// transaction.execute("INSERT INTO patient (id, family) VALUES (3007, 'Duinroos')", [])?;
/// message.put_sqlite(&transaction)?;
/// transaction.commit()?;
/// outbox.wake();
///
/// // Somewhere in the background: `run_until(shutdown)`.
/// let report = outbox.dispatcher(epd).run_once().await?;
/// assert_eq!(report.sent, 1);
///
/// // When somebody asks at three in the morning.
/// println!("{:?}", outbox.summary().await?);
/// for entry in outbox.problems(100).await? {
///     println!("{} is {}, {} wait for it: {:?}", entry.identifier, entry.state, entry.behind, entry.last_error);
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Outbox {
    store: Arc<dyn Store>,
    /// Wakes dispatchers when there may be new messages.
    wake: watch::Sender<()>,
}

/// Why something cannot be done with an outbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The database fails. Usually that passes, and the call may be made again.
    #[error("the outbox's database: {}", causes(source.as_ref()))]
    Database {
        /// What the database says. The text of this error includes it.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The transaction failed because of another one: a serialization failure, a deadlock (SQLSTATE 40001 or
    /// 40P01), or a locked file. Roll the application's transaction back and run all of it again. The crate
    /// has already repeated a transaction of its own several times.
    #[error("another transaction is in the way; run the transaction again: {}", causes(source.as_ref()))]
    Contention {
        /// What the database says. The text of this error includes it.
        r#source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The tables are not those of this version of the crate: they are missing or older and have to be
    /// migrated, or a later version made them.
    #[error(
        "the outbox's tables have format {found} (0: there are none), and this version of the crate needs {known}"
    )]
    Format {
        /// The format of the tables; 0 if there are none.
        found: i64,
        /// The format that this version of the crate needs.
        known: i64,
    },
    /// The outbox holds another message with this identifier, about another resource or of another domain.
    #[error("another message has the identifier {identifier}")]
    IdentifierTaken {
        /// The `MessageHeader.identifier`.
        identifier: String,
    },
    /// No message with this identifier is in the outbox.
    #[error("no message {identifier} is in the outbox")]
    Unknown {
        /// The `MessageHeader.identifier`.
        identifier: String,
    },
    /// The state of the message does not allow the call.
    #[error("message {identifier} is {state}")]
    State {
        /// The `MessageHeader.identifier`.
        identifier: String,
        /// The state that it is in.
        state: OutboxState,
    },
}

impl Outbox {
    /// The outbox in a `SQLite` file, usually that of the application. Makes the file and the tables
    /// `koppeltaal_outbox` and `koppeltaal_format` when they are not there, and brings them up to date.
    /// Directories are not created.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] for a file that cannot be opened or is not a database; its text names the
    /// file. [`OutboxError::Format`] for one of a later version of this crate.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(path: impl AsRef<std::path::Path>) -> Result<Self, OutboxError> {
        Ok(Self::new(Arc::new(sqlite::SqliteStore::open(path.as_ref())?)))
    }

    /// The same for a file that has the tables: makes and changes none. They come from
    /// [`migrate_sqlite`](crate::migrate_sqlite) or from the file `sql/sqlite.sql` of this crate.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] for a file that is not there or is not a database, [`OutboxError::Format`]
    /// for tables that are missing, or are those of another version of this crate.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite_without_migration(path: impl AsRef<std::path::Path>) -> Result<Self, OutboxError> {
        Ok(Self::new(Arc::new(sqlite::SqliteStore::open_without_migration(path.as_ref())?)))
    }

    /// The outbox in a `PostgreSQL` database, usually that of the application. Makes the tables
    /// `koppeltaal_outbox` and `koppeltaal_format` when they are not there, in the current schema of the
    /// pool's connections, and brings them up to date. Tables that are up to date are not changed, and then
    /// no right to make tables is needed.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] when there is no connection or no right to make tables,
    /// [`OutboxError::Format`] for tables of a later version of this crate.
    #[cfg(feature = "postgresql")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
    pub async fn postgresql(pool: deadpool_postgres::Pool) -> Result<Self, OutboxError> {
        Ok(Self::new(Arc::new(postgresql::PostgresqlStore::open(pool).await?)))
    }

    /// The same for a database that has the tables: makes and changes none. They come from
    /// [`migrate_postgresql`](crate::migrate_postgresql) or from the file `sql/postgresql.sql` of this crate.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] when there is no connection, [`OutboxError::Format`] for tables that are
    /// missing, or are those of another version of this crate.
    #[cfg(feature = "postgresql")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
    pub async fn postgresql_without_migration(pool: deadpool_postgres::Pool) -> Result<Self, OutboxError> {
        Ok(Self::new(Arc::new(postgresql::PostgresqlStore::open_without_migration(pool).await?)))
    }

    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, wake: watch::Sender::default() }
    }

    /// A dispatcher of the messages that were handed over in this connector's domain. Any number of
    /// dispatchers may run, in any number of processes.
    pub fn dispatcher(&self, connector: Connector) -> Dispatcher {
        Dispatcher::new(self.clone(), connector)
    }

    /// Wakes the dispatchers of this outbox in this process. Call it after the transaction in which a message
    /// was handed over. Without it, and in other processes, dispatchers look every
    /// [second](Dispatcher::poll_interval).
    pub fn wake(&self) {
        self.wake.send_replace(());
    }

    /// The entry of a message, `None` if there is none.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn entry(&self, identifier: &str) -> Result<Option<OutboxEntry>, OutboxError> {
        Ok(self.store.select(OutboxFilter::identifier(identifier), false, 1).await?.pop())
    }

    /// The message of an entry, in JSON, as it was handed over: without the versions that are filled in when
    /// it is sent. `None` once the server has it, because then it is deleted from the database.
    ///
    /// It is data of a patient.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unknown`], or the database cannot be read.
    pub async fn message(&self, identifier: &str) -> Result<Option<String>, OutboxError> {
        let message = self.store.message(identifier.to_owned()).await?;
        message.ok_or_else(|| OutboxError::Unknown { identifier: identifier.to_owned() })
    }

    /// The entries that the filter admits, at most this many, the oldest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn entries(
        &self,
        filter: impl Into<OutboxFilter>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, OutboxError> {
        Ok(self.store.select(filter.into(), false, limit).await?)
    }

    /// The entries that somebody should look at, at most this many: messages that failed and are neither sent
    /// nor given up. Refused messages come first, then those that are tried again; of both, the oldest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn problems(&self, limit: usize) -> Result<Vec<OutboxEntry>, OutboxError> {
        Ok(self.store.select(OutboxFilter::new().problems(), true, limit).await?)
    }

    /// How many messages are in which state.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn summary(&self) -> Result<OutboxSummary, OutboxError> {
        let summaries = self.store.summaries(false).await?;
        Ok(summaries.into_values().fold(OutboxSummary::default(), OutboxSummary::merge))
    }

    /// The same for each domain that has entries.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn summary_by_domain(&self) -> Result<BTreeMap<String, OutboxSummary>, OutboxError> {
        Ok(self.store.summaries(false).await?)
    }

    /// Makes a message due at once if it was refused or waits for its next attempt. Its earlier failures no
    /// longer count.
    ///
    /// The versions are filled in again. So a retry also resolves a conflict in favour of this message, once
    /// the newer version is known: received, [learned again](Connector::relearn), or
    /// [recorded](crate::VersionStore::record) by hand. An application that never receives the changes of
    /// others stays in conflict. All resources in the message replace newer versions, although they are as
    /// old as the message.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unknown`]; [`OutboxError::State`] for one that is being sent, sent or given up; or the
    /// database cannot be written.
    pub async fn retry(&self, identifier: &str) -> Result<(), OutboxError> {
        let count = self.store.retry(OutboxFilter::identifier(identifier)).await?;
        self.changed(identifier, count).await
    }

    /// Retries at once all messages that the filter admits and that were refused or wait for their next
    /// attempt. Returns how many. `retry_all(OutboxFilter::new())` retries all.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub async fn retry_all(&self, filter: impl Into<OutboxFilter>) -> Result<u64, OutboxError> {
        let count = self.store.retry(filter.into()).await?;
        self.wake();
        Ok(count)
    }

    /// Ends the attempts to send a message, so that later messages about the same resource can be sent. The
    /// server may have the message all the same, if the outcome of its last attempt is unknown.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unknown`]; [`OutboxError::State`] for one that is being sent, sent or given up already;
    /// or the database cannot be written.
    pub async fn give_up(&self, identifier: &str) -> Result<(), OutboxError> {
        let count = self.store.give_up(OutboxFilter::identifier(identifier)).await?;
        self.changed(identifier, count).await
    }

    /// Gives up all messages that the filter admits and that are not being sent, sent or given up already.
    /// Returns how many. Without a condition about states, messages that only wait for their turn are given
    /// up as well; `give_up_all([OutboxState::Refused])` leaves them.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub async fn give_up_all(&self, filter: impl Into<OutboxFilter>) -> Result<u64, OutboxError> {
        let count = self.store.give_up(filter.into()).await?;
        self.wake();
        Ok(count)
    }

    async fn changed(&self, identifier: &str, count: u64) -> Result<(), OutboxError> {
        if count > 0 {
            self.wake();
            return Ok(());
        }
        let identifier = identifier.to_owned();
        match self.entry(&identifier).await? {
            Some(entry) => Err(OutboxError::State { identifier, state: entry.state }),
            None => Err(OutboxError::Unknown { identifier }),
        }
    }

    /// Deletes the entries of messages that were sent or given up longer ago than this. Returns how many. A
    /// dispatcher does so by itself [after 90 days](Dispatcher::forget_after).
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub async fn forget(&self, age: Duration) -> Result<u64, OutboxError> {
        Ok(self.store.forget(age, None, u64::MAX).await?)
    }
}

impl From<DatabaseError> for OutboxError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Driver(source) if source.kind() == ErrorKind::Contention => {
                Self::Contention { source: source.into() }
            }
            DatabaseError::Driver(source) => Self::Database { source: source.into() },
            DatabaseError::Format { found, known } => Self::Format { found, known },
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
