//! Metrics of workers, outboxes and databases, for the `metrics` facade. Without that feature, the functions
//! do nothing. The README describes each metric.

#![cfg_attr(
    not(all(feature = "connector", any(feature = "sqlite", feature = "postgresql"))),
    allow(dead_code, reason = "without a database there is no outbox, and without a connector no worker")
)]

use std::time::Duration;

use koppeltaal_messaging::Event;

/// What became of a message that a worker handled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handling {
    /// Its handler succeeded.
    Ok,
    /// It is permanently wrong, or was given up.
    Failed,
    /// It comes again later.
    Later,
}

impl Handling {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Later => "later",
        }
    }
}

fn label(event: Option<Event>) -> &'static str {
    event.map_or("unknown", Event::code)
}

/// A worker has handled a message.
pub(crate) fn handled(event: Option<Event>, result: Handling) {
    count("koppeltaal_worker_messages_total", &[("event", label(event)), ("result", result.label())]);
}

/// A handler has returned, has panicked or was cut off after this time.
pub(crate) fn handler_ended(event: Option<Event>, time: Duration) {
    record("koppeltaal_worker_handling_seconds", &[("event", label(event))], time.as_secs_f64());
}

/// How many messages a worker has in hand, as it is reported. Workers add up.
#[derive(Debug, Default)]
pub(crate) struct InHandGauge {
    reported: usize,
}

impl InHandGauge {
    pub(crate) fn set(&mut self, messages: usize) {
        if messages != self.reported {
            add("koppeltaal_worker_in_hand", messages as f64 - self.reported as f64);
            self.reported = messages;
        }
    }
}

impl Drop for InHandGauge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// A dispatcher has tried to send a message: `sent`, `delayed` or `refused`.
pub(crate) fn attempted(result: &'static str) {
    count("koppeltaal_outbox_attempts_total", &[("result", result)]);
}

/// How many messages of an outbox are in this state.
pub(crate) fn outbox_messages(state: &'static str, messages: u64) {
    set("koppeltaal_outbox_messages", &[("state", state)], messages as f64);
}

/// How long the oldest message of an outbox that is neither sent nor given up has been there.
pub(crate) fn outbox_oldest(age: Duration) {
    set("koppeltaal_outbox_oldest_seconds", &[], age.as_secs_f64());
}

/// An operation on the tables of this part has failed.
pub(crate) fn database_failed(part: &'static str) {
    count("koppeltaal_database_errors_total", &[("part", part)]);
}

type Labels<'a> = &'a [(&'static str, &'static str)];

#[cfg(feature = "metrics")]
fn count(name: &'static str, labels: Labels<'_>) {
    ::metrics::counter!(name, labels).increment(1);
}

#[cfg(feature = "metrics")]
fn record(name: &'static str, labels: Labels<'_>, value: f64) {
    ::metrics::histogram!(name, labels).record(value);
}

#[cfg(feature = "metrics")]
fn add(name: &'static str, difference: f64) {
    ::metrics::gauge!(name).increment(difference);
}

#[cfg(feature = "metrics")]
fn set(name: &'static str, labels: Labels<'_>, value: f64) {
    ::metrics::gauge!(name, labels).set(value);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: Labels<'_>) {}

#[cfg(not(feature = "metrics"))]
fn record(_: &'static str, _: Labels<'_>, _: f64) {}

#[cfg(not(feature = "metrics"))]
fn add(_: &'static str, _: f64) {}

#[cfg(not(feature = "metrics"))]
fn set(_: &'static str, _: Labels<'_>, _: f64) {}
