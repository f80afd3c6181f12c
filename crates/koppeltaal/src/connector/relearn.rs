//! Learning versions again after the version store was lost or restored, from the messages that the server
//! still has.

use std::collections::BTreeMap;

use koppeltaal_messaging::{Header, Message, ResourceUrl, versions_in};
use koppeltaal_transport::{Error, HeaderQuery, MessageFilter, Outcome, StoredMessage};

use super::outcome::{SendError, types};
use super::{Connector, MAX_OPENED_MESSAGES, message_number};
use crate::causes::causes_and_advice;
use crate::versions::VersionStoreError;

/// How many headers are looked at.
const MAX_HEADERS: usize = 100_000;

/// Why versions were not learned again, or not all of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelearnError {
    /// The server cannot be asked. Nothing was recorded.
    #[error("the server cannot be asked for versions: {}", causes_and_advice(.0))]
    Transport(Error),
    /// The versions that were found cannot be recorded.
    #[error("the versions that were found cannot be recorded")]
    Versions(#[from] VersionStoreError),
    /// Some resources are in none of the messages that were looked at. The versions of the others were found
    /// and recorded.
    ///
    /// Three things help: [`relearn_from`](Connector::relearn_from) with the identifier of a message that
    /// changed the resource; a subscription of this application to the messages that carry it, so that the
    /// server has them in its queue from now on; or [recording](crate::VersionStore::record) a version that
    /// is known from elsewhere, such as the log of the server.
    #[error(
        "no message at the server has the version of {}; `Connector::relearn_from` takes the identifier of a \
         message that changed it, `VersionStore::record` a version known from elsewhere",
        types(missing)
    )]
    NotFound {
        /// What was found, with its versions.
        found: Vec<ResourceUrl>,
        /// What was not, without version.
        missing: Vec<ResourceUrl>,
    },
    /// The queue holds more messages than are looked at, and the newest may be among those that were not.
    /// What was found is recorded, but it may be out of date. Name the patient among the resources: then only
    /// messages about that patient are looked at.
    #[error(
        "more than {limit} messages are in the queue, and the newest may not have been looked at; \
         name the patient among the resources"
    )]
    TooManyMessages {
        /// How many headers were looked at.
        limit: usize,
        /// What was found, with its versions.
        found: Vec<ResourceUrl>,
    },
}

impl From<Error> for RelearnError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl Connector {
    /// Learns the newest versions of these resources again, after the version store was lost or restored:
    /// without them every change of the application's own resources is a conflict. Records the versions and
    /// returns them.
    ///
    /// They are looked for in the messages in this application's queue, processed or not. Other applications'
    /// messages are always there, its own when it subscribes to them. With a patient among the resources,
    /// only messages about that patient are looked at, which some servers demand.
    ///
    /// Servers promise no order, so the headers of all messages are read, up to 100,000. They name the
    /// resource that each message is about. Of the 20 newest messages, those that may hold a newer version
    /// are opened.
    ///
    /// The next message then replaces the server's newest version, whoever made it. Where others change the
    /// resource too, receive their changes instead.
    ///
    /// ```no_run
    /// use koppeltaal::SendError;
    /// # use koppeltaal::messaging::Draft;
    /// # async fn example(epd: koppeltaal::Connector, draft: Draft) -> Result<(), Box<dyn std::error::Error>> {
    /// match epd.send(draft.clone()).await {
    ///     // The version store was restored last night, and nobody else changes these resources.
    ///     Err(error @ SendError::Conflict { .. }) => {
    ///         epd.relearn_after(&error).await?;
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
    /// [`RelearnError`]; [`NotFound`](RelearnError::NotFound) names the resources that no message holds.
    pub async fn relearn(&self, resources: &[ResourceUrl]) -> Result<Vec<ResourceUrl>, RelearnError> {
        let patient = resources.iter().find(|url| url.resource_type() == "Patient");
        let mut newest = NewestVersions::new(resources);
        let is_complete = self.search(&mut newest, patient).await?;
        self.record_newest(newest, is_complete).await
    }

    /// Learns again the versions in one message of this application, found by its identifier. Take the
    /// identifier of the newest message about a resource, from [`SentMessage`](super::SentMessage) or from
    /// the entry of the outbox. Returns nothing for a message that the server no longer has, or that another
    /// application sent.
    ///
    /// # Errors
    ///
    /// [`RelearnError::Transport`], [`RelearnError::Versions`].
    pub async fn relearn_from(&self, identifier: &str) -> Result<Vec<ResourceUrl>, RelearnError> {
        let found = self.client.message(identifier).await?;
        let is_ours =
            |header: &Header| header.identifier() == Some(identifier) && self.sender().source().sent(header);
        let Some(found) = found.filter(|found| is_ours(&found.header)) else { return Ok(Vec::new()) };
        let versions = versions_in(&Message::extract(found.bundle));
        let mut newest = NewestVersions::new(&versions);
        versions.into_iter().for_each(|url| newest.learn(url, None));
        self.record_newest(newest, true).await
    }

    /// Learns again the versions of the resources in a conflict. They come from the server's answer. Where it
    /// names no version, the messages about the same patient are searched, as by [`relearn`](Self::relearn).
    /// Returns nothing for another error.
    ///
    /// # Errors
    ///
    /// [`RelearnError`].
    pub async fn relearn_after(&self, error: &SendError) -> Result<Vec<ResourceUrl>, RelearnError> {
        let SendError::Conflict { resources, patient, source } = error else { return Ok(Vec::new()) };
        let mut newest = NewestVersions::new(resources);
        let issues = source.outcome().into_iter().flat_map(Outcome::issues);
        // No message can hold a newer version.
        let current = issues.filter_map(|issue| issue.resource?.url());
        current.for_each(|url| newest.learn(url, Some(u64::MAX)));
        let is_complete = newest.is_known() || self.search(&mut newest, patient.as_ref()).await?;
        self.record_newest(newest, is_complete).await
    }

    /// Looks for newer versions in the messages in the queue. False: the queue holds more messages than are
    /// looked at.
    async fn search(
        &self,
        newest: &mut NewestVersions,
        patient: Option<&ResourceUrl>,
    ) -> Result<bool, RelearnError> {
        if newest.resources.is_empty() {
            return Ok(true);
        }
        let filter = match patient {
            Some(patient) => MessageFilter::default().patient(patient.without_version()),
            None => MessageFilter::default(),
        };
        let query = HeaderQuery::default().filter(filter).page_size(HeaderQuery::MAX_PAGE_SIZE);
        let mut headers = self.client.message_headers(&query);
        let mut recent: BTreeMap<(Option<u64>, usize), ResourceUrl> = BTreeMap::new();
        let mut is_complete = true;
        let mut count = 0;
        while let Some(header) = headers.next().await? {
            if count == MAX_HEADERS {
                is_complete = false;
                break;
            }
            let Some(url) = header.url() else { continue };
            let number = message_number(&header);
            if let Some(focal) = header.focal() {
                newest.learn(focal, number);
            }
            recent.insert((number, count), url.without_version());
            if recent.len() > MAX_OPENED_MESSAGES {
                recent.pop_first();
            }
            count += 1;
        }
        for ((number, _), url) in recent.into_iter().rev() {
            if newest.is_known_since(number) {
                break;
            }
            match self.client.message(url.as_str()).await {
                Ok(Some(StoredMessage { bundle, .. })) => {
                    versions_in(&Message::extract(bundle))
                        .into_iter()
                        .for_each(|url| newest.learn(url, number));
                }
                // The other messages may be enough.
                Ok(None) | Err(Error::Protocol { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_complete)
    }

    /// Records the versions that were found. An error names the resources without one.
    async fn record_newest(
        &self,
        newest: NewestVersions,
        is_complete: bool,
    ) -> Result<Vec<ResourceUrl>, RelearnError> {
        let urls = newest.resources.into_iter().map(|known| known.url);
        let (found, missing): (Vec<_>, Vec<_>) = urls.partition(|url| url.version().is_some());
        if !found.is_empty() {
            self.record(&found).await?;
        }
        if !is_complete {
            return Err(RelearnError::TooManyMessages { limit: MAX_HEADERS, found });
        }
        if missing.is_empty() { Ok(found) } else { Err(RelearnError::NotFound { found, missing }) }
    }
}

/// The newest versions of some resources that have been found so far.
struct NewestVersions {
    resources: Vec<NewestVersion>,
}

struct NewestVersion {
    /// Without version as long as none was found.
    url: ResourceUrl,
    /// The number of the newest message that holds the resource.
    message: Option<u64>,
}

impl NewestVersions {
    fn new(resources: &[ResourceUrl]) -> Self {
        let mut all: Vec<NewestVersion> = Vec::with_capacity(resources.len());
        for url in resources {
            if !all.iter().any(|known| known.url.same_resource(url)) {
                all.push(NewestVersion { url: url.without_version(), message: None });
            }
        }
        Self { resources: all }
    }

    /// Takes note of a version, and of the number of the message that holds it. Ignores other resources.
    fn learn(&mut self, url: ResourceUrl, message: Option<u64>) {
        let Some(known) = self.resources.iter_mut().find(|known| known.url.same_resource(&url)) else {
            return;
        };
        if url.version().is_none() {
            return;
        }
        known.message = known.message.max(message);
        if url.is_newer_than(&known.url) {
            known.url = url;
        }
    }

    /// Whether a version of every resource is known.
    fn is_known(&self) -> bool {
        self.resources.iter().all(|known| known.url.version().is_some())
    }

    /// Whether messages up to this number hold nothing newer: this or a newer message held a version of every
    /// resource.
    fn is_known_since(&self, message: Option<u64>) -> bool {
        self.is_known() && self.resources.iter().all(|known| known.message >= message)
    }
}
