//! [`Mailbox`]: messages, queues, the versions of resources, and activity definitions, with every step that
//! they can take. It is one of the three parts of the state, besides [`oauth`](crate::oauth) and
//! [`storage`](crate::storage).
//!
//! Nothing here knows HTTP or the time of day: a step gets the time at which it happens. A step happens
//! completely or not at all. Its changes are in [`Table`]s and [`Value`]s, so that a step that cannot be
//! saved is taken back: see [`persistence`](crate::persistence).

mod bound;
mod definitions;
mod delivery;
mod fingerprint;
mod history;
mod message;
mod patient;
mod post;
mod posting;
mod queue;
mod records;
mod resources;
mod room;
mod search;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{Event, ProcessingStatus};
use serde::{Deserialize, Serialize};

pub(crate) use definitions::{
    Definition, DefinitionDraft, DefinitionTarget, not_found as definition_not_found,
};
pub(crate) use delivery::{Acknowledgement, Delivery};
pub(crate) use history::{PostedMessage, Receipt};
pub(crate) use message::{Address, Message, MessageResource, Origin};
pub(crate) use patient::names_another;
pub(crate) use posting::Posting;
pub(crate) use queue::Filter;
pub(crate) use search::{MAXIMUM_LOOKS, MessageOverview, Search, Start};

use crate::clock::{Timestamp, VersionClock};
use crate::config::{ConfiguredActivityDefinition, Instance, Limits, SandboxConfig};
use crate::instance::InstanceId;
use crate::persistence::{AfterCommit, Table, Value};
use crate::refusal::{Refusal, RefusalKind};
use crate::representation;
use definitions::Definitions;
use history::History;
use queue::{Bounds, Queue};
use resources::Resources;

/// Tells that a message came into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) instance: InstanceId,
    /// `MessageHeader.identifier`.
    pub(crate) identifier: String,
    pub(crate) event: Event,
    /// URL, without version, of the patient whom the message is about, if there is one.
    pub(crate) patient: Option<Arc<str>>,
}

/// An overview of a domain.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    /// Activity definitions that are not archived.
    pub(crate) definitions: usize,
    /// The instances, with the numbers of messages by status.
    pub(crate) instances: Vec<(Instance, Vec<(ProcessingStatus, usize)>)>,
}

/// The state of one application instance.
#[derive(Debug)]
struct Account {
    instance: Instance,
    queue: Queue,
    history: History,
}

impl Account {
    /// Whether the instance gets messages of this event in this domain.
    fn receives(&self, domain: &str, event: Event) -> bool {
        self.instance.domain == domain && self.instance.subscriptions.contains(&event)
    }
}

/// A message that an instance looked up by an `_id`.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// A message in its queue.
    Received(Delivery),
    /// A message that it posted.
    Posted(PostedMessage),
}

impl Lookup {
    pub(crate) fn message(&self) -> &Message {
        match self {
            Self::Received(delivery) => &delivery.message,
            Self::Posted(sent) => &sent.message,
        }
    }
}

/// The state of all mailboxes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    accounts: BTreeMap<InstanceId, Account>,
    domains: HashMap<String, Domain>,
    counters: Value<Counters>,
    /// The messages that are in a queue or a history, by key.
    messages: Table<message::Messages>,
    /// The configured definitions that were taken in once. With a data file they are not taken in again.
    seeds: Table<records::Seeds>,
    /// Messages that came into queues since the last call of
    /// [`take_notifications`](Self::take_notifications).
    notifications: AfterCommit<Notification>,
    /// Messages that were read back, until everything that refers to them is read back too.
    restored: HashMap<u64, RestoredMessage>,
    limits: Limits,
}

/// The numbers that were given out last, and the time of the last version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Counters {
    /// Of message headers.
    number: u64,
    /// Of messages.
    message: u64,
    /// Of activity definitions.
    definition: u64,
    clock: VersionClock,
}

/// A message that was read back.
#[derive(Debug)]
struct RestoredMessage {
    message: Arc<Message>,
    /// Whether a configured instance has it.
    is_configured: bool,
}

#[derive(Debug)]
struct Domain {
    resources: Resources,
    definitions: Definitions,
}

impl Domain {
    fn new(name: &str) -> Self {
        Self { resources: Resources::new(name), definitions: Definitions::new(name) }
    }

    /// The domain with this name. A data file may have domains that are not configured.
    fn get_or_new<'a>(domains: &'a mut HashMap<String, Self>, name: &str) -> &'a mut Self {
        domains.entry(name.to_owned()).or_insert_with(|| Self::new(name))
    }
}

impl Mailbox {
    /// The state at the start, without the configured definitions.
    pub(crate) fn new(config: &SandboxConfig) -> Self {
        let limits = config.limits;
        let bounds = Bounds {
            messages: limits.queue_messages,
            bytes: limits.queue_bytes,
            claim_timeout: config.claim_timeout,
        };
        let account = |instance: &Instance| {
            let id = InstanceId::from(instance);
            let account = Account {
                instance: instance.clone(),
                queue: Queue::new(id.clone(), bounds),
                history: History::new(id.clone(), bounds.messages, bounds.bytes),
            };
            (id, account)
        };
        Self {
            accounts: config.instances.iter().map(account).collect(),
            domains: config.domains.iter().map(|name| (name.clone(), Domain::new(name))).collect(),
            counters: Value::new(Counters::default()),
            messages: Table::new(message::Messages),
            seeds: Table::new(records::Seeds),
            notifications: AfterCommit::default(),
            restored: HashMap::new(),
            limits,
        }
    }

    /// Takes in the configured definition at this place of the configuration, unless that was done before.
    pub(crate) fn seed(&mut self, place: usize, configured: &ConfiguredActivityDefinition, now: Timestamp) {
        let ConfiguredActivityDefinition { domain, definition } = configured;
        let seed = posting::seed(domain, definition).unwrap_or_else(|| place.to_string());
        if self.seeds.rows().contains_key(&seed) {
            return;
        }
        self.seeds.put(seed, ());
        self.counters.definition += 1;
        let number = self.counters.definition;
        let step = &mut self.counters.clock.step(now);
        let sent = DefinitionDraft { content: definition.clone(), bytes: text::memory(definition) };
        Domain::get_or_new(&mut self.domains, domain).definitions.put(number, sent, step);
    }

    fn next_message(&mut self) -> u64 {
        self.counters.message += 1;
        self.counters.message
    }

    /// The instances with their ids.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&InstanceId, &Instance)> {
        self.accounts.iter().map(|(id, account)| (id, &account.instance))
    }

    fn next_number(&mut self) -> u64 {
        self.counters.number += 1;
        self.counters.number
    }

    /// Whether a message of this many bytes would fit into the empty queues of all subscribers.
    fn check_size(&self, domain: &str, event: Event, bytes: usize) -> Result<(), Refusal> {
        let mut receivers = self.accounts.values().filter(|account| account.receives(domain, event));
        receivers.try_for_each(|account| account.queue.check_size(bytes))
    }

    /// Whether all subscribers have room for a message of this many bytes. It goes into all of their queues
    /// or into none.
    fn check_room(
        &mut self,
        domain: &str,
        event: Event,
        focal: &Address,
        bytes: usize,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut receivers = self.accounts.values_mut().filter(|account| account.receives(domain, event));
        receivers.try_for_each(|account| {
            account.queue.check_room(focal, bytes, &mut self.counters.clock.step(now))
        })
    }

    /// Copies a message into the queues of its subscribers. They have to have room for it.
    fn deliver(&mut self, message: &Arc<Message>, now: Timestamp) {
        let patient: Option<Arc<str>> = message.patient.as_deref().map(Into::into);
        let mut forgotten = Vec::new();
        for (id, account) in &mut self.accounts {
            if account.receives(&message.domain, message.event) {
                self.counters.number += 1;
                let number = self.counters.number;
                let step = &mut self.counters.clock.step(now);
                account.queue.put(number, Arc::clone(message), step);
                forgotten.append(&mut account.queue.make_room(number));
                self.notifications.push(Notification {
                    instance: id.clone(),
                    identifier: message.identifier.clone(),
                    event: message.event,
                    patient: patient.clone(),
                });
            }
        }
        self.remove_unused(&forgotten);
    }

    /// Adds a new message to the table if a queue or history has it.
    fn add_if_used(&mut self, message: Arc<Message>) {
        if !message.uses.is_zero() {
            self.messages.put(message.key, message);
        }
    }

    /// Removes the messages that no queue or history has any more.
    fn remove_unused(&mut self, messages: &[Arc<Message>]) {
        for message in messages.iter().filter(|message| message.uses.is_zero()) {
            self.messages.remove(&message.key);
        }
    }

    /// The time of the last version. It differs after every change, because every change gives out a version.
    pub(crate) fn revision(&self) -> Option<Timestamp> {
        self.counters.clock.last()
    }

    /// An overview of each domain.
    pub(crate) fn overview(&mut self, now: Timestamp) -> BTreeMap<String, Overview> {
        let mut domains: BTreeMap<String, Overview> = BTreeMap::new();
        for (name, domain) in &self.domains {
            let definitions = domain.definitions.list(false).count();
            domains.insert(name.clone(), Overview { definitions, instances: Vec::new() });
        }
        for Account { instance, queue, .. } in self.accounts.values_mut() {
            let counts = queue.counts(&mut self.counters.clock.step(now));
            let domain = domains.entry(instance.domain.clone()).or_default();
            domain.instances.push((instance.clone(), counts));
        }
        domains
    }

    /// The messages that came into queues since the last call.
    pub(crate) fn take_notifications(&mut self) -> Vec<Notification> {
        self.notifications.take()
    }

    /// The event of the message that [`claim`](Self::claim) would give now.
    pub(crate) fn next_event(
        &mut self,
        receiver: &InstanceId,
        filter: &Filter,
        now: Timestamp,
    ) -> Option<Event> {
        let account = self.accounts.get_mut(receiver)?;
        account.queue.next(filter, &mut self.counters.clock.step(now)).map(|delivery| delivery.message.event)
    }

    /// Claims the oldest New message that the filter takes. With `is_short`, the claim runs out at once.
    pub(crate) fn claim(
        &mut self,
        receiver: &InstanceId,
        filter: &Filter,
        is_short: bool,
        now: Timestamp,
    ) -> Option<Delivery> {
        let account = self.accounts.get_mut(receiver)?;
        let step = &mut self.counters.clock.step(now);
        let claimed = account.queue.claim(filter, is_short, step)?;
        // The earlier claim takes room as well.
        let forgotten = account.queue.make_room(claimed.number);
        self.remove_unused(&forgotten);
        Some(claimed)
    }

    /// Acknowledges a message in the queue of `receiver`; with `only`, only a message about that patient.
    pub(crate) fn acknowledge(
        &mut self,
        receiver: &InstanceId,
        number: u64,
        report: &Acknowledgement,
        only: Option<&str>,
        now: Timestamp,
    ) -> Result<Delivery, Refusal> {
        let no_message = || Refusal::not_found("There is no such message.");
        if !report.exception.as_deref().is_none_or(representation::is_writable) {
            return Err(Refusal::new(
                RefusalKind::Rule,
                IssueType::Invalid,
                "The exception holds a character that XML cannot carry.",
            ));
        }
        let account = self.accounts.get_mut(receiver).ok_or_else(unknown_instance)?;
        let patient = account.queue.patient(number);
        if only.is_some() && patient.is_some_and(|patient| patient != only) {
            return Err(no_message());
        }
        let step = &mut self.counters.clock.step(now);
        if let Some(outcome) = account.queue.acknowledge(number, report, step) {
            // The exception takes room as well.
            let forgotten = account.queue.make_room(number);
            self.remove_unused(&forgotten);
            return outcome;
        }
        if self.accounts.values().any(|account| account.queue.contains(number)) {
            return Err(Refusal::forbidden("The message is in the queue of another application instance."));
        }
        Err(no_message())
    }

    /// The message with this number in the instance's queue, or the message that it posted whose answer has
    /// this number.
    pub(crate) fn numbered(&mut self, instance: &InstanceId, number: u64, now: Timestamp) -> Option<Lookup> {
        let account = self.accounts.get_mut(instance)?;
        let received = account.queue.get(number, &mut self.counters.clock.step(now)).map(Lookup::Received);
        received.or_else(|| account.history.numbered(number).cloned().map(Lookup::Posted))
    }

    /// The message with this `MessageHeader.identifier` in the instance's queue, or else among those that it
    /// posted.
    pub(crate) fn identified(
        &mut self,
        instance: &InstanceId,
        identifier: &str,
        now: Timestamp,
    ) -> Option<Lookup> {
        let account = self.accounts.get_mut(instance)?;
        let step = &mut self.counters.clock.step(now);
        let received = account.queue.find(identifier, step).map(Lookup::Received);
        received.or_else(|| account.history.identified(identifier).cloned().map(Lookup::Posted))
    }

    /// How many messages in the instance's queue the filter takes, and a page of them, oldest first.
    pub(crate) fn list(
        &mut self,
        instance: &InstanceId,
        filter: &Filter,
        skip: usize,
        count: usize,
        now: Timestamp,
    ) -> (usize, Vec<Delivery>) {
        let Some(account) = self.accounts.get_mut(instance) else { return (0, Vec::new()) };
        account.queue.list(filter, skip, count, &mut self.counters.clock.step(now))
    }
}

/// Ids are made by [`Mailbox::new`], so no client sees this.
fn unknown_instance() -> Refusal {
    Refusal::forbidden("There is no such application instance.")
}
