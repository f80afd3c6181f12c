//! [`Queue`]: the messages of one application instance: which comes next, which claims have run out, which are finished.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_messaging::{Event, ProcessingStatus as Status};

use super::delivery::{Acknowledgement, Delivery};
use super::message::{Address, Message};
use super::moment::Moment;
use super::refusal::Refusal;
use super::version::Tick;
use crate::store::Changed;

/// Which messages a search is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// URL of the patient, without version.
    pub(crate) patient: Option<String>,
    pub(crate) event: Option<Event>,
    pub(crate) status: Option<Status>,
    /// URL, without version, of the only patient whose messages may be seen, whatever else is asked for.
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

/// How much a queue holds, and for how long a claim is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
    pub(crate) claim_timeout: Duration,
}

/// A queue. Claims that have run out are dealt with before anything else is looked at.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    deliveries: BTreeMap<u64, Delivery>,
    bytes: usize,
    /// Numbers of the messages that are New, oldest first.
    waiting: BTreeSet<u64>,
    /// The claimed messages, by the end of their claims.
    claimed: BTreeSet<(Moment, u64)>,
    /// Numbers of the messages that are neither, oldest first.
    finished: BTreeSet<u64>,
    /// The newest message about each focal resource.
    newest: HashMap<Address, u64>,
    /// Numbers of what is to be written.
    pub(super) changed: Changed<u64>,
    /// Messages that were forgotten.
    pub(super) gone: Vec<Arc<Message>>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            deliveries: BTreeMap::new(),
            bytes: 0,
            waiting: BTreeSet::new(),
            claimed: BTreeSet::new(),
            finished: BTreeSet::new(),
            newest: HashMap::new(),
            changed: Changed::default(),
            gone: Vec::new(),
        }
    }

    /// Puts a message at the end. An older message about the same focal resource that is still New is replaced by it.
    pub(crate) fn put(&mut self, number: u64, message: Arc<Message>, tick: &mut Tick<'_>) {
        self.expire(tick);
        let older = self.newest.insert(message.focal().address.clone(), number);
        if let Some(older) = older.filter(|older| self.waiting.contains(older)) {
            self.change(older, |delivery| delivery.replace(tick));
        }
        self.bytes += message.bytes;
        self.deliveries.insert(number, Delivery::new(number, message, tick));
        self.waiting.insert(number);
        self.changed.add(number);
        self.make_room(number);
    }

    /// Puts back what was here before.
    pub(super) fn restore(&mut self, delivery: Delivery) {
        let number = delivery.number;
        let newest = self.newest.entry(delivery.message.focal().address.clone()).or_default();
        *newest = number.max(*newest);
        self.bytes += delivery.message.bytes;
        self.deliveries.insert(number, delivery);
        self.index(number);
    }

    /// The message with this number, as it stands.
    pub(super) fn delivery(&self, number: u64) -> Option<&Delivery> {
        self.deliveries.get(&number)
    }

    /// Claims the oldest message that is New and that the filter takes.
    pub(crate) fn claim(&mut self, filter: &Filter, is_short: bool, tick: &mut Tick<'_>) -> Option<Delivery> {
        self.expire(tick);
        let takes =
            |number: &&u64| self.deliveries.get(*number).is_some_and(|delivery| filter.takes(delivery));
        let number = *self.waiting.iter().find(takes)?;
        let deadline = tick.now().after(if is_short { Duration::ZERO } else { self.bounds.claim_timeout });
        self.change(number, |delivery| delivery.claim(deadline, tick));
        self.deliveries.get(&number).cloned()
    }

    /// Does what a receiver reports about the message with this number; `None` when there is no such message.
    pub(crate) fn acknowledge(
        &mut self,
        number: u64,
        report: &Acknowledgement,
        tick: &mut Tick<'_>,
    ) -> Option<Result<Delivery, Refusal>> {
        self.expire(tick);
        let is_replaced = self.is_replaced(number);
        let deadline = tick.now().after(self.bounds.claim_timeout);
        let mut outcome = Ok(());
        self.change(number, |delivery| outcome = delivery.acknowledge(report, deadline, is_replaced, tick));
        let delivery = self.deliveries.get(&number)?.clone();
        Some(outcome.map(|()| delivery))
    }

    /// How many messages there are of each status that occurs.
    pub(super) fn counts(&mut self, tick: &mut Tick<'_>) -> Vec<(Status, usize)> {
        self.expire(tick);
        let count = |status| self.deliveries.values().filter(|delivery| delivery.status == status).count();
        Status::ALL.iter().map(|status| (*status, count(*status))).filter(|(_, count)| *count > 0).collect()
    }

    /// Whether the message with this number is here.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.deliveries.contains_key(&number)
    }

    /// The patient of the message with this number, if it is here.
    pub(crate) fn patient(&self, number: u64) -> Option<Option<&str>> {
        self.deliveries.get(&number).map(|delivery| delivery.message.patient.as_deref())
    }

    /// The message with this number.
    pub(crate) fn get(&mut self, number: u64, tick: &mut Tick<'_>) -> Option<Delivery> {
        self.expire(tick);
        self.deliveries.get(&number).cloned()
    }

    /// The newest message with this identifier.
    pub(crate) fn find(&mut self, identifier: &str, tick: &mut Tick<'_>) -> Option<Delivery> {
        self.expire(tick);
        self.deliveries.values().rev().find(|delivery| delivery.message.identifier == identifier).cloned()
    }

    /// How many messages the filter takes, and those of them behind the first `skip`, at most `count`, oldest first.
    pub(crate) fn list(
        &mut self,
        filter: &Filter,
        skip: usize,
        count: usize,
        tick: &mut Tick<'_>,
    ) -> (usize, Vec<Delivery>) {
        self.expire(tick);
        let mut total = 0;
        let mut page = Vec::new();
        for delivery in self.deliveries.values().filter(|delivery| filter.takes(delivery)) {
            if total >= skip && page.len() < count {
                page.push(delivery.clone());
            }
            total += 1;
        }
        (total, page)
    }

    /// Ends the claims whose time is over. Each ends at its own deadline, however late that is noticed.
    fn expire(&mut self, tick: &mut Tick<'_>) {
        while let Some(&(deadline, number)) = self.claimed.first()
            && deadline <= tick.now()
        {
            let is_replaced = self.is_replaced(number);
            self.change(number, |delivery| delivery.expire(is_replaced, &mut tick.at(deadline)));
        }
    }

    /// Whether a newer message about the same focal resource is here.
    fn is_replaced(&self, number: u64) -> bool {
        let focal = self.deliveries.get(&number).map(|delivery| &delivery.message.focal().address);
        focal.and_then(|focal| self.newest.get(focal)).is_some_and(|newest| *newest > number)
    }

    /// Changes a delivery and keeps the indexes in step with its status.
    fn change(&mut self, number: u64, change: impl FnOnce(&mut Delivery)) {
        let Some(delivery) = self.deliveries.get_mut(&number) else { return };
        match delivery.deadline() {
            Some(deadline) => self.claimed.remove(&(deadline, number)),
            None if delivery.status == Status::New => self.waiting.remove(&number),
            None => self.finished.remove(&number),
        };
        change(delivery);
        self.changed.add(number);
        self.index(number);
    }

    /// Puts a delivery into the index of its status.
    fn index(&mut self, number: u64) {
        let Some(delivery) = self.deliveries.get(&number) else { return };
        match delivery.deadline() {
            Some(deadline) => self.claimed.insert((deadline, number)),
            None if delivery.status == Status::New => self.waiting.insert(number),
            None => self.finished.insert(number),
        };
    }

    /// Forgets old messages until the bounds hold again; never the one that was just put.
    fn make_room(&mut self, newest: u64) {
        while self.deliveries.len() > self.bounds.messages || self.bytes > self.bounds.bytes {
            let oldest = self.finished.first().or(self.waiting.first()).copied();
            let oldest =
                oldest.filter(|oldest| *oldest != newest).or(self.claimed.first().map(|claim| claim.1));
            let Some(delivery) = oldest.and_then(|number| self.deliveries.remove(&number)) else { return };
            if delivery.status.is_open() {
                tracing::warn!(
                    message = delivery.number,
                    "the queue is full, an unprocessed message is dropped"
                );
            }
            let number = delivery.number;
            self.bytes -= delivery.message.bytes;
            self.finished.remove(&number);
            self.waiting.remove(&number);
            if let Some(deadline) = delivery.deadline() {
                self.claimed.remove(&(deadline, number));
            }
            let focal = &delivery.message.focal().address;
            if self.newest.get(focal) == Some(&number) {
                self.newest.remove(focal);
            }
            self.changed.add(number);
            self.gone.push(delivery.message);
        }
    }
}
