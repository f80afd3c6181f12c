//! The other steps of sending: filling in versions at the moment of posting, posting, and keeping the versions that come
//! back. [`send`](super::send) takes them at once, the outbox each when its time has come.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Entry};
use koppeltaal_messaging::{ApiVersion, ResourceUrl};
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
        let focal_alone = self.sender().version_rules() == ApiVersion::V1_3_3;
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

    /// Whether a message whose post was not answered is at the server after all: the server is asked for it once, by its
    /// identifier. Servers tell of messages in one's queue, and some of those that one has posted.
    pub(super) async fn look_up(&self, error: &Error, prepared: &Prepared) -> Option<Sent> {
        if !error.is_outcome_unknown() {
            return None;
        }
        let found = self.client.message(prepared.identifier()).await.ok()??;
        let header = &found.header;
        if header.identifier() != Some(prepared.identifier()) || !self.sender().source().sent(header) {
            return None;
        }
        let entries = found.bundle.entry.iter().filter_map(address);
        let versions: Vec<_> = entries.filter(|url| url.version().is_some()).collect();
        debug!(
            message_identifier = prepared.identifier(),
            "the post was not answered, but the message is there"
        );
        Some(Sent::new(prepared.identifier().to_owned(), prepared.focal(), versions))
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
