//! [`History`]: the messages that one application instance posted. A message that is posted again gets its
//! first answer, and a sender that never saw the answer can look its message up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use koppeltaal_messaging::Event;
use serde::{Deserialize, Serialize};

use super::message::{Address, Message};
use super::text;
use crate::clock::Timestamp;
use crate::clock::Version;
use crate::instance::InstanceId;
use crate::persistence::{Companion, DataFileError, Journal, Record, RecordKind, Table};

/// The answer to a posted message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// The number in the URL of the answer's header.
    pub(crate) number: u64,
    /// The version of that header.
    pub(crate) version: Version,
    /// The identifier of the answer's header.
    pub(crate) identifier: String,
    pub(crate) at: Timestamp,
    #[serde(with = "text::as_text")]
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
pub(crate) struct PostedMessage {
    pub(crate) message: Arc<Message>,
    pub(crate) receipt: Arc<Receipt>,
}

/// A posted message in the data file.
#[derive(Serialize, Deserialize)]
pub(super) struct ReceiptRecord {
    pub(super) username: String,
    /// The key of the message.
    pub(super) message: u64,
    pub(super) receipt: Arc<Receipt>,
}

/// What a receipt takes in memory besides the message.
const RECEIPT_BYTES: usize = 1024;

impl PostedMessage {
    /// What it takes in memory, the message included.
    fn bytes(&self) -> usize {
        self.receipt.data.iter().map(|(address, _)| address.bytes()).sum::<usize>()
            + self.message.bytes
            + RECEIPT_BYTES
    }
}

/// The messages that an instance posted; the oldest are forgotten when there are too many.
#[derive(Debug)]
pub(crate) struct History {
    messages: usize,
    /// The bound of what they take in memory.
    bytes: usize,
    /// By the number of the answer, so the oldest first.
    sent: Table<Identifiers>,
}

/// Finds a message by its identifier.
#[derive(Debug)]
struct Identifiers {
    /// Who posted them.
    instance: InstanceId,
    bytes: usize,
    /// Numbers of the answers.
    numbers: HashMap<String, u64>,
}

impl Companion for Identifiers {
    type Rows = BTreeMap<u64, PostedMessage>;

    fn record(&self, number: &u64, sent: Option<&PostedMessage>) -> Result<Record, DataFileError> {
        let saved = sent.map(|sent| ReceiptRecord {
            username: self.instance.username.to_string(),
            message: sent.message.key,
            receipt: Arc::clone(&sent.receipt),
        });
        Record::new(RecordKind::Receipt, number, saved.as_ref())
    }

    fn add(&mut self, number: &u64, sent: &PostedMessage) {
        sent.message.uses.increment();
        self.bytes += sent.bytes();
        self.numbers.insert(sent.message.identifier.clone(), *number);
    }

    fn remove(&mut self, number: &u64, sent: &PostedMessage) {
        sent.message.uses.decrement();
        self.bytes -= sent.bytes();
        if self.numbers.get(&sent.message.identifier) == Some(number) {
            self.numbers.remove(&sent.message.identifier);
        }
    }
}

impl History {
    pub(crate) fn new(instance: InstanceId, messages: usize, bytes: usize) -> Self {
        let identifiers = Identifiers { instance, bytes: 0, numbers: HashMap::new() };
        Self { messages, bytes, sent: Table::new(identifiers) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.sent
    }

    /// The message with this `MessageHeader.identifier`.
    pub(crate) fn identified(&self, identifier: &str) -> Option<&PostedMessage> {
        self.numbered(*self.sent.companion().numbers.get(identifier)?)
    }

    /// The message whose answer has this number.
    pub(crate) fn numbered(&self, number: u64) -> Option<&PostedMessage> {
        self.sent.rows().get(&number)
    }

    /// Remembers a message with a new identifier, and gives those that are forgotten for it.
    #[must_use = "they may be in no other queue or history"]
    pub(crate) fn put(&mut self, sent: PostedMessage) -> Vec<Arc<Message>> {
        self.sent.put(sent.receipt.number, sent);
        let mut forgotten = Vec::new();
        while (self.sent.rows().len() > self.messages || self.sent.companion().bytes > self.bytes)
            && self.sent.rows().len() > 1
            && let Some((number, oldest)) = self.sent.rows().first_key_value()
        {
            let number = *number;
            forgotten.push(Arc::clone(&oldest.message));
            self.sent.remove(&number);
        }
        forgotten
    }

    /// The messages, oldest first.
    pub(super) fn messages(&self) -> impl Iterator<Item = &PostedMessage> {
        self.sent.rows().values()
    }

    pub(super) fn forget(&mut self, number: u64) {
        self.sent.remove(&number);
    }

    /// Puts a message of the data file back.
    pub(super) fn restore(&mut self, sent: PostedMessage) {
        self.sent.restore(sent.receipt.number, sent);
    }
}
