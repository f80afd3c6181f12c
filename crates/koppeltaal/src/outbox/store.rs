//! [`Store`]: what the outbox asks of a database. Every method is one transaction.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::entry::{OutboxEntry, OutboxFault, OutboxState, OutboxSummary};
use crate::database::DatabaseError;

/// The states of messages that those behind them wait for.
pub(super) const OPEN: &str = "('waiting', 'sending', 'refused')";

pub(super) type Answer<'a, T> = BoxFuture<'a, Result<T, DatabaseError>>;

/// A database with an outbox in it.
pub(super) trait Store: Send + Sync + 'static {
    /// Takes the oldest message that may be tried now: its time has come, or whoever had it is gone; nothing about the same
    /// resource is before it. Until the lease is over nobody else takes it. From now on it counts as posted, since whoever
    /// took it may post it and be killed.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, Option<Claimed>>;

    /// Says that a message which has been posted before is posted again. False: somebody else has taken it over.
    fn post_again<'a>(&'a self, place: i64, holder: &'a str, lease: Duration) -> Answer<'a, bool>;

    /// Writes down how an attempt ended. One whose lease was over and that somebody else has taken over is not changed, but
    /// for one thing: what the server has accepted is sent, whoever says so.
    fn settle<'a>(&'a self, place: i64, holder: &'a str, end: End) -> Answer<'a, ()>;

    /// Entries, at most so many.
    fn select(&self, selection: Selection, limit: usize) -> Answer<'_, Vec<OutboxEntry>>;

    /// Changes the state of a message if it is neither being sent nor at its end.
    fn change(&self, identifier: String, change: Change) -> Answer<'_, bool>;

    /// [`Change::Retry`] for all messages.
    fn retry_all(&self) -> Answer<'_, u64>;

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
pub(super) struct Claimed {
    pub(super) place: i64,
    pub(super) identifier: String,
    pub(super) event: String,
    pub(super) message: String,
    /// How often it was taken, this time included.
    pub(super) attempts: u32,
    /// How often in a row it was taken, this time included, without anybody writing down how that ended.
    pub(super) unsettled: u32,
    /// How long ago it was posted, or may have been, without anybody knowing how that ended.
    pub(super) posted: Option<Duration>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The server has it.
    Sent,
    /// It is to be tried again after a pause.
    Later { pause: Duration, posted: bool, fault: OutboxFault },
    /// Trying again would not help.
    Refused(OutboxFault),
}

impl End {
    /// The same without the words of others, which a database may not be able to store; `None` where there are none.
    pub(super) fn in_plain_words(&self) -> Option<Self> {
        match self {
            Self::Sent => None,
            Self::Later { pause, posted, fault } => {
                Some(Self::Later { pause: *pause, posted: *posted, fault: fault.in_plain_words() })
            }
            Self::Refused(fault) => Some(Self::Refused(fault.in_plain_words())),
        }
    }
}

/// Which entries.
#[derive(Debug, Clone)]
pub(super) enum Selection {
    Identifier(String),
    States(Vec<OutboxState>),
    Troubled,
}

/// What the application can do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Retry,
    GiveUp,
}
