//! [`Dispatcher`]: sends the messages in an outbox until the application stops it.

mod gauges;
mod housekeeping;
mod problem;
mod quarantine;
mod run_loop;
mod server_health;
mod warnings;

use std::fmt;
use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt as _;
use koppeltaal_transport::Backoff;

use super::{Outbox, OutboxError};
use crate::connector::Connector;
use run_loop::RunLoop;

pub use problem::DispatchProblem;

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
    forget_after: Option<Duration>,
    warn_above: u64,
    observer: Box<dyn Fn(&DispatchProblem<'_>) + Send + Sync>,
}

/// What a dispatcher did while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DispatchReport {
    /// Messages that the server has accepted.
    pub sent: u64,
    /// Messages that were [refused](super::OutboxState::Refused).
    pub refused: u64,
    /// How often a message was delayed after a problem that may pass.
    pub delayed: u64,
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
            forget_after: Some(Duration::from_secs(90 * 24 * 60 * 60)),
            warn_above: 10_000,
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

    /// How long the server may still be processing a message after a post without an answer. Default: three
    /// minutes.
    ///
    /// When the outcome of a post is unknown, or the dispatcher that posted the message was killed, the
    /// server is asked for the message by its identifier. If the server does not have it after this time, it
    /// is posted again. An attempt may take half of this time. All dispatchers of an outbox should have the
    /// same settle time.
    pub fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
        self
    }

    /// How long a message waits after its first failure, and how long at most. Each pause is about twice as
    /// long as the one before, with a random part. Default: from a second to a minute.
    ///
    /// After a problem that concerns all messages, such as a server that is down, they all wait. When five
    /// messages fail one after the other and none is sent, no two attempts begin together: there is a short
    /// pause before each one.
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.backoff = Backoff::new(*pauses.start(), *pauses.end());
        self
    }

    /// After how many failures a message is refused while others are sent. Default: 20, at least 2. Where the
    /// server fails at work (HTTP 500), that takes about an hour with the default
    /// [`settle_time`](Self::settle_time), because the server is asked for the message before each post.
    ///
    /// A failure counts if it neither blames the content nor concerns all messages: the server fails at work,
    /// does not answer in time, forbids the message, or gives an unreadable answer. It counts only if another
    /// message of the domain was sent since the previous failure. So an outage refuses nothing, however long
    /// it lasts. Where little is sent, three such failures are enough once the message has failed for a day.
    /// Messages whose entries were [forgotten](Outbox::forget) do not count as sent.
    pub fn refuse_after(mut self, failures: u32) -> Self {
        self.refuse_after = failures.max(2);
        self
    }

    /// How long the entries of messages that were sent or given up are kept: of this dispatcher's domain, and
    /// without the messages themselves if those were sent. The dispatcher deletes older ones. `None` keeps
    /// them until [`Outbox::forget`]. Default: 90 days.
    pub fn forget_after(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.forget_after = age.into();
        self
    }

    /// How many messages of the domain may be neither sent nor given up before the dispatcher warns: in the
    /// log, at WARN every five minutes, and with [`DispatchProblem::Backlog`] every minute. Default: 10,000.
    ///
    /// No message is refused because of it. The outbox grows as long as the application hands messages over:
    /// to refuse them would undo the changes that they are about.
    pub fn warn_above(mut self, messages: u64) -> Self {
        self.warn_above = messages;
        self
    }

    /// Calls `observer` when something goes wrong while the dispatcher runs, to count it or to alert
    /// somebody. A panic in it is logged and stops nothing. [`Outbox::problems`] lists the messages that
    /// still have a problem later.
    ///
    /// The log tells the same without an observer. Refusals by the server are logged at WARN. Problems that
    /// may pass are logged at WARN when they begin, and every five minutes while they last. Problems that
    /// somebody has to solve are logged at ERROR, and so are messages that are refused because they fail
    /// [every time](Self::refuse_after).
    pub fn on_problem(mut self, observer: impl Fn(&DispatchProblem<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Sends forever.
    pub async fn run(self) -> DispatchReport {
        self.run_until(pending::<()>()).await
    }

    /// Sends until `shutdown` is ready. Then it finishes the attempts that are under way, which takes at most
    /// half the [`settle_time`](Self::settle_time).
    ///
    /// Dropping the future has the same effect as killing the process: nothing is lost, and the server is
    /// asked later for the messages that were being sent.
    pub async fn run_until<S: Future>(self, shutdown: S) -> DispatchReport {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let stopped = stopped.map(drop).boxed().shared();
        let outbox = self.outbox.clone();
        let measuring = gauges::measure(&outbox, stopped.clone());
        let running = RunLoop::new(self, Some(stopped));
        let shutdown = shutdown.map(|_| drop(stop));
        tokio::join!(running.work(), shutdown, measuring);
        // Only now has every attempt ended.
        gauges::measure_once(&outbox).await;
        running.report()
    }

    /// Sends every message that can be sent now. Stops early when the server seems to fail at everything.
    /// Messages that wait for a pause, or for a decision of the application, stay. For a job that runs now
    /// and then, and for tests.
    ///
    /// # Errors
    ///
    /// The outbox's database fails. No message is lost or sent twice because of it.
    pub async fn run_once(self) -> Result<DispatchReport, OutboxError> {
        let outbox = self.outbox.clone();
        let running = RunLoop::new(self, None);
        running.work().await;
        gauges::measure_once(&outbox).await;
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
