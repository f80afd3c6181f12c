//! The mailbox as a part of the data file: what of it is saved, and how its records are read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::definitions::DefinitionRecord;
use super::delivery::DeliveryRecord;
use super::history::{PostedMessage, ReceiptRecord};
use super::message::{Message, MessageRecord};
use super::resources::ResourceRecord;
use super::{Account, Counters, Domain, Mailbox, RestoredMessage};
use crate::instance::InstanceId;
use crate::persistence::{
    Companion, DataFileError, Eviction, Journal, Persistent, Record, RecordError, RecordKind, Single,
};

/// The key of the counters.
const COUNTERS: &str = "mailbox";

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
                let domain = saved.domain.clone();
                let definition = saved.definition(number)?;
                self.counters.clock.raise(definition.changed);
                Domain::get_or_new(&mut self.domains, &domain).definitions.restore(definition);
            }
            RecordKind::Resource => {
                let saved: ResourceRecord = serde_json::from_str(state)?;
                Domain::get_or_new(&mut self.domains, &saved.domain).resources.restore(saved);
            }
            RecordKind::Message => {
                let number = raise(&mut self.counters.message, key)?;
                let saved: MessageRecord = serde_json::from_str(state)?;
                let message = Arc::new(saved.message(number)?);
                self.restored.insert(message.key, RestoredMessage { message, is_configured: false });
            }
            RecordKind::Delivery => {
                let number = raise(&mut self.counters.number, key)?;
                let saved: DeliveryRecord = serde_json::from_str(state)?;
                let message = self.restored_message(saved.message)?;
                let id = InstanceId {
                    domain: saved.domain.as_str().into(),
                    username: saved.username.as_str().into(),
                };
                let delivery = saved.delivery(number, Arc::clone(&message))?;
                self.counters.clock.raise(delivery.changed);
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

    fn make_room(&mut self, bytes: u64) -> Option<Eviction> {
        let has_forgotten = self.forget_processed(bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "the size of a message in the data file cannot be computed");
            false
        });
        if has_forgotten {
            return Some(Eviction::Messages);
        }
        self.forget_earlier_claims().then_some(Eviction::EarlierClaims)
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
