//! The other steps of sending: filling in versions at the moment of posting, posting, and keeping the versions that come
//! back. [`send`](super::send) takes them at once, the outbox each when its time has come.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Entry};
use koppeltaal_messaging::{ApiVersion, Header, ResourceUrl};
use koppeltaal_transport::Error;
use tracing::debug;

use super::Connector;
use super::prepare::Prepared;
use super::send::Sent;
use crate::versions::VersionStoreError;

impl Connector {
    /// The message as it is to be posted now: with the newest known version of each resource whose version the application
    /// did not name itself. By the rules of 1.3.3 the focal resource alone has one.
    pub(crate) async fn fill_versions(&self, prepared: &Prepared) -> Result<Bundle, VersionStoreError> {
        let mut bundle = prepared.bundle.clone();
        let focal_alone = self.sender().api_version() == ApiVersion::V1_3_3;
        let lacking: Vec<ResourceUrl> = (bundle.entry.iter().filter_map(address))
            .filter(|url| url.version().is_none())
            .filter(|url| !focal_alone || url.same_resource(prepared.focal()))
            .collect();
        let known = self.shared.versions.versions(self.domain(), &lacking).await?;
        for url in known.iter().flatten() {
            fill(&mut bundle, url);
        }
        Ok(bundle)
    }

    /// Posts a message whose versions are filled in.
    pub(crate) async fn post(&self, bundle: &Bundle, prepared: &Prepared) -> Result<Sent, Error> {
        let reply = self.client.send(bundle).await?;
        Ok(Sent::new(prepared.identifier().to_owned(), prepared.focal(), reply.versions().collect()))
    }

    /// Asks the server for a message that may have been posted before: the versions of the resources in it, `None` when the
    /// server does not have it. Servers tell of messages in one's queue, and some of those that one has posted.
    ///
    /// It is known by its identifier and its source. What is found by an identifier can be something else: another
    /// application's message, or one that has the identifier as its number at the server.
    pub(crate) async fn look_up(&self, prepared: &Prepared) -> Result<Option<Vec<ResourceUrl>>, Error> {
        let found = self.client.message(prepared.identifier()).await?;
        let Some(found) = found.filter(|found| prepared.is_at(&found.header)) else { return Ok(None) };
        debug!(message_identifier = prepared.identifier(), "the message is at the server");
        Ok(Some(versions_in(&found.bundle)))
    }

    /// Keeps the versions that the server gave out or delivered.
    pub(crate) async fn record(&self, versions: &[ResourceUrl]) -> Result<(), VersionStoreError> {
        self.shared.versions.record(self.domain(), versions).await
    }
}

/// The address of an entry that is a resource, not the header of the message.
pub(super) fn address(entry: &Entry) -> Option<ResourceUrl> {
    if entry.content.as_ref()?.get::<MessageHeader>().is_some() {
        return None;
    }
    entry.link("self")?.parse().ok()
}

/// The versions that a message at the server tells: in the self links of its entries, and where its header names them.
pub(super) fn versions_in(bundle: &Bundle) -> Vec<ResourceUrl> {
    let linked = bundle.entry.iter().filter_map(address);
    let headers = Header::all_from_bundle(bundle);
    let named = headers.flat_map(|header| {
        header.data().filter_map(|data| data.parse::<ResourceUrl>().ok()).collect::<Vec<_>>()
    });
    let mut versions: Vec<ResourceUrl> = Vec::new();
    for url in linked.chain(named).filter(|url| url.version().is_some()) {
        if !versions.contains(&url) {
            versions.push(url);
        }
    }
    versions
}

/// Gives a resource its version, in its entry and where the header names it.
fn fill(bundle: &mut Bundle, versioned: &ResourceUrl) {
    for entry in &mut bundle.entry {
        if let Some(header) = entry.content.as_mut().and_then(|content| content.get_mut::<MessageHeader>()) {
            for data in &mut header.data {
                if data.reference.as_str() == Some(versioned.versionless()) {
                    data.reference = versioned.as_str().into();
                }
            }
        } else if entry.link("self") == Some(versioned.versionless()) {
            for link in entry.link.iter_mut().filter(|link| link.rel == "self") {
                link.href = versioned.as_str().to_owned();
            }
        }
    }
}
