//! A [`Dispatcher`] at work: as many loops as messages may be sent at the same time, each of which takes a message, tries
//! it, and writes down how that ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};
use uuid::Uuid;

use super::{DispatchReport, DispatchTrouble, Dispatcher};
use crate::connector::Prepared;
use crate::database::DatabaseError;
use crate::outbox::OutboxError;
use crate::outbox::attempt::{self, Earlier, Scope, Verdict, fault};
use crate::outbox::store::{Claim, Claimed, End};

pub(super) struct Running {
    dispatcher: Dispatcher,
    /// Ready when no further message is to be taken. None: when there is none left that could be.
    stopped: Option<Shared<BoxFuture<'static, ()>>>,
    /// What the loop that looks for a message is woken by; the others wait until it has one.
    turn: tokio::sync::Mutex<watch::Receiver<()>>,
    server: Mutex<ServerTrouble>,
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
            let claim = Claim {
                domain: self.dispatcher.connector.sender().domain(),
                holder: &holder,
                lease: self.dispatcher.settle_time,
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

    async fn send(&self, Ours { claimed, holder }: &Ours) {
        let Claimed { identifier, event, .. } = claimed;
        let end = match self.attempt(claimed, holder).await {
            Ok(Some(verdict)) => self.weigh(verdict, claimed),
            // Somebody else has taken it over.
            Ok(None) => return,
            Err(error) => return self.database_trouble(error),
        };
        match &end {
            End::Sent => {
                debug!(%identifier, event, "sent");
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
            End::Later { pause, fault, .. } => {
                debug!(%identifier, event, kind = fault.kind, error = %fault, ?pause, "put off");
                self.delayed.fetch_add(1, Ordering::Relaxed);
                let trouble = DispatchTrouble::Delayed { identifier, event, fault, pause: *pause };
                (self.dispatcher.observer)(&trouble);
            }
            End::Refused(fault) => {
                warn!(%identifier, event, kind = fault.kind, error = %fault, "refused; somebody has to decide");
                self.refused.fetch_add(1, Ordering::Relaxed);
                (self.dispatcher.observer)(&DispatchTrouble::Refused { identifier, event, fault });
            }
        }
        if let Err(error) = self.dispatcher.outbox.store.settle(claimed.place, holder, end).await {
            // It stays ours until the lease is over; then it is looked up.
            return self.database_trouble(error);
        }
        // What is behind it about the same resource can go now.
        self.dispatcher.outbox.wake();
    }

    /// Tries a message. None: it is not ours any more.
    async fn attempt(&self, claimed: &Claimed, holder: &str) -> Result<Option<Verdict>, DatabaseError> {
        let Dispatcher { connector, outbox, settle_time, .. } = &self.dispatcher;
        let Ok(prepared) = Prepared::from_json(&claimed.message) else {
            let text = "the message in the outbox cannot be read back".to_owned();
            return Ok(Some(Verdict::Refused(fault("stored-message", text, None))));
        };
        let verdict = match attempt::look_up(connector, claimed, *settle_time).await {
            Ok(Earlier::Accepted(versions)) => attempt::keep(connector, &versions).await,
            Ok(Earlier::Open(wait)) => Verdict::Open(wait),
            Ok(Earlier::No) => attempt::post(connector, &prepared, claimed.attempts, *settle_time / 2).await,
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
        let concerns_all = matches!(verdict, Verdict::Later { scope: Scope::Server, .. });
        if !concerns_all {
            *self.server() = ServerTrouble::default();
        }
        match verdict {
            Verdict::Sent => End::Sent,
            Verdict::Refused(fault) => End::Refused(fault),
            Verdict::Open(pause) => {
                let text = "the message was posted, but whether the server has it is not known yet";
                End::Later { pause, posted: true, fault: fault("unknown-outcome", text.to_owned(), None) }
            }
            Verdict::Later { posted, scope, wait, fault } => {
                let wait = wait.unwrap_or_default();
                let pause = match scope {
                    Scope::Message => self.pause(claimed.attempts).max(wait),
                    Scope::Server => self.pause_all(wait),
                };
                End::Later { pause, posted, fault }
            }
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
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn database_trouble(&self, error: DatabaseError) {
        let error = OutboxError::from(error);
        // What a database says can quote what was to be stored.
        warn!("the outbox's database does not do what it was asked");
        (self.dispatcher.observer)(&DispatchTrouble::Database(&error));
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}
