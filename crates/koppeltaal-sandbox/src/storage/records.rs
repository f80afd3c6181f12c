//! The records of the storage service in the data file, and how they are read back.

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Document, Limits, ReadOptions};
use serde::{Deserialize, Serialize};

use super::{Counters, Draft, Item, Owner, Storage};
use crate::clock::{Timestamp, Version};
use crate::persistence::{DataFileError, Journal, Persistent, Record, RecordError, RecordKind, Single};

#[derive(Serialize, Deserialize)]
struct ItemRecord {
    domain: String,
    application: String,
    version: Version,
    modified: Timestamp,
    /// The resource in JSON.
    content: String,
}

/// The key of the counters.
const COUNTERS: &str = "storage";

impl Single for Counters {
    fn record(&self) -> Result<Record, DataFileError> {
        Record::new(RecordKind::Counter, &COUNTERS, Some(self))
    }
}

pub(super) fn record(number: u64, item: Option<&Item>) -> Result<Record, DataFileError> {
    Record::new(RecordKind::Item, &number, item.map(save).transpose()?.as_ref())
}

impl Persistent for Storage {
    const KINDS: &'static [RecordKind] = &[RecordKind::Counter, RecordKind::Item];

    fn journals(&mut self, visit: &mut dyn FnMut(&mut dyn Journal)) {
        let Self { items, counters, limits: _ } = self;
        visit(items);
        visit(counters);
    }

    fn restore(&mut self, kind: RecordKind, key: &str, state: &str) -> Result<(), RecordError> {
        match kind {
            RecordKind::Counter if key == COUNTERS => self.counters.restore(serde_json::from_str(state)?),
            RecordKind::Item => {
                let number = RecordError::number(key)?;
                // The record of the counters may be unusable, and an unusable record may stay in the file.
                self.counters.number = self.counters.number.max(number);
                let item = load(number, serde_json::from_str(state)?)?;
                if self.items.companion().keys.contains_key(&item.key()) {
                    return Err(RecordError::new("there is another item with its patient, type and key"));
                }
                self.counters.clock.raise(item.modified);
                self.items.restore(item.number, item);
            }
            _ => {}
        }
        Ok(())
    }
}

fn save(item: &Item) -> Result<ItemRecord, DataFileError> {
    let content = Document::Resource(item.resource().into()).to_json();
    Ok(ItemRecord {
        domain: item.owner.domain.clone(),
        application: item.owner.application.clone(),
        version: item.version.clone(),
        modified: item.modified,
        // What the error says may quote content.
        content: content
            .map_err(|_| DataFileError::Record("an item cannot be written as JSON".to_owned()))?,
    })
}

fn load(number: u64, saved: ItemRecord) -> Result<Item, RecordError> {
    let misfit = || RecordError::new("its content is not that of an item");
    // The limits are for content of strangers. This was accepted before.
    let limits = Limits {
        bytes: usize::MAX,
        // The two formats do not nest in the same way.
        depth: 2 * Limits::default().depth,
        expansion: usize::MAX,
        findings: 0,
        ..Limits::default()
    };
    let read = ReadOptions::tolerant().limits(limits).json(saved.content.as_bytes()).map_err(|_| misfit())?;
    let content = read.document.get::<Other>().cloned().ok_or_else(misfit)?;
    let draft = Draft::from_resource(content, read.memory()).map_err(|_| misfit())?;
    let owner = Owner { domain: saved.domain, application: saved.application };
    Ok(Item::new(number, owner, saved.version, saved.modified, draft))
}
