//! [`Store`]: the operations of the outbox on a database. Every method is one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{LastError, OPEN, OutboxEntry, OutboxSummary};
use super::filter::OutboxFilter;
use crate::database::Answer;

/// The query of [`Store::summaries`]: domain, state, count, and the time of the oldest entry.
pub(super) fn select_counts(open_only: bool) -> String {
    let condition = if open_only { format!(" WHERE state IN {OPEN}") } else { String::new() };
    format!(
        "SELECT domain, state, count(*), min(created_at) FROM koppeltaal_outbox{condition} GROUP BY domain, state"
    )
}

/// A database with an outbox in it.
pub(super) trait Store: Send + Sync + 'static {
    /// Claims the next message that is due: its pause or its last lease is over, and no earlier message about
    /// the same resource is open. Messages that were not tried yet come first, in their order; then the
    /// others, in the order in which they became due. So a message that fails again and again does not delay
    /// others.
    ///
    /// Until the lease is over nobody else can claim the message. From now on it counts as posted, since the
    /// holder of the lease may post it and be killed.
    fn claim<'a>(&'a self, claim: ClaimRequest<'a>) -> Answer<'a, Option<ClaimedEntry>>;

    /// Notes that a message which was posted before is posted again. False: somebody else has claimed it.
    fn post_again<'a>(&'a self, entry: &'a ClaimedEntry, lease: Duration) -> Answer<'a, bool>;

    /// Records the result of an attempt. After the lease somebody else may have claimed the message; then it
    /// is changed only if the server has accepted it.
    fn settle<'a>(&'a self, entry: &'a ClaimedEntry, settlement: Settlement) -> Answer<'a, ()>;

    /// Entries, at most this many, in the order of their places; refused ones first if asked.
    fn select(&self, filter: OutboxFilter, refused_first: bool, limit: usize)
    -> Answer<'_, Vec<OutboxEntry>>;

    /// The text of a message, in JSON. `None`: there is no entry. `Some(None)`: the entry is without its
    /// text, because the server has the message.
    fn message(&self, identifier: String) -> Answer<'_, Option<Option<String>>>;

    /// Makes messages due at once that were refused or wait for their next attempt. Returns how many.
    fn retry(&self, filter: OutboxFilter) -> Answer<'_, u64>;

    /// Ends the attempts to send messages that were refused or wait. Returns how many.
    fn give_up(&self, filter: OutboxFilter) -> Answer<'_, u64>;

    /// Counts, by domain. With `open_only`, of the [open](OPEN) messages: an index has them, while sent ones
    /// are counted one by one.
    fn summaries(&self, open_only: bool) -> Answer<'_, BTreeMap<String, OutboxSummary>>;

    /// How many messages of a domain are neither sent nor given up.
    fn count_open(&self, domain: String) -> Answer<'_, u64>;

    /// Deletes the entries of messages that were sent or given up longer ago than this, of one domain or of
    /// all, at most this many. Returns how many.
    fn forget(&self, age: Duration, domain: Option<String>, limit: u64) -> Answer<'_, u64>;
}

/// Who claims a message, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClaimRequest<'a> {
    pub(super) domain: &'a str,
    /// A name that nobody else has.
    pub(super) holder: &'a str,
    pub(super) lease: Duration,
    /// The places of messages that are not claimed.
    pub(super) quarantined: &'a [i64],
}

/// A message that was claimed.
pub(super) struct ClaimedEntry {
    pub(super) place: i64,
    /// The name under which it was claimed.
    pub(super) holder: String,
    pub(super) identifier: String,
    pub(super) event: String,
    pub(super) message: String,
    /// How often it was claimed, this time included.
    pub(super) attempts: u32,
    /// How often in a row it was claimed, this time included, without a recorded result.
    pub(super) unsettled: u32,
    /// How long ago it was posted, or may have been; `None` if the outcome of the last post is known.
    pub(super) posted: Option<Duration>,
    pub(super) failures: Failures,
}

/// The failures of a message that may concern only this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Failures {
    /// How many there were. After the first, a failure counts only if another message was sent since the one
    /// before.
    pub(super) count: u32,
    /// How long ago the first one was.
    pub(super) since: Option<Duration>,
    /// Whether another message of the domain was sent since the last one.
    pub(super) others_sent: bool,
}

/// The result of an attempt, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settlement {
    /// The server has the message.
    Sent,
    /// The message is tried again after a pause. `posted`: the server may have it. `failures`: the new count,
    /// if this failure counts.
    Delayed { pause: Duration, posted: bool, failures: Option<u32>, error: LastError },
    /// The message waits for a decision of the application. `posted`: the server may have it.
    Refused { posted: bool, error: LastError },
}

impl Settlement {
    /// The same with a fixed text for the error, in case the database cannot store the text; `None` without
    /// an error.
    pub(super) fn without_text(&self) -> Option<Self> {
        let mut settlement = self.clone();
        match &mut settlement {
            Self::Sent => return None,
            Self::Delayed { error, .. } | Self::Refused { error, .. } => *error = error.without_text(),
        }
        Some(settlement)
    }
}
