//! Learning versions again, after the version store was lost or restored: from the messages that the server still has.

use std::collections::HashMap;

use koppeltaal_messaging::{Header, ResourceUrl};
use koppeltaal_transport::{Error, HeaderQuery, MessageFilter, Outcome};

use super::Connector;
use super::post::versions_in;
use super::send::SendError;
use crate::causes::causes;
use crate::versions::VersionStoreError;

/// How many headers are looked at.
const MAX_HEADERS: usize = 10_000;

/// How many messages are opened to find resources that are in none of them the focal one.
const MAX_OPENED: usize = 20;

/// Why versions could not be learned again. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelearnError {
    /// The server cannot be asked.
    #[error("the server cannot be asked for versions: {}", causes(.0))]
    Transport(Error),
    /// The versions that were found cannot be kept.
    #[error("the versions that were found cannot be kept")]
    Versions(#[from] VersionStoreError),
}

impl From<Error> for RelearnError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl Connector {
    /// Learns the newest versions of these resources again, after the version store was lost or restored: without them every
    /// change of the application's own resources is a conflict. Gives those that were found, with their versions.
    ///
    /// They are looked for in the messages in this application's queue, processed or not: its own are there when it subscribes
    /// to them, others' always. With a patient among the resources, only messages about that patient are looked at, which some
    /// servers demand. Where nothing is found, [`relearn_from`](Self::relearn_from) takes a message by its identifier.
    ///
    /// What is learned is the server's newest version, whoever made it: the next message takes its place. Where others change
    /// the resource too, receive their changes instead.
    ///
    /// ```no_run
    /// use koppeltaal::SendError;
    /// # use koppeltaal::messaging::Draft;
    /// # async fn example(epd: koppeltaal::Connector, draft: Draft) -> Result<(), Box<dyn std::error::Error>> {
    /// match epd.send(draft.clone()).await {
    ///     // The version store was restored last night, and nobody else changes what is ours.
    ///     Err(SendError::Conflict { resources, .. }) => {
    ///         epd.relearn(&resources).await?;
    ///         epd.send(draft).await?;
    ///     }
    ///     sent => drop(sent?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RelearnError`].
    pub async fn relearn(&self, resources: &[ResourceUrl]) -> Result<Vec<ResourceUrl>, RelearnError> {
        let patient = resources.iter().find(|url| url.resource_type() == "Patient");
        let filter = match patient {
            Some(patient) => MessageFilter::default().patient(patient.without_version()),
            None => MessageFilter::default(),
        };
        let query = HeaderQuery::default().filter(filter).limit(MAX_HEADERS);
        let mut headers = self.client.message_headers(&query).collect().await?;
        // Higher numbers are newer.
        let number = |header: &Header| header.url().and_then(|url| url.id().parse::<u64>().ok());
        headers.sort_by_key(|header| std::cmp::Reverse(number(header)));
        let mut told: Vec<ResourceUrl> = headers.iter().filter_map(Header::focal).collect();
        for url in headers.iter().filter_map(Header::url).take(MAX_OPENED) {
            match self.client.message(url.versionless()).await {
                Ok(message) => told.extend(message.iter().flat_map(|message| versions_in(&message.bundle))),
                // The others may tell enough.
                Err(Error::Protocol { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.learn(told, resources).await
    }

    /// Learns the versions that the server gave the resources of a message of this application again. An application knows
    /// the identifiers of its messages from [`Sent`](super::Sent), or from its [`Outbox`](crate::OutboxEntry::identifier); the
    /// newest message about a resource tells its version. Nothing is found for a message that the server does not have any
    /// more, or that is another application's.
    ///
    /// # Errors
    ///
    /// [`RelearnError`].
    pub async fn relearn_from(&self, identifier: &str) -> Result<Vec<ResourceUrl>, RelearnError> {
        let found = self.client.message(identifier).await?;
        let is_ours =
            |header: &Header| header.identifier() == Some(identifier) && self.sender().source().sent(header);
        let Some(found) = found.filter(|found| is_ours(&found.header)) else { return Ok(Vec::new()) };
        let told = versions_in(&found.bundle);
        let resources = told.clone();
        self.learn(told, &resources).await
    }

    /// Learns the versions of the resources in a conflict again: from what the server said about it, and where it did not name
    /// the version, as [`relearn`](Self::relearn) does. Another error teaches nothing.
    ///
    /// # Errors
    ///
    /// [`RelearnError`].
    pub async fn relearn_after(&self, error: &SendError) -> Result<Vec<ResourceUrl>, RelearnError> {
        let SendError::Conflict { resources, source } = error else { return Ok(Vec::new()) };
        let issues = source.outcome().into_iter().flat_map(Outcome::issues);
        let told: Vec<ResourceUrl> = issues.filter_map(|issue| issue.resource?.url()).collect();
        let mut learned = self.learn(told, resources).await?;
        let is_open = |url: &&ResourceUrl| !learned.iter().any(|known| known.same_resource(url));
        let open: Vec<ResourceUrl> = resources.iter().filter(is_open).cloned().collect();
        if !open.is_empty() {
            learned.extend(self.relearn(&open).await?);
        }
        Ok(learned)
    }

    /// Keeps the newest of the versions that were told of these resources.
    async fn learn(
        &self,
        told: Vec<ResourceUrl>,
        resources: &[ResourceUrl],
    ) -> Result<Vec<ResourceUrl>, RelearnError> {
        let mut newest: HashMap<String, ResourceUrl> = HashMap::new();
        for url in told.into_iter().filter(|url| url.version().is_some()) {
            if resources.iter().any(|asked| asked.same_resource(&url)) {
                let known = newest.entry(url.versionless().to_owned()).or_insert_with(|| url.clone());
                // Versions grow as text.
                if known.version() < url.version() {
                    *known = url;
                }
            }
        }
        let newest: Vec<ResourceUrl> = newest.into_values().collect();
        if !newest.is_empty() {
            self.record(&newest).await?;
        }
        Ok(newest)
    }
}
