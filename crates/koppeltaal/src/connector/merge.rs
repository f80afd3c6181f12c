//! Sending on top of what somebody else changed: after a conflict, the newer version is looked up in the application's own
//! queue, the application makes its change again, and that is sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_fhir::Bundle;
use koppeltaal_messaging::{Draft, Header, Message, MessageEntry, Profile, ResourceUrl};
use koppeltaal_transport::{Error, HeaderQuery, MessageFilter};
use tokio::time::{Instant, sleep, timeout_at};

use super::send::{SendError, Sent};
use super::{Connector, post};

/// How long to wait between two looks for a newer version.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How many messages of a patient are opened to find a resource that is in none of them the focal one.
const MAX_OPENED: usize = 20;

/// How hard [`Connector::send_with_merge`] tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeLimits {
    /// How often the message is posted at most, at least once. Default: 5.
    pub attempts: u32,
    /// How long to wait each time for the message that tells the newer version. Default: 30 seconds.
    pub wait: Duration,
}

impl Default for MergeLimits {
    fn default() -> Self {
        Self { attempts: 5, wait: Duration::from_secs(30) }
    }
}

/// What somebody else made of the resources that a message was to change.
///
/// `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Newer {
    entries: Vec<MessageEntry>,
}

impl Newer {
    /// The resources that moved, with their addresses and newest versions.
    pub fn entries(&self) -> &[MessageEntry] {
        &self.entries
    }

    /// The first of them that is of this profile.
    pub fn get<P: Profile>(&self) -> Option<P> {
        self.entries.iter().find_map(|entry| P::from_resource_ref(entry.resource()))
    }
}

impl Connector {
    /// Sends a message; when somebody else changed a resource in the meantime, has the application make its change again
    /// on top of the newer version, as often as [`MergeLimits`] say.
    ///
    /// `merge` gets what is newer and gives the message to send instead, or `None` to leave it. What it gives is a change
    /// of the version that it got, whatever was received since.
    ///
    /// The newer version comes from a message in this application's queue, processed or not: the application has to
    /// subscribe to messages with that resource. The message itself is not claimed.
    ///
    /// ```no_run
    /// # async fn example(portal: koppeltaal::Connector, plan: koppeltaal::messaging::profiles::CarePlan) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::fhir::resources::CarePlanStatus;
    /// use koppeltaal::messaging::profiles::CarePlan;
    ///
    /// let complete = |plan: CarePlan| CarePlan { status: Some(CarePlanStatus::Completed), ..plan };
    /// let draft = portal.draft("31", complete(plan))?;
    /// portal
    ///     .send_with_merge(draft, async |newer| portal.draft("31", complete(newer.get()?)).ok())
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send); the last [`Conflict`](SendError::Conflict) when the newer version is not found in
    /// time, when `merge` gives nothing, and when others were faster every time.
    pub async fn send_with_merge<F, R>(&self, draft: Draft, mut merge: F) -> Result<Sent, SendError>
    where
        F: FnMut(Newer) -> R,
        R: Future<Output = Option<Draft>>,
    {
        let mut draft = draft;
        let mut attempts = 1;
        loop {
            let prepared = self.prepare(draft)?;
            let turn = self.shared.turns.wait(prepared.focal()).await;
            let bundle = self.fill_versions(&prepared).await.map_err(SendError::Versions)?;
            let bundle = Arc::new(bundle);
            let conflict = match self.post_and_record(Arc::clone(&bundle), prepared, turn).await {
                Err(SendError::Conflict { resources, source }) => (resources, source),
                result => return result,
            };
            let newer = if attempts < self.merge_limits.attempts {
                self.await_newer(&bundle, &conflict.0).await?
            } else {
                None
            };
            let Some(newer) = newer else {
                return Err(SendError::Conflict { resources: conflict.0, source: conflict.1 });
            };
            let versions: Vec<_> = newer.entries.iter().filter_map(MessageEntry::url).cloned().collect();
            let Some(merged) = merge(newer).await else {
                return Err(SendError::Conflict { resources: conflict.0, source: conflict.1 });
            };
            draft = versions.iter().fold(merged, Draft::based_on);
            attempts += 1;
        }
    }

    /// The newer versions of all these resources, as soon as they can be had; `None` if that takes too long.
    async fn await_newer(
        &self,
        sent: &Bundle,
        resources: &[ResourceUrl],
    ) -> Result<Option<Newer>, SendError> {
        let deadline = Instant::now() + self.merge_limits.wait;
        let mut pause = SHORTEST_PAUSE;
        let look = async {
            loop {
                match self.newer(sent, resources).await {
                    Ok(None) => {}
                    Err(error) if error.is_retryable() => {}
                    result => return result,
                }
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        let found = timeout_at(deadline, look).await.unwrap_or(Ok(None));
        found.map_err(|error| SendError::Transport(Box::new(error)))
    }

    async fn newer(&self, sent: &Bundle, resources: &[ResourceUrl]) -> Result<Option<Newer>, Error> {
        let patient = Header::all_from_bundle(sent).next().and_then(|header| header.patient()?.parse().ok());
        let filter = match patient {
            Some(patient) => MessageFilter::default().patient(patient),
            None => MessageFilter::default(),
        };
        let headers = self.client.message_headers(&HeaderQuery::default().filter(filter)).collect().await?;
        let mut entries = Vec::with_capacity(resources.len());
        fn version(url: Option<&ResourceUrl>) -> Option<&str> {
            url?.version()
        }
        for resource in resources {
            let posted = sent.entry.iter().filter_map(post::address).find(|url| url.same_resource(resource));
            match self.newest(&headers, resource).await? {
                // Versions grow as text.
                Some(entry) if version(entry.url()) > version(posted.as_ref()) => entries.push(entry),
                _ => return Ok(None),
            }
        }
        Ok(Some(Newer { entries }))
    }

    /// The newest version of a resource in these messages.
    async fn newest(
        &self,
        headers: &[Header],
        resource: &ResourceUrl,
    ) -> Result<Option<MessageEntry>, Error> {
        let is_about = |header: &&Header| header.focal().is_some_and(|focal| focal.same_resource(resource));
        // Versions grow as text.
        let about = headers.iter().filter(is_about).max_by_key(|header| header.focal().map(String::from));
        let candidates: Vec<&Header> = match about {
            Some(header) => vec![header],
            None => {
                // Higher numbers are newer.
                let number = |header: &&Header| header.url().and_then(|url| url.id().parse::<u64>().ok());
                let mut all: Vec<&Header> = headers.iter().collect();
                all.sort_by_key(|header| std::cmp::Reverse(number(header)));
                all.truncate(MAX_OPENED);
                all
            }
        };
        let mut newest: Option<MessageEntry> = None;
        for id in candidates.into_iter().filter_map(Header::url) {
            let Some(received) = self.client.message(id.versionless()).await? else { continue };
            let Ok(message) = Message::extract(received.bundle) else { continue };
            let is_it = |url: &ResourceUrl| url.same_resource(resource) && url.version().is_some();
            let found = message.entries().find(|entry| entry.url().is_some_and(is_it));
            let version = |entry: &MessageEntry| entry.url().map(|url| url.as_str().to_owned());
            newest = newest.into_iter().chain(found.cloned()).max_by_key(version);
        }
        Ok(newest)
    }
}

impl fmt::Debug for Newer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newer").field("resources", &self.entries.len()).finish_non_exhaustive()
    }
}
