//! [`Worker`]: hands each message to the handler of its event and answers it, until it is told to stop.

mod handlers;
mod lanes;
mod running;
mod trouble;

use std::fmt;
use std::future::pending;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_messaging::Focal;
use koppeltaal_push::Notifier;

use crate::connector::Connector;
use crate::receive::{Deliveries, ReceiveError, Received};
use handlers::Handlers;
use running::Running;

pub use handlers::HandlerError;
pub use trouble::Trouble;

/// How often a message is tried. With the usual pauses that takes about an hour.
const DEFAULT_ATTEMPTS: u32 = 60;

/// Receives messages and hands each to the handler of its event. Made by [`Connector::worker`] or, with other messages
/// than the usual ones, by [`Deliveries::worker`].
///
/// - A handler that ends well makes its message `Success`; [`HandlerError::Failed`] makes it `Failed`; any other error, and
///   a panic, makes it `New`: it comes again after a pause that grows with every attempt, until it is
///   [given up](Self::give_up_after) and `Failed`, too. Meanwhile the messages of other patients are handled.
/// - Messages are handled at least once, and are answered only after the handler has returned: handling one twice must do
///   no harm.
/// - Messages of one patient are handled one after the other in their order, as far as nobody but the workers of one
///   [`Connector`] and its clones receives them. Those of others are handled at the same time, if [`concurrency`](Self::concurrency) says so.
/// - When it stops, handlers that are under way finish, and what waits is given back.
///
/// ```no_run
/// use koppeltaal::HandlerError;
/// use koppeltaal::messaging::profiles::{CarePlan, Patient};
///
/// # async fn save(_: &Patient) -> std::io::Result<()> { Ok(()) }
/// # async fn example(game: koppeltaal::Connector) -> Result<(), Box<dyn std::error::Error>> {
/// let report = game
///     .worker()
///     .on(|patient: Patient, _| async move {
///         save(&patient).await?; // a database that is down: later
///         Ok(())
///     })
///     .on(|plan: CarePlan, received| async move {
///         if plan.activity.is_empty() {
///             return Err(HandlerError::failed("A care plan without activities"));
///         }
///         println!("{:?} got something to do", received.patient());
///         Ok(())
///     })
///     .run_until(async { /* tokio::signal::ctrl_c().await */ })
///     .await?;
/// println!("{} messages", report.succeeded);
/// # Ok(())
/// # }
/// ```
#[must_use = "a worker does nothing until `run`"]
pub struct Worker {
    deliveries: Deliveries,
    leaves_unexpected: bool,
    grace: Duration,
    settings: Settings,
}

/// What holds while the worker runs.
struct Settings {
    handlers: Arc<Handlers>,
    concurrency: usize,
    pauses: RangeInclusive<Duration>,
    attempts: Option<NonZero<u32>>,
    time_limit: Option<Duration>,
    observer: Box<dyn Fn(&Trouble<'_>) + Send + Sync>,
}

/// What a worker did while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerReport {
    /// Messages that were handled and acknowledged.
    pub succeeded: u64,
    /// Messages that were declared permanently wrong.
    pub failed: u64,
    /// How often a message was given back, to come again.
    pub released: u64,
    /// Answers that did not reach the server for certain: these messages may come again.
    pub unanswered: u64,
}

impl Connector {
    /// Hands each message to the handler of its event: [`deliveries`](Self::deliveries) as a loop.
    pub fn worker(&self) -> Worker {
        self.deliveries().worker()
    }
}

impl Worker {
    pub(crate) fn new(deliveries: Deliveries) -> Self {
        let settings = Settings {
            handlers: Arc::default(),
            concurrency: 1,
            pauses: Duration::from_secs(1)..=Duration::from_secs(60),
            attempts: NonZero::new(DEFAULT_ATTEMPTS),
            time_limit: None,
            observer: Box::new(|_| {}),
        };
        Self { deliveries, leaves_unexpected: false, grace: Duration::from_secs(30), settings }
    }

    /// Handles messages about this kind of resource, in place of an earlier handler of the same kind.
    ///
    /// The handler gets the resource by its profile, and all that was received. A message whose resource is not of the
    /// profile gets the status `Failed`.
    pub fn on<P, F, R>(mut self, handler: F) -> Self
    where
        P: Focal + Send + 'static,
        F: Fn(P, Received) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Arc::make_mut(&mut self.settings.handlers).insert(handler);
        self
    }

    /// Handles all messages that have no handler of their own, also what is no message of one of the eight events.
    pub fn on_others<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(Received) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Arc::make_mut(&mut self.settings.handlers).insert_others(handler);
        self
    }

    /// Leaves messages that have no handler in the queue. By default they get the status `Failed`, "Event not expected". With
    /// a handler for [all others](Self::on_others) there are none.
    ///
    /// Then messages of one event are handled in their order, but those of different events are not: see
    /// [`Deliveries::only`].
    pub fn leave_unexpected(mut self) -> Self {
        self.leaves_unexpected = true;
        self
    }

    /// How many messages are claimed at the same time, at least 1. Default: 1.
    ///
    /// Those that were tried in vain and are kept back are not counted; there are [`MAX_HELD`](Self::MAX_HELD) at most.
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.settings.concurrency = messages.max(1);
        self
    }

    /// How many messages are kept back at the same time after they were tried in vain, those counted that wait behind them
    /// about the same patient. Of each only the header is kept. When there are so many, none is claimed until one was given
    /// back; with fewer, repetitions take half of what is claimed at most, and nothing once they wait for their pauses.
    pub const MAX_HELD: usize = 1000;

    /// How long a message is kept back after its first attempt, and at most: each time twice as long as before. Default:
    /// from a second to a minute. The server waits some minutes for an answer; the longest pause must be well below.
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.settings.pauses = pauses;
        self
    }

    /// Gives a message up when it was tried that often in vain, 0 meaning never: it gets the status `Failed`, which says how
    /// often it was tried and nothing else, and an ERROR is logged. Default: 60, which with the usual
    /// [pauses](Self::retry_pauses) takes about an hour. Attempts before a restart are not counted.
    ///
    /// Where a database may be down for longer than that, more attempts or longer pauses keep its messages.
    pub fn give_up_after(mut self, attempts: u32) -> Self {
        self.settings.attempts = NonZero::new(attempts);
        self
    }

    /// How long a handler may take. After that it is cut off at the place where it waits, and the message is treated as after
    /// [`HandlerError::Later`]. Default: no limit.
    ///
    /// The server gives a message that is not answered for some minutes to somebody else, or to this worker again: a limit
    /// below that keeps a handler that hangs from holding up a patient's messages.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.time_limit = Some(limit);
        self
    }

    /// How long handlers may go on when the worker is to stop. What they have not finished then is given back. Default: 30
    /// seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Tells whatever goes wrong while the worker runs, to count it or to wake somebody. A panic in it is logged, and does no
    /// harm. Without it the log tells all of it at WARN, and what was given up at ERROR - but for the texts of the
    /// application's own errors, which may hold data of patients.
    pub fn on_trouble(mut self, observer: impl Fn(&Trouble<'_>) + Send + Sync + 'static) -> Self {
        self.settings.observer = Box::new(observer);
        self
    }

    /// What says "look now": for a [`Webhook`](koppeltaal_push::Webhook), or for a button.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.deliveries.notifier()
    }

    /// Works until there is trouble at the start that will not pass by itself.
    ///
    /// # Errors
    ///
    /// Those of [`run_until`](Self::run_until).
    pub async fn run(self) -> Result<WorkerReport, ReceiveError> {
        self.run_until(pending::<()>()).await
    }

    /// Works until `shutdown` is ready. Then nothing more is claimed, messages that wait are given back, and handlers that
    /// are under way may finish within the [`grace`](Self::grace).
    ///
    /// Dropping the future stops at once: handlers are cut off, and their messages given back in the background.
    ///
    /// # Errors
    ///
    /// The server's first answer is one that [will not pass](ReceiveError::is_passing): wrong credentials or a wrong
    /// address. Whatever else it says, and whatever happens later, is told and tried again.
    pub async fn run_until<S: Future>(self, shutdown: S) -> Result<WorkerReport, ReceiveError> {
        let Self { mut deliveries, leaves_unexpected, grace, settings } = self;
        if leaves_unexpected && !settings.handlers.has_others() {
            let events = settings.handlers.events();
            if events.is_empty() {
                // Nothing is expected at all.
                shutdown.await;
                return Ok(WorkerReport::default());
            }
            deliveries = deliveries.only(events);
        }
        Running::new(deliveries.notifier(), settings).run(deliveries, shutdown, grace).await
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("deliveries", &self.deliveries)
            .field("handlers", &self.settings.handlers)
            .field("concurrency", &self.settings.concurrency)
            .finish_non_exhaustive()
    }
}
