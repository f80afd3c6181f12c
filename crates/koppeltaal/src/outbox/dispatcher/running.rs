//! A [`Dispatcher`] at work: as many loops as messages may be sent at the same time, each of which takes a message, tries
//! it, and writes down how that ended.

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
use super::warnings::Warnings;
use super::{DispatchReport, DispatchTrouble, Dispatcher};
use crate::causes::causes;
use crate::connector::Prepared;
use crate::database::DatabaseError;
use crate::observer::guarded;
use crate::outbox::attempt::{self, Earlier, Scope, Verdict};
use crate::outbox::store::{Claim, Claimed, End};
use crate::outbox::{OutboxError, OutboxFault};

/// How often to write down again how an attempt ended, when the database does not take it for now.
const SETTLE_TRIES: u32 = 3;

/// A message is not posted again that was taken this often in a row without anybody writing down how that ended: the database
/// does not take it, or it brings its dispatcher down.
const MAX_UNSETTLED: u32 = 10;

pub(super) struct Running {
    dispatcher: Dispatcher,
    /// Ready when no further message is to be taken. None: when there is none left that could be.
    stopped: Option<Shared<BoxFuture<'static, ()>>>,
    /// What the loop that looks for a message is woken by; the others wait until it has one.
    turn: tokio::sync::Mutex<watch::Receiver<()>>,
    server: Mutex<ServerTrouble>,
    warnings: Mutex<Warnings>,
    aside: Mutex<Aside>,
    /// What the database said last.
    pub(super) error: Mutex<Option<OutboxError>>,
    sent: AtomicU64,
    refused: AtomicU64,
    delayed: AtomicU64,
}

/// Trouble that concerns all messages.
#[derive(Default)]
struct ServerTrouble {
    /// How many times in a row.
    times: u32,
    /// Until when nothing is sent.
    until: Option<Instant>,
}

/// A message that is ours, by the name under which we took it.
struct Ours {
    claimed: Claimed,
    holder: String,
}

impl Running {
    pub(super) fn new(dispatcher: Dispatcher, stopped: Option<Shared<BoxFuture<'static, ()>>>) -> Self {
        Self {
            turn: tokio::sync::Mutex::new(dispatcher.outbox.wake.subscribe()),
            dispatcher,
            stopped,
            server: Mutex::default(),
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
            while let Some(ours) = self.take().await {
                self.send(&ours).await;
            }
        };
        join_all((0..self.dispatcher.concurrency).map(|_| one())).await;
    }

    /// The next message; none when it is time to stop.
    async fn take(&self) -> Option<Ours> {
        let mut woken = self.turn.lock().await;
        loop {
            let waits_for_more = self.stopped.is_some();
            if self.stopped.as_ref().is_some_and(|stopped| stopped.clone().now_or_never().is_some()) {
                return None;
            }
            let pause_end = self.server().until.filter(|until| *until > Instant::now());
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
                Ok(Some(claimed)) => return Some(Ours { claimed, holder }),
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
                    self.unless_stopped(sleep(*self.dispatcher.pauses.start())).await?;
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

    async fn send(&self, ours: &Ours) {
        let Ours { claimed, holder } = ours;
        // What panics is the application's version store, if anything is.
        let end = match AssertUnwindSafe(self.attempt(claimed, holder)).catch_unwind().await {
            Ok(Ok(Some(verdict))) => self.weigh(verdict, claimed),
            // Somebody else has taken it over.
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return self.database_trouble(error),
            Err(_) => {
                let fault = OutboxFault::new("panicked", "an attempt to send the message panicked", None);
                End::Later { pause: self.pause(claimed.attempts), posted: true, fault }
            }
        };
        self.tell_of(&end, claimed);
        self.settle(ours, end).await;
    }

    /// Counts how an attempt ended, and tells of it.
    fn tell_of(&self, end: &End, Claimed { identifier, event, attempts, .. }: &Claimed) {
        match end {
            End::Sent => {
                debug!(%identifier, event, "sent");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            End::Later { pause, fault, .. } => {
                let kind = &fault.kind;
                if lock(&self.warnings).is_due(kind, Instant::now()) {
                    warn!(%identifier, event, attempts, kind, error = %fault, ?pause, "not sent yet");
                } else {
                    debug!(%identifier, event, attempts, kind, error = %fault, ?pause, "not sent yet");
                }
                self.delayed.fetch_add(1, Ordering::Relaxed);
                self.tell(&DispatchTrouble::Delayed { identifier, event, fault, pause: *pause });
            }
            End::Refused(fault) => {
                warn!(%identifier, event, kind = fault.kind, error = %fault, "refused; somebody has to decide");
                self.refused.fetch_add(1, Ordering::Relaxed);
                self.tell(&DispatchTrouble::Refused { identifier, event, fault });
            }
        }
    }

    /// Writes down how an attempt ended: in plain words when the database will never take what the server said, and when it
    /// does not take those either, the message is left alone.
    async fn settle(&self, Ours { claimed, holder }: &Ours, end: End) {
        let Claimed { place, identifier, event, .. } = claimed;
        let plain = end.in_plain_words();
        let mut result = self.write_down(*place, holder, end).await;
        if let (Err(error), Some(plain)) = (&result, plain)
            && error.is_final()
        {
            result = self.write_down(*place, holder, plain).await;
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
                self.tell(&DispatchTrouble::NotSettled { identifier, event, error: &error });
                *lock(&self.error) = Some(error);
            }
            // It stays ours until the lease is over; then it is looked up.
            Err(error) => self.database_trouble(error),
        }
    }

    async fn write_down(&self, place: i64, holder: &str, end: End) -> Result<(), DatabaseError> {
        let mut tries = 1;
        loop {
            match self.dispatcher.outbox.store.settle(place, holder, end.clone()).await {
                Err(error) if !error.is_final() && tries < SETTLE_TRIES => {
                    sleep(self.pause(tries)).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    /// Tries a message. None: it is not ours any more.
    async fn attempt(&self, claimed: &Claimed, holder: &str) -> Result<Option<Verdict>, DatabaseError> {
        let Dispatcher { connector, outbox, settle_time, .. } = &self.dispatcher;
        let Ok(prepared) = Prepared::from_json(&claimed.message) else {
            let text = "the message in the outbox cannot be read back";
            return Ok(Some(Verdict::Refused(OutboxFault::new("stored-message", text, None))));
        };
        let verdict = match attempt::look_up(connector, claimed, &prepared, *settle_time).await {
            Ok(Earlier::Accepted(versions)) => attempt::keep(connector, &versions).await,
            Ok(Earlier::Open(wait)) => Verdict::Open(wait),
            Ok(Earlier::No) => attempt::post(connector, &prepared, claimed.attempts, *settle_time / 2).await,
            Ok(Earlier::Lost) if claimed.unsettled > MAX_UNSETTLED => {
                let text = "the message was taken many times, and what became of it was never written down";
                Verdict::Refused(OutboxFault::new("unsettled", text, None))
            }
            Ok(Earlier::Lost) => {
                if !outbox.store.post_again(claimed.place, holder, *settle_time).await? {
                    return Ok(None);
                }
                attempt::post(connector, &prepared, claimed.attempts, *settle_time / 2).await
            }
            Err(error) => attempt::not_looked_up(&error),
        };
        Ok(Some(verdict))
    }

    /// What is written down, and how long all messages wait.
    fn weigh(&self, verdict: Verdict, claimed: &Claimed) -> End {
        if matches!(verdict, Verdict::Sent | Verdict::Refused(_)) {
            self.has_passed();
        }
        match verdict {
            Verdict::Sent => End::Sent,
            Verdict::Refused(fault) => End::Refused(fault),
            Verdict::Open(pause) => {
                let text = "the message was posted, but whether the server has it is not known yet";
                End::Later { pause, posted: true, fault: OutboxFault::new("unknown-outcome", text, None) }
            }
            Verdict::Later { posted, scope, wait, fault } => {
                let wait = wait.unwrap_or_default();
                let own = self.pause(claimed.attempts).max(wait);
                let pause = match scope {
                    Scope::Message => own,
                    // A message that alone has this trouble, again and again, has the others wait ever less often.
                    Scope::Server => self.pause_all(wait).max(own),
                };
                End::Later { pause, posted, fault }
            }
        }
    }

    /// What concerned all messages is over, if there was anything.
    fn has_passed(&self) {
        let had_trouble = std::mem::take(&mut *self.server()).times > 0;
        if had_trouble && lock(&self.warnings).has_passed() {
            info!("messages can be sent again");
        }
    }

    /// Has all messages wait. Those that were under way when the trouble began do not make it worse.
    fn pause_all(&self, wait: Duration) -> Duration {
        let now = Instant::now();
        let mut server = self.server();
        if let Some(until) = server.until.filter(|until| *until > now) {
            return wait.max(until - now);
        }
        server.times = server.times.saturating_add(1);
        let pause = self.pause(server.times).max(wait);
        server.until = Some(now + pause);
        pause
    }

    /// The pause after so many failures.
    fn pause(&self, failures: u32) -> Duration {
        let (first, longest) = (*self.dispatcher.pauses.start(), *self.dispatcher.pauses.end());
        first.saturating_mul(1 << failures.saturating_sub(1).min(30)).min(longest)
    }

    fn server(&self) -> MutexGuard<'_, ServerTrouble> {
        lock(&self.server)
    }

    fn tell(&self, trouble: &DispatchTrouble<'_>) {
        guarded(|| (self.dispatcher.observer)(trouble));
    }

    fn database_trouble(&self, error: DatabaseError) {
        let error = OutboxError::from(error);
        if lock(&self.warnings).is_due("database", Instant::now()) {
            warn!(error = causes(&error), "the outbox's database does not do what it was asked");
        }
        self.tell(&DispatchTrouble::Database(&error));
        *lock(&self.error) = Some(error);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
