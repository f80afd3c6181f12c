//! [`History`]: what one application instance posted, so that a message that is posted again gets its first answer, and
//! a sender that never saw the answer can look its message up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use koppeltaal_messaging::Event;
use serde::{Deserialize, Serialize};

use super::message::{Address, Message};
use super::moment::Moment;
use super::version::Version;
use crate::store::Changed;

/// The answer to a posted message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// The number in the URL of the answer's header.
    pub(crate) number: u64,
    /// The version of that header.
    pub(crate) version: Version,
    /// The identifier of the answer's header.
    pub(crate) identifier: String,
    pub(crate) at: Moment,
    #[serde(with = "super::saved::as_text")]
    pub(crate) event: Event,
    pub(crate) domain: String,
    /// The identifier of the message.
    pub(crate) request: String,
    pub(crate) patient: Option<String>,
    /// The new versions, the focal resource's first.
    pub(crate) data: Vec<(Address, Option<Version>)>,
}

/// A posted message and the answer to it.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) message: Arc<Message>,
    pub(crate) receipt: Arc<Receipt>,
}

/// The messages that an instance posted; the oldest are forgotten when there are too many.
#[derive(Debug)]
pub(crate) struct History {
    messages: usize,
    bytes: usize,
    held_bytes: usize,
    /// By the number of the answer, so the oldest first.
    by_number: BTreeMap<u64, Sent>,
    numbers: HashMap<String, u64>,
    /// Numbers of what is to be written.
    pub(super) changed: Changed<u64>,
    /// Messages that were forgotten.
    pub(super) gone: Vec<Arc<Message>>,
}

impl History {
    pub(crate) fn new(messages: usize, bytes: usize) -> Self {
        Self {
            messages,
            bytes,
            held_bytes: 0,
            by_number: BTreeMap::new(),
            numbers: HashMap::new(),
            changed: Changed::default(),
            gone: Vec::new(),
        }
    }

    /// The message with this `MessageHeader.identifier`.
    pub(crate) fn identified(&self, identifier: &str) -> Option<&Sent> {
        self.numbered(*self.numbers.get(identifier)?)
    }

    /// The message whose answer has this number.
    pub(crate) fn numbered(&self, number: u64) -> Option<&Sent> {
        self.by_number.get(&number)
    }

    /// Remembers a message with an identifier that is not remembered yet.
    pub(crate) fn put(&mut self, sent: Sent) {
        self.changed.add(sent.receipt.number);
        self.restore(sent);
        while (self.by_number.len() > self.messages || self.held_bytes > self.bytes)
            && self.by_number.len() > 1
        {
            let Some((number, forgotten)) = self.by_number.pop_first() else { return };
            self.held_bytes -= forgotten.message.bytes;
            self.numbers.remove(&forgotten.message.identifier);
            self.changed.add(number);
            self.gone.push(forgotten.message);
        }
    }

    /// Remembers what was remembered before.
    pub(super) fn restore(&mut self, sent: Sent) {
        self.held_bytes += sent.message.bytes;
        self.numbers.insert(sent.message.identifier.clone(), sent.receipt.number);
        self.by_number.insert(sent.receipt.number, sent);
    }
}
