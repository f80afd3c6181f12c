//! The applications in these tests: their domain, their connectors, and the patients that they send.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use koppeltaal::fhir::datatypes::HumanName;
use koppeltaal::messaging::profiles::Patient;
use koppeltaal::messaging::{ResourceUrl, Sender, Source};
use koppeltaal::transport::{Client, Credentials, Format, RetryPolicy};
use koppeltaal::{Connector, MemoryVersionStore, VersionStore, VersionStoreError};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub(crate) const DOMAIN: &str = "Zonnedauw";

/// A time limit for tests that no busy machine reaches.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A connector of the application `user`, which does not repeat requests.
pub(crate) fn connector(
    server: &str,
    user: &str,
    format: Format,
    versions: impl VersionStore,
) -> Result<Connector> {
    let client = Client::builder(server)
        .credentials(Credentials::basic(user, "secret")?)
        .format(format)
        .retry(RetryPolicy::never())
        .build()?;
    let source = Source::new(user, format!("https://{user}.example/fhir"));
    Ok(Connector::new(client, Sender::new(source, DOMAIN), versions))
}

pub(crate) fn patient(given: &str) -> Patient {
    let name =
        HumanName { given: vec![given.into()], family: vec!["Duinroos".into()], ..HumanName::default() };
    Patient { name: vec![name], ..Patient::default() }
}

/// A version store that cannot record versions this many times.
pub(crate) struct FullStore {
    store: MemoryVersionStore,
    failures: AtomicU32,
}

impl FullStore {
    pub(crate) fn new(failures: u32) -> Self {
        Self { store: MemoryVersionStore::new(), failures: AtomicU32::new(failures) }
    }
}

impl VersionStore for FullStore {
    fn versions<'a>(
        &'a self,
        domain: &'a str,
        resources: &'a [ResourceUrl],
    ) -> BoxFuture<'a, std::result::Result<Vec<Option<ResourceUrl>>, VersionStoreError>> {
        self.store.versions(domain, resources)
    }

    fn record<'a>(
        &'a self,
        domain: &'a str,
        versioned: &'a [ResourceUrl],
    ) -> BoxFuture<'a, std::result::Result<(), VersionStoreError>> {
        let less = |failures: u32| failures.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
            let source = "the disk is full".into();
            return std::future::ready(Err(VersionStoreError::Database { source })).boxed();
        }
        self.store.record(domain, versioned)
    }
}
