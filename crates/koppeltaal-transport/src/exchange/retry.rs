//! Retries: how many, how long to wait before each, and the budget that limits them.
//!
//! [`exchange`](crate::exchange) decides whether an operation may be repeated at all; this file only counts
//! and waits.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use crate::backoff::Backoff;

/// How often to try again, and how long to wait before each try. Only requests that are safe to repeat are
/// tried again: reads, acknowledgements, and other writes that never reached the server or that it declined
/// unprocessed.
///
/// Waiting times double from `min_delay` to `max_delay`, with the random stretch of [`Backoff`]. If the
/// server's `Retry-After` is longer, the client waits that long. If the wait would exceed the operation's
/// total timeout, the error is returned at once.
///
/// All clones of a client share a budget of ten retries, to which every five requests add one, up to ten
/// again. So retries do not flood a server that is in trouble.
///
/// ```
/// use std::time::Duration;
/// use koppeltaal_transport::RetryPolicy;
///
/// let patient = RetryPolicy::default().with_retries(10).with_max_delay(Duration::from_secs(60));
/// assert_eq!((patient.retries, patient.min_delay), (10, Duration::from_millis(200)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often at most, after the first try. Default 3.
    pub retries: u32,
    /// The shortest wait between two tries. Default 200 milliseconds.
    pub min_delay: Duration,
    /// The longest wait between two tries, unless the server asks for more. Default 10 seconds.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 3, min_delay: Duration::from_millis(200), max_delay: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// Never tries again.
    pub fn never() -> Self {
        Self { retries: 0, ..Self::default() }
    }

    /// Tries again this often at most, after the first try.
    #[must_use]
    pub fn with_retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// Waits at least this long between two tries.
    #[must_use]
    pub fn with_min_delay(self, min_delay: Duration) -> Self {
        Self { min_delay, ..self }
    }

    /// Waits no longer than this between two tries, unless the server asks for more.
    #[must_use]
    pub fn with_max_delay(self, max_delay: Duration) -> Self {
        Self { max_delay, ..self }
    }

    /// The waiting times, one for each retry.
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let mut backoff = Backoff::new(self.min_delay, self.max_delay);
        (0..self.retries).map(move |_| backoff.next_delay())
    }
}

/// The retries that remain to all clones of a client, counted in fifths: a request adds one, a retry takes
/// five.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    fifths: AtomicU32,
}

impl RetryBudget {
    const RETRY: u32 = 5;
    const MAXIMUM: u32 = 10 * Self::RETRY;

    pub(crate) fn new() -> Self {
        Self { fifths: AtomicU32::new(Self::MAXIMUM) }
    }

    pub(crate) fn count_request(&self) {
        let add = |fifths: u32| (fifths < Self::MAXIMUM).then_some(fifths + 1);
        // An error means that the budget is full.
        let _ = self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Takes one retry out, if there is one.
    pub(crate) fn take_retry(&self) -> bool {
        let take = |fifths: u32| fifths.checked_sub(Self::RETRY);
        self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// The longest wait that a server may ask for. A longer one is a mistake, such as milliseconds for seconds,
/// or a clock that is wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The value of a `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3); an hour at most.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date in the past means "now".
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_wait_for_each_retry_within_the_limits_of_the_policy() {
        let policy = RetryPolicy {
            retries: 4,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(300),
        };
        let delays: Vec<_> = policy.delays().collect();
        assert_eq!(delays.len(), 4);
        for (delay, limits) in delays.iter().zip([100..=200, 150..=300, 150..=300, 150..=300]) {
            assert!(limits.contains(&delay.as_millis()), "{delay:?} for {limits:?}");
        }
        assert_eq!(RetryPolicy::never().delays().count(), 0);
    }

    #[test]
    fn retries_are_a_fifth_of_the_requests_after_the_first_ten() {
        let budget = RetryBudget::new();
        assert_eq!((0..100).filter(|_| budget.take_retry()).count(), 10);
        for _ in 0..10 {
            budget.count_request();
        }
        assert_eq!((0..100).filter(|_| budget.take_retry()).count(), 2);
        for _ in 0..1_000 {
            budget.count_request();
        }
        assert_eq!((0..100).filter(|_| budget.take_retry()).count(), 10);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let now = httpdate::parse_http_date(date).expect("a date") - Duration::from_secs(90);
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after(date, now + Duration::from_secs(200)), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
