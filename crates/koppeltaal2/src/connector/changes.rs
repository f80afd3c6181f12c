//! [`Changes`]: every change that a search finds, at least once, whatever becomes of the notifications.

pub(crate) mod memory;
pub(crate) mod position;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use koppeltaal_push::{Notification, Notifications, Notifier};
use tokio::time::{Instant, sleep_until};

use self::memory::Memory;
use self::position::Position;
use crate::connector::application::Connector;
use crate::connector::error::Error;
use crate::connector::retry;
use crate::connector::search::Search;
use crate::connector::search::pages::Pages;
use crate::connector::stored::StoredResource;
use crate::connector::subscription::NewSubscription;
use crate::profile::Profile;

/// The changes that a search finds, each version at least once, those of one resource in their order.
///
/// It searches at the start, after each notification and on a slow timer, from the time of the last change on
/// with an overlap: notifications get lost, and come for nothing. What was handed out is remembered by id and
/// version. What this connector and its clones wrote is left out, so that an application does not answer
/// itself. Between two searches only the last version of a resource can be seen, and deletes are not seen at
/// all.
///
/// ```no_run
/// # use koppeltaal2::{Connector, NewSubscription, Search, WebhookService, profiles::Task};
/// # async fn example(connector: &Connector) -> Result<(), Box<dyn std::error::Error>> {
/// let search = Search::<Task>::new().status("ready");
/// let subscription = NewSubscription::new(&search, "https://module.example/notified", "new work")
///     .header("X-Secret", "correct horse");
/// let mut changes = connector.changes(search).resume(&"{}".parse()?).keep_subscribed(subscription);
/// let service = WebhookService::with_secret("X-Secret", "correct horse", changes.notifier())?;
/// # drop(service); // axum: Router::new().route_service("/notified", service)
/// loop {
///     let task = match changes.next().await {
///         Ok(task) => task,
///         Err(error) => {
///             eprintln!("{error}"); // the next call waits and looks again
///             continue;
///         }
///     };
///     println!("{}", task.reference());
///     let position = changes.position().to_string(); // keep it with the result
///     # drop(position);
/// }
/// # }
/// ```
#[must_use = "nothing happens before `next` is called"]
pub struct Changes<P: Profile> {
    connector: Connector,
    search: Search<P>,
    overlap: Duration,
    with_own_writes: bool,
    subscription: Option<NewSubscription>,
    /// Whether the subscription is to be looked at before the next search.
    is_subscription_due: bool,
    notifications: Notifications,
    memory: Memory,
    /// The search under way.
    pages: Option<Pages>,
    entries: VecDeque<Result<StoredResource<P>, Error>>,
    /// Whether own writes must have ended before the entries are handed out.
    waits_for_writes: bool,
    /// Whether to search without waiting for a notification.
    is_due: bool,
    failures: u32,
    not_before: Option<Instant>,
}

/// How far back a search looks, if nothing else is said.
const OVERLAP: Duration = Duration::from_secs(60);

/// How long to wait after a failed search.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a write of this application may delay the changes.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

impl Connector {
    /// The changes of the resources that the search finds, from the beginning; [`Changes::resume`] continues.
    pub fn changes<P: Profile>(&self, search: Search<P>) -> Changes<P> {
        Changes {
            connector: self.clone(),
            search,
            overlap: OVERLAP,
            with_own_writes: false,
            subscription: None,
            is_subscription_due: false,
            notifications: Notifications::default(),
            memory: Memory::default(),
            pages: None,
            entries: VecDeque::new(),
            waits_for_writes: false,
            is_due: false,
            failures: 0,
            not_before: None,
        }
    }
}

impl<P: Profile> Changes<P> {
    /// Continues after a position that was kept.
    pub fn resume(self, position: &Position) -> Self {
        Self { memory: Memory::at(position), ..self }
    }

    /// Searches when nothing has happened for this long. Default one minute, at most a day.
    pub fn every(mut self, interval: Duration) -> Self {
        self.notifications.set_interval(interval);
        self
    }

    /// How far back each search looks from the last change. A write can become visible after one with a later
    /// time; this has to be longer than that takes. Default one minute.
    pub fn overlap(self, overlap: Duration) -> Self {
        Self { overlap, ..self }
    }

    /// Hands out what this connector wrote too.
    pub fn with_own_writes(self) -> Self {
        Self { with_own_writes: true, ..self }
    }

    /// Makes the subscription at the start, and looks on each tick of the timer whether it still works. A
    /// failure leaves a `tracing` event of level WARN; the timer finds the changes all the same.
    pub fn keep_subscribed(self, subscription: NewSubscription) -> Self {
        Self { subscription: Some(subscription), ..self }
    }

    /// Says "look now": for a [`WebhookService`](crate::WebhookService), or any other source.
    pub fn notifier(&self) -> Notifier {
        self.notifications.notifier()
    }

    /// How far the feed has come with all that was handed out. Keep it after a change was handled, together
    /// with the result: what is handed out twice after a crash is then what was not kept. Its text grows with
    /// the number of versions that were written within the overlap.
    pub fn position(&self) -> Position {
        self.memory.position()
    }

    /// The next change. Waits until there is one.
    ///
    /// Cancel safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// [`Error`]: a search failed, or an entry cannot be used. Call it again: it waits longer after each
    /// failure (a second to a minute, or what the server says) and looks again.
    pub async fn next(&mut self) -> Result<StoredResource<P>, Error> {
        loop {
            if let Some(change) = self.search_on().await? {
                return Ok(change);
            }
            if !self.is_due {
                let reason = self.notifications.wait().await;
                self.is_subscription_due =
                    self.subscription.is_some() && (self.is_subscription_due || reason != Notification::Push);
                self.is_due = true;
            }
            self.begin().await;
        }
    }

    /// The next change that is there now. After `None` the next call searches again.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn next_now(&mut self) -> Result<Option<StoredResource<P>>, Error> {
        if self.pages.is_none() && self.entries.is_empty() {
            self.is_due = true;
            self.begin().await;
        }
        self.search_on().await
    }

    /// The changes as a stream that does not end; after an error it goes on.
    pub fn into_stream(self) -> impl Stream<Item = Result<StoredResource<P>, Error>> + Send {
        stream::unfold(self, |mut changes| async move {
            let change = changes.next().await;
            Some((change, changes))
        })
    }

    /// Begins a search, after the pause that a failure asks for.
    async fn begin(&mut self) {
        if let Some(not_before) = self.not_before {
            sleep_until(not_before).await;
        }
        if self.is_subscription_due
            && let Some(subscription) = &self.subscription
        {
            if let Err(error) = self.connector.subscribe(subscription).await {
                tracing::warn!(%error, "the subscription cannot be kept; changes are found by the timer");
            }
            self.is_subscription_due = false;
        }
        self.not_before = None;
        self.is_due = false;
        self.memory.begin();
        let from = self.memory.from(self.overlap);
        self.pages = Some(Pages::new(&self.connector, &self.search.to_feed(from.as_ref())));
    }

    /// The next change of the search under way; `None` when it is over.
    async fn search_on(&mut self) -> Result<Option<StoredResource<P>>, Error> {
        loop {
            let overlap = self.overlap;
            let is_new = |memory: &Memory, entry: &Result<StoredResource<P>, Error>| {
                entry.as_ref().is_ok_and(|stored| memory.is_new(stored, overlap))
            };
            if self.waits_for_writes && self.entries.iter().any(|entry| is_new(&self.memory, entry)) {
                self.connector.own_writes().settled(WRITE_LIMIT).await;
            }
            self.waits_for_writes = false;
            while let Some(entry) = self.entries.pop_front() {
                let stored = match entry {
                    // The search ended before its end.
                    Err(error @ Error::Pages { .. }) => return Err(self.fail(error)),
                    stored => stored?,
                };
                if !self.memory.is_new(&stored, self.overlap) {
                    continue;
                }
                self.memory.note(&stored, self.overlap);
                if self.with_own_writes
                    || !self.connector.own_writes().contains(&stored.reference(), &stored.version)
                {
                    return Ok(Some(stored));
                }
            }
            let Some(pages) = &mut self.pages else { return Ok(None) };
            if !pages.has_next() {
                self.pages = None;
                self.failures = 0;
                self.memory.end(self.overlap);
                return Ok(None);
            }
            match pages.next(&self.connector).await {
                Ok(page) => {
                    self.memory.page(page.entries.iter().flatten());
                    self.entries = page.entries.into();
                    self.waits_for_writes = !self.with_own_writes;
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// The search failed, and begins again after a pause: the links of a search expire. What was handed out
    /// is remembered.
    fn fail(&mut self, error: Error) -> Error {
        self.pages = None;
        self.is_due = true;
        self.failures = self.failures.saturating_add(1);
        let pause = retry::delay(SHORTEST_PAUSE, LONGEST_PAUSE, self.failures);
        self.not_before = Some(Instant::now() + pause.max(error.retry_after().unwrap_or_default()));
        error
    }
}

impl<P: Profile> fmt::Debug for Changes<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("search", &self.search)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
