//! [`Mailbox`]: the whole state of a sandbox and every step it can take.
//!
//! Nothing here knows of HTTP, of formats or of the time of day: a step gets the moment at which it happens, and either
//! happens completely or not at all.

mod bound;
mod definitions;
mod delivery;
mod fingerprint;
mod history;
mod message;
mod moment;
mod posting;
mod queue;
mod refusal;
mod resources;
mod saved;
#[cfg(test)]
mod tests;
mod version;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use koppeltaal_messaging::{ApiVersion, Event, ProcessingStatus};
use uuid::Uuid;

pub(crate) use bound::names_another;
pub(crate) use definitions::{Definition, SentDefinition, not_found as definition_not_found};
pub(crate) use delivery::{Acknowledgement, Delivery};
pub(crate) use history::{Receipt, Sent};
pub(crate) use message::{Address, Kept, Message, Origin};
pub(crate) use moment::Moment;
pub(crate) use posting::Posting;
pub(crate) use queue::Filter;
pub(crate) use refusal::{Kind, Refusal};
pub(crate) use version::{Tick, Version, VersionClock};

use crate::config::{ConfiguredDefinition, Instance, Limits, SandboxConfig};
use definitions::Definitions;
use history::History;
use queue::{Bounds, Queue};
use resources::{Effect, Resources};

/// An application instance, by what it keeps when the configuration changes around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct InstanceId {
    pub(crate) domain: Arc<str>,
    pub(crate) username: Arc<str>,
}

impl InstanceId {
    pub(crate) fn of(instance: &Instance) -> Self {
        Self { domain: instance.domain.as_str().into(), username: instance.username.as_str().into() }
    }
}

/// When a step happens, and the one identifier that it may need: a step itself is told everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub(crate) now: Moment,
    pub(crate) fresh: Uuid,
}

/// A message that came into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
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

/// What an instance finds under an `_id`.
#[derive(Debug)]
pub(crate) enum Found {
    /// A message in its queue.
    Received(Delivery),
    /// A message that it posted.
    Sent(Sent),
}

impl Found {
    pub(crate) fn message(&self) -> &Message {
        match self {
            Self::Received(delivery) => &delivery.message,
            Self::Sent(sent) => &sent.message,
        }
    }
}

/// The state of a sandbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    accounts: BTreeMap<InstanceId, Account>,
    domains: HashMap<String, Domain>,
    clock: VersionClock,
    /// Of message headers; the last one given out.
    last_number: u64,
    /// Of messages; the last one given out.
    last_message: u64,
    /// Of activity definitions; the last one given out.
    last_definition: u64,
    /// Messages that are to be written.
    new_messages: Vec<Arc<Message>>,
    /// Messages that were read back, until their deliveries are.
    restored: HashMap<u64, Arc<Message>>,
    /// Which configured definitions were taken in once: in a data file they are not taken in again.
    seeds: HashSet<String>,
    /// What came into queues since the last look.
    news: Vec<News>,
    new_seeds: Vec<String>,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Domain {
    resources: Resources,
    definitions: Definitions,
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
        let account = |instance: &Instance| Account {
            instance: instance.clone(),
            queue: Queue::new(bounds),
            history: History::new(bounds.messages, bounds.bytes),
        };
        let accounts = config.instances.iter();
        Self {
            accounts: accounts.map(|instance| (InstanceId::of(instance), account(instance))).collect(),
            domains: config.domains.iter().map(|name| (name.clone(), Domain::default())).collect(),
            clock: VersionClock::default(),
            last_number: 0,
            last_message: 0,
            last_definition: 0,
            new_messages: Vec::new(),
            restored: HashMap::new(),
            seeds: HashSet::new(),
            news: Vec::new(),
            new_seeds: Vec::new(),
            limits,
        }
    }

    /// Takes in the configured definitions that were not taken in before.
    pub(crate) fn seed(&mut self, configured: &[ConfiguredDefinition], now: Moment) {
        for (place, ConfiguredDefinition { domain, definition }) in configured.iter().enumerate() {
            let seed = posting::seed(domain, definition).unwrap_or_else(|| place.to_string());
            if !self.seeds.insert(seed.clone()) {
                continue;
            }
            self.new_seeds.push(seed);
            self.last_definition += 1;
            let home = self.domains.entry(domain.clone()).or_default();
            let tick = &mut Tick::new(&mut self.clock, now);
            home.definitions.put(self.last_definition, definition.clone(), tick);
        }
    }

    fn next_message(&mut self) -> u64 {
        self.last_message += 1;
        self.last_message
    }

    /// The instances with their ids.
    pub(crate) fn instances(&self) -> impl Iterator<Item = (&InstanceId, &Instance)> {
        self.accounts.iter().map(|(id, account)| (id, &account.instance))
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
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
            let domain = self.domains.entry(posting.domain.clone()).or_default();
            let capacity = self.limits.resources;
            domain.resources.apply(
                &posting.resources,
                posting.focal,
                rules,
                capacity,
                &mut Tick::new(&mut self.clock, now),
            )?
        };
        if !is_inert && rules >= ApiVersion::V1_3_5 {
            warn_of_missing_versions(&posting, &effects, &sender.username);
        }

        let data = new_versions(&posting, &effects, rules);
        let receipt = Arc::new(Receipt {
            number: self.next_number(),
            version: Tick::new(&mut self.clock, now).version(),
            identifier: occasion.fresh.to_string(),
            at: now,
            event: posting.event,
            domain: posting.domain.clone(),
            request: posting.identifier.clone(),
            patient: posting.patient.clone(),
            data,
        });
        let message = Arc::new(keep(self.next_message(), posting, effects));
        self.new_messages.push(Arc::clone(&message));
        if let Some(account) = self.accounts.get_mut(sender) {
            account.history.put(Sent { message: Arc::clone(&message), receipt: Arc::clone(&receipt) });
        }
        if !is_inert {
            self.deliver(&message, now);
        }
        Ok(receipt)
    }

    /// Copies a message into the queues of its subscribers.
    fn deliver(&mut self, message: &Arc<Message>, now: Moment) {
        let patient: Option<Arc<str>> = message.patient.as_deref().map(Into::into);
        for (id, Account { instance, queue, .. }) in &mut self.accounts {
            if instance.domain == message.domain && instance.subscriptions.contains(&message.event) {
                self.last_number += 1;
                queue.put(self.last_number, Arc::clone(message), &mut Tick::new(&mut self.clock, now));
                self.news.push(News {
                    instance: id.clone(),
                    identifier: message.identifier.clone(),
                    patient: patient.clone(),
                });
            }
        }
    }

    /// Changes whenever something in here does, since every change gives out a version.
    pub(crate) fn revision(&self) -> Option<Moment> {
        self.clock.last()
    }

    /// What there is in each domain.
    pub(crate) fn overview(&mut self, now: Moment) -> BTreeMap<String, Overview> {
        let mut domains: BTreeMap<String, Overview> = BTreeMap::new();
        for (name, domain) in &self.domains {
            let definitions = domain.definitions.list(false).count();
            domains.insert(name.clone(), Overview { definitions, instances: Vec::new() });
        }
        for Account { instance, queue, .. } in self.accounts.values_mut() {
            let counts = queue.counts(&mut Tick::new(&mut self.clock, now));
            let domain = domains.entry(instance.domain.clone()).or_default();
            domain.instances.push((instance.clone(), counts));
        }
        domains
    }

    /// What came into queues since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Claims the oldest New message that the filter takes. A short claim runs out at once.
    pub(crate) fn claim(
        &mut self,
        receiver: &InstanceId,
        filter: &Filter,
        is_short: bool,
        now: Moment,
    ) -> Option<Delivery> {
        let account = self.accounts.get_mut(receiver)?;
        account.queue.claim(filter, is_short, &mut Tick::new(&mut self.clock, now))
    }

    /// Does what a receiver reports about a message. Only the instance whose queue it is in may report, and with `only` only
    /// about a message of that patient.
    pub(crate) fn acknowledge(
        &mut self,
        receiver: &InstanceId,
        number: u64,
        report: &Acknowledgement,
        only: Option<&str>,
        now: Moment,
    ) -> Result<Delivery, Refusal> {
        let no_message = || Refusal::not_found("There is no such message.");
        let account = self.accounts.get_mut(receiver).ok_or_else(unknown_instance)?;
        let patient = account.queue.patient(number);
        if only.is_some() && patient.is_some_and(|patient| patient != only) {
            return Err(no_message());
        }
        if let Some(outcome) = account.queue.acknowledge(number, report, &mut Tick::new(&mut self.clock, now))
        {
            return outcome;
        }
        if self.accounts.values().any(|account| account.queue.holds(number)) {
            return Err(Refusal::forbidden("The message is in the queue of another application instance."));
        }
        Err(no_message())
    }

    /// The message with this number: one in the instance's queue, or one that it posted, by the number of the answer.
    pub(crate) fn numbered(&mut self, instance: &InstanceId, number: u64, now: Moment) -> Option<Found> {
        let account = self.accounts.get_mut(instance)?;
        let received = account.queue.get(number, &mut Tick::new(&mut self.clock, now)).map(Found::Received);
        received.or_else(|| account.history.numbered(number).cloned().map(Found::Sent))
    }

    /// The message with this `MessageHeader.identifier`. One in the instance's queue goes before one that it posted.
    pub(crate) fn identified(
        &mut self,
        instance: &InstanceId,
        identifier: &str,
        now: Moment,
    ) -> Option<Found> {
        let account = self.accounts.get_mut(instance)?;
        let tick = &mut Tick::new(&mut self.clock, now);
        let received = account.queue.find(identifier, tick).map(Found::Received);
        received.or_else(|| account.history.identified(identifier).cloned().map(Found::Sent))
    }

    /// How many messages of the instance's queue the filter takes, and a page of them, oldest first.
    pub(crate) fn list(
        &mut self,
        instance: &InstanceId,
        filter: &Filter,
        skip: usize,
        count: usize,
        now: Moment,
    ) -> (usize, Vec<Delivery>) {
        let Some(account) = self.accounts.get_mut(instance) else { return (0, Vec::new()) };
        account.queue.list(filter, skip, count, &mut Tick::new(&mut self.clock, now))
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

/// The posting as the mailbox keeps it.
fn keep(key: u64, posting: Posting, effects: Vec<Effect>) -> Message {
    let resources = posting.resources.into_iter().zip(effects).map(|(posted, effect)| {
        let version = match effect {
            Effect::Untouched(None) if posted.is_definition => posted.version.as_deref().map(Version::from),
            effect => effect.version().cloned(),
        };
        Kept { address: Address::Given(posted.url), version, entry: posted.entry }
    });
    Message {
        key,
        identifier: posting.identifier,
        event: posting.event,
        domain: posting.domain,
        origin: Origin::Instance,
        patient: posting.patient,
        header: posting.header,
        focal: posting.focal,
        resources: resources.collect(),
        bytes: posting.bytes,
    }
}
