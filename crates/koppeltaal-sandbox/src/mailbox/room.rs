//! Room in a data file that is full: the oldest messages that everybody has processed are forgotten.

use std::collections::BTreeMap;

use super::{Account, Mailbox};
use crate::persistence::{Companion as _, DataFileError};

/// What a delivery and a receipt take in the file, more or less.
const HOLDING_BYTES: u64 = 512;

/// Where a message is: the place of the account, and the number there.
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
    /// Forgets the oldest messages, with their deliveries and receipts, until so many bytes of the data file are free, as a
    /// part of the step. No message that an instance has not processed is forgotten, nor one that an instance has which is
    /// not configured now, nor one that came with this step. Whether there was any.
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

    /// Where each message is, by its key, so the oldest first.
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
