//! The mailbox in the data file: what of it is a record, and how it is read back.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Bundle, Document, Entry, ReadOptions, Resource};
use koppeltaal_messaging::{Event, Header, ProcessingStatus};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::delivery::Claim;
use super::fingerprint::Fingerprint;
use super::history::{Receipt, Sent};
use super::message::{Address, Kept, Message, Origin};
use super::moment::Moment;
use super::version::Version;
use super::{Definition, Delivery, InstanceId, Mailbox};
use crate::store::{Kind, Persistent, Record, StoreError};

/// The numbers that were given out last.
#[derive(Serialize, Deserialize)]
struct Counters {
    number: u64,
    message: u64,
    definition: u64,
    clock: Option<Moment>,
}

#[derive(Serialize, Deserialize)]
struct SavedMessage {
    identifier: String,
    #[serde(with = "as_text")]
    event: Event,
    domain: String,
    origin: Origin,
    patient: Option<String>,
    focal: usize,
    bytes: usize,
    resources: Vec<(Address, Option<Version>)>,
    /// Header and entries, as a bundle in JSON.
    bundle: String,
}

#[derive(Serialize, Deserialize)]
struct SavedDelivery {
    domain: String,
    username: String,
    message: u64,
    #[serde(with = "as_text")]
    status: ProcessingStatus,
    changed: Moment,
    exception: Option<String>,
    version: Version,
    claim: Option<Claim>,
    overtaken: Vec<Version>,
    expiries: u32,
}

#[derive(Serialize, Deserialize)]
struct SavedReceipt {
    username: String,
    message: u64,
    receipt: Arc<Receipt>,
}

#[derive(Serialize, Deserialize)]
struct SavedDefinition {
    domain: String,
    version: Version,
    changed: Moment,
    /// In JSON.
    content: String,
}

#[derive(Serialize, Deserialize)]
struct SavedResource {
    domain: String,
    url: String,
    version: Version,
    fingerprint: Option<Fingerprint>,
    /// Missing in files of earlier versions.
    #[serde(default)]
    patient: Option<Box<str>>,
}

/// The key of the counters.
const COUNTERS: &str = "mailbox";

impl Persistent for Mailbox {
    /// Messages stand before those who refer to them.
    const KINDS: &'static [Kind] = &[
        Kind::Counter,
        Kind::Seed,
        Kind::Definition,
        Kind::Resource,
        Kind::Message,
        Kind::Delivery,
        Kind::Receipt,
    ];

    fn changes(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for message in self.new_messages.drain(..) {
            records.push(Record::new(Kind::Message, &message.key, Some(&save_message(&message)?))?);
        }
        let mut gone = Vec::new();
        for (id, account) in &mut self.accounts {
            for number in account.queue.changed.take() {
                let saved = account.queue.delivery(number).map(|delivery| save_delivery(id, delivery));
                records.push(Record::new(Kind::Delivery, &number, saved.as_ref())?);
            }
            for number in account.history.changed.take() {
                let saved = account.history.numbered(number).map(|sent| SavedReceipt {
                    username: id.username.to_string(),
                    message: sent.message.key,
                    receipt: Arc::clone(&sent.receipt),
                });
                records.push(Record::new(Kind::Receipt, &number, saved.as_ref())?);
            }
            gone.append(&mut account.queue.gone);
            gone.append(&mut account.history.gone);
        }
        // The last to hold a message takes it away. One that escapes this, because an answer is being made of it at
        // this moment, is taken away at the next start.
        while let Some(message) = gone.pop() {
            if Arc::strong_count(&message) == 1 {
                records.push(Record { kind: Kind::Message, key: message.key.to_string(), state: None });
            }
        }
        for (name, domain) in &mut self.domains {
            for url in domain.resources.changed.take() {
                let known = domain.resources.known(&url);
                let saved = known.map(|(version, fingerprint)| SavedResource {
                    domain: name.clone(),
                    url: url.clone(),
                    version,
                    fingerprint,
                    patient: domain.resources.patient(&url).map(Into::into),
                });
                records.push(Record::new(Kind::Resource, &format!("{name} {url}"), saved.as_ref())?);
            }
            for number in domain.definitions.changed.take() {
                let saved = domain.definitions.get(number).map(|found| save_definition(name, found));
                records.push(Record::new(Kind::Definition, &number, saved.transpose()?.as_ref())?);
            }
        }
        for seed in self.new_seeds.drain(..) {
            records.push(Record::new(Kind::Seed, &seed, Some(&()))?);
        }
        if !records.is_empty() {
            let counters = Counters {
                number: self.last_number,
                message: self.last_message,
                definition: self.last_definition,
                clock: self.clock.last(),
            };
            records.push(Record::new(Kind::Counter, &COUNTERS, Some(&counters))?);
        }
        Ok(records)
    }

    fn forget_changes(&mut self) {
        self.new_messages.clear();
        self.new_seeds.clear();
        self.restored.clear();
        for account in self.accounts.values_mut() {
            account.queue.changed.take();
            account.queue.gone.clear();
            account.history.changed.take();
            account.history.gone.clear();
        }
        for domain in self.domains.values_mut() {
            domain.resources.changed.take();
            domain.definitions.changed.take();
        }
    }

    fn restore(&mut self, kind: Kind, key: &str, state: &str) -> Result<(), StoreError> {
        match kind {
            Kind::Counter if key == COUNTERS => {
                let counters: Counters = serde_json::from_str(state)?;
                self.last_number = counters.number;
                self.last_message = counters.message;
                self.last_definition = counters.definition;
                self.clock.restore(counters.clock);
            }
            Kind::Seed => {
                self.seeds.insert(key.to_owned());
            }
            Kind::Definition => {
                let saved: SavedDefinition = serde_json::from_str(state)?;
                let content = read(&saved.content)?;
                let content = content.get::<Other>().cloned().ok_or_else(|| wrong("definition", key))?;
                let definition = Definition {
                    number: number(key)?,
                    version: saved.version,
                    changed: saved.changed,
                    content,
                };
                self.domains.entry(saved.domain).or_default().definitions.restore(definition);
            }
            Kind::Resource => {
                let saved: SavedResource = serde_json::from_str(state)?;
                let domain = self.domains.entry(saved.domain).or_default();
                domain.resources.restore(saved.url, saved.version, saved.fingerprint, saved.patient);
            }
            Kind::Message => {
                let message = load_message(number(key)?, serde_json::from_str(state)?)?;
                self.restored.insert(message.key, Arc::new(message));
            }
            Kind::Delivery => {
                let saved: SavedDelivery = serde_json::from_str(state)?;
                let message = self.restored.get(&saved.message).ok_or_else(|| wrong("delivery", key))?;
                let delivery = load_delivery(number(key)?, Arc::clone(message), &saved);
                let id = InstanceId { domain: saved.domain.into(), username: saved.username.into() };
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.queue.restore(delivery);
                }
            }
            Kind::Receipt => {
                let saved: SavedReceipt = serde_json::from_str(state)?;
                let message = self.restored.get(&saved.message).ok_or_else(|| wrong("receipt", key))?;
                let id = InstanceId {
                    domain: saved.receipt.domain.as_str().into(),
                    username: saved.username.into(),
                };
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.history.restore(Sent { message: Arc::clone(message), receipt: saved.receipt });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn wrong(what: &str, key: &str) -> StoreError {
    StoreError::Record(format!("{what} {key} does not fit the others"))
}

fn number(key: &str) -> Result<u64, StoreError> {
    key.parse().map_err(|_| wrong("key", key))
}

fn read(json: &str) -> Result<Document, StoreError> {
    let read = ReadOptions::tolerant().json(json.as_bytes());
    read.map(|read| read.document).map_err(|error| StoreError::Record(error.to_string()))
}

fn write(document: &Document) -> Result<String, StoreError> {
    document.to_json().map_err(|error| StoreError::Record(error.to_string()))
}

fn save_message(message: &Message) -> Result<SavedMessage, StoreError> {
    let header = Entry { content: Some(message.header.clone().into()), ..Entry::default() };
    let entries = message.resources.iter().map(|kept| kept.entry.clone());
    let bundle = Bundle { entry: std::iter::once(header).chain(entries).collect(), ..Bundle::default() };
    Ok(SavedMessage {
        identifier: message.identifier.clone(),
        event: message.event,
        domain: message.domain.clone(),
        origin: message.origin,
        patient: message.patient.clone(),
        focal: message.focal,
        bytes: message.bytes,
        resources: message
            .resources
            .iter()
            .map(|kept| (kept.address.clone(), kept.version.clone()))
            .collect(),
        bundle: write(&bundle.into())?,
    })
}

fn load_message(key: u64, saved: SavedMessage) -> Result<Message, StoreError> {
    let misfit = || wrong("message", &key.to_string());
    let mut entries = read(&saved.bundle)?.into_bundle().map_err(|_| misfit())?.entry.into_iter();
    let Some(Resource::MessageHeader(header)) = entries.next().and_then(|entry| entry.content) else {
        return Err(misfit());
    };
    let resources: Vec<Kept> = saved
        .resources
        .into_iter()
        .zip(entries)
        .map(|((address, version), entry)| Kept { address, version, entry })
        .collect();
    if saved.focal >= resources.len() {
        return Err(misfit());
    }
    Ok(Message {
        key,
        identifier: saved.identifier,
        event: saved.event,
        domain: saved.domain,
        origin: saved.origin,
        patient: saved.patient,
        header: Header::from(header),
        focal: saved.focal,
        resources,
        bytes: saved.bytes,
    })
}

fn save_delivery(instance: &InstanceId, delivery: &Delivery) -> SavedDelivery {
    SavedDelivery {
        domain: instance.domain.to_string(),
        username: instance.username.to_string(),
        message: delivery.message.key,
        status: delivery.status,
        changed: delivery.changed,
        exception: delivery.exception.clone(),
        version: delivery.version.clone(),
        claim: delivery.claim.clone(),
        overtaken: delivery.overtaken.clone(),
        expiries: delivery.expiries,
    }
}

fn load_delivery(number: u64, message: Arc<Message>, saved: &SavedDelivery) -> Delivery {
    Delivery {
        number,
        message,
        status: saved.status,
        changed: saved.changed,
        exception: saved.exception.clone(),
        version: saved.version.clone(),
        claim: saved.claim.clone(),
        overtaken: saved.overtaken.clone(),
        expiries: saved.expiries,
    }
}

fn save_definition(domain: &str, definition: &Definition) -> Result<SavedDefinition, StoreError> {
    Ok(SavedDefinition {
        domain: domain.to_owned(),
        version: definition.version.clone(),
        changed: definition.changed,
        content: write(&Document::Resource(definition.content.clone().into()))?,
    })
}

/// Codes as the text that they have on the wire.
pub(super) mod as_text {
    use super::*;

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(in super::super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
