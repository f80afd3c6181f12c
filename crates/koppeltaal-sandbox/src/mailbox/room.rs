//! Makes room in a full data file: forgets messages that all their receivers have processed, the longest
//! unchanged first. When no such message is left, the step gives up the earlier claims that it would add.

use std::collections::BTreeMap;

use super::{Account, Mailbox};
use crate::clock::Timestamp;
use crate::persistence::{Companion as _, DataFileError};

/// About what a delivery or a receipt takes in the file.
const HOLDING_BYTES: u64 = 512;

/// An entry for a message in a queue or history: the position of the account, and the number there.
#[derive(Debug, Clone, Copy)]
enum Holding {
    Delivery(usize, u64),
    Receipt(usize, u64),
}

/// The entries for one message.
#[derive(Debug, Default)]
struct Holdings {
    all: Vec<Holding>,
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
        let mut holdings: Vec<(u64, Holdings)> = self.holdings().into_iter().collect();
        holdings.sort_by_key(|(key, holdings)| (holdings.changed, *key));
        let mut accounts: Vec<&mut Account> = self.accounts.values_mut().collect();
        let (mut freed, mut has_forgotten) = (0, false);
        for (key, Holdings { all, is_needed, .. }) in holdings {
            let message =
                self.messages.rows().get(&key).filter(|message| message.holders.number() == all.len());
            let Some(message) = message.filter(|_| !is_needed && key <= last_before) else { continue };
            let record = self.messages.companion().record(&key, Some(message))?;
            freed += record.state.map_or(0, |state| state.len() as u64) + all.len() as u64 * HOLDING_BYTES;
            for holding in all {
                match holding {
                    Holding::Delivery(account, number) => accounts[account].queue.forget(number),
                    Holding::Receipt(account, number) => accounts[account].history.forget(number),
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

    /// The entries for each message, by its key.
    fn holdings(&self) -> BTreeMap<u64, Holdings> {
        let mut holdings: BTreeMap<u64, Holdings> = BTreeMap::new();
        for (place, account) in self.accounts.values().enumerate() {
            for (delivery, is_needed) in account.queue.holdings() {
                let holdings = holdings.entry(delivery.message.key).or_default();
                holdings.all.push(Holding::Delivery(place, delivery.number));
                holdings.is_needed |= is_needed;
                holdings.changed = holdings.changed.max(Some(delivery.changed));
            }
            for sent in account.history.holdings() {
                let holdings = holdings.entry(sent.message.key).or_default();
                holdings.all.push(Holding::Receipt(place, sent.receipt.number));
                holdings.changed = holdings.changed.max(Some(sent.receipt.at));
            }
        }
        holdings
    }
}
