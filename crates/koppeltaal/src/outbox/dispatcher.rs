//! [`Dispatcher`]: sends what is in the outbox, until it is told to stop.

mod aside;
mod run_loop;
mod server;
mod warnings;

use std::fmt;
use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt as _;
use koppeltaal_transport::Backoff;

use super::entry::LastError;
use super::{Outbox, OutboxError};
use crate::connector::Connector;
use run_loop::RunLoop;

/// Sends what was handed over to an [`Outbox`] in a connector's domain. Made by [`Outbox::dispatcher`].
#[must_use = "a dispatcher does nothing until `run`"]
pub struct Dispatcher {
    outbox: Outbox,
    connector: Connector,
    concurrency: usize,
    poll_interval: Duration,
    settle_time: Duration,
    backoff: Backoff,
    refuse_after: u32,
    observer: Box<dyn Fn(&DispatchEvent<'_>) + Send + Sync>,
}

/// What a dispatcher did while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DispatchReport {
    /// Messages that the server has accepted.
    pub sent: u64,
    /// Messages that were [refused](super::OutboxState::Refused).
    pub refused: u64,
    /// How often a message was put off after trouble that may pass.
    pub delayed: u64,
}

/// Something that goes wrong while a dispatcher runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum DispatchEvent<'a> {
    /// A message was refused, by the server or after too many failures: it waits for [`retry`](Outbox::retry)
    /// or [`give_up`](Outbox::give_up). Tell somebody.
    Refused {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        error: &'a LastError,
    },
    /// A message is tried again after a pause.
    Delayed {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        error: &'a LastError,
        /// How long the pause is.
        pause: Duration,
    },
    /// The outbox's database fails. The dispatcher goes on; nothing is lost or sent twice by it.
    Database(&'a OutboxError),
    /// The outbox's database will never take what became of a message, for instance because of a check or a
    /// trigger of the application's. The message is left alone for an hour. Those behind it about the same
    /// resource wait, all others do not. Tell somebody.
    NotSettled {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// What the database says.
        error: &'a OutboxError,
    },
}

impl Dispatcher {
    pub(super) fn new(outbox: Outbox, connector: Connector) -> Self {
        Self {
            outbox,
            connector,
            concurrency: 4,
            poll_interval: Duration::from_secs(1),
            settle_time: Duration::from_secs(180),
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            refuse_after: 20,
            observer: Box::new(|_| {}),
        }
    }

    /// How many messages, about as many resources, are sent at the same time, at least 1. Default: 4.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = messages.max(1);
        self
    }

    /// How often to look for messages without being [woken](Outbox::wake). Default: every second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// How long the server may still be at work with a message after a post without an answer. Default: three
    /// minutes.
    ///
    /// When the outcome of a post is unknown, or the dispatcher that posted it was killed, the server is
    /// asked for the message by its identifier. Only after this time does it count that the server does not
    /// have it; then it is posted again. An attempt may take half of this time. All dispatchers of an outbox
    /// should have the same settle time.
    pub fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
        self
    }

    /// How long to wait after a failure: the shortest pause after the first, then twice as long each time, up
    /// to the longest. A random part spreads the pauses between these two. What concerns all messages, a
    /// server that is down for instance, has them all wait. When five messages fail one after the other and
    /// none is sent, they are tried one at a time, with a short pause in between. Default: from a second to a
    /// minute.
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.backoff = Backoff::new(*pauses.start(), *pauses.end());
        self
    }

    /// After how many failures a message is refused while others are sent. Default: 20, at least 2. Where the
    /// server fails at work (HTTP 500), that takes about an hour with the default
    /// [`settle_time`](Self::settle_time), because the server is asked for the message before each post.
    ///
    /// What counts is a failure that neither blames the content nor concerns all messages: the server fails
    /// at work, does not answer in time, forbids the message, or answers with something unreadable. It counts
    /// only when another message of the domain was sent since the previous failure. So an outage refuses
    /// nothing, however long it lasts. Where little is sent, three such failures are enough once the message
    /// has failed for a day. Entries that are [forgotten](Outbox::forget) tell nothing.
    pub fn refuse_after(mut self, failures: u32) -> Self {
        self.refuse_after = failures.max(2);
        self
    }

    /// Tells whatever goes wrong while the dispatcher runs, to count it or to wake somebody. It is told at
    /// that moment; what is still wrong later is in [`Outbox::troubled`]. A panic in the callback is logged,
    /// and does no harm.
    ///
    /// Without a callback the log tells: what the server refuses at WARN; trouble that may pass at WARN when
    /// it begins and every five minutes while it lasts; at ERROR what somebody has to mend, and messages that
    /// are refused because they fail [every time](Self::refuse_after).
    pub fn on_event(mut self, observer: impl Fn(&DispatchEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Sends until the process ends.
    pub async fn run(self) -> DispatchReport {
        self.run_until(pending::<()>()).await
    }

    /// Sends until `shutdown` is ready. Messages that are being sent at that moment are finished, which takes
    /// half the [`settle_time`](Self::settle_time) at most.
    ///
    /// To drop the future is like killing the process: nothing is lost, and what was being sent is looked up
    /// later.
    pub async fn run_until<S: Future>(self, shutdown: S) -> DispatchReport {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = RunLoop::new(self, Some(stopped.map(drop).boxed().shared()));
        let shutdown = shutdown.map(|_| drop(stop));
        tokio::join!(running.work(), shutdown);
        running.report()
    }

    /// Sends what can be sent now, and returns when nothing is left that could be, or when the server seems
    /// to fail at everything. For a job that runs now and then, and for tests. Messages that wait for a pause
    /// or for somebody to decide stay.
    ///
    /// # Errors
    ///
    /// The outbox's database fails. Nothing is lost or sent twice by it.
    pub async fn run_once(self) -> Result<DispatchReport, OutboxError> {
        let running = RunLoop::new(self, None);
        running.work().await;
        let report = running.report();
        let error = running.error.into_inner().unwrap_or_else(PoisonError::into_inner);
        error.map_or(Ok(report), Err)
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher")
            .field("connector", &self.connector)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
