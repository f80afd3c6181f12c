//! [`Message`]: a message in the mailbox, shared by all queues and histories that have it, and its record in the
//! data file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use koppeltaal_fhir::{Bundle, Entry, Resource};
use koppeltaal_messaging::{Event, Header};
use serde::{Deserialize, Serialize};

use super::text;
use crate::clock::Version;
use crate::persistence::{Companion, DataFileError, Record, RecordError, RecordKind};

/// The address of a resource, without version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Address {
    /// Owned by an application: the URL as its owner writes it.
    Given(String),
    /// Owned by this server: an activity definition. Its URL depends on the address that a client uses for
    /// the server, so it is made when the definition is handed out.
    Definition(u64),
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The server. Its `source` has the server's address, so it is filled in when the message is handed out.
    Server,
    /// An application instance. Nothing is filled in.
    Instance,
}

/// A message: the part that is the same for its sender and all receivers.
#[derive(Debug)]
pub(crate) struct Message {
    /// Its own number, which no client sees: the same message has other numbers in each queue.
    pub(crate) key: u64,
    /// `MessageHeader.identifier`.
    pub(crate) identifier: String,
    pub(crate) event: Event,
    pub(crate) domain: String,
    pub(crate) origin: Origin,
    /// URL, without version, of the patient whom the message is about.
    pub(crate) patient: Option<String>,
    /// The header without status and data. Each delivery has its own.
    pub(crate) header: Header,
    /// Place of the focal resource in `resources`.
    pub(crate) focal: usize,
    /// The resources in the order of the bundle.
    pub(crate) resources: Vec<MessageResource>,
    /// What it takes in memory, in bytes.
    pub(crate) bytes: usize,
    /// In how many queues and histories it is.
    pub(crate) uses: UseCount,
}

/// What a message takes in memory besides its content, and each of its resources.
const MESSAGE_BYTES: usize = size_of::<Message>() + 512;
const RESOURCE_BYTES: usize = size_of::<MessageResource>() + 128;

/// What a message takes in memory, by what its content takes.
pub(crate) fn message_bytes(content: usize, resources: usize) -> usize {
    content + MESSAGE_BYTES + resources * RESOURCE_BYTES
}

/// How many queues and histories have a message. Their tables count, when a row comes and when it goes, and
/// also when that is taken back.
#[derive(Debug, Default)]
pub(crate) struct UseCount(AtomicUsize);

impl UseCount {
    pub(crate) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.get() == 0
    }
}

impl Address {
    /// Its length in memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Given(url) => size_of::<Self>() + url.len(),
            Self::Definition(_) => size_of::<Self>(),
        }
    }
}

/// One resource of a message.
#[derive(Debug)]
pub(crate) struct MessageResource {
    pub(crate) address: Address,
    /// Its current version. `None` if neither this message nor an earlier one gave it a version: one from a
    /// sender of api-version 1.3.3 gives a version to the focal resource only.
    pub(crate) version: Option<Version>,
    /// The entry as posted, without id and self link. They are made from `address` and `version` when it is
    /// delivered.
    pub(crate) entry: Entry,
}

impl Message {
    pub(crate) fn focal(&self) -> &MessageResource {
        &self.resources[self.focal]
    }
}

/// The messages that a queue or history has.
#[derive(Debug)]
pub(super) struct Messages;

impl Companion for Messages {
    type Rows = BTreeMap<u64, Arc<Message>>;

    fn record(&self, key: &u64, message: Option<&Arc<Message>>) -> Result<Record, DataFileError> {
        Record::new(
            RecordKind::Message,
            key,
            message.map(|message| MessageRecord::new(message)).transpose()?.as_ref(),
        )
    }
}

/// A message in the data file.
#[derive(Serialize, Deserialize)]
pub(super) struct MessageRecord {
    identifier: String,
    #[serde(with = "text::as_text")]
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

impl MessageRecord {
    fn new(message: &Message) -> Result<Self, DataFileError> {
        let header = Entry { content: Some(message.header.clone().into()), ..Entry::default() };
        let entries = message.resources.iter().map(|resource| resource.entry.clone());
        let bundle = Bundle { entry: std::iter::once(header).chain(entries).collect(), ..Bundle::default() };
        Ok(Self {
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
            bundle: text::write(&bundle.into())?,
        })
    }

    /// The message with this key.
    pub(super) fn message(self, key: u64) -> Result<Message, RecordError> {
        let misfit = || RecordError::new("its content is not that of such a message");
        let read = text::read(&self.bundle)?;
        let bytes = message_bytes(read.memory(), self.resources.len());
        let mut entries = read.document.into_bundle().map_err(|_| misfit())?.entry.into_iter();
        let Some(Resource::MessageHeader(header)) = entries.next().and_then(|entry| entry.content) else {
            return Err(misfit());
        };
        if self.focal >= self.resources.len() || entries.len() != self.resources.len() {
            return Err(misfit());
        }
        let resources = self
            .resources
            .into_iter()
            .zip(entries)
            .map(|((address, version), entry)| MessageResource { address, version, entry })
            .collect();
        Ok(Message {
            key,
            identifier: self.identifier,
            event: self.event,
            domain: self.domain,
            origin: self.origin,
            patient: self.patient,
            header: Header::from(header),
            focal: self.focal,
            resources,
            bytes,
            uses: UseCount::default(),
        })
    }
}
