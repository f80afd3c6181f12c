//! Makes room in a full data file: forgets the oldest messages that all their receivers have processed.

use std::collections::BTreeMap;

use super::{Account, Mailbox};
use crate::persistence::{Companion as _, DataFileError};

/// About what a delivery or a receipt takes in the file.
const HOLDING_BYTES: u64 = 512;

/// An entry for a message in a queue or history: the position of the account, and the number there.
#[derive(Debug, Clone, Copy)]
enum Holding {
    Delivery(usize, u64),
    Receipt(usize, u64),
}

#[derive(Debug, Default)]
struct Holdings {
    all: Vec<Holding>,
    is_unprocessed: bool,
}

impl Mailbox {
    /// As a part of the step, forgets the oldest messages, with their deliveries and receipts, until this
    /// many bytes of the data file are free. Tells whether any message was forgotten. It forgets no message
    /// that a receiver has not processed, that belongs to an instance that is not configured now, or that
    /// came with this step.
    pub(super) fn forget_processed(&mut self, bytes: u64) -> Result<bool, DataFileError> {
        let last_before = self.counters.before().message;
        let holdings = self.holdings();
        let mut accounts: Vec<&mut Account> = self.accounts.values_mut().collect();
        let (mut freed, mut has_forgotten) = (0, false);
        for (key, Holdings { all, is_unprocessed }) in holdings {
            let message =
                self.messages.rows().get(&key).filter(|message| message.holders.number() == all.len());
            let Some(message) = message.filter(|_| !is_unprocessed && key <= last_before) else { continue };
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

    /// The entries for each message, by its key, oldest first.
    fn holdings(&self) -> BTreeMap<u64, Holdings> {
        let mut holdings: BTreeMap<u64, Holdings> = BTreeMap::new();
        for (place, account) in self.accounts.values().enumerate() {
            for (key, number, is_processed) in account.queue.holdings() {
                let holdings = holdings.entry(key).or_default();
                holdings.all.push(Holding::Delivery(place, number));
                holdings.is_unprocessed |= !is_processed;
            }
            for (key, number) in account.history.holdings() {
                holdings.entry(key).or_default().all.push(Holding::Receipt(place, number));
            }
        }
        holdings
    }
}
