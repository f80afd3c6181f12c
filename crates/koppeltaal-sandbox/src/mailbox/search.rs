//! [`Search`]: what people look for among the messages of all queues, newest first. Each search looks at a
//! bounded number of messages, and says where the next one goes on.

use std::ops::Bound;
use std::sync::Arc;

use koppeltaal_messaging::{Event, ProcessingStatus, ResourceKind};

use super::delivery::Delivery;
use super::history::{PostedMessage, Receipt};
use super::message::{Address, Message, MessageResource, Origin};
use super::{Account, Mailbox};
use crate::clock::Timestamp;
use crate::instance::InstanceId;

/// How many messages a search looks at for its page, and how many it counts.
pub(crate) const MAXIMUM_LOOKS: usize = 50_000;

/// How many words of a text are looked for.
const MAXIMUM_WORDS: usize = 8;

/// Which messages are looked for. An empty field matches every message.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// In lower case. Each has to occur in the text that [`Mailbox::write_text`] makes of a message.
    pub(super) words: Vec<String>,
    pub(crate) event: Option<Event>,
    /// In the receiver's queue, or if none is named, in any.
    pub(crate) status: Option<ProcessingStatus>,
    pub(crate) receiver: Option<InstanceId>,
    /// A part of the patient's URL, in lower case.
    pub(super) patient: String,
}

impl Search {
    /// Messages in which each word of the text occurs.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.words = text.split_whitespace().take(MAXIMUM_WORDS).map(str::to_ascii_lowercase).collect();
        self
    }

    /// Messages about the patients in whose URL this text occurs.
    pub(crate) fn with_patient(mut self, part_of_url: &str) -> Self {
        self.patient = part_of_url.trim().to_ascii_lowercase();
        self
    }
}

/// Where a page of messages starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    Newest,
    /// With the newest message that is older than the one with this key.
    Before(u64),
    /// So that it ends with the oldest message that is newer than the one with this key.
    After(u64),
}

/// A page of the messages that match a search.
#[derive(Debug)]
pub(crate) struct SearchPage {
    /// Newest first.
    pub(crate) messages: Vec<MessageOverview>,
    /// How many match, among those that were counted.
    pub(crate) total: usize,
    /// Whether all messages were counted.
    pub(crate) is_total_exact: bool,
    /// How many that match are newer than the first on the page, among those that were counted.
    pub(crate) newer: usize,
    /// The page before this one, if there is one, has the messages after the one with this key.
    pub(crate) newer_than: Option<u64>,
    /// The page after this one, if there is one, starts before the message with this key.
    pub(crate) older_than: Option<u64>,
}

/// A message, and what became of it.
#[derive(Debug)]
pub(crate) struct MessageOverview {
    pub(crate) message: Arc<Message>,
    /// The instance that posted it and the answer that it got, if that is still known.
    pub(crate) posted: Option<(InstanceId, Arc<Receipt>)>,
    /// In the order of the instances.
    pub(crate) deliveries: Vec<(InstanceId, Delivery)>,
}

impl MessageOverview {
    /// The message as its sender finds it.
    pub(crate) fn as_posted(&self) -> Option<PostedMessage> {
        let (_, receipt) = self.posted.as_ref()?;
        Some(PostedMessage { message: Arc::clone(&self.message), receipt: Arc::clone(receipt) })
    }
}

impl Mailbox {
    /// A page of at most `count` messages.
    pub(crate) fn search(
        &mut self,
        search: &Search,
        start: Start,
        count: usize,
        now: Timestamp,
    ) -> SearchPage {
        self.expire_claims(now);
        self.search_within(MAXIMUM_LOOKS, search, start, count)
    }

    /// The same, with at most this many looks for the page, and as many for the numbers.
    pub(super) fn search_within(
        &self,
        looks: usize,
        search: &Search,
        start: Start,
        count: usize,
    ) -> SearchPage {
        let rows = self.messages.rows();
        let mut text = String::new();
        let mut is_match = |message: &Message| self.is_match(search, message, &mut text);
        let mut page: Vec<&Arc<Message>> = Vec::new();
        match start {
            Start::Newest => {}
            Start::Before(key) => {
                let older = rows.range(..key).rev().take(looks).map(|(_, message)| message);
                page.extend(older.filter(|message| is_match(message)).take(count));
            }
            Start::After(key) => {
                let newer = rows.range((Bound::Excluded(key), Bound::Unbounded)).take(looks);
                let newer = newer.map(|(_, message)| message);
                page.extend(newer.filter(|message| is_match(message)).take(count));
                page.reverse();
            }
        }

        // The pass that counts also collects the newest page.
        let is_newest = start == Start::Newest;
        let first = match start {
            Start::Newest => u64::MAX,
            _ if !page.is_empty() => page[0].key,
            Start::Before(key) => key.saturating_sub(1),
            // Where the looks ended.
            Start::After(key) => {
                let mut newer = rows.range((Bound::Excluded(key), Bound::Unbounded));
                newer.nth(looks.saturating_sub(1)).map_or(u64::MAX, |(key, _)| *key)
            }
        };
        let (mut total, mut newer) = (0, 0);
        for (key, message) in rows.iter().rev().take(looks) {
            if is_match(message) {
                total += 1;
                newer += usize::from(*key > first);
                if is_newest && page.len() < count {
                    page.push(message);
                }
            }
        }

        let is_total_exact = rows.len() <= looks;
        let last = page.last().map(|message| message.key);
        let has_older = if is_total_exact { newer + page.len() < total } else { page.len() == count };
        let older_than = if has_older || is_total_exact {
            last.filter(|_| has_older)
        } else {
            // The looks ended before the page was full; the next page goes on from there.
            match start {
                Start::Newest => rows.keys().nth_back(looks.saturating_sub(1)).copied(),
                Start::Before(key) => {
                    rows.range(..key).nth_back(looks.saturating_sub(1)).map(|(key, _)| *key)
                }
                Start::After(key) => last.or(Some(key)),
            }
        };
        let oldest_counted = rows.keys().nth_back(looks.saturating_sub(1)).copied().unwrap_or_default();
        let has_newer = newer > 0 || first < oldest_counted;
        let newer_than = has_newer.then_some(first);
        let messages = page.into_iter().map(|message| self.overview_of(message)).collect();
        SearchPage { messages, total, is_total_exact, newer, newer_than, older_than }
    }

    /// The message with this key.
    pub(crate) fn message(&mut self, key: u64, now: Timestamp) -> Option<MessageOverview> {
        self.expire_claims(now);
        self.messages.rows().get(&key).map(|message| self.overview_of(message))
    }

    fn expire_claims(&mut self, now: Timestamp) {
        for account in self.accounts.values_mut() {
            account.queue.expire(&mut self.counters.clock.step(now));
        }
    }

    fn overview_of(&self, message: &Arc<Message>) -> MessageOverview {
        let posted = self.sender_of(message).map(|(id, receipt)| (id.clone(), Arc::clone(receipt)));
        let deliveries = self.deliveries_of(message).map(|(id, delivery)| (id.clone(), delivery.clone()));
        let deliveries = deliveries.collect();
        MessageOverview { message: Arc::clone(message), posted, deliveries }
    }

    /// The instances of a message's domain.
    fn accounts_in_domain_of(&self, message: &Message) -> impl Iterator<Item = (&InstanceId, &Account)> {
        self.accounts.iter().filter(|(id, _)| *id.domain == message.domain)
    }

    fn sender_of(&self, message: &Message) -> Option<(&InstanceId, &Arc<Receipt>)> {
        let is_same = |sent: &&PostedMessage| sent.message.key == message.key;
        self.accounts_in_domain_of(message).find_map(|(id, account)| {
            let sent = account.history.identified(&message.identifier).filter(is_same)?;
            Some((id, &sent.receipt))
        })
    }

    fn deliveries_of(&self, message: &Message) -> impl Iterator<Item = (&InstanceId, &Delivery)> {
        self.accounts_in_domain_of(message)
            .filter_map(|(id, account)| Some((id, account.queue.delivery_of(message)?)))
    }

    /// Whether a message is one of those that are looked for. `text` is a buffer.
    fn is_match(&self, search: &Search, message: &Message, text: &mut String) -> bool {
        let Search { words, event, status, receiver, patient } = search;
        let is_of_patient = || {
            let url = message.patient.as_deref().unwrap_or_default();
            patient.is_empty() || url.to_ascii_lowercase().contains(patient)
        };
        let has_delivery = || {
            self.deliveries_of(message).any(|(id, delivery)| {
                receiver.as_ref().is_none_or(|receiver| receiver == id)
                    && status.is_none_or(|status| status == delivery.status)
            })
        };
        event.is_none_or(|event| event == message.event)
            && is_of_patient()
            && ((status.is_none() && receiver.is_none()) || has_delivery())
            && (words.is_empty() || {
                text.clear();
                self.write_text(message, text);
                words.iter().all(|word| text.contains(word))
            })
    }

    /// Writes the text in which words are looked for, in lower case: identifier, event, domain, sender,
    /// receivers, patient, kind and URL of the focal resource, and the numbers in the URLs of its headers.
    fn write_text(&self, message: &Message, text: &mut String) {
        let focal = message.focal();
        let sender = self.sender_of(message);
        let fields = [
            message.identifier.as_str(),
            message.event.code(),
            &message.domain,
            sender.map_or("", |(id, _)| &id.username),
            message.header.source_name().unwrap_or_default(),
            message.header.source_software().unwrap_or_default(),
            message.patient.as_deref().unwrap_or_default(),
            kind(focal),
            if let Address::Given(url) = &focal.address { url } else { "" },
            if message.origin == Origin::Server { "Koppeltaal" } else { "" },
        ];
        // No word has a line break, so none is found across two fields.
        for field in fields {
            text.extend([field, "\n"]);
        }
        let number = |number: u64, text: &mut String| text.extend([&number.to_string(), "\n"]);
        sender.into_iter().for_each(|(_, receipt)| number(receipt.number, text));
        for (id, delivery) in self.deliveries_of(message) {
            text.extend([&id.username, "\n"]);
            number(delivery.number, text);
        }
        text.make_ascii_lowercase();
    }
}

/// The kind of a resource, or its type when its kind is not known.
fn kind(resource: &MessageResource) -> &str {
    let Some(content) = &resource.entry.content else { return "" };
    match ResourceKind::from_resource(content) {
        Some(kind) => kind.name(),
        None => content.resource_type(),
    }
}
