//! [`Message`]: a message as the mailbox keeps it, shared by all queues that it is in.

use koppeltaal_fhir::Entry;
use koppeltaal_messaging::{Event, Header};
use serde::{Deserialize, Serialize};

use super::version::Version;

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
    pub(crate) resources: Vec<Kept>,
    /// Length of the message in bytes, as it was posted.
    pub(crate) bytes: usize,
}

/// One resource of a message.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) address: Address,
    /// Its version; none when the sender's api-version has none for it and nobody else gave it one.
    pub(crate) version: Option<Version>,
    /// The entry as posted, but for id and self link: those of `address` and `version` when it is delivered.
    pub(crate) entry: Entry,
}

impl Message {
    pub(crate) fn focal(&self) -> &Kept {
        &self.resources[self.focal]
    }
}
