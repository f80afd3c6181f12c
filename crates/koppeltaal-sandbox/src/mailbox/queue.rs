//! [`Queue`]: the messages for one application instance: which one comes next, which claims have run out,
//! which messages are finished.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_messaging::{Event, ProcessingStatus as Status};

use super::delivery::{self, Acknowledgement, CLAIM_BYTES, ClaimTerms, Delivery};
use super::message::{Address, Message};
use crate::clock::Step;
use crate::clock::Timestamp;
use crate::instance::InstanceId;
use crate::persistence::{Companion, DataFileError, Journal, Record, Table};
use crate::refusal::{Refusal, RefusalKind};

/// Which messages a search is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// URL of the patient, without version.
    pub(crate) patient: Option<String>,
    pub(crate) event: Option<Event>,
    pub(crate) status: Option<Status>,
    /// URL, without version, of the only patient whose messages the caller may see.
    pub(crate) only: Option<String>,
}

impl Filter {
    pub(crate) fn takes(&self, delivery: &Delivery) -> bool {
        let message = &delivery.message;
        self.patient.as_ref().is_none_or(|patient| message.patient.as_ref() == Some(patient))
            && self.only.as_ref().is_none_or(|only| message.patient.as_ref() == Some(only))
            && self.event.is_none_or(|event| message.event == event)
            && self.status.is_none_or(|status| delivery.status == status)
    }
}

/// How much a queue holds, and how long a claim is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    /// Of memory.
    pub(crate) bytes: usize,
    pub(crate) claim_timeout: Duration,
}

/// What a delivery takes in memory besides its message: its own structure, and its entries in the indexes.
const DELIVERY_BYTES: usize = 1024;

/// Messages, and what they take in memory. A message counts in full in each of its queues, so that how full a
/// queue is does not depend on other queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Usage {
    messages: usize,
    bytes: usize,
}

impl Usage {
    fn from_delivery(delivery: &Delivery) -> Self {
        Self::from_message_bytes(delivery.message.bytes + delivery.bytes())
    }

    fn from_message_bytes(bytes: usize) -> Self {
        Self { messages: 1, bytes: bytes + DELIVERY_BYTES }
    }

    fn with(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes.saturating_add(other.bytes) }
    }

    fn without(self, other: Self) -> Self {
        Self { messages: self.messages - other.messages, bytes: self.bytes - other.bytes }
    }

    fn fits(self, bounds: Bounds) -> bool {
        self.messages <= bounds.messages && self.bytes <= bounds.bytes
    }
}

/// A queue. Every step first ends the claims that have run out.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    deliveries: Table<Indexes>,
}

/// The indexes of a queue.
#[derive(Debug)]
struct Indexes {
    /// Whose queue it is.
    instance: InstanceId,
    /// Numbers of the messages that are New, oldest first.
    waiting: BTreeSet<u64>,
    /// The claimed messages, by the end of their claims.
    claimed: BTreeSet<(Timestamp, u64)>,
    /// Numbers of the messages that are neither, oldest first.
    finished: BTreeSet<u64>,
    /// Numbers of the messages about each focal resource, oldest first.
    by_focal: HashMap<Address, Vec<u64>>,
    /// All of them.
    usage: Usage,
    /// The messages that are New or Claimed. They are never forgotten.
    open: Usage,
}

impl Companion for Indexes {
    type Rows = BTreeMap<u64, Delivery>;

    fn record(&self, number: &u64, delivery: Option<&Delivery>) -> Result<Record, DataFileError> {
        delivery::record(&self.instance, *number, delivery)
    }

    fn add(&mut self, number: &u64, delivery: &Delivery) {
        let number = *number;
        delivery.message.uses.increment();
        let usage = Usage::from_delivery(delivery);
        self.usage = self.usage.with(usage);
        match delivery.deadline() {
            Some(deadline) => self.claimed.insert((deadline, number)),
            None if delivery.status == Status::New => self.waiting.insert(number),
            None => self.finished.insert(number),
        };
        if delivery.status.is_open() {
            self.open = self.open.with(usage);
        }
        let numbers = self.by_focal.entry(delivery.message.focal().address.clone()).or_default();
        let place = numbers.partition_point(|other| *other < number);
        numbers.insert(place, number);
    }

    fn remove(&mut self, number: &u64, delivery: &Delivery) {
        delivery.message.uses.decrement();
        let usage = Usage::from_delivery(delivery);
        self.usage = self.usage.without(usage);
        match delivery.deadline() {
            Some(deadline) => self.claimed.remove(&(deadline, *number)),
            None if delivery.status == Status::New => self.waiting.remove(number),
            None => self.finished.remove(number),
        };
        if delivery.status.is_open() {
            self.open = self.open.without(usage);
        }
        let focal = &delivery.message.focal().address;
        if let Some(numbers) = self.by_focal.get_mut(focal) {
            numbers.retain(|other| other != number);
            if numbers.is_empty() {
                self.by_focal.remove(focal);
            }
        }
    }
}

impl Queue {
    pub(crate) fn new(instance: InstanceId, bounds: Bounds) -> Self {
        let indexes = Indexes {
            instance,
            waiting: BTreeSet::new(),
            claimed: BTreeSet::new(),
            finished: BTreeSet::new(),
            by_focal: HashMap::new(),
            usage: Usage::default(),
            open: Usage::default(),
        };
        Self { bounds, deliveries: Table::new(indexes) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.deliveries
    }

    fn indexes(&self) -> &Indexes {
        self.deliveries.companion()
    }

    /// The message that a new one about this focal resource replaces: the newest one about it, if it is still
    /// New.
    fn replaced_by_next(&self, focal: &Address) -> Option<&Delivery> {
        let newest = self.indexes().by_focal.get(focal)?.last()?;
        self.deliveries.rows().get(newest).filter(|newest| newest.status == Status::New)
    }

    /// Whether a message of this many bytes fits into the empty queue.
    pub(crate) fn check_size(&self, bytes: usize) -> Result<(), Refusal> {
        if Usage::from_message_bytes(bytes).fits(self.bounds) {
            return Ok(());
        }
        let rule = "The message is larger than the queue of an application instance that is to get it.";
        Err(Refusal::new(RefusalKind::TooLarge, "too-long", rule))
    }

    /// Whether there is room for a message of this many bytes now. No unprocessed message is ever dropped for
    /// it.
    pub(crate) fn check_room(
        &mut self,
        focal: &Address,
        bytes: usize,
        step: &mut Step<'_>,
    ) -> Result<(), Refusal> {
        self.expire(step);
        let new = Usage::from_message_bytes(bytes);
        let replaced = self.replaced_by_next(focal).map(Usage::from_delivery).unwrap_or_default();
        if self.indexes().open.without(replaced).with(new).fits(self.bounds) {
            return Ok(());
        }
        let username = &self.indexes().instance.username;
        let details = format!(
            "The queue of the application instance '{username}', which is to get the message, is full of messages that it has \
             not processed. Nothing was delivered; try again later."
        );
        let rule = "The queue of a receiver is full of messages that it has not processed.";
        let refusal =
            Refusal::new(RefusalKind::Full, "too-costly", rule).at(format!("the queue of {username}"));
        Err(refusal.expected("a receiver that processes its messages").details(details))
    }

    /// Puts a message at the end. There has to be room for it. It replaces an older message about the same
    /// focal resource that is still New.
    pub(crate) fn put(&mut self, number: u64, message: Arc<Message>, step: &mut Step<'_>) {
        self.expire(step);
        if let Some(older) = self.replaced_by_next(&message.focal().address).map(|older| older.number) {
            self.change(older, |delivery| delivery.replace(step));
        }
        self.deliveries.put(number, Delivery::new(number, message, step));
    }

    /// Forgets processed messages, oldest first, until the queue is within its bounds; never the one with
    /// number `except`.
    #[must_use = "they may be in no other queue or history"]
    pub(crate) fn make_room(&mut self, except: u64) -> Vec<Arc<Message>> {
        let mut forgotten = Vec::new();
        while !self.indexes().usage.fits(self.bounds)
            && let Some(number) = self.indexes().finished.iter().find(|number| **number != except).copied()
        {
            forgotten
                .extend(self.deliveries.rows().get(&number).map(|delivery| Arc::clone(&delivery.message)));
            self.deliveries.remove(&number);
        }
        forgotten
    }

    /// The deliveries, and whether each is still needed: it is not processed, or its receiver may not know
    /// yet that it is, because this step changed it.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = (&Delivery, bool)> {
        let changed = self.deliveries.changed();
        self.deliveries.rows().values().map(move |delivery| {
            let is_reported = delivery.was_claimed() && changed.contains_key(&delivery.number);
            (delivery, delivery.status.is_open() || is_reported)
        })
    }

    /// Takes back the earlier claims that the step added to deliveries: each delivery keeps as many as
    /// before, the latest ones. Tells whether there were any.
    pub(super) fn forget_earlier_claims(&mut self) -> bool {
        let rows = self.deliveries.rows();
        let changed = self.deliveries.changed().into_iter();
        let added = changed.filter_map(|(number, before)| {
            let before = before.map_or(0, |before| before.earlier_claims.len());
            (rows.get(number)?.earlier_claims.len() > before).then_some((*number, before))
        });
        let added: Vec<(u64, usize)> = added.collect();
        for (number, before) in &added {
            self.change(*number, |delivery| delivery.forget_earlier_claims(*before));
        }
        !added.is_empty()
    }

    pub(super) fn forget(&mut self, number: u64) {
        self.deliveries.remove(&number);
    }

    /// Puts a delivery of the data file back.
    pub(super) fn restore(&mut self, delivery: Delivery) {
        self.deliveries.restore(delivery.number, delivery);
    }

    /// The oldest message that is New and that the filter takes.
    pub(crate) fn next(&mut self, filter: &Filter, step: &mut Step<'_>) -> Option<&Delivery> {
        self.expire(step);
        let waiting = self.indexes().waiting.iter();
        waiting
            .filter_map(|number| self.deliveries.rows().get(number))
            .find(|delivery| filter.takes(delivery))
    }

    /// Claims the oldest message that is New and that the filter takes.
    pub(crate) fn claim(&mut self, filter: &Filter, is_short: bool, step: &mut Step<'_>) -> Option<Delivery> {
        let number = self.next(filter, step)?.number;
        let terms = self.terms(if is_short { Duration::ZERO } else { self.bounds.claim_timeout }, step);
        self.change(number, |delivery| delivery.claim(terms, step));
        self.deliveries.rows().get(&number).cloned()
    }

    /// The terms of a claim that runs out after this time. Earlier claims never take the room of unprocessed
    /// messages.
    fn terms(&self, timeout: Duration, step: &Step<'_>) -> ClaimTerms {
        let claim = Usage { messages: 0, bytes: CLAIM_BYTES };
        let has_room = self.indexes().open.with(claim).fits(self.bounds);
        ClaimTerms { deadline: step.now().after(timeout), has_room }
    }

    /// Acknowledges the message with this number; `None` when there is no such message.
    pub(crate) fn acknowledge(
        &mut self,
        number: u64,
        report: &Acknowledgement,
        step: &mut Step<'_>,
    ) -> Option<Result<Delivery, Refusal>> {
        self.expire(step);
        let is_replaced = self.is_replaced(number);
        let terms = self.terms(self.bounds.claim_timeout, step);
        self.deliveries.change(&number, |delivery| {
            delivery.acknowledge(report, terms, is_replaced, step)?;
            Ok(delivery.clone())
        })
    }

    /// How many messages there are of each status, without those that do not occur.
    pub(super) fn counts(&mut self, step: &mut Step<'_>) -> Vec<(Status, usize)> {
        self.expire(step);
        let count =
            |status| self.deliveries.rows().values().filter(|delivery| delivery.status == status).count();
        Status::ALL.iter().map(|status| (*status, count(*status))).filter(|(_, count)| *count > 0).collect()
    }

    /// Whether the message with this number is here.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.deliveries.rows().contains_key(&number)
    }

    /// The patient of the message with this number, if it is here.
    pub(crate) fn patient(&self, number: u64) -> Option<Option<&str>> {
        self.deliveries.rows().get(&number).map(|delivery| delivery.message.patient.as_deref())
    }

    /// The delivery of this message, if it is here.
    pub(super) fn delivery_of(&self, message: &Message) -> Option<&Delivery> {
        let rows = self.deliveries.rows();
        let numbers = self.indexes().by_focal.get(&message.focal().address)?;
        // Later messages have greater numbers.
        let key = |number: &u64| rows.get(number).map(|delivery| delivery.message.key);
        let place = numbers.binary_search_by_key(&Some(message.key), key).ok()?;
        rows.get(&numbers[place])
    }

    /// The message with this number.
    pub(crate) fn get(&mut self, number: u64, step: &mut Step<'_>) -> Option<Delivery> {
        self.expire(step);
        self.deliveries.rows().get(&number).cloned()
    }

    /// The newest message with this identifier.
    pub(crate) fn find(&mut self, identifier: &str, step: &mut Step<'_>) -> Option<Delivery> {
        self.expire(step);
        self.deliveries
            .rows()
            .values()
            .rev()
            .find(|delivery| delivery.message.identifier == identifier)
            .cloned()
    }

    /// How many messages the filter takes, and at most `count` of them after the first `skip`, oldest first.
    pub(crate) fn list(
        &mut self,
        filter: &Filter,
        skip: usize,
        count: usize,
        step: &mut Step<'_>,
    ) -> (usize, Vec<Delivery>) {
        self.expire(step);
        let mut total = 0;
        let mut page = Vec::new();
        for delivery in self.deliveries.rows().values().filter(|delivery| filter.takes(delivery)) {
            if total >= skip && page.len() < count {
                page.push(delivery.clone());
            }
            total += 1;
        }
        (total, page)
    }

    /// Ends the claims that have run out. Each ends at its own deadline, however late that is noticed.
    pub(super) fn expire(&mut self, step: &mut Step<'_>) {
        while let Some(&(deadline, number)) = self.indexes().claimed.first()
            && deadline <= step.now()
        {
            let is_replaced = self.is_replaced(number);
            self.change(number, |delivery| delivery.expire(is_replaced, &mut step.at(deadline)));
        }
    }

    /// Whether a newer message about the same focal resource is here.
    fn is_replaced(&self, number: u64) -> bool {
        let focal = self.deliveries.rows().get(&number).map(|delivery| &delivery.message.focal().address);
        let numbers = focal.and_then(|focal| self.indexes().by_focal.get(focal));
        numbers.and_then(|numbers| numbers.last()).is_some_and(|newest| *newest > number)
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Delivery)) {
        self.deliveries.change(&number, |delivery| -> Result<(), Infallible> {
            change(delivery);
            Ok(())
        });
    }
}
