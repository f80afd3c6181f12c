//! [`Definitions`]: the activity definitions of one domain. The server owns them; applications create and update them
//! through `Other`, not through messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use koppeltaal_fhir::Entry;
use koppeltaal_fhir::resources::{MessageHeader, Other};
use koppeltaal_messaging::Event;

use super::message::{Address, Kept, Message, Origin};
use super::moment::Moment;
use super::refusal::{Kind, Refusal};
use super::resources::check_definition;
use super::version::{Tick, Version};
use super::{Mailbox, Occasion};
use crate::definition;
use crate::store::Changed;

/// One definition in its current version.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// The number in its URL, `.../Other/ActivityDefinition:NUMBER`.
    pub(crate) number: u64,
    pub(crate) version: Version,
    /// When it last changed.
    pub(crate) changed: Moment,
    pub(crate) content: Other,
}

/// A definition as an application sends it.
#[derive(Debug)]
pub(crate) struct SentDefinition {
    pub(crate) content: Other,
    /// Its length in bytes.
    pub(crate) bytes: usize,
}

/// The definitions of a domain, by number.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    by_number: BTreeMap<u64, Definition>,
    /// Numbers of what is to be written.
    pub(super) changed: Changed<u64>,
}

impl Definitions {
    /// Takes in a new definition under this number.
    pub(crate) fn create(
        &mut self,
        number: u64,
        content: Other,
        capacity: usize,
        tick: &mut Tick<'_>,
    ) -> Result<&Definition, Refusal> {
        check_content(&content)?;
        if self.by_number.len() >= capacity {
            let details = "The sandbox holds no more activity definitions in this domain.";
            return Err(Refusal::new(Kind::Full, "too-costly", details));
        }
        Ok(self.put(number, content, tick))
    }

    /// Replaces a definition. `url`, its address without version, is what a conflict names.
    pub(crate) fn update(
        &mut self,
        number: u64,
        url: &str,
        version: Option<&str>,
        content: Other,
        tick: &mut Tick<'_>,
    ) -> Result<&Definition, Refusal> {
        check_content(&content)?;
        let current = self.by_number.get(&number).ok_or_else(not_found)?;
        check_definition(url, version, &current.version)?;
        Ok(self.put(number, content, tick))
    }

    /// Takes in a definition that was checked before.
    pub(crate) fn put(&mut self, number: u64, mut content: Other, tick: &mut Tick<'_>) -> &Definition {
        definition::settle(&mut content);
        self.changed.add(number);
        let definition = Definition { number, version: tick.version(), changed: tick.now(), content };
        self.by_number.entry(number).insert_entry(definition).into_mut()
    }

    /// Takes back what was here before.
    pub(super) fn restore(&mut self, definition: Definition) {
        self.by_number.insert(definition.number, definition);
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Definition> {
        self.by_number.get(&number)
    }

    /// All of them, oldest first; archived ones only when asked for.
    pub(crate) fn list(&self, with_archived: bool) -> impl Iterator<Item = &Definition> {
        self.by_number.values().filter(move |found| with_archived || !definition::is_archived(&found.content))
    }
}

/// The steps of the mailbox that are about definitions.
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

    /// Takes in a new activity definition and tells the subscribers of the domain.
    pub(crate) fn create_definition(
        &mut self,
        domain: &str,
        sent: SentDefinition,
        occasion: Occasion,
    ) -> Result<Definition, Refusal> {
        let number = self.last_definition + 1;
        let capacity = self.limits.definitions;
        let home = self.domains.entry(domain.to_owned()).or_default();
        let tick = &mut Tick::new(&mut self.clock, occasion.now);
        let definition = home.definitions.create(number, sent.content, capacity, tick)?.clone();
        self.last_definition = number;
        self.announce(domain, &definition, sent.bytes, occasion);
        Ok(definition)
    }

    /// Replaces an activity definition and tells the subscribers of the domain. `url`, its address without version, is
    /// what a conflict names.
    pub(crate) fn update_definition(
        &mut self,
        domain: &str,
        number: u64,
        url: &str,
        version: Option<&str>,
        sent: SentDefinition,
        occasion: Occasion,
    ) -> Result<Definition, Refusal> {
        let home = self.domains.entry(domain.to_owned()).or_default();
        let tick = &mut Tick::new(&mut self.clock, occasion.now);
        let definition = home.definitions.update(number, url, version, sent.content, tick)?.clone();
        self.announce(domain, &definition, sent.bytes, occasion);
        Ok(definition)
    }

    /// Sends the message that the server itself sends about a definition.
    fn announce(&mut self, domain: &str, definition: &Definition, bytes: usize, occasion: Occasion) {
        let event = Event::CreateOrUpdateActivityDefinition;
        let identifier = occasion.fresh.to_string();
        let header = MessageHeader {
            identifier: identifier.as_str().into(),
            timestamp: occasion.now.instant().into(),
            event: Some(event.coding()),
            ..MessageHeader::default()
        };
        let kept = Kept {
            address: Address::Definition(definition.number),
            version: Some(definition.version.clone()),
            entry: Entry { content: Some(definition.content.clone().into()), ..Entry::default() },
        };
        let message = Arc::new(Message {
            key: self.next_message(),
            identifier,
            event,
            domain: domain.to_owned(),
            origin: Origin::Server,
            patient: None,
            header: header.into(),
            focal: 0,
            resources: vec![kept],
            bytes,
        });
        self.new_messages.push(Arc::clone(&message));
        self.deliver(&message, occasion.now);
    }
}

pub(crate) fn not_found() -> Refusal {
    Refusal::not_found("There is no such activity definition in this domain.")
}

fn check_content(content: &Other) -> Result<(), Refusal> {
    if definition::is_definition(content) {
        Ok(())
    } else {
        Err(Refusal::unsupported("Only an Other with the code ActivityDefinition can be put here."))
    }
}
