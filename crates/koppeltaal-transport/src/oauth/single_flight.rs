//! [`SingleFlight`]: a request that is made once, however many tasks wait for its answer.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt, Shared};
use tracing::Instrument;

use crate::error::{Error, Result};

/// A request that is under way at most once. All tasks that ask meanwhile wait for it and get the same answer
/// or the same error. So no task makes the request again after it has timed out for another.
///
/// The request runs in a task of its own, so it goes on when the tasks that wait are dropped. That matters
/// where the answer must not be lost: a refresh token, for instance, works once.
pub(crate) struct SingleFlight<T> {
    current: Mutex<Option<Shared<BoxFuture<'static, Result<T>>>>>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { current: Mutex::new(None) }
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Waits for the request that is under way. If there is none, returns what `known` gives. If `known`
    /// gives nothing, `start` makes a request. No other request can start while `known` is called.
    pub(crate) async fn join<F>(
        &self,
        known: impl FnOnce() -> Option<T>,
        start: impl FnOnce() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let flight = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            match current.as_ref().filter(|flight| flight.peek().is_none()) {
                Some(flight) => flight.clone(),
                None => {
                    if let Some(known) = known() {
                        return Ok(known);
                    }
                    let task = tokio::spawn(start().in_current_span());
                    // A task ends without a result when it panics or the runtime stops.
                    let ended = |error| Error::Interrupted { source: Arc::new(error) };
                    let flight = task.map(move |result| result.map_err(ended)?).boxed().shared();
                    current.insert(flight).clone()
                }
            }
        };
        flight.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_goes_on_when_its_caller_is_gone() {
        let flight = SingleFlight::<u32>::default();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let started = Arc::new(AtomicU32::new(0));
        let count = started.clone();
        let request = || async move {
            count.fetch_add(1, Ordering::Relaxed);
            let _ = released.await;
            Ok(7)
        };
        let dropped = tokio::time::timeout(Duration::from_millis(10), flight.join(|| None, request)).await;
        assert!(dropped.is_err());
        release.send(()).expect("it still waits");
        let count = started.clone();
        let other = || async move {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(8)
        };
        assert_eq!(flight.join(|| None, other).await.expect("an answer"), 7);
        assert_eq!(started.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_is_known_needs_no_request() {
        let flight = SingleFlight::<u32>::default();
        let never = || async { Err(Error::NotAMessage) };
        assert_eq!(flight.join(|| Some(3), never).await.expect("known"), 3);
        assert!(flight.join(|| None, never).await.is_err());
    }
}
