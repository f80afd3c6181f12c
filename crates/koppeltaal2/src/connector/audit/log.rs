//! [`AuditLog`]: how many AuditEvents may be under way, and how many were lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many AuditEvents are sent in the background at the same time. Further ones are dropped and counted: a
/// flood of notifications must not fill the memory while the server is slow.
const UNDER_WAY: u32 = 32;

/// What the clones of a connector share about their AuditEvents.
#[derive(Debug)]
pub(crate) struct AuditLog {
    room: Arc<Semaphore>,
    lost: AtomicU64,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(UNDER_WAY as usize)), lost: AtomicU64::new(0) }
    }
}

impl AuditLog {
    /// Room for one more in the background, if there is any.
    pub(crate) fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }

    /// Waits until none is under way.
    pub(crate) async fn flush(&self) {
        // The semaphore is never closed.
        drop(self.room.acquire_many(UNDER_WAY).await);
    }

    pub(crate) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
