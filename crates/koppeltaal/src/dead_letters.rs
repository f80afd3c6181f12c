//! [`DeadLetters`]: the messages that a worker could not handle, kept in a database with the reason.

#[cfg(feature = "postgresql")]
mod postgresql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_fhir::{Document, ReadOptions};
use koppeltaal_messaging::Event;
use uuid::Uuid;

use crate::database::storable;
use crate::migration::TableError;
use crate::receive::{ReceivedMessage, message_name};
use store::{NewLetter, Store};

pub use store::DeadLetter;

/// The longest reason that is stored, in bytes.
const MAX_REASON: usize = 64 * 1024;

/// How many bytes the identifier of a letter has at most: an index of `PostgreSQL` takes some 2,700.
const MAX_IDENTIFIER: usize = 1024;

/// Messages that a [`Worker`](crate::Worker) answered with the status `Failed`, in a database that usually is
/// the application's own. The server does not deliver them again, so without this they are lost to the
/// application.
///
/// [`Worker::dead_letters`](crate::Worker::dead_letters) keeps them, and
/// [`Worker::replay`](crate::Worker::replay) hands them to the handlers again when the cause is repaired:
///
/// ```no_run
/// # use koppeltaal::{Connector, DeadLetters, Worker};
/// # fn with_handlers(worker: Worker) -> Worker { worker }
/// # async fn example(game: Connector, letters: DeadLetters) -> Result<(), Box<dyn std::error::Error>> {
/// with_handlers(game.worker()).dead_letters(letters.clone()).run().await?;
///
/// // At three in the morning, in another program with the same handlers.
/// for letter in letters.list(game.sender().domain(), 100).await? {
///     println!("{} {:?}: {}", letter.identifier, letter.event, letter.reason);
/// }
/// let report = with_handlers(game.worker()).replay(&letters).await?;
/// println!("{} handled, {} failed again", report.succeeded, report.failed);
/// # Ok(()) }
/// ```
///
/// A letter is deleted when a replay succeeds, by [`forget`](Self::forget), or after
/// [90 days](Self::forget_after). It holds the message, so protect the database like a patient file.
#[derive(Clone)]
pub struct DeadLetters {
    store: Arc<dyn Store>,
    forget_after: Option<Duration>,
}

impl DeadLetters {
    /// Dead letters in a `SQLite` file. Makes the file and the table `koppeltaal_dead_letter` when they are
    /// not there, and brings the table up to date.
    ///
    /// # Errors
    ///
    /// [`TableError::Database`] for a file that cannot be opened or is not a database, [`TableError::Format`]
    /// for one of a later version of this crate.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(path: impl AsRef<std::path::Path>) -> Result<Self, TableError> {
        Ok(Self::new(Arc::new(sqlite::SqliteStore::open(path.as_ref())?)))
    }

    /// The same for a file that has the table: makes and changes none.
    ///
    /// # Errors
    ///
    /// [`TableError::Database`] for a file that is not there or is not a database, [`TableError::Format`] for
    /// a table that is missing, or is that of another version of this crate.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite_without_migration(path: impl AsRef<std::path::Path>) -> Result<Self, TableError> {
        Ok(Self::new(Arc::new(sqlite::SqliteStore::open_without_migration(path.as_ref())?)))
    }

    /// Dead letters in a `PostgreSQL` database. Makes the table `koppeltaal_dead_letter` when it is not
    /// there, in the current schema of the pool's connections, and brings it up to date.
    ///
    /// # Errors
    ///
    /// [`TableError::Database`] when there is no connection or no right to make tables,
    /// [`TableError::Format`] for a table of a later version of this crate.
    #[cfg(feature = "postgresql")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
    pub async fn postgresql(pool: deadpool_postgres::Pool) -> Result<Self, TableError> {
        Ok(Self::new(Arc::new(postgresql::PostgresqlStore::open(pool).await?)))
    }

    /// The same for a database that has the table: makes and changes none.
    ///
    /// # Errors
    ///
    /// [`TableError::Database`] when there is no connection, [`TableError::Format`] for a table that is
    /// missing, or is that of another version of this crate.
    #[cfg(feature = "postgresql")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgresql")))]
    pub async fn postgresql_without_migration(pool: deadpool_postgres::Pool) -> Result<Self, TableError> {
        Ok(Self::new(Arc::new(postgresql::PostgresqlStore::open_without_migration(pool).await?)))
    }

    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, forget_after: Some(Duration::from_secs(90 * 24 * 60 * 60)) }
    }

    /// How long a letter is kept. Older ones are deleted when the next letter of their domain is kept. `None`
    /// keeps them until [`forget`](Self::forget). Default: 90 days.
    #[must_use]
    pub fn forget_after(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.forget_after = age.into();
        self
    }

    /// The letters of a domain, at most this many, in the order in which the messages failed first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn list(&self, domain: &str, limit: usize) -> Result<Vec<DeadLetter>, TableError> {
        self.list_after(domain, None, limit).await
    }

    /// The next letters after this one.
    pub(crate) async fn list_after(
        &self,
        domain: &str,
        last: Option<&DeadLetter>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, TableError> {
        let after = last.map_or(i64::MIN, |last| last.place);
        Ok(self.store.list(domain.to_owned(), after, limit).await?)
    }

    /// The message of a letter, in JSON even if it was received in XML. `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub async fn message(&self, domain: &str, identifier: &str) -> Result<Option<String>, TableError> {
        Ok(self.store.message(domain.to_owned(), identifier.to_owned()).await?)
    }

    /// The message of a letter, for a handler; `None` if there is no such letter, or its text is no message.
    pub(crate) async fn received(&self, letter: &DeadLetter) -> Result<Option<ReceivedMessage>, TableError> {
        let text = self.message(&letter.domain, &letter.identifier).await?.unwrap_or_default();
        let document = ReadOptions::tolerant().json(text.as_bytes()).ok().map(|read| read.document);
        let bundle = document.and_then(|document| document.into_bundle().ok());
        Ok(bundle.and_then(ReceivedMessage::from_bundle))
    }

    /// Deletes a letter. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// The database cannot be written.
    pub async fn forget(&self, domain: &str, identifier: &str) -> Result<bool, TableError> {
        Ok(self.store.forget(domain.to_owned(), identifier.to_owned()).await? > 0)
    }

    /// Keeps a message under this identifier, in place of an earlier letter with it.
    pub(crate) async fn keep(
        &self,
        domain: &str,
        identifier: &str,
        received: &ReceivedMessage,
        reason: &str,
    ) -> Result<(), TableError> {
        let letter = NewLetter {
            domain: domain.to_owned(),
            identifier: identifier.to_owned(),
            event: received.event().map(Event::code),
            // A message that was read can be written. If not, the reason is worth keeping all the same.
            message: Document::from(received.bundle()).to_json().unwrap_or_default(),
            reason: storable(reason, MAX_REASON),
        };
        Ok(self.store.keep(letter, self.forget_after).await?)
    }
}

/// What a message is called in the table. A name that a database refuses would bring the message back for
/// ever.
pub(crate) fn letter_identifier(received: &ReceivedMessage) -> String {
    let name = message_name(received.header());
    let storable = name.filter(|name| name.len() <= MAX_IDENTIFIER && !name.contains('\0'));
    storable.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("forget_after", &self.forget_after).finish_non_exhaustive()
    }
}
