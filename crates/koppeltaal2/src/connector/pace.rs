//! [`Pace`]: what a busy server asked of one request, kept by all.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When the server may be asked again. All requests to a domain share it: if it answered one of them with
/// 429, the others would only get the same answer.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    not_before: Mutex<Option<Instant>>,
}

impl Pace {
    /// The server wants no request for this long.
    pub(crate) fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if not_before.is_none_or(|known| known < until) {
            *not_before = Some(until);
        }
    }

    /// Waits until a request may be made, but not if that takes longer than `limit`: then the server says so
    /// itself.
    pub(crate) async fn wait(&self, limit: Duration) {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(not_before) = not_before.filter(|until| *until < Instant::now() + limit) {
            sleep_until(not_before).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_wait_for_the_longest_pause_unless_it_is_too_long_for_them() {
        let pace = Pace::default();
        let started = Instant::now();
        pace.wait(Duration::from_secs(60)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        pace.hold(Duration::from_secs(5));
        pace.hold(Duration::from_secs(2));
        pace.wait(Duration::from_secs(3)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        pace.wait(Duration::from_secs(60)).await;
        assert_eq!(started.elapsed(), Duration::from_secs(5));
        pace.wait(Duration::from_secs(60)).await;
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }
}
