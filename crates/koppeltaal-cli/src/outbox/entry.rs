//! Entries of an outbox as they are printed.

use std::time::{SystemTime, UNIX_EPOCH};

use koppeltaal::{OutboxEntry, OutboxSummary};
use serde::Serialize;

use crate::output::{Printable, table};

/// A time in UTC, in seconds.
pub(super) fn time(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// The date so many days after 1970-01-01, in the Gregorian calendar. Years are counted from March, so that the day of a
/// leap year is the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// An entry in a list. Neither the resource nor what the server said about it is part of it.
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

impl EntryLine {
    pub(super) fn new(entry: &OutboxEntry) -> Self {
        Self {
            identifier: entry.identifier.clone(),
            domain: entry.domain.clone(),
            event: entry.event.clone(),
            state: entry.state.name(),
            attempts: entry.attempts,
            behind: entry.behind,
            created_at: time(entry.created_at),
            changed_at: time(entry.changed_at),
            next_attempt: entry.next_attempt.map(time),
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
            oldest_open: summary.oldest_open.map(time),
            text: super::overview(summary),
        }
    }
}

impl Printable for EntryLine {
    fn lines(&self) -> Vec<String> {
        let mut line = format!("{:8}  {}  {}  {}", self.state, self.created_at, self.identifier, self.event);
        if self.behind > 0 {
            line += &format!("  ({} wait for it)", self.behind);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_as_people_read_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(time(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
