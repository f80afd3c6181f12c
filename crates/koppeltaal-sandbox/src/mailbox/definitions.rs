//! [`Definitions`]: the activity definitions of one domain. The server owns them; applications create and
//! update them through `Other`, not through messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_fhir::{Document, Entry};
use koppeltaal_messaging::Event;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::message::{Address, Message, MessageResource, Origin, UseCount, message_bytes};
use super::resources::check_definition;
use super::text;
use super::{Domain, Mailbox};
use crate::clock::Timestamp;
use crate::clock::{Step, Version};
use crate::definition;
use crate::persistence::{Companion, DataFileError, Journal, Record, RecordError, RecordKind, Table};
use crate::refusal::{Refusal, RefusalKind};
use crate::representation;

/// One definition in its current version.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// The number in its URL, `.../Other/ActivityDefinition:NUMBER`.
    pub(crate) number: u64,
    pub(crate) version: Version,
    /// When it last changed.
    pub(crate) changed: Timestamp,
    pub(crate) content: Other,
    pub(crate) is_archived: bool,
    /// What it takes in memory, in bytes.
    pub(crate) bytes: usize,
}

impl Definition {
    /// A definition with this content. `bytes` is what it takes in memory.
    pub(super) fn new(
        number: u64,
        version: Version,
        changed: Timestamp,
        content: Other,
        bytes: usize,
    ) -> Self {
        let is_archived = definition::is_archived(&content);
        Self { number, version, changed, content, is_archived, bytes }
    }
}

/// The definition that an update replaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DefinitionTarget<'a> {
    pub(crate) number: u64,
    /// Its address without version, which a conflict names.
    pub(crate) url: &'a str,
    /// The version that has to be the current one.
    pub(crate) version: Option<&'a str>,
}

/// A definition as an application sends it.
#[derive(Debug)]
pub(crate) struct DefinitionDraft {
    pub(crate) content: Other,
    /// What it takes in memory, in bytes.
    pub(crate) bytes: usize,
}

/// The definitions of a domain, by number.
#[derive(Debug)]
pub(crate) struct Definitions {
    by_number: Table<DomainUsage>,
}

#[derive(Debug)]
struct DomainUsage {
    name: String,
    /// What they take in memory.
    bytes: usize,
}

impl Companion for DomainUsage {
    type Rows = BTreeMap<u64, Definition>;

    fn record(&self, number: &u64, definition: Option<&Definition>) -> Result<Record, DataFileError> {
        let saved = definition.map(|definition| DefinitionRecord::new(&self.name, definition)).transpose()?;
        Record::new(RecordKind::Definition, number, saved.as_ref())
    }

    fn add(&mut self, _: &u64, definition: &Definition) {
        self.bytes += definition.bytes;
    }

    fn remove(&mut self, _: &u64, definition: &Definition) {
        self.bytes -= definition.bytes;
    }
}

/// A definition in the data file.
#[derive(Serialize, Deserialize)]
pub(super) struct DefinitionRecord {
    pub(super) domain: String,
    version: Version,
    changed: Timestamp,
    /// In JSON.
    content: String,
}

impl DefinitionRecord {
    fn new(domain: &str, definition: &Definition) -> Result<Self, DataFileError> {
        Ok(Self {
            domain: domain.to_owned(),
            version: definition.version.clone(),
            changed: definition.changed,
            content: text::write(&Document::Resource(definition.content.clone().into()))?,
        })
    }

    /// The definition with this number.
    pub(super) fn definition(self, number: u64) -> Result<Definition, RecordError> {
        let read = text::read(&self.content)?;
        let bytes = read.memory();
        let content = read.document.get::<Other>().cloned();
        let content = content.ok_or_else(|| RecordError::new("its content is not an activity definition"))?;
        Ok(Definition::new(number, self.version, self.changed, content, bytes))
    }
}

/// How many definitions a domain may have, and what they may take in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) definitions: usize,
    pub(crate) bytes: usize,
}

impl Definitions {
    pub(crate) fn new(domain: &str) -> Self {
        Self { by_number: Table::new(DomainUsage { name: domain.to_owned(), bytes: 0 }) }
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        &mut self.by_number
    }

    /// Whether there is room for a definition of this many bytes under this number. It replaces the one with
    /// the number.
    fn check_room(&self, number: u64, bytes: usize, capacity: Capacity) -> Result<(), Refusal> {
        let current = self.get(number);
        let more = usize::from(current.is_none());
        let bytes = bytes.saturating_sub(current.map_or(0, |current| current.bytes));
        let used = self.by_number.companion().bytes;
        if self.by_number.rows().len() + more > capacity.definitions || used + bytes > capacity.bytes {
            let rule = "The sandbox holds no more activity definitions in this domain.";
            return Err(Refusal::new(RefusalKind::Full, "too-costly", rule));
        }
        Ok(())
    }

    /// Stores a definition that was checked before.
    pub(crate) fn put(&mut self, number: u64, sent: DefinitionDraft, step: &mut Step<'_>) -> Definition {
        let DefinitionDraft { mut content, bytes } = sent;
        definition::settle(&mut content);
        let definition = Definition::new(number, step.version(), step.now(), content, bytes);
        self.by_number.put(number, definition.clone());
        definition
    }

    /// Puts a definition of the data file back.
    pub(super) fn restore(&mut self, definition: Definition) {
        self.by_number.restore(definition.number, definition);
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Definition> {
        self.by_number.rows().get(&number)
    }

    /// All definitions, oldest first; archived ones only on request.
    pub(crate) fn list(&self, with_archived: bool) -> impl Iterator<Item = &Definition> {
        let all = self.by_number.rows().values();
        all.filter(move |found| with_archived || !found.is_archived)
    }
}

/// The event that the server itself sends.
const PUBLISHED: Event = Event::CreateOrUpdateActivityDefinition;

/// The steps of the mailbox with definitions.
impl Mailbox {
    /// The activity definitions of a domain, oldest first.
    pub(crate) fn definitions(&self, domain: &str, with_archived: bool) -> Vec<Definition> {
        let domain = self.domains.get(domain);
        domain.map(|domain| domain.definitions.list(with_archived).cloned().collect()).unwrap_or_default()
    }

    /// One activity definition of a domain.
    pub(crate) fn definition(&self, domain: &str, number: u64) -> Option<&Definition> {
        self.domains.get(domain)?.definitions.get(number)
    }

    fn definition_capacity(&self) -> Capacity {
        Capacity { definitions: self.limits.definitions, bytes: self.limits.definition_bytes }
    }

    /// Stores a new activity definition, and sends it to the subscribers of the domain, in a message with
    /// this identifier.
    pub(crate) fn create_definition(
        &mut self,
        domain: &str,
        sent: DefinitionDraft,
        identifier: Uuid,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        check_content(&sent.content)?;
        let number = self.counters.definition + 1;
        let definition = self.put_definition(domain, number, sent, identifier, now)?;
        self.counters.definition = number;
        Ok(definition)
    }

    /// Replaces an activity definition, and sends it to the subscribers of the domain, in a message with
    /// this identifier.
    pub(crate) fn update_definition(
        &mut self,
        domain: &str,
        target: DefinitionTarget<'_>,
        sent: DefinitionDraft,
        identifier: Uuid,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        check_content(&sent.content)?;
        let DefinitionTarget { number, url, version } = target;
        let current = self.definition(domain, number).ok_or_else(not_found)?;
        check_definition(url, version, &current.version)?;
        self.put_definition(domain, number, sent, identifier, now)
    }

    /// Stores a definition that was checked, if there is room for it and for the message about it.
    fn put_definition(
        &mut self,
        domain: &str,
        number: u64,
        sent: DefinitionDraft,
        identifier: Uuid,
        now: Timestamp,
    ) -> Result<Definition, Refusal> {
        let bytes = message_bytes(sent.bytes, 1);
        self.check_size(domain, PUBLISHED, bytes)?;
        let capacity = self.definition_capacity();
        Domain::get_or_new(&mut self.domains, domain).definitions.check_room(number, sent.bytes, capacity)?;
        self.check_room(domain, PUBLISHED, &Address::Definition(number), bytes, now)?;
        let step = &mut self.counters.clock.step(now);
        let definition = Domain::get_or_new(&mut self.domains, domain).definitions.put(number, sent, step);
        self.announce(domain, &definition, identifier, now);
        Ok(definition)
    }

    /// Sends the server's own message about a definition.
    fn announce(&mut self, domain: &str, definition: &Definition, identifier: Uuid, now: Timestamp) {
        let identifier = identifier.to_string();
        let header = MessageHeader {
            identifier: identifier.as_str().into(),
            timestamp: now.instant().into(),
            event: Some(PUBLISHED.coding()),
            ..MessageHeader::default()
        };
        let resource = MessageResource {
            address: Address::Definition(definition.number),
            version: Some(definition.version.clone()),
            entry: Entry { content: Some(definition.content.clone().into()), ..Entry::default() },
        };
        let message = Arc::new(Message {
            key: self.next_message(),
            identifier,
            event: PUBLISHED,
            domain: domain.to_owned(),
            origin: Origin::Server,
            patient: None,
            header: header.into(),
            focal: 0,
            resources: vec![resource],
            bytes: message_bytes(definition.bytes, 1),
            uses: UseCount::default(),
        });
        self.deliver(&message, now);
        self.add_if_used(message);
    }
}

pub(crate) fn not_found() -> Refusal {
    Refusal::not_found("There is no such activity definition in this domain.")
}

fn check_content(content: &Other) -> Result<(), Refusal> {
    if !definition::is_definition(content) {
        return Err(Refusal::unsupported("Only an Other with the code ActivityDefinition can be put here."));
    }
    Ok(representation::check(&content.clone().into())?)
}
