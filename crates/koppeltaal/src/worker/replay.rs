//! [`Worker::replay`]: hands dead letters to the handlers again.

use tracing::{debug, warn};

use super::Worker;
use super::handler_call::{HandlerCall, error_text};
use crate::dead_letters::DeadLetters;
use crate::migration::TableError;

/// How many letters are read at a time.
const PAGE: usize = 100;

/// What became of the dead letters that were replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Messages that were handled. Their letters are deleted.
    pub succeeded: u64,
    /// Messages that failed again, whose letters stay with the new reason, and letters that cannot be read
    /// back.
    pub failed: u64,
    /// Messages that the worker has no handler for. Their letters stay as they are.
    pub not_replayed: u64,
}

impl Worker {
    /// Hands each dead letter of the worker's domain to the handler of its event, once, in the order in which
    /// the messages failed first. Letters that are handled are deleted. The server is not told: for it the
    /// messages stay `Failed`. A letter without a handler is left alone, with its reason.
    ///
    /// Younger messages of the same patients may have been handled meanwhile, so a handler should look at the
    /// version of the resource. The order of a patient is kept only if no worker runs at the same time.
    ///
    /// # Errors
    ///
    /// The database cannot be read or written. A message that was handled just before may be handled again.
    #[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgresql"))))]
    pub async fn replay(&self, letters: &DeadLetters) -> Result<ReplayReport, TableError> {
        let domain = self.deliveries.domain();
        let call = HandlerCall::new(&self.settings);
        let mut report = ReplayReport::default();
        let mut last = None;
        loop {
            let page = letters.list_after(domain, last.as_ref(), PAGE).await?;
            for letter in &page {
                let message_identifier = &letter.identifier;
                let Some(received) = letters.received(letter).await? else {
                    warn!(message_identifier, "a dead letter cannot be read back");
                    report.failed += 1;
                    continue;
                };
                if !self.settings.handlers.has_for(&received) {
                    debug!(message_identifier, "a dead letter has no handler");
                    report.not_replayed += 1;
                    continue;
                }
                match call.run(received.clone()).await {
                    Some(Ok(())) => {
                        letters.forget(domain, message_identifier).await?;
                        debug!(message_identifier, "a dead letter is handled");
                        report.succeeded += 1;
                    }
                    failed => {
                        let reason = error_text(failed.and_then(Result::err).as_ref());
                        letters.keep(domain, message_identifier, &received, &reason).await?;
                        warn!(message_identifier, "a dead letter cannot be handled");
                        report.failed += 1;
                    }
                }
            }
            match page.into_iter().next_back() {
                Some(letter) => last = Some(letter),
                None => return Ok(report),
            }
        }
    }
}
