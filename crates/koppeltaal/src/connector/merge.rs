//! Sending with a merge: after a conflict, the newer version is looked up in the application's own queue, the
//! application makes its change again on top of it, and the result is sent.

use std::fmt;
use std::time::Duration;

use koppeltaal_messaging::{Draft, Header, Message, MessageEntry, Profile, ResourceUrl};
use koppeltaal_transport::{Backoff, Error, HeaderQuery, MessageFilter};
use tokio::time::{Instant, sleep, timeout_at};

use super::outcome::{SendError, SentMessage};
use super::{Connector, MAX_OPENED_MESSAGES, message_number};

/// How long to wait between two searches for a newer version.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How hard [`Connector::send_with_merge`] tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeLimits {
    /// The largest number of posts of the message; it is posted at least once. Default: 5.
    pub attempts: u32,
    /// How long to wait after each conflict for the message with the newer version. Default: 30 seconds.
    pub wait: Duration,
}

impl Default for MergeLimits {
    fn default() -> Self {
        Self { attempts: 5, wait: Duration::from_secs(30) }
    }
}

/// The newer versions of the resources that a message was to change.
///
/// `Debug` shows nothing of their content.
#[derive(Clone)]
pub struct NewerVersions {
    entries: Vec<MessageEntry>,
}

impl NewerVersions {
    /// The resources that somebody else changed, with their addresses and newest versions.
    pub fn entries(&self) -> &[MessageEntry] {
        &self.entries
    }

    /// The first of them that has this profile.
    pub fn get<P: Profile>(&self) -> Option<P> {
        self.entries.iter().find_map(|entry| P::from_resource_ref(entry.resource()))
    }
}

impl Connector {
    /// Sends a message. When somebody else has changed a resource in the meantime, the application makes its
    /// change again on top of the newer version, as often as [`MergeLimits`] allow.
    ///
    /// `merge` gets the newer versions and returns the message to send instead, or `None` to stop. What it
    /// returns counts as a change of the versions that it got, even if newer ones were received since.
    ///
    /// The newer version comes from a message in this application's queue, processed or not, so the
    /// application has to subscribe to messages with that resource. That message is not claimed.
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
    /// Any resource of the message may be in conflict, also one beside the focal one. `merge` gets only those
    /// that are, so the application keeps the others as it last knew them:
    ///
    /// ```no_run
    /// # use koppeltaal::messaging::profiles::{CarePlan, CareTeam, Patient};
    /// # async fn example(portal: koppeltaal::Connector, mut plan: CarePlan, mut patient: Patient, mut team: CareTeam) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::NewerVersions;
    /// use koppeltaal::fhir::resources::CarePlanStatus;
    /// use koppeltaal::messaging::{Draft, ResourceKind, UrlError};
    ///
    /// // The application's own plan, with its own patient and care team, to which the plan refers.
    /// let draft = |plan: &CarePlan, patient: &Patient, team: &CareTeam| -> Result<Draft, UrlError> {
    ///     let completed = CarePlan { status: Some(CarePlanStatus::Completed), ..plan.clone() };
    ///     Ok(portal
    ///         .draft("31", completed)?
    ///         .with_resource(portal.url(ResourceKind::Patient, "3007")?, patient.clone())
    ///         .with_resource(portal.url(ResourceKind::CareTeam, "team-4")?, team.clone()))
    /// };
    /// let first = draft(&plan, &patient, &team)?;
    /// portal
    ///     .send_with_merge(first, |newer: NewerVersions| {
    ///         plan = newer.get().unwrap_or_else(|| plan.clone());
    ///         patient = newer.get().unwrap_or_else(|| patient.clone());
    ///         team = newer.get().unwrap_or_else(|| team.clone());
    ///         std::future::ready(draft(&plan, &patient, &team).ok())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send). The last [`Conflict`](SendError::Conflict) is returned when the newer
    /// version is not found in time, when `merge` returns `None`, and when others are faster every time.
    pub async fn send_with_merge<F, R>(&self, draft: Draft, mut merge: F) -> Result<SentMessage, SendError>
    where
        F: FnMut(NewerVersions) -> R,
        R: Future<Output = Option<Draft>>,
    {
        let mut draft = draft;
        let mut attempts = 1;
        loop {
            let prepared = self.prepare(draft)?;
            let turn = self.shared.turns.wait(prepared.focal()).await;
            let message = self.fill_versions(&prepared).await.map_err(SendError::Versions)?;
            let conflict = match self.post_and_record(message.clone(), prepared, turn).await {
                Err(error @ SendError::Conflict { .. }) => error,
                result => return result,
            };
            let SendError::Conflict { resources, patient, .. } = &conflict else { return Err(conflict) };
            if attempts >= self.merge_limits.attempts {
                return Err(conflict);
            }
            let Some(newer) = self.await_newer(&message, resources, patient.as_ref()).await? else {
                return Err(conflict);
            };
            let versions: Vec<_> = newer.entries.iter().filter_map(MessageEntry::url).cloned().collect();
            let Some(merged) = merge(newer).await else {
                return Err(conflict);
            };
            draft = versions.iter().fold(merged, Draft::based_on);
            attempts += 1;
        }
    }

    /// Waits for the newer versions of all these resources; `None` if that takes too long.
    async fn await_newer(
        &self,
        sent: &Message,
        resources: &[ResourceUrl],
        patient: Option<&ResourceUrl>,
    ) -> Result<Option<NewerVersions>, SendError> {
        let deadline = Instant::now() + self.merge_limits.wait;
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        let look = async {
            loop {
                match self.newer(sent, resources, patient).await {
                    Ok(None) => {}
                    Err(error) if error.is_retryable() => {}
                    result => return result,
                }
                sleep(backoff.next_delay()).await;
            }
        };
        let found = timeout_at(deadline, look).await.unwrap_or(Ok(None));
        found.map_err(|error| SendError::Transport(Box::new(error)))
    }

    async fn newer(
        &self,
        sent: &Message,
        resources: &[ResourceUrl],
        patient: Option<&ResourceUrl>,
    ) -> Result<Option<NewerVersions>, Error> {
        let filter = match patient {
            Some(patient) => MessageFilter::default().patient(patient.clone()),
            None => MessageFilter::default(),
        };
        let headers = self.client.message_headers(&HeaderQuery::default().filter(filter)).collect().await?;
        let mut entries = Vec::with_capacity(resources.len());
        for resource in resources {
            let mut sent = sent.entries().filter_map(MessageEntry::url);
            let posted = sent.find(|url| url.same_resource(resource)).unwrap_or(resource);
            match self.newest(&headers, resource).await? {
                Some(entry) if entry.url().is_some_and(|url| url.is_newer_than(posted)) => {
                    entries.push(entry);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(NewerVersions { entries }))
    }

    /// The newest version of a resource in these messages.
    async fn newest(
        &self,
        headers: &[Header],
        resource: &ResourceUrl,
    ) -> Result<Option<MessageEntry>, Error> {
        let mut about: Option<(&Header, ResourceUrl)> = None;
        for header in headers {
            let Some(focal) = header.focal().filter(|focal| focal.same_resource(resource)) else { continue };
            if about.as_ref().is_none_or(|(_, known)| focal.is_newer_than(known)) {
                about = Some((header, focal));
            }
        }
        let candidates: Vec<&Header> = match about {
            Some((header, _)) => vec![header],
            None => {
                let mut all: Vec<&Header> = headers.iter().collect();
                all.sort_by_key(|header| std::cmp::Reverse(message_number(header)));
                all.truncate(MAX_OPENED_MESSAGES);
                all
            }
        };
        let mut newest: Option<MessageEntry> = None;
        for id in candidates.into_iter().filter_map(Header::url) {
            let Some(received) = self.client.message(id.versionless()).await? else { continue };
            let Ok(message) = Message::extract(received.bundle) else { continue };
            let is_it = |url: &ResourceUrl| url.same_resource(resource) && url.version().is_some();
            let Some(found) = message.entries().find(|entry| entry.url().is_some_and(is_it)) else {
                continue;
            };
            let known = newest.as_ref().and_then(MessageEntry::url);
            if known.is_none_or(|known| found.url().is_some_and(|url| url.is_newer_than(known))) {
                newest = Some(found.clone());
            }
        }
        Ok(newest)
    }
}

impl fmt::Debug for NewerVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewerVersions").field("resources", &self.entries.len()).finish_non_exhaustive()
    }
}
