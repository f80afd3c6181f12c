//! [`RunLoop`]: a [`Dispatcher`] at work. There are as many loops as messages may be sent at the same time.
//! Each takes a message, tries it, and records how that ended.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::aside::Aside;
use super::server::Server;
use super::warnings::Warnings;
use super::{DispatchEvent, DispatchReport, Dispatcher};
use crate::causes::causes;
use crate::connector::PreparedMessage;
use crate::database::DatabaseError;
use crate::observer::guarded;
use crate::outbox::attempt::{self, Failure, FailureKind};
use crate::outbox::store::{Claim, ClaimedEntry, Failures, Settlement};
use crate::outbox::{LastError, OutboxError};

/// How often to record how an attempt ended, when the database does not take it for now.
const SETTLE_TRIES: u32 = 3;

/// A message that was taken more often than this in a row, without anybody recording how that ended, is not
/// posted again: the database does not take the result, or the message brings its dispatcher down.
const MAX_UNSETTLED: u32 = 10;

/// A message that has failed for so long is refused after fewer failures: where little is sent, it takes days
/// until other messages were sent between many of them.
const LONG_FAILURE: Duration = Duration::from_secs(24 * 60 * 60);
const LONG_FAILURES: u32 = 3;

pub(super) struct RunLoop {
    dispatcher: Dispatcher,
    /// Ready when no further message is to be taken. None: when there is none left that could be.
    stopped: Option<Shared<BoxFuture<'static, ()>>>,
    /// What the loop that looks for a message is woken by; the others wait until it has one.
    turn: tokio::sync::Mutex<watch::Receiver<()>>,
    server: Mutex<Server>,
    warnings: Mutex<Warnings>,
    aside: Mutex<Aside>,
    /// What the database said last.
    pub(super) error: Mutex<Option<OutboxError>>,
    sent: AtomicU64,
    refused: AtomicU64,
    delayed: AtomicU64,
}

impl RunLoop {
    pub(super) fn new(dispatcher: Dispatcher, stopped: Option<Shared<BoxFuture<'static, ()>>>) -> Self {
        Self {
            turn: tokio::sync::Mutex::new(dispatcher.outbox.wake.subscribe()),
            server: Mutex::new(Server::new(dispatcher.backoff.clone())),
            dispatcher,
            stopped,
            warnings: Mutex::default(),
            aside: Mutex::default(),
            error: Mutex::default(),
            sent: AtomicU64::default(),
            refused: AtomicU64::default(),
            delayed: AtomicU64::default(),
        }
    }

    pub(super) fn report(&self) -> DispatchReport {
        DispatchReport {
            sent: self.sent.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            delayed: self.delayed.load(Ordering::Relaxed),
        }
    }

    pub(super) async fn work(&self) {
        let one = || async {
            while let Some(entry) = self.take().await {
                self.send(&entry).await;
            }
        };
        join_all((0..self.dispatcher.concurrency).map(|_| one())).await;
    }

    /// The next message; none when it is time to stop.
    async fn take(&self) -> Option<ClaimedEntry> {
        let mut woken = self.turn.lock().await;
        loop {
            let waits_for_more = self.stopped.is_some();
            if self.stopped.as_ref().is_some_and(|stopped| stopped.clone().now_or_never().is_some()) {
                return None;
            }
            let pause_end = lock(&self.server).pause_end(Instant::now());
            if let Some(until) = pause_end {
                self.unless_stopped(sleep_until(until)).await?;
                continue;
            }
            let holder = Uuid::new_v4().to_string();
            let aside = lock(&self.aside).places(Instant::now());
            let claim = Claim {
                domain: self.dispatcher.connector.sender().domain(),
                holder: &holder,
                lease: self.dispatcher.settle_time,
                aside: &aside,
            };
            match self.dispatcher.outbox.store.claim(claim).await {
                Ok(Some(entry)) => return Some(entry),
                Ok(None) if waits_for_more => {
                    let more = async {
                        tokio::select! {
                            // The outbox is there as long as we are.
                            _ = woken.changed() => {}
                            () = sleep(self.dispatcher.poll_interval) => {}
                        }
                    };
                    self.unless_stopped(more).await?;
                }
                Ok(None) => return None,
                Err(error) => {
                    self.database_trouble(error);
                    self.unless_stopped(sleep(self.pause(1))).await?;
                }
            }
        }
    }

    /// Waits, unless nothing is to be waited for any more.
    async fn unless_stopped(&self, wait: impl Future<Output = ()>) -> Option<()> {
        let stopped = self.stopped.clone()?;
        tokio::select! {
            () = stopped => None,
            () = wait => Some(()),
        }
    }

    async fn send(&self, entry: &ClaimedEntry) {
        // What panics is the application's version store, if anything is.
        let result = match AssertUnwindSafe(self.attempt(entry)).catch_unwind().await {
            Ok(Ok(Some(result))) => result,
            // Somebody else has taken it over.
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return self.database_trouble(error),
            Err(_) => {
                let error = LastError::new("panicked", "an attempt to send the message panicked", None);
                Err(Failure::new(FailureKind::Message, true, error))
            }
        };
        let settlement = self.settlement(result, entry);
        self.report_settlement(&settlement, entry);
        self.settle(entry, settlement).await;
    }

    /// Counts how an attempt ended, and tells of it.
    fn report_settlement(&self, settlement: &Settlement, entry: &ClaimedEntry) {
        let ClaimedEntry { identifier, event, attempts, .. } = entry;
        match settlement {
            Settlement::Sent => {
                debug!(%identifier, event, "sent");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Settlement::Delayed { pause, error, .. } => {
                let kind = &error.kind;
                if lock(&self.warnings).is_due(kind, Instant::now()) {
                    warn!(%identifier, event, attempts, kind, %error, ?pause, "not sent yet");
                } else {
                    debug!(%identifier, event, attempts, kind, %error, ?pause, "not sent yet");
                }
                self.delayed.fetch_add(1, Ordering::Relaxed);
                self.tell(&DispatchEvent::Delayed { identifier, event, error, pause: *pause });
            }
            Settlement::Refused { error, .. } => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.tell(&DispatchEvent::Refused { identifier, event, error });
            }
        }
    }

    /// Records how an attempt ended: in plain words when the database will never take what the server said,
    /// and when it does not take those either, the message is left alone.
    async fn settle(&self, entry: &ClaimedEntry, settlement: Settlement) {
        let ClaimedEntry { place, identifier, event, .. } = entry;
        let plain = settlement.in_plain_words();
        let mut result = self.record(entry, settlement).await;
        if let (Err(error), Some(plain)) = (&result, plain)
            && error.is_final()
        {
            result = self.record(entry, plain).await;
        }
        match result {
            // What is behind it about the same resource can go now.
            Ok(()) => self.dispatcher.outbox.wake(),
            Err(error) if error.is_final() => {
                lock(&self.aside).put(*place, Instant::now());
                let error = OutboxError::from(error);
                error!(
                    %identifier, event, error = causes(&error),
                    "the outbox's database will never take what became of the message; somebody has to mend it"
                );
                self.tell(&DispatchEvent::NotSettled { identifier, event, error: &error });
                *lock(&self.error) = Some(error);
            }
            // It stays ours until the lease is over; then it is looked up.
            Err(error) => self.database_trouble(error),
        }
    }

    async fn record(&self, entry: &ClaimedEntry, settlement: Settlement) -> Result<(), DatabaseError> {
        let mut tries = 1;
        loop {
            match self.dispatcher.outbox.store.settle(entry, settlement.clone()).await {
                Err(error) if !error.is_final() && tries < SETTLE_TRIES => {
                    sleep(self.pause(tries)).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// Tries a message. None: somebody else has taken it over.
    async fn attempt(&self, entry: &ClaimedEntry) -> Result<Option<Result<(), Failure>>, DatabaseError> {
        let Dispatcher { connector, outbox, settle_time, .. } = &self.dispatcher;
        let is_final = |kind, text| {
            Ok(Some(Err(Failure::new(FailureKind::Final, false, LastError::new(kind, text, None)))))
        };
        let Ok(prepared) = PreparedMessage::from_json(&entry.message) else {
            return is_final("stored-message", "the message in the outbox cannot be read back");
        };
        match attempt::look_up(connector, entry, &prepared, *settle_time).await {
            Ok(Some(versions)) => return Ok(Some(attempt::record(connector, &versions).await)),
            Ok(None) => {}
            Err(failure) => return Ok(Some(Err(failure))),
        }
        if entry.posted.is_some() {
            if entry.unsettled > MAX_UNSETTLED {
                let text = "the message was taken many times, and what became of it was never recorded";
                return is_final("unsettled", text);
            }
            if !outbox.store.post_again(entry, *settle_time).await? {
                return Ok(None);
            }
        }
        Ok(Some(attempt::post(connector, &prepared, entry.attempts, *settle_time / 2).await))
    }

    /// What is recorded of an attempt. What concerns all messages has them all wait.
    fn settlement(&self, result: Result<(), Failure>, entry: &ClaimedEntry) -> Settlement {
        let Failure { kind, posted, wait, error } = match result {
            Ok(()) => {
                self.has_passed();
                return Settlement::Sent;
            }
            Err(failure) => failure,
        };
        let ClaimedEntry { identifier, event, .. } = entry;
        let own = self.pause(entry.attempts).max(wait);
        let delayed = |pause, failures| Settlement::Delayed { pause, posted, failures, error: error.clone() };
        match kind {
            FailureKind::Final => {
                self.has_passed();
                warn!(%identifier, event, kind = error.kind, %error, "refused; somebody has to decide");
                Settlement::Refused { posted, error }
            }
            FailureKind::Pending => delayed(wait, None),
            FailureKind::Versions => delayed(own, None),
            // A message that alone has this trouble, again and again, has the others wait ever less often.
            FailureKind::Server => delayed(lock(&self.server).fail(Instant::now(), wait).max(own), None),
            FailureKind::Message => {
                lock(&self.server).fail_at(entry.place, Instant::now());
                let count = entry.failures.count_with_this();
                match self.dispatcher.why_refused(count, &entry.failures) {
                    None => delayed(own, Some(count)),
                    Some(reason) => {
                        let text = format!("{reason}: {error}");
                        let error = LastError::new(&error.kind, &text, error.detail.as_deref());
                        error!(%identifier, event, kind = error.kind, %error, "refused; somebody has to decide");
                        Settlement::Refused { posted, error }
                    }
                }
            }
        }
    }

    /// The server works: what concerned all messages is over, if there was anything.
    fn has_passed(&self) {
        let had_trouble = lock(&self.server).works();
        if had_trouble && lock(&self.warnings).has_passed() {
            info!("messages can be sent again");
        }
    }

    /// The pause after this many failures.
    fn pause(&self, failures: u32) -> Duration {
        self.dispatcher.backoff.delay_after(failures)
    }

    fn tell(&self, event: &DispatchEvent<'_>) {
        guarded(|| (self.dispatcher.observer)(event));
    }

    fn database_trouble(&self, error: DatabaseError) {
        let error = OutboxError::from(error);
        if lock(&self.warnings).is_due("database", Instant::now()) {
            warn!(error = causes(&error), "the outbox's database does not do what it was asked");
        }
        self.tell(&DispatchEvent::Database(&error));
        *lock(&self.error) = Some(error);
    }
}

impl Failures {
    /// The count with the failure that has just happened.
    fn count_with_this(self) -> u32 {
        let counts = self.since.is_none() || self.others_sent;
        self.count.saturating_add(u32::from(counts))
    }
}

impl Dispatcher {
    /// Why a message that has failed this often, now included, is refused; `None` if it is to be tried again.
    fn why_refused(&self, count: u32, before: &Failures) -> Option<String> {
        if count >= self.refuse_after {
            return Some(format!("refused after {count} failures while other messages were sent"));
        }
        let is_long = before.since.is_some_and(|since| since >= LONG_FAILURE) && count >= LONG_FAILURES;
        is_long.then(|| "refused after failing for a day while other messages were sent".to_owned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
