//! [`Outgoing`]: a message that is ready to be handed over to an outbox.

use std::fmt;

use koppeltaal_messaging::Draft;
use koppeltaal_transport::Error;

use super::OutboxError;
use crate::connector::{Connector, SendError};

/// A composed and validated message that is ready for an outbox. It lacks only the versions of its resources,
/// which are filled in when it is sent. Put it into the outbox in the transaction that saves the change.
///
/// With rusqlite that is `put_sqlite`, with tokio-postgres (and the pools deadpool and bb8) `put_postgresql`.
/// Any other driver runs one statement, [`INSERT_SQLITE`](Self::INSERT_SQLITE) or
/// [`INSERT_POSTGRESQL`](Self::INSERT_POSTGRESQL), with the [`parameters`](Self::parameters), and shows the
/// number of rows to [`confirm`](Self::confirm).
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub(super) domain: String,
    pub(super) identifier: String,
    pub(super) event: &'static str,
    /// Without version.
    pub(super) focal: String,
    /// In JSON.
    pub(super) message: String,
}

impl Connector {
    /// Turns a draft into a message for an [`Outbox`](super::Outbox): [prepares](Self::prepare) it and writes
    /// it as text. Needs neither the server nor the version store.
    ///
    /// An address with a version means the same as for [`send`](Self::send): the message is a change of that
    /// version, and a conflict if there is a newer one when it is sent.
    ///
    /// # Errors
    ///
    /// [`SendError::Compose`], [`SendError::Invalid`], [`SendError::NoIdentifier`].
    pub fn outgoing(&self, draft: Draft) -> Result<Outgoing, SendError> {
        let prepared = self.prepare(draft)?;
        let message =
            prepared.to_json().map_err(|error| SendError::Transport(Box::new(Error::Unwritable(error))))?;
        Ok(Outgoing {
            domain: self.sender().domain().to_owned(),
            identifier: prepared.identifier().to_owned(),
            event: prepared.message().event().code(),
            focal: prepared.focal().versionless().to_owned(),
            message,
        })
    }
}

impl Outgoing {
    /// The statement that puts a message into an outbox in `SQLite` (3.24 or later), for a driver that this
    /// crate has no method for. Its placeholders `?1` to `?5` are the [`parameters`](Self::parameters). Run
    /// it in the transaction that saves the change, and [`confirm`](Self::confirm) the number of rows that it
    /// changed.
    ///
    /// It does nothing, and counts one row, if the same message is there already. For another message with
    /// the same identifier it counts none.
    pub const INSERT_SQLITE: &'static str = "\
        INSERT INTO koppeltaal_outbox (identifier, domain, event, focal, message, not_before, created_at, changed_at)
        SELECT ?1, ?2, ?3, ?4, ?5, 0, now, now
            FROM (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now) WHERE true
        ON CONFLICT (identifier) DO UPDATE SET identifier = excluded.identifier
            WHERE domain = excluded.domain AND event = excluded.event AND focal = excluded.focal";

    /// The statement that puts a message into an outbox in `PostgreSQL`, for a driver that this crate has no
    /// method for. Its placeholders `$1` to `$5` are the [`parameters`](Self::parameters), all of type text.
    /// Run it in the transaction that saves the change, and [`confirm`](Self::confirm) the number of rows
    /// that it changed.
    ///
    /// It does nothing, and counts one row, if the same message is there already. For another message with
    /// the same identifier it counts none. An error with SQLSTATE 40001 or 40P01 means that the whole
    /// transaction has to be run again.
    pub const INSERT_POSTGRESQL: &'static str = "\
        WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($2::text || ' ' || $4::text, 7806)))
        INSERT INTO koppeltaal_outbox AS present (identifier, domain, event, focal, message)
        SELECT $1::text, $2::text, $3::text, $4::text, $5::text FROM turn
        ON CONFLICT (identifier) DO UPDATE SET identifier = excluded.identifier
            WHERE present.domain = excluded.domain AND present.event = excluded.event
                AND present.focal = excluded.focal";

    /// The `MessageHeader.identifier`, by which the outbox knows the message.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The values of the placeholders in [`INSERT_SQLITE`](Self::INSERT_SQLITE) and
    /// [`INSERT_POSTGRESQL`](Self::INSERT_POSTGRESQL), in their order: identifier, domain, event, focal
    /// resource, message. They are data of patients, so a driver should not log them.
    pub fn parameters(&self) -> [&str; 5] {
        [&self.identifier, &self.domain, self.event, &self.focal, &self.message]
    }

    /// Checks how many rows the insert statement has changed: 1 if the message is in the outbox now, or was
    /// there already.
    ///
    /// # Errors
    ///
    /// [`OutboxError::IdentifierTaken`] for 0 rows: roll the transaction back.
    pub fn confirm(&self, rows_affected: u64) -> Result<(), OutboxError> {
        match rows_affected {
            0 => Err(OutboxError::IdentifierTaken { identifier: self.identifier.clone() }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("domain", &self.domain)
            .field("identifier", &self.identifier)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
