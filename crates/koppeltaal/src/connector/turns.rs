//! [`Turns`]: messages about one resource are sent one after the other. Two at the same time would both
//! change the same version, and the application would be in conflict with itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use koppeltaal_messaging::ResourceUrl;
use tokio::sync::OwnedMutexGuard;

type Turn = tokio::sync::Mutex<()>;

/// One lock for each resource about which a message is being sent.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: Mutex<HashMap<String, Weak<Turn>>>,
}

impl Turns {
    /// Waits until nobody else sends a message about this resource. The longest waiter is next.
    pub(super) async fn wait(&self, resource: &ResourceUrl) -> OwnedMutexGuard<()> {
        self.turn(resource).lock_owned().await
    }

    fn turn(&self, resource: &ResourceUrl) -> Arc<Turn> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let known = waiting.get(resource.versionless()).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            // Locks that nobody holds are removed only before the table grows, so that the search costs
            // little.
            if waiting.len() == waiting.capacity() {
                waiting.retain(|_, turn| turn.strong_count() > 0);
            }
            let turn = Arc::default();
            waiting.insert(resource.versionless().to_owned(), Arc::downgrade(&turn));
            turn
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(id: u32) -> ResourceUrl {
        format!("https://a.example/Patient/{id}").parse().expect("an address")
    }

    #[tokio::test]
    async fn one_resource_is_one_turn_and_others_do_not_wait() {
        let turns = Turns::default();
        let first = turns.wait(&url(1)).await;
        let other = turns.wait(&url(2)).await;
        assert!(turns.turn(&url(1)).try_lock().is_err());
        drop((first, other));
        assert!(turns.turn(&url(1)).try_lock().is_ok());
    }

    #[tokio::test]
    async fn turns_that_are_over_are_forgotten() {
        let turns = Turns::default();
        let turn = turns.wait(&url(0)).await;
        for id in 1..10_000 {
            drop(turns.wait(&url(id)).await);
        }
        assert!(turns.waiting.lock().expect("no panic").len() < 100);
        assert!(turns.turn(&url(0)).try_lock().is_err(), "a turn that is not over is not forgotten");
        drop(turn);
    }
}
