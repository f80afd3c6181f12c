//! [`Storage`]: the storage service, in which an application keeps things of its own about a patient. No
//! other application sees them. Like the mailbox, it gets the time from outside.

mod records;
mod search;

use std::collections::{BTreeMap, HashMap};

use koppeltaal_fhir::primitives::{Base64Binary, Code};
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_messaging::valuesets::IssueType;
use koppeltaal_messaging::{Reference, ResourceUrl, details};

use serde::{Deserialize, Serialize};

pub(crate) use search::{Comparison, KeyMatch, Order, Search, Time};

use crate::clock::{Timestamp, Version, VersionClock};
use crate::config::Limits;
use crate::persistence::{Companion, DataFileError, Record, Table, Value};
use crate::refusal::{Refusal, RefusalKind};
use crate::representation;

/// Who reads or writes: an application in a domain, and the only patient whose items it may see, if there is
/// such a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) owner: Owner,
    /// URL without version.
    pub(crate) only: Option<String>,
}

/// The owner of items.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) domain: String,
    pub(crate) application: String,
}

/// An item before it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    content_type: String,
    /// Base64 without white space.
    content: String,
    patient: String,
    object_type: String,
    object_key: String,
    /// Everything else that the sender put into the resource.
    rest: StorageItem,
    /// What it takes in memory, in bytes.
    bytes: usize,
}

/// A stored item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The number in its URL, `.../Other/StorageItem:NUMBER`.
    pub(crate) number: u64,
    pub(crate) owner: Owner,
    pub(crate) version: Version,
    pub(crate) modified: Timestamp,
    pub(crate) content_type: String,
    /// Base64 without white space.
    pub(crate) content: String,
    /// URL without version.
    pub(crate) patient: String,
    pub(crate) object_type: String,
    pub(crate) object_key: String,
    rest: StorageItem,
    /// What it takes in memory, in bytes.
    bytes: usize,
}

/// What is unique: a key within application, patient and type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    owner: Owner,
    patient: String,
    object_type: String,
    object_key: String,
}

#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    items: usize,
    /// Of memory.
    bytes: usize,
}

/// Where to find an item, and what the items of each domain take in memory.
#[derive(Debug, Default)]
struct Indexes {
    keys: HashMap<Key, u64>,
    usage: HashMap<String, Usage>,
}

impl Companion for Indexes {
    type Rows = BTreeMap<u64, Item>;

    fn record(&self, number: &u64, item: Option<&Item>) -> Result<Record, DataFileError> {
        records::record(*number, item)
    }

    fn add(&mut self, number: &u64, item: &Item) {
        self.keys.insert(item.key(), *number);
        let usage = self.usage.entry(item.owner.domain.clone()).or_default();
        usage.items += 1;
        usage.bytes += item.bytes;
    }

    fn remove(&mut self, _: &u64, item: &Item) {
        self.keys.remove(&item.key());
        let usage = self.usage.entry(item.owner.domain.clone()).or_default();
        usage.items -= 1;
        usage.bytes -= item.bytes;
    }
}

/// The number that was given out last, and the time of the last version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counters {
    number: u64,
    clock: VersionClock,
}

/// Everything that is stored.
#[derive(Debug)]
pub(crate) struct Storage {
    items: Table<Indexes>,
    counters: Value<Counters>,
    limits: Limits,
}

/// What an item takes in memory besides its content and its texts. The texts are in an index as well.
const ITEM_BYTES: usize = 1024;

impl Draft {
    /// From a resource that takes this many bytes of memory. The refusal names every required part that is
    /// missing.
    pub(crate) fn from_resource(resource: Other, bytes: usize) -> Result<Self, Refusal> {
        let mut rest = StorageItem::from(resource);
        let mut missing = Vec::new();
        let mut part = |name: &'static str, value: Option<String>| {
            let value = value.filter(|value| !value.is_empty());
            if value.is_none() {
                missing.push(name);
            }
            value.unwrap_or_default()
        };
        let draft = Self {
            content_type: part("ContentType", rest.content_type.take().map(|code| code.as_str().to_owned())),
            content: part("Content", rest.content.take().map(|content| content.as_str().to_owned())),
            patient: part(
                "PatientIdentifier",
                rest.patient_identifier.take().and_then(|patient| patient.reference),
            ),
            object_type: part("ObjectType", rest.object_type.take()),
            object_key: part("ObjectKey", rest.object_key.take()),
            rest,
            bytes,
        };
        if missing.is_empty() {
            draft.checked()
        } else {
            Err(Refusal::required("The StorageItem is incomplete.")
                .at("Other.extension")
                .expected(missing.join(", "))
                .details(format!("The StorageItem has no {}.", missing.join(", "))))
        }
    }

    /// From the parts.
    pub(crate) fn new(
        content_type: String,
        content: String,
        patient: String,
        object_type: String,
        object_key: String,
    ) -> Result<Self, Refusal> {
        let bytes = content.len();
        let rest = StorageItem::default();
        Self { content_type, content, patient, object_type, object_key, rest, bytes }.checked()
    }

    fn checked(mut self) -> Result<Self, Refusal> {
        self.content.retain(|letter| !letter.is_ascii_whitespace());
        self.patient = ResourceUrl::split_version(&self.patient).0.to_owned();
        // `From` takes any text; parsing checks it.
        if self.content.parse::<Base64Binary>().is_err() {
            return Err(Refusal::parameter("The content is not base64."));
        }
        // Base64 can always be written.
        representation::check(&Other::from(self.described()).into())?;
        let texts = [&self.content_type, &self.patient, &self.object_type, &self.object_key];
        self.bytes += ITEM_BYTES + 2 * texts.map(String::len).iter().sum::<usize>();
        Ok(self)
    }

    /// Everything but the content.
    fn described(&self) -> StorageItem {
        StorageItem {
            content_type: Some(Code::from(self.content_type.as_str())),
            patient_identifier: Some(Reference::from(self.patient.as_str())),
            object_type: Some(self.object_type.clone()),
            object_key: Some(self.object_key.clone()),
            ..self.rest.clone()
        }
    }

    fn key(&self, owner: &Owner) -> Key {
        Key {
            owner: owner.clone(),
            patient: self.patient.clone(),
            object_type: self.object_type.clone(),
            object_key: self.object_key.clone(),
        }
    }
}

impl Item {
    fn new(number: u64, owner: Owner, version: Version, modified: Timestamp, draft: Draft) -> Self {
        let Draft { content_type, content, patient, object_type, object_key, rest, bytes } = draft;
        Self {
            number,
            owner,
            version,
            modified,
            content_type,
            content,
            patient,
            object_type,
            object_key,
            rest,
            bytes,
        }
    }

    /// The item as a resource, with the elements that the server fills in.
    pub(crate) fn resource(&self) -> Other {
        StorageItem {
            content_type: Some(Code::from(self.content_type.as_str())),
            content: Some(Base64Binary::from(self.content.as_str())),
            patient_identifier: Some(Reference::from(self.patient.as_str())),
            object_type: Some(self.object_type.clone()),
            object_key: Some(self.object_key.clone()),
            last_modified: Some(self.modified.instant()),
            application_identifier: Some(self.owner.application.clone()),
            domain_name: Some(self.owner.domain.clone()),
            ..self.rest.clone()
        }
        .into()
    }

    fn key(&self) -> Key {
        Key {
            owner: self.owner.clone(),
            patient: self.patient.clone(),
            object_type: self.object_type.clone(),
            object_key: self.object_key.clone(),
        }
    }

    fn is_for(&self, reader: &Reader) -> bool {
        self.owner == reader.owner && reader.only.as_ref().is_none_or(|only| *only == self.patient)
    }
}

impl Storage {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { items: Table::new(Indexes::default()), counters: Value::new(Counters::default()), limits }
    }

    /// Stores a new item.
    pub(crate) fn create(&mut self, writer: &Reader, draft: Draft, now: Timestamp) -> Result<Item, Refusal> {
        check_patient(writer, &draft)?;
        self.check_key(&draft.key(&writer.owner), None)?;
        self.check_room(&writer.owner.domain, 1, draft.bytes, 0)?;
        self.counters.number += 1;
        Ok(self.put(self.counters.number, writer.owner.clone(), draft, now))
    }

    /// Replaces an item. A version, when given, has to be the current one; `url`, the address without
    /// version, is what a conflict names.
    pub(crate) fn update(
        &mut self,
        writer: &Reader,
        number: u64,
        url: &str,
        version: Option<&str>,
        draft: Draft,
        now: Timestamp,
    ) -> Result<Item, Refusal> {
        let current = self.get(writer, number).ok_or_else(not_found)?;
        check_patient(writer, &draft)?;
        if version.is_some_and(|version| version != current.version.as_str()) {
            return Err(conflict(url, IssueType::Conflict, details::WRONG_VERSION));
        }
        let before = current.bytes;
        self.check_key(&draft.key(&writer.owner), Some(number))?;
        self.check_room(&writer.owner.domain, 0, draft.bytes, before)?;
        Ok(self.put(number, writer.owner.clone(), draft, now))
    }

    pub(crate) fn get(&self, reader: &Reader, number: u64) -> Option<&Item> {
        self.items.rows().get(&number).filter(|item| item.is_for(reader))
    }

    pub(crate) fn delete(&mut self, writer: &Reader, number: u64) -> Result<(), Refusal> {
        self.get(writer, number).ok_or_else(not_found)?;
        self.items.remove(&number);
        Ok(())
    }

    /// How many items match, and a part of them.
    pub(crate) fn search(
        &self,
        reader: &Reader,
        search: &Search,
        skip: usize,
        count: usize,
    ) -> (usize, Vec<Item>) {
        let items = self.items.rows().values();
        let mut found: Vec<&Item> = items.filter(|item| item.is_for(reader) && search.takes(item)).collect();
        search.sort(&mut found);
        (found.len(), found.into_iter().skip(skip).take(count).cloned().collect())
    }

    fn put(&mut self, number: u64, owner: Owner, draft: Draft, now: Timestamp) -> Item {
        let version = self.counters.clock.step(now).version();
        let item = Item::new(number, owner, version, now, draft);
        self.items.put(number, item.clone());
        item
    }

    fn check_key(&self, key: &Key, own: Option<u64>) -> Result<(), Refusal> {
        match self.items.companion().keys.get(key) {
            Some(number) if Some(*number) != own => Err(Refusal::new(
                RefusalKind::Conflict,
                IssueType::Duplicate,
                "There is an item with this patient, object type and object key.",
            )),
            _ => Ok(()),
        }
    }

    fn check_room(&self, domain: &str, items: usize, more: usize, less: usize) -> Result<(), Refusal> {
        let usage = self.items.companion().usage.get(domain).copied().unwrap_or_default();
        let is_full = usage.items + items > self.limits.storage_items
            || usage.bytes - less + more > self.limits.storage_bytes;
        if is_full {
            return Err(Refusal::new(
                RefusalKind::Full,
                "too-costly",
                "The sandbox stores no more items in this domain.",
            ));
        }
        Ok(())
    }
}

pub(crate) fn not_found() -> Refusal {
    Refusal::not_found("There is no such item.")
}

/// The refusal of a token about another patient.
pub(crate) fn foreign() -> Refusal {
    Refusal::forbidden("The item is not about the patient of the token.")
}

fn check_patient(writer: &Reader, draft: &Draft) -> Result<(), Refusal> {
    match &writer.only {
        Some(only) if *only != draft.patient => Err(foreign()),
        _ => Ok(()),
    }
}

fn conflict(url: &str, code: IssueType, rule: &'static str) -> Refusal {
    let mut refusal = Refusal::new(RefusalKind::Conflict, code, rule);
    refusal.issues[0].resource = Some(Reference::from(url));
    refusal
}
