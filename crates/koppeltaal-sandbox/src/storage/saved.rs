//! The storage service in the data file.

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, ReadOptions};
use serde::{Deserialize, Serialize};

use super::{Draft, Item, Owner, Storage};
use crate::mailbox::{Moment, Version};
use crate::store::{Kind, Persistent, Record, StoreError};

#[derive(Serialize, Deserialize)]
struct SavedItem {
    domain: String,
    application: String,
    version: Version,
    modified: Moment,
    /// The resource in JSON.
    content: String,
}

#[derive(Serialize, Deserialize)]
struct Counters {
    number: u64,
    clock: Option<Moment>,
}

/// The key of the counters.
const COUNTERS: &str = "storage";

impl Persistent for Storage {
    const KINDS: &'static [Kind] = &[Kind::Counter, Kind::Item];

    fn changes(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for number in self.changed.take() {
            let saved = self.items.get(&number).map(save).transpose()?;
            records.push(Record::new(Kind::Item, &number, saved.as_ref())?);
        }
        if !records.is_empty() {
            let counters = Counters { number: self.last_number, clock: self.clock.last() };
            records.push(Record::new(Kind::Counter, &COUNTERS, Some(&counters))?);
        }
        Ok(records)
    }

    fn forget_changes(&mut self) {
        self.changed.take();
    }

    fn restore(&mut self, kind: Kind, key: &str, state: &str) -> Result<(), StoreError> {
        match kind {
            Kind::Counter if key == COUNTERS => {
                let counters: Counters = serde_json::from_str(state)?;
                self.last_number = counters.number;
                self.clock.restore(counters.clock);
            }
            Kind::Item => self.hold(load(key, serde_json::from_str(state)?)?),
            _ => {}
        }
        Ok(())
    }
}

fn save(item: &Item) -> Result<SavedItem, StoreError> {
    let content = Document::Resource(item.resource().into()).to_json();
    Ok(SavedItem {
        domain: item.owner.domain.clone(),
        application: item.owner.application.clone(),
        version: item.version.clone(),
        modified: item.modified,
        content: content.map_err(|error| StoreError::Record(error.to_string()))?,
    })
}

fn load(key: &str, saved: SavedItem) -> Result<Item, StoreError> {
    let misfit = || StoreError::Record(format!("item {key} cannot be read"));
    let read = ReadOptions::tolerant().json(saved.content.as_bytes()).map_err(|_| misfit())?;
    let content = read.document.get::<Other>().cloned().ok_or_else(misfit)?;
    let draft = Draft::of(content).map_err(|_| misfit())?;
    Ok(Item {
        number: key.parse().map_err(|_| misfit())?,
        owner: Owner { domain: saved.domain, application: saved.application },
        version: saved.version,
        modified: saved.modified,
        content_type: draft.content_type,
        content: draft.content,
        patient: draft.patient,
        object_type: draft.object_type,
        object_key: draft.object_key,
        rest: draft.rest,
    })
}
