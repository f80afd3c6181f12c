//! [`RunLoop`]: the loop of a worker. It claims while there is room, starts handlers, and answers messages
//! when their handlers have ended.

use std::collections::HashMap;
use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use koppeltaal_messaging::Event;
use koppeltaal_push::Notifier;
use koppeltaal_transport::Error as TransportError;
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument as _, debug, error, info_span, warn};

use super::handler_call::{HandlerCall, error_text};
use super::handlers::HandlerError;
use super::lanes::{Key, Lanes, Until};
use super::{Keep, Settings, Worker, WorkerProblem, WorkerReport};
use crate::causes::{causes, causes_and_advice};
use crate::metrics::{self, Handling, InHandGauge};
use crate::observer::guarded;
use crate::receive::{Deliveries, Delivery, Precedence, ReceiveError, ReceivedMessage};

/// How long giving messages back may take after handlers were cut off.
const RELEASE_TIME: Duration = Duration::from_secs(5);

/// The attempts of this many messages are counted. Beyond that all counts are forgotten, and pauses start at
/// the shortest.
const MAX_REMEMBERED: usize = 10_000;

/// A worker at work.
pub(super) struct RunLoop {
    notifier: Notifier,
    settings: Settings,
    lanes: Lanes<Delivery>,
    tasks: JoinSet<TaskResult>,
    /// The lane of each task.
    keys: HashMap<task::Id, Key>,
    /// How many attempts at each message failed, by its identifier.
    attempts: HashMap<String, u32>,
    /// Whether a lane may be given back although messages wait at the server. It may if an untried message
    /// has arrived since the last time, so at most half of the claims get a repetition, however many messages
    /// always fail.
    may_repeat: bool,
    phase: watch::Sender<Phase>,
    /// How many tasks are giving messages back.
    releases: usize,
    report: WorkerReport,
    in_hand: InHandGauge,
}

/// How far a worker has got, as its tasks need to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// No handler is started any more.
    Stopping,
    /// The grace is over: handlers are cut off.
    CuttingOff,
}

/// The result of a task.
enum TaskResult {
    Succeeded(ReceivedMessage, Result<(), TransportError>),
    Failed(ReceivedMessage, Failure, Result<(), TransportError>),
    /// The message has to come again, because of an error, or because of a panic if there is none.
    Later(Delivery, Option<Box<dyn Error + Send + Sync>>),
    /// The worker stops, and the message was not begun, or its handler was cut off.
    NotHandled(Delivery),
    /// It would overtake an older message of the same patient that another worker holds back or has given
    /// back.
    Overtaking(Delivery),
    Released(Vec<(ReceivedMessage, Result<(), TransportError>)>),
    /// The task panicked, and its message is being given back.
    Lost,
    /// The deliveries have stopped.
    Stopped,
}

/// Why a message does not come again.
struct Failure {
    /// The description that the server gets.
    reason: String,
    /// How many attempts were made, if it is given up.
    given_up: Option<u32>,
}

impl RunLoop {
    pub(super) fn new(notifier: Notifier, settings: Settings) -> Self {
        Self {
            notifier,
            settings,
            lanes: Lanes::default(),
            tasks: JoinSet::new(),
            keys: HashMap::new(),
            attempts: HashMap::new(),
            may_repeat: true,
            phase: watch::Sender::new(Phase::Running),
            releases: 0,
            report: WorkerReport::default(),
            in_hand: InHandGauge::default(),
        }
    }

    pub(super) async fn run<S: Future>(
        mut self,
        mut deliveries: Deliveries,
        shutdown: S,
        grace: Duration,
    ) -> Result<WorkerReport, ReceiveError> {
        let mut shutdown = pin!(shutdown);
        let mut returns = deliveries.for_worker();
        debug!("the worker begins");
        let ended = loop {
            self.in_hand.set(self.lanes.active() + self.lanes.held());
            // While older messages are being given back, a claim could get younger ones. So a claim that is
            // under way ends first, and the next one begins when they are back.
            let is_claiming = deliveries.is_claiming();
            let is_full = self.lanes.held() >= Worker::MAX_HELD;
            let may_give_back = !is_claiming && (self.may_repeat || is_full || deliveries.is_at_rest());
            if may_give_back {
                self.give_back();
            }
            let has_room = !is_full && self.lanes.active() < self.settings.concurrency;
            let may_claim = is_claiming || (has_room && self.releases == 0);
            let due = self.lanes.next_due().filter(|_| may_give_back);
            tokio::select! {
                _ = &mut shutdown => break Ok(()),
                received = deliveries.look(), if may_claim => match received {
                    Ok(Some(delivery)) => self.arrive(delivery),
                    Ok(None) => {}
                    Err(error) if !deliveries.has_claimed() && !error.is_transient() => {
                        error!(error = causes(&error), "the worker ends, since it cannot receive any message");
                        break Err(error);
                    }
                    Err(error) => {
                        warn!(error = causes(&error), "no message could be received; the worker tries again");
                        self.report_problem(&WorkerProblem::Receive(&error));
                    }
                },
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.finish(ended),
                () = at(due) => {}
                // Another worker has given a message back. The sender lives as long as the connector.
                Ok(()) = returns.changed() => {
                    self.lanes.older_returned(Instant::now(), is_due);
                    let _ = self.notifier.notify();
                }
            }
        };
        self.stop(deliveries, grace).await;
        let report = self.report;
        debug!(report.succeeded, report.failed, report.released, "the worker has ended");
        ended.map(|()| report)
    }

    fn is_stopping(&self) -> bool {
        *self.phase.borrow() >= Phase::Stopping
    }

    fn arrive(&mut self, mut delivery: Delivery) {
        self.may_repeat |= !self.attempts.contains_key(message_name(&delivery));
        let key = self.lanes.key(&delivery);
        if self.lanes.is_held_back(&key) {
            delivery.hold_back();
        }
        if let Some(delivery) = self.lanes.arrive(&key, delivery) {
            self.start(key, delivery);
        }
    }

    fn start(&mut self, key: Key, delivery: Delivery) {
        let tried = self.attempts.get(message_name(&delivery)).copied();
        let last = self.settings.attempts.filter(|limit| tried.unwrap_or(0) + 1 >= limit.get());
        let attempt = Attempt {
            call: HandlerCall::new(&self.settings),
            last: last.map(u32::from),
            keep: self.settings.keep.clone(),
            phase: self.phase.subscribe(),
        };
        let event = delivery.event().map(Event::code);
        let span = info_span!("koppeltaal_message", message_identifier = delivery.identifier(), event);
        self.spawn(key, async move { attempt.process(delivery).await }.instrument(span));
    }

    fn spawn(&mut self, key: Key, task: impl Future<Output = TaskResult> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.keys.insert(id, key);
    }

    /// A task has ended. Its lane goes on.
    fn finish(&mut self, ended: Result<(task::Id, TaskResult), JoinError>) {
        let (id, done) = match ended {
            Ok((id, done)) => (id, done),
            // Panics of handlers are caught, so this one happened while a handler's future was dropped. The
            // delivery was dropped with the task, and so is given back.
            Err(error) => (error.id(), TaskResult::Lost),
        };
        let Some(key) = self.keys.remove(&id) else { return };
        match done {
            TaskResult::Succeeded(received, answer) => {
                metrics::handled(received.event(), Handling::Ok);
                self.forget(&received);
                if self.answered(&received, answer) {
                    self.report.succeeded += 1;
                }
            }
            TaskResult::Failed(received, Failure { reason, given_up }, answer) => {
                metrics::handled(received.event(), Handling::Failed);
                self.forget(&received);
                let message_identifier = received.identifier();
                match given_up {
                    Some(attempts) => error!(message_identifier, attempts, "the message is given up"),
                    None => warn!(message_identifier, "the message is permanently wrong"),
                }
                self.report_problem(&WorkerProblem::Failure { received: &received, reason: &reason });
                if self.answered(&received, answer) {
                    self.report.failed += 1;
                }
            }
            TaskResult::Later(delivery, error) => return self.later(key, delivery, error.as_deref()),
            TaskResult::Overtaking(delivery) if !self.is_stopping() => {
                // This is no repetition, because the message was not tried.
                self.may_repeat = true;
                let now = Instant::now();
                let until = if is_due(&delivery) { Until::Time(now) } else { Until::OlderReturn };
                return self.hold_back(&key, delivery, until);
            }
            TaskResult::Overtaking(delivery) | TaskResult::NotHandled(delivery) => {
                return self.release(key, vec![delivery]);
            }
            TaskResult::Released(answers) => {
                self.releases -= 1;
                for (received, answer) in answers {
                    if self.answered(&received, answer) {
                        self.report.released += 1;
                    }
                }
                // The server does not push messages that are given back. An error means that the deliveries
                // have stopped.
                let _ = self.notifier.notify();
            }
            TaskResult::Lost => warn!("the future of a handler panicked when it was dropped"),
            TaskResult::Stopped => return,
        }
        if let Some(next) = self.lanes.done(&key) {
            self.start(key, next);
        }
    }

    /// Holds back a message that cannot be handled now. If it were given back, the server would deliver it
    /// again at once.
    fn later(&mut self, key: Key, delivery: Delivery, error: Option<&(dyn Error + Send + Sync)>) {
        metrics::handled(delivery.event(), Handling::Later);
        let attempt = self.count(&delivery);
        let pause = self.settings.backoff.delay_after(attempt);
        let message_identifier = delivery.identifier();
        let panicked = error.is_none();
        warn!(message_identifier, attempt, ?pause, panicked, "the message cannot be handled now");
        let received = delivery.received();
        self.report_problem(&match error {
            Some(error) => WorkerProblem::Release { received, error, attempt, pause },
            None => WorkerProblem::Panic { received, attempt, pause },
        });
        if self.is_stopping() {
            self.release(key, vec![delivery]);
        } else {
            self.hold_back(&key, delivery, Until::Time(Instant::now() + pause));
        }
    }

    fn hold_back(&mut self, key: &Key, delivery: Delivery, until: Until) {
        self.lanes.hold_back(key, delivery, until);
        self.lanes.waiting_mut(key).for_each(Delivery::hold_back);
    }

    /// Gives back the messages of a lane whose time has come, if there is one.
    fn give_back(&mut self) {
        if let Some((key, deliveries)) = self.lanes.due(Instant::now()) {
            self.may_repeat = false;
            self.release(key, deliveries.into());
        }
    }

    /// Gives messages back one after the other, the oldest first, so that the oldest is the first to be
    /// claimed again. The order of arrival is not enough: an older message can arrive after a younger one
    /// that waits for it. Then two workers would pass them to each other forever, with the younger one always
    /// ahead.
    fn release(&mut self, key: Key, mut deliveries: Vec<Delivery>) {
        deliveries.sort_by_key(Delivery::order);
        self.releases += 1;
        self.spawn(key, async move {
            let mut answers = Vec::with_capacity(deliveries.len());
            for delivery in deliveries {
                answers.push((delivery.received().clone(), delivery.release().await));
            }
            TaskResult::Released(answers)
        });
    }

    /// Gives back the messages that wait, and lets handlers finish within the grace.
    async fn stop(&mut self, deliveries: Deliveries, grace: Duration) {
        self.phase.send_replace(Phase::Stopping);
        let rest = self.lanes.drain();
        self.release(Key::Alone(0), rest);
        self.spawn(Key::Alone(0), async move {
            deliveries.stop().await;
            TaskResult::Stopped
        });
        for limit in [grace, RELEASE_TIME] {
            let all_done = async {
                while let Some(ended) = self.tasks.join_next_with_id().await {
                    self.finish(ended);
                }
            };
            if timeout(limit, all_done).await.is_ok() {
                return;
            }
            self.phase.send_replace(Phase::CuttingOff);
        }
        warn!("not all messages could be given back; they come again when their claims expire");
        self.tasks.abort_all();
    }

    fn answered(&mut self, received: &ReceivedMessage, answer: Result<(), TransportError>) -> bool {
        let Err(error) = answer else { return true };
        let message_identifier = received.identifier();
        let text = causes_and_advice(&error);
        warn!(message_identifier, error = text, "the message could not be answered");
        self.report.unanswered += 1;
        self.report_problem(&WorkerProblem::Unanswered { received, error: &error });
        false
    }

    fn report_problem(&self, problem: &WorkerProblem<'_>) {
        guarded(|| (self.settings.observer)(problem));
    }

    /// Counts a failed attempt, and returns how many there were.
    fn count(&mut self, received: &ReceivedMessage) -> u32 {
        let name = message_name(received);
        if self.attempts.len() >= MAX_REMEMBERED && !self.attempts.contains_key(name) {
            self.attempts.clear();
        }
        let attempts = self.attempts.entry(name.to_owned()).or_default();
        *attempts = attempts.saturating_add(1);
        *attempts
    }

    fn forget(&mut self, received: &ReceivedMessage) {
        self.attempts.remove(message_name(received));
    }
}

/// The name by which a message is recognised when it comes again.
fn message_name(received: &ReceivedMessage) -> &str {
    crate::receive::message_name(received.header()).unwrap_or_default()
}

/// Whether a message that is held back because of older ones has to be given back.
fn is_due(delivery: &Delivery) -> bool {
    delivery.precedence_now() != Precedence::HoldBack
}

/// Waits until this time, or forever without one.
async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// One attempt to handle a message.
struct Attempt {
    call: HandlerCall,
    /// The number of this attempt, if it is the last one.
    last: Option<u32>,
    keep: Option<Keep>,
    phase: watch::Receiver<Phase>,
}

impl Attempt {
    /// Calls the handler for the message, and answers the message.
    async fn process(self, delivery: Delivery) -> TaskResult {
        let received = delivery.received().clone();
        let precedence = tokio::select! {
            biased;
            () = reached(&self.phase, Phase::Stopping) => return TaskResult::NotHandled(delivery),
            precedence = delivery.precedence() => precedence,
        };
        if precedence != Precedence::Handle {
            return TaskResult::Overtaking(delivery);
        }
        let started = Instant::now();
        let handled = tokio::select! {
            handled = self.call.run(received.clone()) => Some(handled),
            () = reached(&self.phase, Phase::CuttingOff) => None,
        };
        metrics::handler_ended(received.event(), started.elapsed());
        let Some(handled) = handled else { return TaskResult::NotHandled(delivery) };
        let (failure, kept_reason) = match (handled, self.last) {
            (Some(Ok(())), _) => return TaskResult::Succeeded(received, delivery.success().await),
            (Some(Err(HandlerError::Failure(reason))), _) => {
                (Failure { reason: reason.clone(), given_up: None }, reason)
            }
            (handled, Some(attempts)) => {
                let reason = format!("Given up after {attempts} attempts");
                let kept_reason = format!("{reason}: {}", error_text(handled.and_then(Result::err).as_ref()));
                (Failure { reason, given_up: Some(attempts) }, kept_reason)
            }
            (Some(Err(HandlerError::Release(error))), None) => {
                return TaskResult::Later(delivery, Some(error));
            }
            (None, None) => return TaskResult::Later(delivery, None),
        };
        if let Some(keep) = &self.keep
            && let Err(error) = keep(received.clone(), kept_reason).await
        {
            warn!(error = causes(&*error), "the message cannot be kept as a dead letter");
            return TaskResult::Later(delivery, Some(error));
        }
        let answer = delivery.failure(failure.reason.as_str()).await;
        TaskResult::Failed(received, failure, answer)
    }
}

/// Waits until the worker has reached a phase.
async fn reached(current: &watch::Receiver<Phase>, phase: Phase) {
    // An error means that the worker is gone, and its tasks with it.
    let _ = current.clone().wait_for(|current| *current >= phase).await;
}
