//! [`DeadLetter`], and the [`Store`] that it is in.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::database::Answer;

/// A message that was not handled, without its content.
///
/// `Debug` leaves the reason out, because it may name a patient.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its place in the order in which messages failed first.
    pub(super) place: i64,
    /// The `MessageHeader.identifier`. For a message without one, its address at the server.
    pub identifier: String,
    /// The domain.
    pub domain: String,
    /// The code of the event; `None` if Koppeltaal does not have it.
    pub event: Option<String>,
    /// Why it was not handled: the description that the server got, and after too many attempts the text of
    /// the handler's last error with its causes.
    pub reason: String,
    /// When it failed last.
    pub failed_at: SystemTime,
}

/// A message to keep.
pub(super) struct NewLetter {
    pub(super) domain: String,
    pub(super) identifier: String,
    pub(super) event: Option<&'static str>,
    /// In JSON.
    pub(super) message: String,
    pub(super) reason: String,
}

/// A database with dead letters in it.
pub(super) trait Store: Send + Sync + 'static {
    /// Keeps a letter, in place of an earlier one of the same message. Deletes those that failed longer ago
    /// than this.
    fn keep(&self, letter: NewLetter, forget_after: Option<Duration>) -> Answer<'_, ()>;

    /// The letters of a domain after this place, in their order, at most this many.
    fn list(&self, domain: String, after: i64, limit: usize) -> Answer<'_, Vec<DeadLetter>>;

    /// The message of a letter.
    fn message(&self, domain: String, identifier: String) -> Answer<'_, Option<String>>;

    /// Deletes a letter. Returns how many there were.
    fn forget(&self, domain: String, identifier: String) -> Answer<'_, u64>;
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("identifier", &self.identifier)
            .field("domain", &self.domain)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
