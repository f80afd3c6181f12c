//! [`Worker`]: hands each message to the handler of its event and answers it, until the application stops it.

mod handler_call;
mod handlers;
mod lanes;
mod problem;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
mod replay;
mod run_loop;

use std::error::Error;
use std::fmt;
use std::future::pending;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use koppeltaal_messaging::Focal;
use koppeltaal_push::Notifier;
use koppeltaal_transport::Backoff;

use crate::connector::Connector;
use crate::receive::{Deliveries, ReceiveError, ReceivedMessage};
use handlers::Handlers;
use run_loop::RunLoop;

pub use handlers::HandlerError;
pub use problem::WorkerProblem;
#[cfg(any(feature = "sqlite", feature = "postgresql"))]
pub use replay::ReplayReport;

/// How often a message is tried. With the default pauses that takes about 40 minutes.
const DEFAULT_ATTEMPTS: u32 = 60;

/// Receives messages and hands each to the handler of its event. Made by [`Connector::worker`], or by
/// [`Deliveries::worker`] to choose which messages are received.
///
/// - When a handler returns `Ok`, its message gets the status `Success`. After [`HandlerError::Failure`] it
///   gets `Failed`. After any other error, and after a panic, it is held back for a pause that grows with
///   every attempt. Then it gets `New` and comes again, until it is [given up](Self::give_up_after). During
///   the pause messages of other patients are handled.
/// - Messages are handled at least once, and are answered only after the handler has returned. So handling a
///   message twice must do no harm.
/// - Messages of one patient are handled one after the other in their order, also by several workers of one
///   [`Connector`] and its clones. Other receivers of the same queue, such as [`Deliveries`] or another
///   process, are not taken into account.
/// - Messages of different patients are handled at the same time, up to [`concurrency`](Self::concurrency).
/// - When the worker stops, handlers that are under way finish, and messages that wait are given back at
///   once.
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
///         save(&patient).await?; // a database that is down: the message comes again
///         Ok(())
///     })
///     .on(|plan: CarePlan, received| async move {
///         if plan.activity.is_empty() {
///             return Err(HandlerError::failure("A care plan without activities"));
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

/// What does not change while the worker runs.
struct Settings {
    handlers: Arc<Handlers>,
    concurrency: usize,
    backoff: Backoff,
    attempts: Option<NonZero<u32>>,
    time_limit: Option<Duration>,
    keep: Option<Keep>,
    observer: Box<dyn Fn(&WorkerProblem<'_>) + Send + Sync>,
}

/// Keeps a message that gets the status `Failed`, with the reason.
type Keep = Arc<dyn Fn(ReceivedMessage, String) -> Keeping + Send + Sync>;
type Keeping = BoxFuture<'static, Result<(), Box<dyn Error + Send + Sync>>>;

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
    /// How often it is not certain that an answer reached the server. These messages may come again.
    pub unanswered: u64,
}

impl Connector {
    /// Hands each message to the handler of its event: [`deliveries`](Self::deliveries) as a loop.
    pub fn worker(&self) -> Worker {
        self.deliveries().worker()
    }
}

impl Deliveries {
    /// Hands each message to the handler of its event. See [`Worker`].
    pub fn worker(self) -> Worker {
        Worker::new(self)
    }
}

impl Worker {
    fn new(deliveries: Deliveries) -> Self {
        let settings = Settings {
            handlers: Arc::default(),
            concurrency: 1,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            attempts: NonZero::new(DEFAULT_ATTEMPTS),
            time_limit: None,
            keep: None,
            observer: Box::new(|_| {}),
        };
        Self { deliveries, leaves_unexpected: false, grace: Duration::from_secs(30), settings }
    }

    /// Handles messages about this kind of resource, in place of an earlier handler of the same kind.
    ///
    /// The handler gets the resource by its profile, and all that was received. A message whose resource is
    /// not of the profile gets the status `Failed`.
    pub fn on<P, F, R>(mut self, handler: F) -> Self
    where
        P: Focal + Send + 'static,
        F: Fn(P, ReceivedMessage) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Arc::make_mut(&mut self.settings.handlers).insert(handler);
        self
    }

    /// Handles all messages that have no handler of their own, including those whose event is unknown.
    pub fn on_others<F, R>(mut self, handler: F) -> Self
    where
        F: Fn(ReceivedMessage) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Arc::make_mut(&mut self.settings.handlers).insert_others(handler);
        self
    }

    /// Leaves messages that have no handler in the queue. By default they get the status `Failed`, "Event not
    /// expected". It has no effect with a handler for [all others](Self::on_others).
    ///
    /// Messages of one event are still handled in their order, but those of different events are not: see
    /// [`Deliveries::only`].
    pub fn leave_unexpected(mut self) -> Self {
        self.leaves_unexpected = true;
        self
    }

    /// How many messages are claimed at the same time, at least 1. Default: 1.
    ///
    /// Messages that are held back are not counted: see [`MAX_HELD`](Self::MAX_HELD).
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.settings.concurrency = messages.max(1);
        self
    }

    /// How many messages are held back at the same time at most: those whose last attempt failed, and younger
    /// ones of the same patients. Only their headers stay in memory. At this number, nothing is claimed until
    /// some are given back.
    ///
    /// Messages that always fail do not displace others: at most half of the messages that are claimed are
    /// repetitions.
    pub const MAX_HELD: usize = 1000;

    /// How long a message is held back after its first attempt, and how long at most. Each pause is about
    /// twice as long as the one before, with a random part. Default: from a second to a minute.
    ///
    /// The server waits some minutes for an answer; the longest pause must be well below that.
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.settings.backoff = Backoff::new(*pauses.start(), *pauses.end());
        self
    }

    /// Gives a message up after this many failed attempts; 0 means never. The message gets the status
    /// `Failed`, with a description that says only how often it was tried, and an ERROR is logged. Default:
    /// 60, which takes about 40 minutes with the default [pauses](Self::retry_pauses). Attempts before a
    /// restart are not counted.
    ///
    /// Where a database may be down for longer, set more attempts or longer pauses.
    pub fn give_up_after(mut self, attempts: u32) -> Self {
        self.settings.attempts = NonZero::new(attempts);
        self
    }

    /// Keeps every message that gets the status `Failed`, with the reason: those that are given up, that a
    /// handler declares permanently wrong, and that have no handler. [`replay`](Self::replay) hands them to
    /// the handlers again.
    ///
    /// A message is answered only after it is kept. If it cannot be kept, it comes again after a pause.
    #[cfg(any(feature = "sqlite", feature = "postgresql"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgresql"))))]
    pub fn dead_letters(mut self, letters: crate::DeadLetters) -> Self {
        let domain: Arc<str> = self.deliveries.domain().into();
        self.settings.keep = Some(Arc::new(move |received, reason| {
            let (letters, domain) = (letters.clone(), Arc::clone(&domain));
            Box::pin(async move {
                let identifier = crate::dead_letters::letter_identifier(&received);
                Ok(letters.keep(&domain, &identifier, &received, &reason).await?)
            })
        }));
        self
    }

    /// How long a handler may take. After that its future is dropped, and the message comes again, as after
    /// [`HandlerError::Release`]. Default: no limit.
    ///
    /// The server delivers a message again when it is not answered for some minutes. With a limit below that,
    /// a handler that hangs does not hold up the messages of its patient.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.time_limit = Some(limit);
        self
    }

    /// How long handlers may go on when the worker stops. After that they are cut off and their messages are
    /// given back. Default: 30 seconds.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Calls `observer` when something goes wrong while the worker runs, to count it or to alert somebody. A
    /// panic in it is logged and stops nothing.
    ///
    /// The log tells the same without an observer: at WARN, or at ERROR when a message is given up. It leaves
    /// out the texts of the application's own errors, since they may hold data of patients.
    pub fn on_problem(mut self, observer: impl Fn(&WorkerProblem<'_>) + Send + Sync + 'static) -> Self {
        self.settings.observer = Box::new(observer);
        self
    }

    /// A handle that makes the worker look for messages at once, for a [`Webhook`](koppeltaal_push::Webhook)
    /// or a button.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        self.deliveries.notifier()
    }

    /// Works forever, unless the server refuses the first claim for a reason that will not pass.
    ///
    /// # Errors
    ///
    /// Those of [`run_until`](Self::run_until).
    pub async fn run(self) -> Result<WorkerReport, ReceiveError> {
        self.run_until(pending::<()>()).await
    }

    /// Works until `shutdown` is ready. Then it claims nothing more, gives back the messages that wait, and
    /// lets handlers finish within the [`grace`](Self::grace).
    ///
    /// When the future is dropped, handlers are cut off, and their messages are given back in the background.
    ///
    /// # Errors
    ///
    /// The first claim fails for a reason that [will not pass](ReceiveError::is_transient): wrong credentials
    /// or a wrong address. After all other errors, and after any error later, the worker tries again.
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
        RunLoop::new(deliveries.notifier(), settings).run(deliveries, shutdown, grace).await
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
