//! [`CheckedTokens`]: access tokens that were found good a moment ago, since checking a signature takes
//! longer than most requests.

use std::time::{Duration, Instant, SystemTime};

use crate::caller::Caller;
use crate::expiring::ExpiringMap;

/// How many tokens are remembered. Each takes one or two kilobytes.
const CAPACITY: usize = 10_000;

/// Good tokens, with whose they are and when they expire.
pub(crate) struct CheckedTokens(ExpiringMap<(Caller, SystemTime)>);

impl CheckedTokens {
    /// Remembers each token for this long at most.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self(ExpiringMap::new(CAPACITY, lifetime))
    }

    /// Whose token it is, if it was found good before and has not expired.
    pub(crate) fn get(&self, token: &str, now: SystemTime) -> Option<Caller> {
        let (caller, expires) = self.0.get(token, Instant::now())?;
        (expires > now).then_some(caller)
    }

    pub(crate) fn put(&self, token: &str, caller: Caller, expires: SystemTime) {
        self.0.put(token.to_owned(), (caller, expires), Instant::now());
    }
}
