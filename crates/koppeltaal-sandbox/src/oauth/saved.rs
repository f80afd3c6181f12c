//! Launches, codes and tokens in the data file.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Grants;
use super::expiring::Expiring;
use crate::mailbox::Moment;
use crate::store::{Kind, Persistent, Record, StoreError};

impl Persistent for Grants {
    const KINDS: &'static [Kind] =
        &[Kind::Launch, Kind::Activation, Kind::Code, Kind::Session, Kind::Refresh];

    fn changes(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        changes(&mut self.launches, Kind::Launch, &mut records)?;
        changes(&mut self.activations, Kind::Activation, &mut records)?;
        changes(&mut self.codes, Kind::Code, &mut records)?;
        changes(&mut self.sessions, Kind::Session, &mut records)?;
        changes(&mut self.refreshes, Kind::Refresh, &mut records)?;
        Ok(records)
    }

    fn forget_changes(&mut self) {
        self.launches.changed.take();
        self.activations.changed.take();
        self.codes.changed.take();
        self.sessions.changed.take();
        self.refreshes.changed.take();
    }

    fn restore(&mut self, kind: Kind, key: &str, state: &str) -> Result<(), StoreError> {
        match kind {
            Kind::Launch => restore(&mut self.launches, key, state),
            Kind::Activation => restore(&mut self.activations, key, state),
            Kind::Code => restore(&mut self.codes, key, state),
            Kind::Session => restore(&mut self.sessions, key, state),
            Kind::Refresh => restore(&mut self.refreshes, key, state),
            _ => Ok(()),
        }
    }
}

fn changes<T: Serialize>(
    entries: &mut Expiring<T>,
    kind: Kind,
    records: &mut Vec<Record>,
) -> Result<(), StoreError> {
    for key in entries.changed.take() {
        let entry = entries.entry(&key);
        records.push(Record::new(kind, &key, entry)?);
    }
    Ok(())
}

fn restore<T: DeserializeOwned>(entries: &mut Expiring<T>, key: &str, state: &str) -> Result<(), StoreError> {
    let (until, value): (Moment, T) = serde_json::from_str(state)?;
    // As of the beginning of time nothing is over; what is over by now goes when the next one comes.
    entries.put(key.to_owned(), until, value, Moment::from_unix(std::time::Duration::ZERO));
    Ok(())
}
