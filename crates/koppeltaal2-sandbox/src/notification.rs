//! [`Notifications`]: tells the endpoints of Subscriptions that there is something to look at (rest-hook,
//! Koppeltaal 2.0, topic 6).

mod delivery;
mod settings;
mod subscription;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use koppeltaal_r4::resources::{Subscription, SubscriptionStatus};
use koppeltaal_smart::{Access, Operation};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::audit::{Audit, Outcome, subscriber_entity, version_entity};
use crate::caller::TokenCheck;
use crate::moment::Moment;
use crate::search::span::Span;
use crate::store::{Store, Version};
use crate::trace::Trace;
use delivery::{Client, client, deliver};

pub(crate) use settings::NotificationSettings;
pub(crate) use subscription::{Subscriber, activate};

/// How many notifications may wait for a slow endpoint. Further ones are lost.
const WAITING: usize = 1_000;
/// How long the task of a Subscription waits for its next notification before it ends.
const IDLE: Duration = Duration::from_secs(30);
const LOST: &str = "the notification was lost on purpose";
const OVERFLOWN: &str = "too many notifications wait for this endpoint";

/// Sends notifications. A clone shares the tasks that do, which end with the last clone.
#[derive(Clone)]
pub(crate) struct Notifications {
    context: Arc<Context>,
    workers: Arc<Mutex<Workers>>,
}

struct Context {
    store: Store,
    audit: Audit,
    tokens: Arc<dyn TokenCheck>,
    settings: NotificationSettings,
    /// How many of the next ones are lost on purpose.
    losing: AtomicUsize,
    subscribers: Mutex<HashMap<Arc<str>, Known>>,
    client: Client,
}

/// What a version of a Subscription says; nothing, if it cannot work.
struct Known {
    version: u64,
    subscriber: Option<Arc<Subscriber>>,
}

/// The task of each Subscription, and the way to it.
#[derive(Default)]
struct Workers {
    senders: HashMap<Arc<str>, mpsc::Sender<Notification>>,
    tasks: JoinSet<()>,
}

/// That a version of a resource was written.
struct Notification {
    subscription: Arc<Version>,
    subscriber: Arc<Subscriber>,
    version: Arc<Version>,
    /// Who wrote it.
    device: Arc<str>,
    /// Of the notification itself.
    trace: Trace,
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").field("settings", &self.context.settings).finish_non_exhaustive()
    }
}

impl Notifications {
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub(crate) fn new(
        store: Store,
        audit: Audit,
        tokens: Arc<dyn TokenCheck>,
        settings: NotificationSettings,
    ) -> Result<Self, rustls::Error> {
        let context = Context {
            store,
            audit,
            tokens,
            settings,
            losing: AtomicUsize::new(0),
            subscribers: Mutex::default(),
            client: client()?,
        };
        Ok(Self { context: Arc::new(context), workers: Arc::default() })
    }

    /// Loses the next notifications, so many, instead of sending them.
    pub(crate) fn lose(&self, notifications: usize) {
        self.context.losing.store(notifications, Ordering::Relaxed);
    }

    /// Tells all whom it concerns that a version of a resource was written by a Device, on the request with
    /// this trace. Does not wait for them. Needs a Tokio runtime.
    pub(crate) fn changed(&self, version: &Arc<Version>, device: &str, trace: &Trace) {
        for subscription in self.context.store.all("Subscription") {
            if let Some(subscriber) = self.context.concerned(&subscription, version) {
                self.send(Notification {
                    subscription,
                    subscriber,
                    version: Arc::clone(version),
                    device: device.into(),
                    trace: trace.caused(),
                });
            }
        }
    }

    fn send(&self, notification: Notification) {
        let context = &self.context;
        let lose = |losing: usize| losing.checked_sub(1);
        if context.losing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lose).is_ok() {
            return context.record(&notification, Err(LOST.to_owned()));
        }
        let refused = lock(&self.workers).send(context, notification);
        if let Err(notification) = refused {
            context.record(&notification, Err(OVERFLOWN.to_owned()));
        }
    }
}

impl Workers {
    /// Hands a notification to the task of its Subscription. It comes back if too many wait there.
    fn send(&mut self, context: &Arc<Context>, notification: Notification) -> Result<(), Box<Notification>> {
        // Forgets tasks that have ended.
        while self.tasks.try_join_next().is_some() {}
        self.senders.retain(|_, sender| !sender.is_closed());
        let id = Arc::clone(&notification.subscription.id);
        let notification = match self.senders.get(&id) {
            Some(sender) => match sender.try_send(notification) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(notification)) => return Err(Box::new(notification)),
                // The task ended at this moment.
                Err(TrySendError::Closed(notification)) => notification,
            },
            None => notification,
        };
        let (sender, waiting) = mpsc::channel(WAITING);
        self.tasks.spawn(work(Arc::clone(context), waiting));
        // There is room in a new channel.
        let sent = sender.try_send(notification);
        self.senders.insert(id, sender);
        sent.map_err(|refused| Box::new(refused.into_inner()))
    }
}

/// Sends the notifications of one Subscription, one after the other, until there are none for a while.
async fn work(context: Arc<Context>, mut waiting: mpsc::Receiver<Notification>) {
    while let Ok(Some(notification)) = timeout(IDLE, waiting.recv()).await {
        context.notify(&notification).await;
    }
    // From here on, new ones start another task. What came until now is still sent.
    waiting.close();
    while let Some(notification) = waiting.recv().await {
        context.notify(&notification).await;
    }
}

impl Context {
    /// The subscriber of a Subscription that is active and wants to know of a version.
    fn concerned(&self, subscription: &Arc<Version>, version: &Version) -> Option<Arc<Subscriber>> {
        let resource = subscription.resource.get::<Subscription>()?;
        let has_ended = || {
            let end = resource.end.text().and_then(|end| Span::parse(&end));
            end.is_some_and(|end| end.start <= Moment::now())
        };
        if resource.status.get() != Some(&SubscriptionStatus::Active) || has_ended() {
            return None;
        }
        let subscriber = self.subscriber(subscription, resource)?;
        let matches = self.store.matches(&subscriber.query, version);
        (matches && self.may_know(subscription, version)).then_some(subscriber)
    }

    fn subscriber(&self, version: &Arc<Version>, subscription: &Subscription) -> Option<Arc<Subscriber>> {
        let mut known = lock(&self.subscribers);
        if let Some(known) = known.get(&version.id).filter(|known| known.version == version.version) {
            return known.subscriber.clone();
        }
        let subscriber = Subscriber::read(subscription).ok().map(Arc::new);
        known.insert(
            Arc::clone(&version.id),
            Known { version: version.version, subscriber: subscriber.clone() },
        );
        subscriber
    }

    /// Whether the application of a Subscription may read a resource. When in doubt, it may know.
    fn may_know(&self, subscription: &Version, version: &Version) -> bool {
        let client_id = subscription.origin().and_then(|origin| origin.strip_prefix("Device/"));
        let Some(scopes) = client_id.and_then(|client_id| self.tokens.scopes_of(client_id)) else {
            return true;
        };
        match scopes.access(version.resource_type(), Operation::Read) {
            Access::All => true,
            Access::Denied => false,
            Access::Limited(origins) => {
                version.origin().is_none_or(|own| origins.iter().any(|origin| origin == own))
            }
        }
    }

    async fn notify(&self, notification: &Notification) {
        let Notification { subscription, subscriber, trace, .. } = notification;
        let is_active = |version: &Version| {
            let subscription = version.resource.get::<Subscription>();
            subscription.is_some_and(|own| own.status.get() == Some(&SubscriptionStatus::Active))
        };
        let current = self.store.read("Subscription", &subscription.id).found();
        if !current.is_some_and(|current| is_active(&current)) {
            return;
        }
        let sent = deliver(&self.client, subscriber, trace, self.settings).await;
        if let Err(problem) = &sent {
            tracing::warn!(subscription = %subscription.id, problem, "a notification failed");
            self.store.change("Subscription", &subscription.id, |resource| {
                let Some(own) = resource.get_mut::<Subscription>() else { return false };
                let is_active = own.status.get() == Some(&SubscriptionStatus::Active);
                if is_active {
                    own.status = SubscriptionStatus::Error.into();
                    own.error = problem.as_str().into();
                }
                is_active
            });
        }
        self.record(notification, sent);
    }

    fn record(&self, notification: &Notification, sent: Result<(), String>) {
        let Notification { subscription, subscriber, version, device, trace } = notification;
        let entities = vec![version_entity(version), subscriber_entity(subscription, &subscriber.criteria)];
        let destination = subscription.origin().unwrap_or(self.audit.server());
        let outcome = sent.map_or_else(Outcome::Minor, |()| Outcome::Success);
        let endpoint = subscriber.endpoint.to_string();
        self.audit.record_notification(trace, device, destination, &endpoint, outcome, entities);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
