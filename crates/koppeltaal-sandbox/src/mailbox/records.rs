//! The records of the mailbox in the data file, and how they are read back.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Bundle, Document, Entry, Format, Limits, ReadDocument, ReadOptions, Resource};
use koppeltaal_messaging::{Event, Header, ProcessingStatus};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::delivery::Claim;
use super::fingerprint::Fingerprint;
use super::history::{PostedMessage, Receipt};
use super::message::{Address, Message, MessageResource, Origin, UseCount, message_bytes};
use super::resources::KnownResource;
use super::{Account, Counters, Definition, Delivery, Domain, Mailbox, RestoredMessage};
use crate::clock::Timestamp;
use crate::clock::Version;
use crate::instance::InstanceId;
use crate::persistence::{
    Companion, DataFileError, Forgotten, Journal, Persistent, Record, RecordError, RecordKind, Single,
};
use crate::representation;

#[derive(Serialize, Deserialize)]
struct MessageRecord {
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
struct DeliveryRecord {
    domain: String,
    username: String,
    message: u64,
    #[serde(with = "as_text")]
    status: ProcessingStatus,
    changed: Timestamp,
    exception: Option<String>,
    version: Version,
    claim: Option<Claim>,
    /// Older data files call it `overtaken`.
    #[serde(alias = "overtaken")]
    earlier_claims: Vec<Version>,
    expiries: u32,
    /// Missing in files of earlier versions.
    #[serde(default)]
    padding: String,
}

/// The bytes that status, claim and exception take together in the record of a delivery, padding included; a
/// longer exception adds to them. With the padding, only an exception or an earlier claim makes the record
/// longer, so a full data file has room for every other step.
const PADDED_BYTES: usize = 192;

#[derive(Serialize, Deserialize)]
struct ReceiptRecord {
    username: String,
    message: u64,
    receipt: Arc<Receipt>,
}

#[derive(Serialize, Deserialize)]
struct DefinitionRecord {
    domain: String,
    version: Version,
    changed: Timestamp,
    /// In JSON.
    content: String,
}

#[derive(Serialize, Deserialize)]
struct ResourceRecord {
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

/// The messages that a queue or history has.
#[derive(Debug)]
pub(super) struct Messages;

impl Companion for Messages {
    type Rows = BTreeMap<u64, Arc<Message>>;

    fn record(&self, key: &u64, message: Option<&Arc<Message>>) -> Result<Record, DataFileError> {
        Record::new(
            RecordKind::Message,
            key,
            message.map(|message| save_message(message)).transpose()?.as_ref(),
        )
    }
}

/// The configured definitions that were taken in.
#[derive(Debug)]
pub(super) struct Seeds;

impl Companion for Seeds {
    type Rows = BTreeMap<String, ()>;

    fn record(&self, seed: &String, taken: Option<&()>) -> Result<Record, DataFileError> {
        Record::new(RecordKind::Seed, seed, taken)
    }
}

impl Single for Counters {
    fn record(&self) -> Result<Record, DataFileError> {
        Record::new(RecordKind::Counter, &COUNTERS, Some(self))
    }
}

pub(super) fn delivery(
    instance: &InstanceId,
    number: u64,
    delivery: Option<&Delivery>,
) -> Result<Record, DataFileError> {
    let saved = delivery.map(|delivery| save_delivery(instance, delivery)).transpose()?;
    let record = Record::new(RecordKind::Delivery, &number, saved.as_ref())?;
    // The other half is for acknowledgements, after which the message may be forgotten.
    let is_open = delivery.is_some_and(|delivery| delivery.status.is_open());
    Ok(if is_open { record.with_half_the_reserve() } else { record })
}

pub(super) fn receipt(
    instance: &InstanceId,
    number: u64,
    sent: Option<&PostedMessage>,
) -> Result<Record, DataFileError> {
    let saved = sent.map(|sent| ReceiptRecord {
        username: instance.username.to_string(),
        message: sent.message.key,
        receipt: Arc::clone(&sent.receipt),
    });
    Record::new(RecordKind::Receipt, &number, saved.as_ref())
}

pub(super) fn resource(
    domain: &str,
    url: &str,
    known: Option<&KnownResource>,
) -> Result<Record, DataFileError> {
    let saved = known.map(|known| ResourceRecord {
        domain: domain.to_owned(),
        url: url.to_owned(),
        version: known.version.clone(),
        fingerprint: known.fingerprint,
        patient: known.patient.clone(),
    });
    Record::new(RecordKind::Resource, &format!("{domain} {url}"), saved.as_ref())
}

pub(super) fn definition(
    domain: &str,
    number: u64,
    definition: Option<&Definition>,
) -> Result<Record, DataFileError> {
    let saved = definition.map(|definition| save_definition(domain, definition)).transpose()?;
    Record::new(RecordKind::Definition, &number, saved.as_ref())
}

impl Persistent for Mailbox {
    /// Messages come before the records that refer to them.
    const KINDS: &'static [RecordKind] = &[
        RecordKind::Counter,
        RecordKind::Seed,
        RecordKind::Definition,
        RecordKind::Resource,
        RecordKind::Message,
        RecordKind::Delivery,
        RecordKind::Receipt,
    ];

    fn journals(&mut self, visit: &mut dyn FnMut(&mut dyn Journal)) {
        let Self { accounts, domains, counters, messages, seeds, notifications, restored: _, limits: _ } =
            self;
        for Account { instance: _, queue, history } in accounts.values_mut() {
            visit(queue.journal());
            visit(history.journal());
        }
        for Domain { resources, definitions } in domains.values_mut() {
            visit(resources.journal());
            visit(definitions.journal());
        }
        visit(messages);
        visit(seeds);
        visit(counters);
        visit(notifications);
    }

    fn restore(&mut self, kind: RecordKind, key: &str, state: &str) -> Result<(), RecordError> {
        match kind {
            RecordKind::Counter if key == COUNTERS => self.counters.restore(serde_json::from_str(state)?),
            RecordKind::Seed => self.seeds.restore(key.to_owned(), ()),
            RecordKind::Definition => {
                let number = raise(&mut self.counters.definition, key)?;
                let saved: DefinitionRecord = serde_json::from_str(state)?;
                let definition = load_definition(number, &saved)?;
                self.counters.clock.raise(definition.changed);
                Domain::of(&mut self.domains, &saved.domain).definitions.restore(definition);
            }
            RecordKind::Resource => {
                let saved: ResourceRecord = serde_json::from_str(state)?;
                let known = KnownResource {
                    version: saved.version,
                    fingerprint: saved.fingerprint,
                    patient: saved.patient,
                };
                Domain::of(&mut self.domains, &saved.domain).resources.restore(saved.url, known);
            }
            RecordKind::Message => {
                let number = raise(&mut self.counters.message, key)?;
                let message = Arc::new(load_message(number, serde_json::from_str(state)?)?);
                self.restored.insert(message.key, RestoredMessage { message, is_configured: false });
            }
            RecordKind::Delivery => {
                let number = raise(&mut self.counters.number, key)?;
                let saved: DeliveryRecord = serde_json::from_str(state)?;
                let message = self.restored_message(saved.message)?;
                let delivery = load_delivery(number, Arc::clone(&message), &saved)?;
                self.counters.clock.raise(delivery.changed);
                let id = InstanceId { domain: saved.domain.into(), username: saved.username.into() };
                self.restore_into(&id, &message, |account| account.queue.restore(delivery));
            }
            RecordKind::Receipt => {
                let number = raise(&mut self.counters.number, key)?;
                let ReceiptRecord { username, message, receipt } = serde_json::from_str(state)?;
                let message = self.restored_message(message)?;
                if number != receipt.number {
                    return Err(RecordError::new("its number is not that of its key"));
                }
                self.counters.clock.raise(receipt.at);
                let id = InstanceId { domain: receipt.domain.as_str().into(), username: username.into() };
                let sent = PostedMessage { message: Arc::clone(&message), receipt };
                self.restore_into(&id, &message, |account| account.history.restore(sent));
            }
            _ => {}
        }
        Ok(())
    }

    fn make_room(&mut self, bytes: u64) -> Option<Forgotten> {
        let has_forgotten = self.forget_processed(bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "the size of a message in the data file cannot be computed");
            false
        });
        if has_forgotten {
            return Some(Forgotten::Messages);
        }
        self.forget_earlier_claims().then_some(Forgotten::EarlierClaims)
    }

    fn restored(&mut self) -> Vec<(RecordKind, String)> {
        let mut orphans = Vec::new();
        for (key, RestoredMessage { message, is_configured }) in std::mem::take(&mut self.restored) {
            if is_configured {
                self.messages.restore(key, message);
            } else if message.uses.is_zero() {
                orphans.push((RecordKind::Message, key.to_string()));
            }
        }
        orphans
    }
}

/// The number in a key. It is not given out again, even when its record cannot be used: that record may stay
/// in the file. The record of the counters may be unusable too.
fn raise(counter: &mut u64, key: &str) -> Result<u64, RecordError> {
    let number = RecordError::number(key)?;
    *counter = number.max(*counter);
    Ok(number)
}

impl Mailbox {
    fn restored_message(&self, key: u64) -> Result<Arc<Message>, RecordError> {
        let restored = self.restored.get(&key).map(|restored| Arc::clone(&restored.message));
        restored.ok_or_else(|| RecordError::new("the message that it belongs to is not there"))
    }

    /// Puts a record back into the account of its instance. When the instance is not configured now, the
    /// record and its message stay in the file.
    fn restore_into(&mut self, id: &InstanceId, message: &Message, restore: impl FnOnce(&mut Account)) {
        match self.accounts.get_mut(id) {
            Some(account) => {
                restore(account);
                if let Some(restored) = self.restored.get_mut(&message.key) {
                    restored.is_configured = true;
                }
            }
            None => message.uses.increment(),
        }
    }
}

/// Reads content that the sandbox accepted and wrote itself, so the limits for content of strangers do not
/// apply.
fn read(json: &str) -> Result<ReadDocument, RecordError> {
    let limits = Limits {
        bytes: usize::MAX,
        // The two formats do not nest in the same way.
        depth: 2 * Limits::default().depth,
        entries: usize::MAX,
        findings: 0,
        expansion: usize::MAX,
    };
    let read = ReadOptions::tolerant().limits(limits).json(json.as_bytes());
    // What the error says may quote content.
    let read = read.map_err(|_| RecordError::new("its content cannot be read"))?;
    match representation::check_as(&read.document, Format::Xml) {
        Ok(()) => Ok(read),
        Err(_) => Err(RecordError::new("its content cannot be written as XML")),
    }
}

fn write(document: &Document) -> Result<String, DataFileError> {
    // What the error says may quote content.
    document.to_json().map_err(|_| DataFileError::Record("its content cannot be written as JSON".to_owned()))
}

/// What a configured definition takes in memory, in bytes.
pub(super) fn memory(definition: &Other) -> usize {
    let json = write(&definition.clone().into()).unwrap_or_default();
    read(&json).map(|read| read.memory()).unwrap_or_default()
}

fn save_message(message: &Message) -> Result<MessageRecord, DataFileError> {
    let header = Entry { content: Some(message.header.clone().into()), ..Entry::default() };
    let entries = message.resources.iter().map(|resource| resource.entry.clone());
    let bundle = Bundle { entry: std::iter::once(header).chain(entries).collect(), ..Bundle::default() };
    Ok(MessageRecord {
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
            .map(|resource| (resource.address.clone(), resource.version.clone()))
            .collect(),
        bundle: write(&bundle.into())?,
    })
}

fn load_message(key: u64, saved: MessageRecord) -> Result<Message, RecordError> {
    let misfit = || RecordError::new("its content is not that of such a message");
    let read = read(&saved.bundle)?;
    let bytes = message_bytes(read.memory(), saved.resources.len());
    let mut entries = read.document.into_bundle().map_err(|_| misfit())?.entry.into_iter();
    let Some(Resource::MessageHeader(header)) = entries.next().and_then(|entry| entry.content) else {
        return Err(misfit());
    };
    if saved.focal >= saved.resources.len() || entries.len() != saved.resources.len() {
        return Err(misfit());
    }
    let resources = saved
        .resources
        .into_iter()
        .zip(entries)
        .map(|((address, version), entry)| MessageResource { address, version, entry })
        .collect();
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
        bytes,
        uses: UseCount::default(),
    })
}

fn save_delivery(instance: &InstanceId, delivery: &Delivery) -> Result<DeliveryRecord, DataFileError> {
    let length = |text: serde_json::Result<String>| {
        text.map(|text| text.len()).map_err(|error| DataFileError::unwritable(&error))
    };
    let bytes = delivery.status.to_string().len()
        + length(serde_json::to_string(&delivery.claim))?
        + length(serde_json::to_string(&delivery.exception))?;
    Ok(DeliveryRecord {
        domain: instance.domain.to_string(),
        username: instance.username.to_string(),
        message: delivery.message.key,
        status: delivery.status,
        changed: delivery.changed,
        exception: delivery.exception.clone(),
        version: delivery.version.clone(),
        claim: delivery.claim.clone(),
        earlier_claims: delivery.earlier_claims.clone(),
        expiries: delivery.expiries,
        padding: " ".repeat(PADDED_BYTES.saturating_sub(bytes)),
    })
}

fn load_delivery(
    number: u64,
    message: Arc<Message>,
    saved: &DeliveryRecord,
) -> Result<Delivery, RecordError> {
    if saved.status == ProcessingStatus::Claimed && saved.claim.is_none() {
        return Err(RecordError::new("it is claimed, without a claim"));
    }
    Ok(Delivery {
        number,
        message,
        status: saved.status,
        changed: saved.changed,
        exception: saved.exception.clone(),
        version: saved.version.clone(),
        claim: saved.claim.clone(),
        earlier_claims: saved.earlier_claims.clone(),
        expiries: saved.expiries,
    })
}

fn save_definition(domain: &str, definition: &Definition) -> Result<DefinitionRecord, DataFileError> {
    Ok(DefinitionRecord {
        domain: domain.to_owned(),
        version: definition.version.clone(),
        changed: definition.changed,
        content: write(&Document::Resource(definition.content.clone().into()))?,
    })
}

fn load_definition(number: u64, saved: &DefinitionRecord) -> Result<Definition, RecordError> {
    let read = read(&saved.content)?;
    let bytes = read.memory();
    let content = read.document.get::<Other>().cloned();
    let content = content.ok_or_else(|| RecordError::new("its content is not an activity definition"))?;
    Ok(Definition::new(number, saved.version.clone(), saved.changed, content, bytes))
}

/// Codes, by their text on the wire.
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
