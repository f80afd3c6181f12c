//! [`Definitions`]: the activity definitions of one domain. The server owns them; applications create and update them
//! through `Other`, not through messages (Koppeltaal spec section 7).

use std::collections::BTreeMap;

use koppeltaal_fhir::resources::Other;

use super::moment::Moment;
use super::refusal::{Kind, Refusal};
use super::resources::check_definition;
use super::version::{Tick, Version};
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
