//! [`MemoryVersionStore`]: versions in memory, until the process ends.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{self, BoxFuture};
use koppeltaal_messaging::ResourceUrl;

use super::{VersionStore, VersionStoreError};

/// Versions in memory, for tests and for programs that receive before they send.
#[derive(Default)]
pub struct MemoryVersionStore {
    domains: Mutex<Domains>,
}

/// Per domain and address without version, the address with version.
type Domains = HashMap<String, HashMap<String, ResourceUrl>>;

impl MemoryVersionStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn domains(&self) -> MutexGuard<'_, Domains> {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VersionStore for MemoryVersionStore {
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<Vec<Option<ResourceUrl>>, VersionStoreError>> {
        let domains = self.domains();
        let known = domains.get(domain);
        let versions = resources.iter().map(|url| known?.get(url.versionless()).cloned());
        Box::pin(future::ready(Ok(versions.collect())))
    }

    fn record<'a>(
        &'a self,
        domain: &'a str,
        versioned: &'a [ResourceUrl],
    ) -> BoxFuture<'a, Result<(), VersionStoreError>> {
        let mut domains = self.domains();
        let known = domains.entry(domain.to_owned()).or_default();
        for url in versioned.iter().filter(|url| url.version().is_some()) {
            let latest = known.entry(url.versionless().to_owned()).or_insert_with(|| url.clone());
            if url.is_newer_than(latest) {
                *latest = url.clone();
            }
        }
        Box::pin(future::ready(Ok(())))
    }
}

impl fmt::Debug for MemoryVersionStore {
    /// Shows only how much is in it: addresses may be those of patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources: usize = self.domains().values().map(HashMap::len).sum();
        f.debug_struct("MemoryVersionStore").field("resources", &resources).finish()
    }
}
