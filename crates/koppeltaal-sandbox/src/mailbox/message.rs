//! [`Message`]: a message as the mailbox keeps it, shared by all queues and histories that it is in.

use std::sync::atomic::{AtomicUsize, Ordering};

use koppeltaal_fhir::Entry;
use koppeltaal_messaging::{Event, Header};
use serde::{Deserialize, Serialize};

use super::posting::Posting;
use super::resources::Effect;
use crate::clock::Version;

/// The address of a resource, without version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Address {
    /// Owned by an application: the URL as its owner writes it.
    Given(String),
    /// Owned by this server: an activity definition. Its URL depends on the address under which a client knows the
    /// server, so it is made when it is handed out.
    Definition(u64),
}

/// Who made a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// The server. Its `source` holds the server's address, so it is filled in when the message is handed out.
    Server,
    /// An application instance. What its header leaves out stays out.
    Instance,
}

/// What both ends of a message agree on, and what the mailbox looks at.
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
    /// The header without status and data; those are of one delivery.
    pub(crate) header: Header,
    /// Place of the focal resource in `resources`.
    pub(crate) focal: usize,
    /// The resources in the order of the bundle.
    pub(crate) resources: Vec<MessageResource>,
    /// What it takes in memory, in bytes.
    pub(crate) bytes: usize,
    /// In how many queues and histories it is.
    pub(crate) holders: Holders,
}

/// What a message takes in memory besides its content, and each of its resources.
const MESSAGE_BYTES: usize = size_of::<Message>() + 512;
const RESOURCE_BYTES: usize = size_of::<MessageResource>() + 128;

/// What a message takes in memory, by what its content takes.
pub(crate) fn message_bytes(content: usize, resources: usize) -> usize {
    content + MESSAGE_BYTES + resources * RESOURCE_BYTES
}

/// How many rows hold something. The tables count, when a row comes and when one goes; also when that is taken back.
#[derive(Debug, Default)]
pub(crate) struct Holders(AtomicUsize);

impl Holders {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn number(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn is_none(&self) -> bool {
        self.number() == 0
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
    /// Its version; none when the sender's api-version has none for it and nobody else gave it one.
    pub(crate) version: Option<Version>,
    /// The entry as posted, but for id and self link: those of `address` and `version` when it is delivered.
    pub(crate) entry: Entry,
}

impl Message {
    /// A message as it was posted, and what became of its resources.
    pub(super) fn posted(key: u64, posting: Posting, effects: Vec<Effect>) -> Self {
        let resources = posting.resources.into_iter().zip(effects).map(|(posted, effect)| {
            let version = match effect {
                Effect::Untouched(None) if posted.is_definition => {
                    posted.version.as_deref().map(Version::from)
                }
                effect => effect.version().cloned(),
            };
            MessageResource { address: Address::Given(posted.url), version, entry: posted.entry }
        });
        Self {
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
            holders: Holders::default(),
        }
    }

    pub(crate) fn focal(&self) -> &MessageResource {
        &self.resources[self.focal]
    }
}
