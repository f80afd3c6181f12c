//! The gauges of an outbox: how many messages are in which state, and how old the oldest is.

use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::metrics::{outbox_messages, outbox_oldest};
use crate::outbox::{Outbox, OutboxState, OutboxSummary};

/// How often to measure.
const INTERVAL: Duration = Duration::from_secs(15);

/// Measures an outbox until `stopped` is ready. Does nothing without the feature `metrics`.
pub(super) async fn measure(outbox: &Outbox, stopped: impl Future<Output = ()>) {
    let mut stopped = std::pin::pin!(stopped);
    while cfg!(feature = "metrics") {
        measure_once(outbox).await;
        tokio::select! {
            () = &mut stopped => break,
            () = sleep(INTERVAL) => {}
        }
    }
}

/// Measures an outbox. Does nothing without the feature `metrics`.
pub(super) async fn measure_once(outbox: &Outbox) {
    if !cfg!(feature = "metrics") {
        return;
    }
    // When the database fails, the dispatcher itself says so.
    if let Ok(summaries) = outbox.store.summaries(true).await {
        let summary = summaries.into_values().fold(OutboxSummary::default(), OutboxSummary::merge);
        report(&summary, SystemTime::now());
    }
}

fn report(summary: &OutboxSummary, now: SystemTime) {
    let OutboxSummary { waiting, sending, refused, oldest_open, .. } = *summary;
    for (state, count) in
        [(OutboxState::Waiting, waiting), (OutboxState::Sending, sending), (OutboxState::Refused, refused)]
    {
        outbox_messages(state.name(), count);
    }
    let age = oldest_open.and_then(|oldest| now.duration_since(oldest).ok());
    outbox_oldest(age.unwrap_or_default());
}
