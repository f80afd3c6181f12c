//! [`RunLoop`]: the loops of a [`Dispatcher`], as many as messages may be sent at the same time. Each loop
//! claims a message, tries to send it, and records the result.

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

use super::quarantine::Quarantine;
use super::server_health::ServerHealth;
use super::warnings::Warnings;
use super::{DispatchProblem, DispatchReport, Dispatcher};
use crate::causes::causes;
use crate::connector::PreparedMessage;
use crate::database::DatabaseError;
use crate::metrics;
use crate::observer::guarded;
use crate::outbox::attempt::{self, Failure, FailureKind};
use crate::outbox::store::{ClaimRequest, ClaimedEntry, Failures, Settlement};
use crate::outbox::{LastError, OutboxError};

/// How often to try to record the result of an attempt.
const SETTLE_TRIES: u32 = 3;

/// A message that was claimed more often than this in a row without a recorded result is not posted again:
/// the database does not accept the result, or the message crashes its dispatcher.
const MAX_UNSETTLED: u32 = 10;

/// A message that has failed for this long is refused after fewer failures. Where little is sent, it would
/// take days to reach the full number.
const LONG_FAILURE: Duration = Duration::from_secs(24 * 60 * 60);
const LONG_FAILURES: u32 = 3;

/// The steps at which the database can fail, by the names of their warnings. A full disk may let a dispatcher
/// look for messages and refuse the results.
const CLAIM: &str = "database at a claim";
const SETTLE: &str = "database at a result";

pub(super) struct RunLoop {
    pub(super) dispatcher: Dispatcher,
    /// Ready when no further message is to be claimed. `None`: the loops end when no message is due.
    stopped: Option<Shared<BoxFuture<'static, ()>>>,
    /// One loop looks for a message at a time. This wakes it.
    turn: tokio::sync::Mutex<watch::Receiver<()>>,
    server: Mutex<ServerHealth>,
    warnings: Mutex<Warnings>,
    quarantine: Mutex<Quarantine>,
    /// The last error of the database.
    pub(super) error: Mutex<Option<OutboxError>>,
    sent: AtomicU64,
    refused: AtomicU64,
    delayed: AtomicU64,
}

impl RunLoop {
    pub(super) fn new(dispatcher: Dispatcher, stopped: Option<Shared<BoxFuture<'static, ()>>>) -> Self {
        Self {
            turn: tokio::sync::Mutex::new(dispatcher.outbox.wake.subscribe()),
            server: Mutex::new(ServerHealth::new(dispatcher.backoff.clone())),
            dispatcher,
            stopped,
            warnings: Mutex::default(),
            quarantine: Mutex::default(),
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
        let sending = join_all((0..self.dispatcher.concurrency).map(|_| one()));
        if self.stopped.is_some() {
            tokio::join!(sending, self.keep_house());
        } else {
            sending.await;
            self.keep_house().await;
        }
    }

    /// The next message; `None` when it is time to stop.
    async fn take(&self) -> Option<ClaimedEntry> {
        let mut woken = self.turn.lock().await;
        loop {
            let waits_for_more = self.stopped.is_some();
            if self.is_stopping() {
                return None;
            }
            let pause_end = lock(&self.server).pause_end(Instant::now());
            if let Some(until) = pause_end {
                self.unless_stopped(sleep_until(until)).await?;
                continue;
            }
            let holder = Uuid::new_v4().to_string();
            let quarantined = lock(&self.quarantine).places(Instant::now());
            let claim = ClaimRequest {
                domain: self.dispatcher.connector.sender().domain(),
                holder: &holder,
                lease: self.dispatcher.settle_time,
                quarantined: &quarantined,
            };
            match self.dispatcher.outbox.store.claim(claim).await {
                Ok(Some(entry)) => {
                    self.note_database_works(CLAIM);
                    lock(&self.server).begin(Instant::now());
                    return Some(entry);
                }
                Ok(None) if waits_for_more => {
                    self.note_database_works(CLAIM);
                    let more = async {
                        tokio::select! {
                            // The sender lives as long as the dispatcher.
                            _ = woken.changed() => {}
                            () = sleep(self.dispatcher.poll_interval) => {}
                        }
                    };
                    self.unless_stopped(more).await?;
                }
                Ok(None) => return None,
                Err(error) => {
                    self.report_database(CLAIM, error);
                    self.unless_stopped(sleep(self.pause(1))).await?;
                }
            }
        }
    }

    /// Whether the application has asked the dispatcher to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopped.as_ref().is_some_and(|stopped| stopped.clone().now_or_never().is_some())
    }

    /// Waits for this; `None` when it is time to stop.
    pub(super) async fn unless_stopped(&self, wait: impl Future<Output = ()>) -> Option<()> {
        let stopped = self.stopped.clone()?;
        tokio::select! {
            () = stopped => None,
            () = wait => Some(()),
        }
    }

    async fn send(&self, entry: &ClaimedEntry) {
        // Only the application's version store can panic.
        let result = match AssertUnwindSafe(self.attempt(entry)).catch_unwind().await {
            Ok(Ok(Some(result))) => result,
            // Somebody else has claimed it.
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return self.report_database(SETTLE, error),
            Err(_) => {
                let error = LastError::new("panicked", "an attempt to send the message panicked", None);
                Err(Failure::new(FailureKind::Message, true, error))
            }
        };
        let settlement = self.settlement(result, entry);
        self.report_settlement(&settlement, entry);
        self.settle(entry, settlement).await;
    }

    /// Counts, logs and reports the result of an attempt.
    fn report_settlement(&self, settlement: &Settlement, entry: &ClaimedEntry) {
        let ClaimedEntry { identifier, event, attempts, .. } = entry;
        match settlement {
            Settlement::Sent => {
                debug!(%identifier, event, "sent");
                metrics::attempted("sent");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            Settlement::Delayed { pause, error, .. } => {
                let kind = &error.kind;
                if lock(&self.warnings).is_due(kind, Instant::now()) {
                    warn!(%identifier, event, attempts, kind, %error, ?pause, "not sent yet");
                } else {
                    debug!(%identifier, event, attempts, kind, %error, ?pause, "not sent yet");
                }
                metrics::attempted("delayed");
                self.delayed.fetch_add(1, Ordering::Relaxed);
                self.report_problem(&DispatchProblem::Delayed { identifier, event, error, pause: *pause });
            }
            Settlement::Refused { error, .. } => {
                metrics::attempted("refused");
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.report_problem(&DispatchProblem::Refused { identifier, event, error });
            }
        }
    }

    /// Records the result of an attempt. If the database will never accept it, a fixed text replaces that of
    /// the error; if it does not accept that either, the message is left alone.
    async fn settle(&self, entry: &ClaimedEntry, settlement: Settlement) {
        let ClaimedEntry { place, identifier, event, .. } = entry;
        let without_text = settlement.without_text();
        let mut result = self.record(entry, settlement).await;
        if let (Err(error), Some(settlement)) = (&result, without_text)
            && error.is_permanent()
        {
            result = self.record(entry, settlement).await;
        }
        match result {
            // The next message about the same resource can be sent now.
            Ok(()) => {
                self.note_database_works(SETTLE);
                self.dispatcher.outbox.wake();
            }
            Err(error) if error.is_permanent() => {
                lock(&self.quarantine).add(*place, Instant::now());
                let error = OutboxError::from(error);
                error!(
                    %identifier, event, error = causes(&error),
                    "the outbox's database will never accept the result for the message; somebody has to repair it"
                );
                self.report_problem(&DispatchProblem::NotSettled { identifier, event, error: &error });
                *lock(&self.error) = Some(error);
            }
            // The lease of the message runs out, and then the server is asked for it.
            Err(error) => self.report_database(SETTLE, error),
        }
    }

    async fn record(&self, entry: &ClaimedEntry, settlement: Settlement) -> Result<(), DatabaseError> {
        let mut tries = 1;
        loop {
            match self.dispatcher.outbox.store.settle(entry, settlement.clone()).await {
                Err(error) if !error.is_permanent() && tries < SETTLE_TRIES => {
                    sleep(self.pause(tries)).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// Tries to send a message. `None`: somebody else has claimed it.
    async fn attempt(&self, entry: &ClaimedEntry) -> Result<Option<Result<(), Failure>>, DatabaseError> {
        let Dispatcher { connector, outbox, settle_time, .. } = &self.dispatcher;
        let permanent = |kind, text| {
            Ok(Some(Err(Failure::new(FailureKind::Permanent, false, LastError::new(kind, text, None)))))
        };
        let Ok(prepared) = PreparedMessage::from_json(&entry.message) else {
            return permanent("stored-message", "the message in the outbox cannot be read back");
        };
        match attempt::look_up(connector, entry, &prepared, *settle_time).await {
            Ok(Some(versions)) => return Ok(Some(attempt::record(connector, &versions).await)),
            Ok(None) => {}
            Err(failure) => return Ok(Some(Err(failure))),
        }
        if entry.posted.is_some() {
            if entry.unsettled > MAX_UNSETTLED {
                let text = "the message was tried many times, and no result could be recorded";
                return permanent("unsettled", text);
            }
            if !outbox.store.post_again(entry, *settle_time).await? {
                return Ok(None);
            }
        }
        Ok(Some(attempt::post(connector, &prepared, entry.attempts, *settle_time / 2).await))
    }

    /// What to record of an attempt. A failure that concerns all messages makes them all wait.
    fn settlement(&self, result: Result<(), Failure>, entry: &ClaimedEntry) -> Settlement {
        let Failure { kind, posted, wait, error } = match result {
            Ok(()) => {
                self.note_success();
                return Settlement::Sent;
            }
            Err(failure) => failure,
        };
        let ClaimedEntry { identifier, event, .. } = entry;
        let own_pause = self.pause(entry.attempts).max(wait);
        let delayed = |pause, failures| Settlement::Delayed { pause, posted, failures, error: error.clone() };
        match kind {
            FailureKind::Permanent => {
                self.note_success();
                warn!(%identifier, event, kind = error.kind, %error, "refused; it waits for a decision");
                Settlement::Refused { posted, error }
            }
            FailureKind::Pending => delayed(wait, None),
            FailureKind::Versions => delayed(own_pause, None),
            // If only this message fails like that, its pauses grow, and the others wait less and less often.
            FailureKind::Server => {
                delayed(lock(&self.server).record_outage(Instant::now(), wait).max(own_pause), None)
            }
            FailureKind::Message => {
                lock(&self.server).record_failure(entry.place, Instant::now());
                let count = entry.failures.count_with_this();
                match self.dispatcher.why_refused(count, &entry.failures) {
                    None => delayed(own_pause, Some(count)),
                    Some(reason) => {
                        let text = format!("{reason}: {error}");
                        let error = LastError::new(&error.kind, &text, error.detail.as_deref());
                        error!(%identifier, event, kind = error.kind, %error, "refused; it waits for a decision");
                        Settlement::Refused { posted, error }
                    }
                }
            }
        }
    }

    /// The server works, so a problem that concerned all messages is over.
    fn note_success(&self) {
        let had_problem = lock(&self.server).record_success();
        if had_problem && lock(&self.warnings).has_passed() {
            info!("messages can be sent again");
        }
    }

    /// The database works at this step, so that its next failure is logged at once.
    fn note_database_works(&self, step: &'static str) {
        if lock(&self.warnings).has_ended(step) {
            info!("the outbox's database works again");
        }
    }

    /// The pause after this many failures.
    fn pause(&self, failures: u32) -> Duration {
        self.dispatcher.backoff.delay_after(failures)
    }

    pub(super) fn report_problem(&self, problem: &DispatchProblem<'_>) {
        guarded(|| (self.dispatcher.observer)(problem));
    }

    fn report_database(&self, step: &'static str, error: DatabaseError) {
        let error = OutboxError::from(error);
        if lock(&self.warnings).is_due(step, Instant::now()) {
            warn!(error = causes(&error), "the outbox's database fails; the dispatcher tries again");
        }
        self.report_problem(&DispatchProblem::Database(&error));
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
    /// Why a message that has failed this often, now included, is refused; `None` if it is tried again.
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
