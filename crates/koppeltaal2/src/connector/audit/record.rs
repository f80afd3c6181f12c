//! Sends the AuditEvents of an application. A failure never stops the work that the event is about.

use std::time::Duration;

use tokio::time::timeout;
use tracing::Instrument as _;

use crate::connector::application::Connector;
use crate::connector::audit::event::{ApplicationEvent, EventKind};

/// How long an AuditEvent may take, retries included.
const LIMIT: Duration = Duration::from_secs(15);

impl Connector {
    /// Writes the AuditEvent of what the application did, and waits for it, 15 seconds at most.
    ///
    /// There is no error: an AuditEvent that cannot be written leaves a `tracing` event of level WARN and is
    /// counted in [`lost_events`](Self::lost_events).
    pub async fn record(&self, event: &ApplicationEvent) {
        let audit_event = event.to_audit_event(self.device(), self.domain().site());
        let connector = self.with_trace(event.chain());
        let failure = match timeout(LIMIT, connector.create(audit_event)).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.audit_log().count_lost();
        tracing::warn!(kind = ?event.kind(), failure, "an AuditEvent was not written");
    }

    /// The same in the background, for work that must not wait. At most 32 are under way; further ones are
    /// dropped, with the same warning. Needs a Tokio runtime.
    pub fn record_in_background(&self, event: ApplicationEvent) {
        self.record_later(event.kind(), std::future::ready(event));
    }

    /// The same for an event that takes requests to make.
    pub(crate) fn record_later(
        &self,
        kind: EventKind,
        event: impl Future<Output = ApplicationEvent> + Send + 'static,
    ) {
        let Some(room) = self.audit_log().room() else {
            self.audit_log().count_lost();
            tracing::warn!(?kind, "an AuditEvent was not written: too many are under way");
            return;
        };
        let connector = self.clone();
        let write = async move {
            connector.record(&event.await).await;
            drop(room);
        };
        drop(tokio::spawn(write.in_current_span()));
    }

    /// Waits until the AuditEvents that are under way in the background are written, or lost: before a
    /// program ends.
    pub async fn flush_events(&self) {
        self.audit_log().flush().await;
    }

    /// How many AuditEvents of this connector and its clones were not written.
    pub fn lost_events(&self) -> u64 {
        self.audit_log().lost()
    }
}
