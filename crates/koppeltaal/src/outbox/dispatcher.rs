//! [`Dispatcher`]: sends what is in the outbox, until it is told to stop.

mod aside;
mod running;
mod warnings;

use std::fmt;
use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::entry::OutboxFault;
use super::{Outbox, OutboxError};
use crate::connector::Connector;
use running::Running;

/// Sends what was handed over to an [`Outbox`] in a connector's domain. Made by [`Outbox::dispatcher`].
#[must_use = "a dispatcher does nothing until `run`"]
pub struct Dispatcher {
    outbox: Outbox,
    connector: Connector,
    concurrency: usize,
    poll_interval: Duration,
    settle_time: Duration,
    pauses: RangeInclusive<Duration>,
    observer: Box<dyn Fn(&DispatchTrouble<'_>) + Send + Sync>,
}

/// What a dispatcher did while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DispatchReport {
    /// Messages that the server has accepted.
    pub sent: u64,
    /// Messages that it does not accept.
    pub refused: u64,
    /// How often a message was put off after trouble that may pass.
    pub delayed: u64,
}

/// What goes wrong while a dispatcher runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum DispatchTrouble<'a> {
    /// A message was refused: it waits for [`retry`](Outbox::retry) or [`give_up`](Outbox::give_up). Tell somebody.
    Refused {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        fault: &'a OutboxFault,
    },
    /// A message is tried again after a pause.
    Delayed {
        /// The `MessageHeader.identifier`.
        identifier: &'a str,
        /// The code of the event.
        event: &'a str,
        /// Why.
        fault: &'a OutboxFault,
        /// How long the pause is.
        pause: Duration,
    },
    /// The outbox's database does not do what it was asked. The dispatcher goes on; nothing is lost or sent twice by it.
    Database(&'a OutboxError),
    /// The outbox's database will never take what became of a message: a check or a trigger of the application's is against
    /// it, for instance. The message is left alone for an hour; those behind it about the same resource wait, all others do
    /// not. Tell somebody.
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
            pauses: Duration::from_secs(1)..=Duration::from_secs(60),
            observer: Box::new(|_| {}),
        }
    }

    /// How many messages, about as many resources, are sent at the same time, at least 1. Default: 4.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = messages.max(1);
        self
    }

    /// How often to look for messages that nobody [told](Outbox::wake) of. Default: every second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval;
        self
    }

    /// How long after a post without an answer the server may still be at work with it. Default: three minutes.
    ///
    /// A message whose outcome is unknown, or that a dispatcher had when it was killed, is asked for by its identifier; that
    /// the server does not have it counts only after this time, and then it is posted again. An attempt may take half of it.
    /// All dispatchers of an outbox should have the same.
    pub fn settle_time(mut self, time: Duration) -> Self {
        self.settle_time = time;
        self
    }

    /// How long to wait after the first failure, and at most: each time twice as long as before. What concerns all messages,
    /// a server that is down for instance, has them all wait. Default: from a second to a minute.
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.pauses = pauses;
        self
    }

    /// Tells whatever goes wrong while the dispatcher runs, to count it or to wake somebody. It is told at the moment; what is
    /// still wrong later is in [`Outbox::troubled`]. A panic in it is logged, and does no harm.
    ///
    /// Without it the log tells: refusals at WARN; trouble that may pass at WARN when it begins and every five minutes while
    /// it lasts; what somebody has to mend at ERROR.
    pub fn on_trouble(mut self, observer: impl Fn(&DispatchTrouble<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Sends until the process ends.
    pub async fn run(self) -> DispatchReport {
        self.run_until(pending::<()>()).await
    }

    /// Sends until `shutdown` is ready. What is being sent then is finished, which takes half the
    /// [`settle_time`](Self::settle_time) at most.
    ///
    /// Dropping the future is as good as killing the process: nothing is lost, and what was being sent is looked up later.
    pub async fn run_until<S: Future>(self, shutdown: S) -> DispatchReport {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = Running::new(self, Some(stopped.map(drop).boxed().shared()));
        let shutdown = shutdown.map(|_| drop(stop));
        tokio::join!(running.work(), shutdown);
        running.report()
    }

    /// Sends what can be sent now, and ends when nothing is left that could be: for a job that runs now and then, and for
    /// tests. Messages that wait for a pause or for somebody to decide stay.
    ///
    /// # Errors
    ///
    /// The outbox's database does not do what it was asked. Nothing is lost or sent twice by it.
    pub async fn run_once(self) -> Result<DispatchReport, OutboxError> {
        let running = Running::new(self, None);
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
