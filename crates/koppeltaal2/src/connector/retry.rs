//! [`RetryPolicy`]: how often a request is repeated, and how long to wait before.

use std::time::{Duration, SystemTime};

/// How often to try again, and how long to wait before each try. Only requests are repeated that are safe to
/// repeat: reads and searches, and writes that never reached the server or that it declined unprocessed (429,
/// or 503 with `Retry-After`).
///
/// Waiting times double from `min_delay` to `max_delay`, each with a random part, so that many clients do not
/// come back at one moment. A longer `Retry-After` counts. When the wait would exceed the time of the
/// operation, its error comes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often at most, after the first try. Default 3.
    pub retries: u32,
    /// The shortest wait. Default 200 milliseconds.
    pub min_delay: Duration,
    /// The longest wait, unless the server asks for more. Default 10 seconds.
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

    /// Waits at least `min_delay` and at most `max_delay` between two tries.
    #[must_use]
    pub fn with_delays(self, min_delay: Duration, max_delay: Duration) -> Self {
        Self { min_delay: min_delay.min(max_delay), max_delay, ..self }
    }

    /// How long to wait before the next try after this many failures; `None` when there is none.
    pub(crate) fn delay_after(&self, failures: u32) -> Option<Duration> {
        (failures <= self.retries).then(|| delay(self.min_delay, self.max_delay, failures))
    }
}

/// A waiting time that doubles with each failure in a row, at random between a base and twice that.
pub(crate) fn delay(shortest: Duration, longest: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let base = shortest.saturating_mul(1 << doublings).min(shortest.max(longest / 2));
    base.saturating_add(base.mul_f64(fastrand::f64())).min(longest)
}

/// The longest wait that a server may ask for; a longer one is a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The value of a `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3); an hour at most.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_limits_and_end() {
        let policy =
            RetryPolicy::default().with_delays(Duration::from_millis(100), Duration::from_millis(300));
        for (failures, limits) in [(1, 100..=200), (2, 150..=300), (3, 150..=300)] {
            let delay = policy.delay_after(failures).expect("a retry").as_millis();
            assert!(limits.contains(&delay), "{delay} after {failures}");
        }
        assert_eq!(policy.delay_after(4), None);
        assert_eq!(RetryPolicy::never().delay_after(1), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let now = httpdate::parse_http_date(date).expect("a date") - Duration::from_secs(90);
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(90)));
        assert_eq!(retry_after("99999999", now), Some(LONGEST_WAIT));
        assert_eq!(retry_after("soon", now), None);
    }
}
