//! [`JwksClient`]: the keys of another application or service, fetched and kept.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use tokio::sync::Mutex;
use url::Url;

use crate::client::error::Error;
use crate::client::http_client::HttpClient;
use crate::client::jwks_cache::{CacheBounds, JwksCache};
use crate::jwk::Jwk;
use crate::jwks::{Jwks, NotAJwks};
use crate::jwt_error::KeySourceError;
use crate::jwt_header::JwtHeader;
use crate::key_source::KeySource;

/// The keys at a JWKS URL. Clones share what they know.
///
/// They are kept for as long as `Cache-Control: max-age` says: five minutes without it, and at most a day. A
/// token whose key is not among them makes the client fetch them again, since its signer may have a new key,
/// and at most once in ten seconds, since the token may be invented. However many tokens wait, one fetch is
/// made. While it fails, keys that are no longer fresh count for another hour.
#[derive(Clone)]
#[must_use]
pub struct JwksClient {
    http: HttpClient,
    url: Url,
    bounds: CacheBounds,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cache: RwLock<JwksCache>,
    /// Held by the one that fetches.
    fetch: Mutex<()>,
}

/// How large a JWKS may be.
const BYTES: usize = 256 << 10;

impl JwksClient {
    /// The keys at this URL. Nothing is fetched yet.
    pub fn new(http: HttpClient, url: Url) -> Self {
        let bounds = CacheBounds {
            default_max_age: Duration::from_secs(300),
            longest_max_age: Duration::from_secs(24 * 3600),
            refetch_interval: Duration::from_secs(10),
            stale_if_error: Duration::from_secs(3600),
        };
        Self { http, url, bounds, shared: Arc::default() }
    }

    /// Keeps keys for this long at most, whatever the server says: what a key that was withdrawn may still
    /// do.
    pub fn longest_max_age(mut self, age: Duration) -> Self {
        self.bounds.longest_max_age = age;
        self
    }

    /// Fetches at most once in this time.
    pub fn refetch_interval(mut self, interval: Duration) -> Self {
        self.bounds.refetch_interval = interval;
        self
    }

    /// How long keys that are no longer fresh count while the server cannot be asked.
    pub fn stale_if_error(mut self, time: Duration) -> Self {
        self.bounds.stale_if_error = time;
        self
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The keys, fetched if they are not fresh.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn keys(&self) -> Result<Arc<Jwks>, Error> {
        self.get(|_| true).await
    }

    /// The fresh keys that `fit`; else what a fetch gives, unless the last one is too recent.
    async fn get(&self, fit: impl Fn(&Jwks) -> bool) -> Result<Arc<Jwks>, Error> {
        let known = |now| self.read().fresh(now).filter(|keys| fit(keys));
        if let Some(keys) = known(Instant::now()) {
            return Ok(keys);
        }
        let _fetching = self.shared.fetch.lock().await;
        let now = Instant::now();
        // Another task may have fetched meanwhile.
        if let Some(keys) = known(now) {
            return Ok(keys);
        }
        if self.read().may_fetch(&self.bounds, now) {
            let result = self.fetch().await;
            if let Err(error) = &result {
                tracing::warn!(%error, host = self.url.host_str(), "a JWKS cannot be fetched");
            }
            self.write().fetched(result, &self.bounds, now);
        }
        self.read().usable(&self.bounds, now)
    }

    async fn fetch(&self) -> Result<(Jwks, Option<Duration>), Error> {
        let answer = self.http.get(&self.url, BYTES).await?;
        let keys = Jwks::from_json(&answer.body)
            .map_err(|NotAJwks| Error::Answer { status: answer.status, problem: "no JWKS in the body" })?;
        Ok((keys, answer.max_age))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, JwksCache> {
        self.shared.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, JwksCache> {
        self.shared.cache.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySource for JwksClient {
    fn keys_for<'a>(&'a self, header: &'a JwtHeader) -> BoxFuture<'a, Result<Vec<Jwk>, KeySourceError>> {
        Box::pin(async move {
            let candidates = |keys: &Jwks| -> Vec<Jwk> {
                keys.candidates(header.kid.as_deref(), header.algorithm).cloned().collect()
            };
            let keys = self.get(|keys| !candidates(keys).is_empty()).await;
            keys.map(|keys| candidates(&keys)).map_err(|error| KeySourceError::new(&format!("{error:?}")))
        })
    }
}

impl fmt::Debug for JwksClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksClient").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}
