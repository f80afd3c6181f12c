//! [`ReplayGuard`]: remembers which tokens were used, so that each is used once.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures_core::future::BoxFuture;

use crate::backend;
use crate::jwt_error::JwtError;

/// Remembers the `jti` of tokens until they expire. Several processes that take tokens for the same
/// application need one memory together: implement this for their database.
pub trait ReplayGuard: Send + Sync {
    /// Notes that this token of this issuer is used, if it was not used before. Looking and noting must be
    /// one step. After `until` the token is refused as expired, so it may be forgotten then.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]. The token must not be accepted.
    fn use_once<'a>(
        &'a self,
        issuer: &'a str,
        jti: &'a str,
        until: SystemTime,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<(), ReplayError>>;
}

/// Why a token cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It was used before.
    #[error("the token was used before")]
    Replayed,
    /// The memory is full of tokens that are still valid. Nothing is forgotten to make room, since a
    /// forgotten token could be used again. It has room when tokens expire; allow for more if this happens.
    #[error(
        "the memory of used tokens holds {capacity} that are still valid; try later, or give it more room"
    )]
    Full {
        /// How many tokens it holds.
        capacity: usize,
    },
    /// The memory cannot be asked.
    #[error("the memory of used tokens cannot be asked: {0}")]
    Unavailable(Arc<str>),
}

impl From<ReplayError> for JwtError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Replayed => Self::Replayed,
            _ => Self::ReplayGuard,
        }
    }
}

/// A memory of used tokens in this process. About 150 bytes for each token.
pub struct MemoryReplayGuard {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    tokens: HashSet<Digest>,
    by_expiry: BTreeSet<(SystemTime, Digest)>,
}

/// The digest of issuer and `jti`, whose length somebody else chooses.
type Digest = [u8; 32];

impl MemoryReplayGuard {
    /// Room for this many tokens that are valid at the same time.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, used: Mutex::default() }
    }

    /// [`use_once`](ReplayGuard::use_once), which never waits here.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Replayed`], [`ReplayError::Full`].
    pub fn use_once_now(
        &self,
        issuer: &str,
        jti: &str,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<(), ReplayError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((expiry, digest)) = used.by_expiry.first().copied().filter(|(expiry, _)| *expiry < now)
        {
            used.by_expiry.remove(&(expiry, digest));
            used.tokens.remove(&digest);
        }
        let digest = digest(issuer, jti);
        if used.tokens.contains(&digest) {
            return Err(ReplayError::Replayed);
        }
        if used.tokens.len() >= self.capacity {
            tracing::warn!(capacity = self.capacity, "the memory of used tokens is full; tokens are refused");
            return Err(ReplayError::Full { capacity: self.capacity });
        }
        used.tokens.insert(digest);
        used.by_expiry.insert((until, digest));
        Ok(())
    }
}

impl Default for MemoryReplayGuard {
    /// Room for 100,000 tokens, some 15 MB: 300 a second, each valid for five minutes.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl ReplayGuard for MemoryReplayGuard {
    fn use_once<'a>(
        &'a self,
        issuer: &'a str,
        jti: &'a str,
        until: SystemTime,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<(), ReplayError>> {
        Box::pin(std::future::ready(self.use_once_now(issuer, jti, until, now)))
    }
}

fn digest(issuer: &str, jti: &str) -> Digest {
    let length = (issuer.len() as u64).to_be_bytes();
    backend::sha256(&[&length, issuer.as_bytes(), jti.as_bytes()].concat())
}

impl fmt::Debug for MemoryReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayGuard").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_used_once_for_each_issuer() {
        let guard = MemoryReplayGuard::new(10);
        let use_once = |issuer, jti| guard.use_once_now(issuer, jti, at(10), at(0));
        assert_eq!(use_once("a", "1"), Ok(()));
        assert_eq!(use_once("a", "1"), Err(ReplayError::Replayed));
        assert_eq!(use_once("b", "1"), Ok(()));
        assert_eq!(use_once("a1", ""), Ok(()), "issuer and jti are not run together");
    }

    #[test]
    fn a_full_memory_refuses_new_tokens_until_old_ones_expire() {
        let guard = MemoryReplayGuard::new(2);
        assert_eq!(guard.use_once_now("a", "1", at(10), at(0)), Ok(()));
        assert_eq!(guard.use_once_now("a", "2", at(20), at(0)), Ok(()));
        assert_eq!(guard.use_once_now("a", "3", at(20), at(10)), Err(ReplayError::Full { capacity: 2 }));
        assert_eq!(guard.use_once_now("a", "1", at(20), at(10)), Err(ReplayError::Replayed));
        assert_eq!(guard.use_once_now("a", "3", at(20), at(11)), Ok(()));
        assert_eq!(guard.use_once_now("a", "2", at(20), at(11)), Err(ReplayError::Replayed));
    }
}
