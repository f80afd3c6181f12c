//! Makes room in a full data file: forgets messages that all their receivers have processed, the longest
//! unchanged first. When no such message is left, the step gives up the earlier claims that it would add.

use std::collections::BTreeMap;

use super::{Account, Mailbox};
use crate::clock::Timestamp;
use crate::persistence::{Companion as _, DataFileError};

/// About what a delivery or a receipt takes in the file.
const USE_BYTES: u64 = 512;

/// A use of a message, in a queue or in a history: the position of the account, and the number there.
#[derive(Debug, Clone, Copy)]
enum Use {
    Delivery(usize, u64),
    Receipt(usize, u64),
}

/// The uses of one message.
#[derive(Debug, Default)]
struct Uses {
    all: Vec<Use>,
    /// Whether a receiver has not processed it, or did so only in this step.
    is_needed: bool,
    /// When the last of them changed.
    changed: Option<Timestamp>,
}

impl Mailbox {
    /// As a part of the step, forgets messages, with their deliveries and receipts, until this many bytes of
    /// the data file are free. The longest unchanged go first, because a receiver that saw no answer may soon
    /// repeat its acknowledgement. Never forgotten are messages that a receiver has not processed or
    /// processed in this step, that came with this step, or that belong to an instance that is not configured
    /// now. Tells whether any message was forgotten.
    pub(super) fn forget_processed(&mut self, bytes: u64) -> Result<bool, DataFileError> {
        let last_before = self.counters.before().message;
        let mut uses: Vec<(u64, Uses)> = self.uses().into_iter().collect();
        uses.sort_by_key(|(key, uses)| (uses.changed, *key));
        let mut accounts: Vec<&mut Account> = self.accounts.values_mut().collect();
        let (mut freed, mut has_forgotten) = (0, false);
        for (key, Uses { all, is_needed, .. }) in uses {
            let message = self.messages.rows().get(&key).filter(|message| message.uses.get() == all.len());
            let Some(message) = message.filter(|_| !is_needed && key <= last_before) else { continue };
            let record = self.messages.companion().record(&key, Some(message))?;
            freed += record.state.map_or(0, |state| state.len() as u64) + all.len() as u64 * USE_BYTES;
            for one in all {
                match one {
                    Use::Delivery(account, number) => accounts[account].queue.forget(number),
                    Use::Receipt(account, number) => accounts[account].history.forget(number),
                }
            }
            self.messages.remove(&key);
            has_forgotten = true;
            if freed >= bytes {
                break;
            }
        }
        Ok(has_forgotten)
    }

    /// Takes back the earlier claims that the step added to deliveries, oldest first. Tells whether there
    /// were any.
    pub(super) fn forget_earlier_claims(&mut self) -> bool {
        let mut any = false;
        for account in self.accounts.values_mut() {
            any |= account.queue.forget_earlier_claims();
        }
        any
    }

    /// The uses of each message, by its key.
    fn uses(&self) -> BTreeMap<u64, Uses> {
        let mut uses: BTreeMap<u64, Uses> = BTreeMap::new();
        for (place, account) in self.accounts.values().enumerate() {
            for (delivery, is_needed) in account.queue.deliveries() {
                let uses = uses.entry(delivery.message.key).or_default();
                uses.all.push(Use::Delivery(place, delivery.number));
                uses.is_needed |= is_needed;
                uses.changed = uses.changed.max(Some(delivery.changed));
            }
            for sent in account.history.messages() {
                let uses = uses.entry(sent.message.key).or_default();
                uses.all.push(Use::Receipt(place, sent.receipt.number));
                uses.changed = uses.changed.max(Some(sent.receipt.at));
            }
        }
        uses
    }
}
