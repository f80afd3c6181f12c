//! [`JwksCache`]: which keys are known, how fresh they are, and when they may be fetched again. It has no
//! clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::error::Error;
use crate::jwks::Jwks;

/// Bounds for how long keys are kept and how often they are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheBounds {
    /// How long keys are fresh if the answer does not say so, and at most.
    pub(crate) default_max_age: Duration,
    pub(crate) longest_max_age: Duration,
    /// The least time between two fetches.
    pub(crate) refetch_interval: Duration,
    /// How long keys that are no longer fresh still count while they cannot be fetched.
    pub(crate) stale_if_error: Duration,
}

/// The state of a JWKS that is fetched.
#[derive(Default)]
pub(crate) struct JwksCache {
    keys: Option<(Arc<Jwks>, Instant)>,
    last_fetch: Option<Instant>,
    last_error: Option<Error>,
}

impl JwksCache {
    /// The keys, if they are fresh.
    pub(crate) fn fresh(&self, now: Instant) -> Option<Arc<Jwks>> {
        self.keys.as_ref().filter(|(_, until)| now < *until).map(|(keys, _)| keys.clone())
    }

    /// Whether a fetch may be made: the last one is long enough ago.
    pub(crate) fn may_fetch(&self, bounds: &CacheBounds, now: Instant) -> bool {
        self.last_fetch.is_none_or(|last| now.duration_since(last) >= bounds.refetch_interval)
    }

    /// The keys that count when no fetch may be made, or it failed: fresh ones, or stale ones for some time.
    pub(crate) fn usable(&self, bounds: &CacheBounds, now: Instant) -> Result<Arc<Jwks>, Error> {
        match &self.keys {
            Some((keys, until)) if now.saturating_duration_since(*until) <= bounds.stale_if_error => {
                Ok(keys.clone())
            }
            _ => Err(self.last_error.clone().unwrap_or(Error::Answer {
                status: reqwest::StatusCode::OK,
                problem: "keys that are too old, and it is too soon to ask again",
            })),
        }
    }

    /// Takes the result of a fetch that began at `now`.
    pub(crate) fn fetched(
        &mut self,
        result: Result<(Jwks, Option<Duration>), Error>,
        bounds: &CacheBounds,
        now: Instant,
    ) {
        self.last_fetch = Some(now);
        match result {
            Ok((keys, max_age)) => {
                // Not below the interval: it limits the fetches in any case.
                let max_age = max_age
                    .unwrap_or(bounds.default_max_age)
                    .min(bounds.longest_max_age)
                    .max(bounds.refetch_interval);
                self.keys = Some((Arc::new(keys), now + max_age));
                self.last_error = None;
            }
            Err(error) => self.last_error = Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: CacheBounds = CacheBounds {
        default_max_age: Duration::from_secs(300),
        longest_max_age: Duration::from_secs(1000),
        refetch_interval: Duration::from_secs(10),
        stale_if_error: Duration::from_secs(60),
    };

    fn after(max_age: Option<u64>) -> (JwksCache, Instant) {
        let (mut cache, start) = (JwksCache::default(), Instant::now());
        cache.fetched(Ok((Jwks::default(), max_age.map(Duration::from_secs))), &BOUNDS, start);
        (cache, start)
    }

    #[test]
    fn keys_are_fresh_for_as_long_as_the_answer_says_within_bounds() {
        for (max_age, seconds) in [(None, 300), (Some(20), 20), (Some(0), 10), (Some(100_000), 1000)] {
            let (cache, start) = after(max_age);
            assert!(cache.fresh(start + Duration::from_secs(seconds - 1)).is_some(), "{max_age:?}");
            assert!(cache.fresh(start + Duration::from_secs(seconds)).is_none(), "{max_age:?}");
        }
    }

    #[test]
    fn fetches_are_an_interval_apart_whether_they_succeed_or_not() {
        let (mut cache, start) = after(None);
        assert!(!cache.may_fetch(&BOUNDS, start + Duration::from_secs(9)));
        let later = start + Duration::from_secs(10);
        assert!(cache.may_fetch(&BOUNDS, later));
        cache.fetched(Err(Error::PlainHttp), &BOUNDS, later);
        assert!(!cache.may_fetch(&BOUNDS, later + Duration::from_secs(9)));
        assert!(JwksCache::default().may_fetch(&BOUNDS, start));
    }

    #[test]
    fn stale_keys_count_for_some_time_when_a_fetch_fails() {
        let (mut cache, start) = after(Some(20));
        let at = |seconds| start + Duration::from_secs(seconds);
        cache.fetched(Err(Error::PlainHttp), &BOUNDS, at(20));
        assert!(cache.fresh(at(20)).is_none());
        assert!(cache.usable(&BOUNDS, at(80)).is_ok());
        assert!(matches!(cache.usable(&BOUNDS, at(81)), Err(Error::PlainHttp)));
        // A failure does not make keys that are fresh disappear.
        let (mut cache, start) = after(Some(20));
        cache.fetched(Err(Error::PlainHttp), &BOUNDS, start + Duration::from_secs(10));
        assert!(cache.fresh(start + Duration::from_secs(19)).is_some());
    }
}
