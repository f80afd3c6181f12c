//! [`Mailbox`]: the whole state of a sandbox and every step it can take.
//!
//! Nothing here knows of HTTP or of the time of day: a step gets the moment at which it happens, and either happens
//! completely or not at all. What it changes stands in [`Table`]s and [`Value`]s, so that a step that cannot be kept is taken
//! back: see [`store`](crate::persistence).

mod bound;
mod definitions;
mod delivery;
mod fingerprint;
mod history;
mod message;
mod posting;
mod queue;
mod records;
mod resources;
mod room;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{ApiVersion, Event, ProcessingStatus};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use bound::names_another;
pub(crate) use definitions::{Definition, DefinitionDraft, not_found as definition_not_found};
pub(crate) use delivery::{Acknowledgement, Delivery};
pub(crate) use history::{PostedMessage, Receipt};
pub(crate) use message::{Address, Message, MessageResource, Origin};
pub(crate) use posting::Posting;
pub(crate) use queue::Filter;

use crate::clock::{Timestamp, Version, VersionClock};
use crate::config::{ConfiguredDefinition, Instance, Limits, SandboxConfig};
use crate::instance::InstanceId;
use crate::persistence::{AfterCommit, Table, Value};
use crate::refusal::{Refusal, RefusalKind};
use crate::representation;
use definitions::Definitions;
use history::History;
use queue::{Bounds, Queue};
use resources::{Effect, Resources};

/// When a step happens, and the one identifier that it may need: a step itself is told everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub(crate) now: Timestamp,
    pub(crate) fresh: Uuid,
}

/// A message that came into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) instance: InstanceId,
    /// `MessageHeader.identifier`.
    pub(crate) identifier: String,
    /// URL, without version, of the patient whom it is about, if it is about one.
    pub(crate) patient: Option<Arc<str>>,
}

/// What there is in a domain.
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
    /// Whether messages of this event in this domain are for it.
    fn receives(&self, domain: &str, event: Event) -> bool {
        self.instance.domain == domain && self.instance.subscriptions.contains(&event)
    }
}

/// What an instance finds under an `_id`.
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

/// The state of a sandbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    accounts: BTreeMap<InstanceId, Account>,
    domains: HashMap<String, Domain>,
    counters: Value<Counters>,
    /// The messages that are in a queue or a history, by their keys.
    messages: Table<records::Messages>,
    /// Which configured definitions were taken in once: in a data file they are not taken in again.
    seeds: Table<records::Seeds>,
    /// What came into queues since the last look.
    notifications: AfterCommit<Notification>,
    /// Messages that were read back, until all that refers to them is.
    restored: HashMap<u64, RestoredMessage>,
    limits: Limits,
}

/// The numbers that were given out last, and the moment of the last version.
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
    /// Whether an instance that is configured now has it.
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

    /// The domain with this name, which need not be a configured one: a data file may have more.
    fn of<'a>(domains: &'a mut HashMap<String, Self>, name: &str) -> &'a mut Self {
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
            let id = InstanceId::of(instance);
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
            messages: Table::new(records::Messages),
            seeds: Table::new(records::Seeds),
            notifications: AfterCommit::default(),
            restored: HashMap::new(),
            limits,
        }
    }

    /// Takes in the configured definitions that were not taken in before.
    pub(crate) fn seed(&mut self, configured: &[ConfiguredDefinition], now: Timestamp) {
        for (place, ConfiguredDefinition { domain, definition }) in configured.iter().enumerate() {
            let seed = posting::seed(domain, definition).unwrap_or_else(|| place.to_string());
            if self.seeds.rows().contains_key(&seed) {
                continue;
            }
            self.seeds.put(seed, ());
            self.counters.definition += 1;
            let number = self.counters.definition;
            let step = &mut self.counters.clock.step(now);
            let sent = DefinitionDraft { content: definition.clone(), bytes: records::memory(definition) };
            Domain::of(&mut self.domains, domain).definitions.put(number, sent, step);
        }
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

    /// Posts a message: checks versions, gives out new ones, and copies the message into the queue of every instance of
    /// the domain that subscribed to its event, the sender included. A message that was posted before, going by its
    /// identifier, is answered as the first time and does nothing.
    pub(crate) fn post(
        &mut self,
        sender: &InstanceId,
        posting: Posting,
        occasion: Occasion,
    ) -> Result<Arc<Receipt>, Refusal> {
        if posting.domain.as_str() != &*sender.domain {
            return Err(Refusal::forbidden("The message is not for the domain of these credentials."));
        }
        let account = self.accounts.get(sender).ok_or_else(unknown_instance)?;
        let rules = account.instance.api_version;
        if let Some(sent) = account.history.identified(&posting.identifier) {
            return Ok(Arc::clone(&sent.receipt));
        }

        let now = occasion.now;
        // Definitions are published through `Other`; in the mailbox such a message is accepted and changes nothing.
        let is_inert = posting.event == Event::CreateOrUpdateActivityDefinition;
        let effects = if is_inert {
            posting.resources.iter().map(|_| Effect::Untouched(None)).collect()
        } else {
            self.check_versions_and_room(&posting, rules, now)?;
            let step = &mut self.counters.clock.step(now);
            let resources = &mut Domain::of(&mut self.domains, &posting.domain).resources;
            resources.apply(&posting.resources, posting.focal, rules, step)
        };
        if !is_inert && rules >= ApiVersion::V1_3_5 {
            warn_of_missing_versions(&posting, &effects, &sender.username);
        }

        let data = new_versions(&posting, &effects, rules);
        let receipt = Arc::new(Receipt {
            number: self.next_number(),
            version: self.counters.clock.step(now).version(),
            identifier: occasion.fresh.to_string(),
            at: now,
            event: posting.event,
            domain: posting.domain.clone(),
            request: posting.identifier.clone(),
            patient: posting.patient.clone(),
            data,
        });
        let message = Arc::new(Message::posted(self.next_message(), posting, effects));
        if let Some(account) = self.accounts.get_mut(sender) {
            let forgotten = account
                .history
                .put(PostedMessage { message: Arc::clone(&message), receipt: Arc::clone(&receipt) });
            self.release(&forgotten);
        }
        if !is_inert {
            self.deliver(&message, now);
        }
        self.keep_if_held(message);
        Ok(receipt)
    }

    /// Whether a message is right and there is room for it. What its sender did wrong is said first: trying again later
    /// would not help.
    fn check_versions_and_room(
        &mut self,
        posting: &Posting,
        rules: ApiVersion,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Posting { domain, event, resources, focal, bytes, .. } = posting;
        let known = &Domain::of(&mut self.domains, domain).resources;
        let created = known.check(resources, *focal, rules)?;
        self.check_size(domain, *event, *bytes)?;
        let known = &Domain::of(&mut self.domains, domain).resources;
        known.check_room(created, self.limits.resources)?;
        let focal = Address::Given(resources[*focal].url.clone());
        self.check_room(domain, *event, &focal, *bytes, now)
    }

    /// Whether a message of so many bytes fits into the queues of all who subscribed, if nothing else is there.
    fn check_size(&self, domain: &str, event: Event, bytes: usize) -> Result<(), Refusal> {
        let mut receivers = self.accounts.values().filter(|account| account.receives(domain, event));
        receivers.try_for_each(|account| account.queue.check_size(bytes))
    }

    /// Whether all who subscribed have room for a message of so many bytes: it is put into all of their queues or into none.
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

    /// Copies a message into the queues of its subscribers, which have room for it.
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
                    patient: patient.clone(),
                });
            }
        }
        self.release(&forgotten);
    }

    /// Keeps a new message as long as somebody has it.
    fn keep_if_held(&mut self, message: Arc<Message>) {
        if !message.holders.is_none() {
            self.messages.put(message.key, message);
        }
    }

    /// Forgets messages that nobody has any more.
    fn release(&mut self, messages: &[Arc<Message>]) {
        for message in messages.iter().filter(|message| message.holders.is_none()) {
            self.messages.remove(&message.key);
        }
    }

    /// Changes whenever something in here does, since every change gives out a version.
    pub(crate) fn revision(&self) -> Option<Timestamp> {
        self.counters.clock.last()
    }

    /// What there is in each domain.
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

    /// What came into queues since this was asked last.
    pub(crate) fn take_notifications(&mut self) -> Vec<Notification> {
        self.notifications.take()
    }

    /// Claims the oldest New message that the filter takes. A short claim runs out at once.
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
        // The claim before takes room as well.
        let forgotten = account.queue.make_room(claimed.number);
        self.release(&forgotten);
        Some(claimed)
    }

    /// Does what a receiver reports about a message. Only the instance whose queue it is in may report, and with `only` only
    /// about a message of that patient.
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
            // What the receiver says takes room as well.
            let forgotten = account.queue.make_room(number);
            self.release(&forgotten);
            return outcome;
        }
        if self.accounts.values().any(|account| account.queue.holds(number)) {
            return Err(Refusal::forbidden("The message is in the queue of another application instance."));
        }
        Err(no_message())
    }

    /// The message with this number: one in the instance's queue, or one that it posted, by the number of the answer.
    pub(crate) fn numbered(&mut self, instance: &InstanceId, number: u64, now: Timestamp) -> Option<Lookup> {
        let account = self.accounts.get_mut(instance)?;
        let received = account.queue.get(number, &mut self.counters.clock.step(now)).map(Lookup::Received);
        received.or_else(|| account.history.numbered(number).cloned().map(Lookup::Posted))
    }

    /// The message with this `MessageHeader.identifier`. One in the instance's queue goes before one that it posted.
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

    /// How many messages of the instance's queue the filter takes, and a page of them, oldest first.
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

/// Rule 5: a sender of api-version 1.3.5 left the version of a known resource out.
fn warn_of_missing_versions(posting: &Posting, effects: &[Effect], sender: &str) {
    let is_missing = |place: &usize| {
        let is_known = matches!(effects[*place], Effect::Changed(_) | Effect::Unchanged(_));
        *place != posting.focal && is_known && posting.resources[*place].version.is_none()
    };
    let missing = (0..effects.len()).filter(is_missing).count();
    if missing > 0 {
        tracing::warn!(
            sender,
            resources = missing,
            "a 1.3.5 sender posted known resources without a version"
        );
    }
}

/// What the answer to a post names: the focal resource first, then, for a 1.3.5 sender, on a create all others and on an
/// update those with a new version.
fn new_versions(posting: &Posting, effects: &[Effect], rules: ApiVersion) -> Vec<(Address, Option<Version>)> {
    let name = |place: usize| {
        (Address::Given(posting.resources[place].url.clone()), effects[place].version().cloned())
    };
    let is_create = matches!(effects[posting.focal], Effect::Created(_));
    let is_named = |place: &usize| {
        rules >= ApiVersion::V1_3_5
            && *place != posting.focal
            && match effects[*place] {
                Effect::Created(_) | Effect::Changed(_) => true,
                Effect::Unchanged(_) => is_create,
                Effect::Untouched(_) => false,
            }
    };
    let others = (0..effects.len()).filter(is_named);
    std::iter::once(posting.focal).chain(others).map(name).collect()
}
