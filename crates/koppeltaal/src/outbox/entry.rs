//! [`OutboxEntry`]: what the outbox knows about a message, and how many messages are in which state.

use std::fmt;
use std::time::SystemTime;

/// A message in the outbox, without its content.
///
/// `Debug` shows nothing that could name a patient.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxEntry {
    /// Its place in the order in which messages were handed over.
    pub(super) place: i64,
    /// The `MessageHeader.identifier`.
    pub identifier: String,
    /// The domain.
    pub domain: String,
    /// The code of the event.
    pub event: String,
    /// The address of the resource that the message is about, without version.
    pub focal: String,
    /// Its state.
    pub state: OutboxState,
    /// How often it was tried since it was handed over or [retried](super::Outbox::retry).
    pub attempts: u32,
    /// How many later messages about the same resource wait until this one is sent or given up.
    pub behind: u64,
    /// Why the last attempt failed; `None` after the message was sent.
    pub last_error: Option<LastError>,
    /// Whether the server may have the message although no answer says so. The next attempt asks it.
    pub is_outcome_unknown: bool,
    /// When it was handed over.
    pub created_at: SystemTime,
    /// When it last changed its state or was tried.
    pub changed_at: SystemTime,
    /// When it is tried next, if it waits.
    pub next_attempt: Option<SystemTime>,
}

/// The state of a message in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutboxState {
    /// It will be sent when earlier messages about the same resource are sent and, after a failure, when a
    /// pause is over.
    Waiting,
    /// A dispatcher is sending it. If that dispatcher was killed, another takes over after the
    /// [settle time](super::Dispatcher::settle_time).
    Sending,
    /// The server has accepted it.
    Sent,
    /// The server does not accept it, or has failed at it [too often](super::Dispatcher::refuse_after) while
    /// it accepted others. It waits until the application calls [`retry`](super::Outbox::retry) or
    /// [`give_up`](super::Outbox::give_up).
    Refused,
    /// The application gave it up.
    GivenUp,
}

/// The states of messages that later messages about the same resource wait for. The index that finds the
/// earlier message (`koppeltaal_outbox_focal`) holds these states only, and a database uses such an index
/// only for a query with the same condition.
pub(super) const OPEN: &str = "('waiting', 'sending', 'refused')";

/// The states of messages that may be claimed: those of the index that orders them (`koppeltaal_outbox_due`).
pub(super) const CLAIMABLE: &str = "('waiting', 'sending')";

/// Why an attempt to send a message failed. `Debug` and `Display` leave the detail out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// The kind of error as a word: that of [`Error::kind`](koppeltaal_transport::Error::kind), such as
    /// `conflict`, `rejected` or `unreachable`; `version-store`; `stored-message` for a message that cannot
    /// be read back; `unsettled` for one that was tried many times without a recorded result; or `panicked`.
    pub kind: String,
    /// What happened, without data of patients.
    pub text: String,
    /// The details of the server's outcome, and the resources in conflict. It may hold data of patients.
    pub detail: Option<String>,
}

/// The longest text and detail of an error that is stored, in bytes.
const MAX_TEXT: usize = 4 * 1024;
const MAX_DETAIL: usize = 64 * 1024;

impl LastError {
    /// As much of an error as every database can store.
    pub(super) fn new(kind: &str, text: &str, detail: Option<&str>) -> Self {
        Self {
            kind: kind.to_owned(),
            text: storable(text, MAX_TEXT),
            detail: detail.map(|detail| storable(detail, MAX_DETAIL)),
        }
    }

    /// The same kind of error with a fixed text.
    pub(super) fn without_text(&self) -> Self {
        Self::new(&self.kind, "the error cannot be stored in the outbox's database; see the log", None)
    }
}

/// Text without the character that `PostgreSQL` cannot store (U+0000), and not longer than this.
fn storable(text: &str, limit: usize) -> String {
    let mut stored = text.replace('\0', "\u{FFFD}");
    if stored.len() > limit {
        let end = (0..=limit).rev().find(|end| stored.is_char_boundary(*end)).unwrap_or(0);
        stored.truncate(end);
    }
    stored
}

/// How many messages are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OutboxSummary {
    /// [`OutboxState::Waiting`].
    pub waiting: u64,
    /// [`OutboxState::Sending`].
    pub sending: u64,
    /// [`OutboxState::Sent`], as far as they are not [forgotten](super::Outbox::forget).
    pub sent: u64,
    /// [`OutboxState::Refused`]: they wait for a decision.
    pub refused: u64,
    /// [`OutboxState::GivenUp`], as far as they are not forgotten.
    pub given_up: u64,
    /// When the oldest message that is neither sent nor given up was handed over. A time long ago means that
    /// something is wrong.
    pub oldest_open: Option<SystemTime>,
}

impl OutboxSummary {
    /// How many messages are neither sent nor given up.
    pub fn open(&self) -> u64 {
        self.waiting + self.sending + self.refused
    }

    /// Both together.
    pub(super) fn merge(self, other: Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            sending: self.sending + other.sending,
            sent: self.sent + other.sent,
            refused: self.refused + other.refused,
            given_up: self.given_up + other.given_up,
            oldest_open: self.oldest_open.into_iter().chain(other.oldest_open).min(),
        }
    }
}

impl OutboxState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Sending, Self::Sent, Self::Refused, Self::GivenUp];

    /// Whether the message is neither sent nor given up.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Sending | Self::Refused)
    }

    /// The word for it in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::GivenUp => "given-up",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for OutboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl OutboxSummary {
    /// Adds this many messages in a state, the oldest of which was handed over then.
    pub(super) fn add(&mut self, state: OutboxState, count: u64, oldest: SystemTime) {
        if state.is_open() {
            self.oldest_open = self.oldest_open.into_iter().chain([oldest]).min();
        }
        *match state {
            OutboxState::Waiting => &mut self.waiting,
            OutboxState::Sending => &mut self.sending,
            OutboxState::Sent => &mut self.sent,
            OutboxState::Refused => &mut self.refused,
            OutboxState::GivenUp => &mut self.given_up,
        } += count;
    }
}

impl fmt::Display for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for LastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastError")
            .field("kind", &self.kind)
            .field("text", &self.text)
            .field("has_detail", &self.detail.is_some())
            .finish()
    }
}

impl fmt::Debug for OutboxEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxEntry")
            .field("identifier", &self.identifier)
            .field("domain", &self.domain)
            .field("event", &self.event)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("behind", &self.behind)
            .field("last_error", &self.last_error)
            .field("is_outcome_unknown", &self.is_outcome_unknown)
            .finish_non_exhaustive()
    }
}
