//! [`Store`]: what the outbox asks of a database. Every method is one transaction.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::entry::{LastError, OutboxEntry, OutboxState, OutboxSummary};
use crate::database::DatabaseError;

/// The states of messages that those behind them wait for. The index that finds the message before another
/// one holds these states only (`koppeltaal_outbox_focal`), and a database uses such an index only for a
/// query with the same words.
pub(super) const OPEN: &str = "('waiting', 'sending', 'refused')";

/// The states of messages that may be tried: those of the index that puts them in order
/// (`koppeltaal_outbox_due`).
pub(super) const TRIED: &str = "('waiting', 'sending')";

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, DatabaseError>>;

/// A database with an outbox in it.
pub(super) trait Store: Send + Sync + 'static {
    /// Takes the next message that may be tried now: its time has come, or the lease of whoever had it is
    /// over; nothing about the same resource is before it. First come those that were not tried yet, in their
    /// order, then the others in the order in which their time came. So one that is tried again and again
    /// does not hold up others.
    ///
    /// Until the lease is over nobody else takes the message. From now on it counts as posted, since whoever
    /// took it may post it and be killed.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, Option<ClaimedEntry>>;

    /// Notes that a message which has been posted before is posted again. False: somebody else has taken it
    /// over.
    fn post_again<'a>(&'a self, entry: &'a ClaimedEntry, lease: Duration) -> Answer<'a, bool>;

    /// Records how an attempt ended. A message that somebody else has taken over after the lease is not
    /// changed, with one exception: one that the server has accepted is sent, whoever says so.
    fn settle<'a>(&'a self, entry: &'a ClaimedEntry, settlement: Settlement) -> Answer<'a, ()>;

    /// Entries, at most this many.
    fn select(&self, filter: EntryFilter, limit: usize) -> Answer<'_, Vec<OutboxEntry>>;

    /// Has a message tried at once that was refused or waits. False: it is in another state.
    fn retry(&self, identifier: String) -> Answer<'_, bool>;

    /// Has all messages tried at once that were refused or wait for their next attempt. Returns how many.
    fn retry_all(&self) -> Answer<'_, u64>;

    /// Ends the attempts to send a message that is neither being sent nor at its end. False: it is in another
    /// state.
    fn give_up(&self, identifier: String) -> Answer<'_, bool>;

    /// Counts.
    fn summary(&self) -> Answer<'_, OutboxSummary>;

    /// Deletes what came to its end longer ago than this.
    fn forget(&self, age: Duration) -> Answer<'_, u64>;
}

/// Who takes a message, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) domain: &'a str,
    /// A name that nobody else has.
    pub(super) holder: &'a str,
    pub(super) lease: Duration,
    /// The places of messages that are not to be looked at.
    pub(super) aside: &'a [i64],
}

/// A message that was taken.
pub(super) struct ClaimedEntry {
    pub(super) place: i64,
    /// The name under which it was taken.
    pub(super) holder: String,
    pub(super) identifier: String,
    pub(super) event: String,
    pub(super) message: String,
    /// How often it was taken, this time included.
    pub(super) attempts: u32,
    /// How often in a row it was taken, this time included, without anybody recording how that ended.
    pub(super) unsettled: u32,
    /// How long ago it was posted, or may have been, without anybody knowing how that ended.
    pub(super) posted: Option<Duration>,
    pub(super) failures: Failures,
}

/// How often a message failed that others did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Failures {
    /// How often, counting only the first time and those before which another message was sent since the last
    /// time.
    pub(super) count: u32,
    /// How long ago the first one was; none if there was none.
    pub(super) since: Option<Duration>,
    /// Whether another message of the domain was sent since the last one.
    pub(super) others_sent: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settlement {
    /// The server has the message.
    Sent,
    /// The message is to be tried again after a pause. `posted`: the server may have it. `failures`: the new
    /// count, if this was one.
    Delayed { pause: Duration, posted: bool, failures: Option<u32>, error: LastError },
    /// The message is not tried again by itself. `posted`: the server may have it.
    Refused { posted: bool, error: LastError },
}

impl Settlement {
    /// The same without the words of others, which a database may be unable to store; `None` where there are
    /// none.
    pub(super) fn in_plain_words(&self) -> Option<Self> {
        let mut plain = self.clone();
        match &mut plain {
            Self::Sent => return None,
            Self::Delayed { error, .. } | Self::Refused { error, .. } => *error = error.in_plain_words(),
        }
        Some(plain)
    }
}

/// Which entries.
#[derive(Debug, Clone)]
pub(super) enum EntryFilter {
    Identifier(String),
    States(Vec<OutboxState>),
    Troubled,
}
