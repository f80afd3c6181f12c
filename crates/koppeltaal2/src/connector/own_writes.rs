//! [`OwnWrites`]: which versions this application wrote itself, so that a change feed leaves them out.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// How many versions are remembered. A change feed meets a version soon after it was written; one that is
/// forgotten is handed out, which is no loss.
const CAPACITY: usize = 10_000;

/// The versions that a connector and its clones wrote. Writes under way are counted too, since a change can
/// be found before the answer of its write arrives.
#[derive(Default)]
pub(crate) struct OwnWrites {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Default)]
struct State {
    versions: HashSet<(String, String)>,
    order: VecDeque<(String, String)>,
    under_way: BTreeSet<u64>,
    next: u64,
}

/// A write that is under way, until it is dropped.
pub(crate) struct UnderWay<'a> {
    writes: &'a OwnWrites,
    ticket: u64,
}

impl OwnWrites {
    /// Notes that a write begins.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        let mut state = self.state();
        let ticket = state.next;
        state.next += 1;
        state.under_way.insert(ticket);
        UnderWay { writes: self, ticket }
    }

    /// Whether this application wrote the version.
    pub(crate) fn contains(&self, reference: &str, version: &str) -> bool {
        self.state().versions.contains(&(reference.to_owned(), version.to_owned()))
    }

    /// Waits until the writes have ended that are under way now, but not longer than `limit`: one may belong
    /// to a task that itself waits for the change feed.
    pub(crate) async fn settled(&self, limit: Duration) {
        let until = self.state().next;
        let wait = async {
            loop {
                let mut ended = pin!(self.ended.notified());
                // Listens before it looks, so that no end is missed.
                ended.as_mut().enable();
                if self.state().under_way.first().is_none_or(|first| *first >= until) {
                    return;
                }
                ended.await;
            }
        };
        let _ = timeout(limit, wait).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay<'_> {
    /// The write was done and gave this version.
    pub(crate) fn done(self, reference: String, version: String) {
        let mut state = self.writes.state();
        let written = (reference, version);
        if state.versions.insert(written.clone()) {
            state.order.push_back(written);
        }
        if state.order.len() > CAPACITY
            && let Some(oldest) = state.order.pop_front()
        {
            state.versions.remove(&oldest);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.writes.state().under_way.remove(&self.ticket);
        self.writes.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_versions_are_forgotten() {
        let writes = OwnWrites::default();
        for number in 0..=CAPACITY {
            writes.begin().done(format!("Task/{number}"), "1".to_owned());
        }
        assert!(!writes.contains("Task/0", "1"));
        assert!(writes.contains("Task/1", "1") && writes.contains(&format!("Task/{CAPACITY}"), "1"));
        assert!(writes.state().under_way.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_under_way_is_waited_for_but_not_for_ever() {
        let writes = OwnWrites::default();
        let write = writes.begin();
        let limit = Duration::from_secs(10);
        let started = tokio::time::Instant::now();
        tokio::join!(writes.settled(limit), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            write.done("Task/1".to_owned(), "2".to_owned());
        });
        assert_eq!(started.elapsed(), Duration::from_secs(1));
        assert!(writes.contains("Task/1", "2"));

        let stuck = writes.begin();
        writes.settled(limit).await;
        assert_eq!(started.elapsed(), Duration::from_secs(11));
        drop(stuck);
        writes.settled(limit).await;
        assert_eq!(started.elapsed(), Duration::from_secs(11));
    }
}
