//! The steps of sending after the preparation: fill in the versions at the moment of posting, post, and
//! record the versions that come back. [`send`](super::send) takes them at once, the outbox when a message is
//! due.

use koppeltaal_messaging::{ApiVersion, Message, ResourceUrl, versions_in};
use koppeltaal_transport::Error;
use tracing::debug;

use super::Connector;
use super::outcome::SentMessage;
use super::prepare::PreparedMessage;
use crate::versions::VersionStoreError;

impl Connector {
    /// The message with the newest known version of each resource whose version the application did not name.
    /// By the rules of 1.3.3 only the focal resource has a version.
    pub(crate) async fn fill_versions(
        &self,
        prepared: &PreparedMessage,
    ) -> Result<Message, VersionStoreError> {
        let mut message = prepared.message().clone();
        let focal_alone = self.sender().api_version() == ApiVersion::V1_3_3;
        let lacking: Vec<ResourceUrl> = (message.entries().filter_map(|entry| entry.url()))
            .filter(|url| url.version().is_none())
            .filter(|url| !focal_alone || url.same_resource(prepared.focal()))
            .cloned()
            .collect();
        for url in self.shared.versions.versions(self.domain(), &lacking).await?.iter().flatten() {
            message.set_version(url);
        }
        Ok(message)
    }

    /// Posts a message whose versions are filled in.
    pub(crate) async fn post(
        &self,
        message: Message,
        prepared: &PreparedMessage,
    ) -> Result<SentMessage, Error> {
        let reply = self.client.send(&message.into_bundle()).await?;
        Ok(prepared.sent(reply.versions().collect()))
    }

    /// Asks the server for a message that may have been posted before. Returns the versions of the resources
    /// in it, `None` if the server does not have it. Servers find the messages in the application's queue,
    /// and some also those that it posted.
    ///
    /// A message is recognised by its identifier and its source. An identifier alone can find a message of
    /// another application, or a message that has the identifier as its number at the server.
    pub(crate) async fn look_up(
        &self,
        prepared: &PreparedMessage,
    ) -> Result<Option<Vec<ResourceUrl>>, Error> {
        let found = self.client.message(prepared.identifier()).await?;
        let Some(found) = found.filter(|found| prepared.has_header(&found.header)) else { return Ok(None) };
        debug!(message_identifier = prepared.identifier(), "the message is at the server");
        Ok(Some(versions_in(&Message::extract(found.bundle))))
    }

    /// Records versions that the server assigned or delivered.
    pub(crate) async fn record(&self, versions: &[ResourceUrl]) -> Result<(), VersionStoreError> {
        self.shared.versions.record(self.domain(), versions).await
    }
}
