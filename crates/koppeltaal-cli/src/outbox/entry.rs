//! What `koppeltaal outbox` prints: entries in a list, one entry in detail, and counts of messages.

use koppeltaal::{OutboxEntry, OutboxSummary};
use serde::Serialize;

use super::advice::overview;
use super::time::format_time;
use crate::output::{Printable, plural, table};

/// An entry in a list. It leaves out the resource and what the server said, which can be data of a patient.
#[derive(Serialize)]
pub(super) struct EntryLine {
    identifier: String,
    domain: String,
    event: String,
    state: &'static str,
    attempts: u32,
    behind: u64,
    created_at: String,
    changed_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    is_outcome_unknown: bool,
}

/// An entry with all that is known about it.
#[derive(Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    line: EntryLine,
    /// The resource that the message is about. It can be a patient's.
    focal: String,
    /// What the server said. It can hold data of a patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// How many messages are in which state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Overview {
    waiting: u64,
    sending: u64,
    refused: u64,
    sent: u64,
    given_up: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_open: Option<String>,
    #[serde(skip)]
    text: String,
}

/// How many messages were retried, given up or forgotten.
#[derive(Serialize)]
pub(super) struct Count {
    pub(super) count: u64,
    /// For people.
    #[serde(skip)]
    pub(super) text: String,
}

impl Printable for Count {
    fn lines(&self) -> Vec<String> {
        vec![self.text.clone()]
    }
}

impl EntryLine {
    pub(super) fn new(entry: &OutboxEntry) -> Self {
        Self {
            identifier: entry.identifier.clone(),
            domain: entry.domain.clone(),
            event: entry.event.clone(),
            state: entry.state.name(),
            attempts: entry.attempts,
            behind: entry.behind,
            created_at: format_time(entry.created_at),
            changed_at: format_time(entry.changed_at),
            next_attempt: entry.next_attempt.map(format_time),
            error: entry.last_error.as_ref().map(|error| error.kind.clone()),
            text: entry.last_error.as_ref().map(|error| error.text.clone()),
            is_outcome_unknown: entry.is_outcome_unknown,
        }
    }
}

impl Details {
    pub(super) fn new(entry: &OutboxEntry) -> Self {
        let detail = entry.last_error.as_ref().and_then(|error| error.detail.clone());
        Self { line: EntryLine::new(entry), focal: entry.focal.clone(), detail }
    }
}

impl Overview {
    pub(super) fn new(summary: &OutboxSummary) -> Self {
        Self {
            waiting: summary.waiting,
            sending: summary.sending,
            refused: summary.refused,
            sent: summary.sent,
            given_up: summary.given_up,
            oldest_open: summary.oldest_open.map(format_time),
            text: overview(summary),
        }
    }
}

impl Printable for EntryLine {
    fn lines(&self) -> Vec<String> {
        let mut line = format!("{:8}  {}  {}  {}", self.state, self.created_at, self.identifier, self.event);
        if self.behind > 0 {
            line += &format!("  ({} {} for it)", self.behind, plural(self.behind, "waits", "wait"));
        }
        let error = self.error.iter().zip(&self.text);
        let error = error.map(|(kind, text)| format!("    {kind}, attempt {}: {text}", self.attempts));
        std::iter::once(line).chain(error).collect()
    }
}

impl Printable for Details {
    fn lines(&self) -> Vec<String> {
        let EntryLine { attempts, behind, .. } = &self.line;
        let (attempts, behind) = (attempts.to_string(), behind.to_string());
        let unknown = "the server may have it all the same; the next attempt asks";
        table(&[
            ("message", Some(&self.line.identifier)),
            ("domain", Some(&self.line.domain)),
            ("event", Some(&self.line.event)),
            ("about", Some(&self.focal)),
            ("state", Some(self.line.state)),
            ("attempts", Some(&attempts)),
            ("handed over", Some(&self.line.created_at)),
            ("last change", Some(&self.line.changed_at)),
            ("next attempt", self.line.next_attempt.as_deref()),
            ("wait for it", Some(&behind)),
            ("error", self.line.error.as_deref()),
            ("text", self.line.text.as_deref()),
            ("server", self.detail.as_deref()),
            ("outcome", self.line.is_outcome_unknown.then_some(unknown)),
        ])
    }
}

impl Printable for Overview {
    fn lines(&self) -> Vec<String> {
        self.text.lines().map(str::to_owned).collect()
    }
}
