//! What a dispatcher does beside sending: it deletes old entries, and warns when too many messages wait.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::DispatchProblem;
use super::run_loop::RunLoop;
use super::warnings::Warnings;
use crate::causes::causes;
use crate::database::DatabaseError;
use crate::outbox::OutboxError;

/// How often to look.
const INTERVAL: Duration = Duration::from_secs(60);

/// How many entries are deleted in one transaction, so that others do not wait for long.
const BATCH: u64 = 1000;

impl RunLoop {
    /// Looks every minute until it is time to stop; once if the dispatcher runs once.
    pub(super) async fn keep_house(&self) {
        // Not those of the run loop, which are cleared when a message is sent.
        let mut warnings = Warnings::default();
        loop {
            if let Err(error) = self.look_after_entries(&mut warnings).await
                && warnings.is_due("database", Instant::now())
            {
                let error = OutboxError::from(error);
                warn!(error = causes(&error), "old entries of the outbox cannot be forgotten or counted");
            }
            if self.unless_stopped(sleep(INTERVAL)).await.is_none() {
                return;
            }
        }
    }

    async fn look_after_entries(&self, warnings: &mut Warnings) -> Result<(), DatabaseError> {
        let (store, domain) = (&self.dispatcher.outbox.store, self.dispatcher.connector.sender().domain());
        if let Some(age) = self.dispatcher.forget_after {
            let mut forgotten = 0;
            loop {
                let deleted = store.forget(age, Some(domain.to_owned()), BATCH).await?;
                forgotten += deleted;
                if deleted < BATCH || self.is_stopping() {
                    break;
                }
            }
            if forgotten > 0 {
                debug!(forgotten, "old entries of the outbox are forgotten");
            }
        }
        let open = store.count_open(domain.to_owned()).await?;
        if open > self.dispatcher.warn_above {
            if warnings.is_due("backlog", Instant::now()) {
                warn!(open, limit = self.dispatcher.warn_above, "many messages wait in the outbox");
            }
            self.report_problem(&DispatchProblem::Backlog { open });
        }
        Ok(())
    }
}
