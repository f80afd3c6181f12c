//! [`Store`]: the resources of a domain with all their versions, in memory.
//!
//! It knows ids, versions, references and searches. Who may do what, profiles and the rest of the rules are
//! the FHIR interface's business.

mod index;
mod integrity;
mod limits;
mod table;
#[cfg(test)]
mod tests;
mod version;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use koppeltaal_r4::Resource;

use crate::moment::Moment;
use crate::resources::{SERVED, served, set_origin};
use crate::search::query::{Criterion, Query, Test};
use crate::search::values::Values;
use integrity::{dangling, referrer};
use table::Table;

pub(crate) use integrity::Dangling;
pub(crate) use limits::StoreLimits;
pub(crate) use version::{Entry, Lookup, Version};

/// The type whose resources make room for new ones.
const AUDIT_EVENT: &str = "AuditEvent";

/// The resources of a domain. A clone is the same store.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    tables: Arc<RwLock<Tables>>,
    limits: StoreLimits,
}

#[derive(Debug)]
struct Tables {
    by_type: HashMap<&'static str, Table>,
    /// The time of the last write.
    last: Moment,
    versions: usize,
    /// The memory of AuditEvents, and of everything else.
    audit_bytes: usize,
    bytes: usize,
}

/// A change that an application asks for.
#[derive(Debug)]
pub(crate) enum Write {
    /// A new resource, with the Device of the application; unless there is one already that meets a query.
    Create { resource: Resource, origin: String, unless: Option<Query> },
    /// A new version of a resource whose current version is the expected one.
    Update { id: String, expected: u64, resource: Resource },
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Written {
    Created(Arc<Version>),
    /// There is one already, so nothing was created.
    Existing(Arc<Version>),
    Updated(Arc<Version>),
}

/// Why a change was not made.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The resource has another version meanwhile.
    Stale {
        current: u64,
    },
    /// References to resources that are not there.
    Dangling(Vec<Dangling>),
    /// The resource is referred to by another one: `Task/1`.
    Referenced {
        by: String,
    },
    /// More than one resource meets the query of a conditional create.
    Several(usize),
    Gone,
    Unknown,
    /// A limit of the store: what it holds at most.
    Full(String),
}

impl Store {
    /// An empty store.
    pub(crate) fn new(limits: StoreLimits) -> Self {
        let by_type = SERVED.iter().map(|name| (*name, Table::default())).collect();
        let tables = Tables { by_type, last: Moment::MIN, versions: 0, audit_bytes: 0, bytes: 0 };
        Self { tables: Arc::new(RwLock::new(tables)), limits }
    }

    fn read_tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_tables(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current version of a resource.
    pub(crate) fn read(&self, resource_type: &str, id: &str) -> Lookup {
        self.read_tables().table(resource_type).map_or(Lookup::Unknown, |table| table.lookup(id))
    }

    /// All versions of a resource, the newest first; none of an unknown one.
    pub(crate) fn history(&self, resource_type: &str, id: &str) -> Vec<Entry> {
        let tables = self.read_tables();
        let entries = tables.table(resource_type).map_or(&[][..], |table| table.history(id));
        entries.iter().rev().cloned().collect()
    }

    /// Stores a new resource of the domain itself, or of a seed, without checks or limits. `origin` is the
    /// Device of its creator: `Device/1`. A resource of a type that is not served is not kept.
    pub(crate) fn create(&self, resource: Resource, origin: Option<&str>) -> Arc<Version> {
        self.create_with_id(&new_id(), resource, origin)
    }

    /// The same, with an id. A resource with this id gets a new version.
    pub(crate) fn create_with_id(
        &self,
        id: &str,
        mut resource: Resource,
        origin: Option<&str>,
    ) -> Arc<Version> {
        if let Some(origin) = origin {
            set_origin(&mut resource, origin);
        }
        let mut tables = self.write_tables();
        let version = tables.put(id.into(), resource);
        if version.resource_type() == AUDIT_EVENT {
            tables.forget_audit_events(self.limits.audit_events, self.limits);
        }
        version
    }

    /// Changes a resource on behalf of the domain itself, without checks. Nothing happens to one that is not
    /// there, or if `change` says so.
    pub(crate) fn change(
        &self,
        resource_type: &str,
        id: &str,
        change: impl FnOnce(&mut Resource) -> bool,
    ) -> Option<Arc<Version>> {
        let mut tables = self.write_tables();
        let current = tables.table(resource_type)?.lookup(id).found()?;
        let mut resource = current.resource.clone();
        change(&mut resource).then(|| tables.put(Arc::clone(&current.id), resource))
    }

    /// Makes a change that an application asks for. It is checked and made at one moment.
    ///
    /// # Errors
    ///
    /// A stale version, references that lead nowhere, a full store.
    pub(crate) fn write(&self, write: Write) -> Result<Written, WriteError> {
        let mut tables = self.write_tables();
        match write {
            Write::Create { mut resource, origin, unless } => {
                if let Some(query) = unless {
                    let found = tables.find(&query);
                    let table = tables.table(query.resource_type);
                    match (&found[..], table) {
                        ([], _) => {}
                        ([number], Some(table)) => {
                            let version = table.current(*number).ok_or(WriteError::Unknown)?;
                            return Ok(Written::Existing(Arc::clone(version)));
                        }
                        (several, _) => return Err(WriteError::Several(several.len())),
                    }
                }
                tables.check_room(resource.resource_type(), self.limits)?;
                tables.check_references(&resource)?;
                set_origin(&mut resource, &origin);
                Ok(Written::Created(tables.put(new_id().as_str().into(), resource)))
            }
            Write::Update { id, expected, resource } => {
                let table = tables.table(resource.resource_type()).ok_or(WriteError::Unknown)?;
                let current = current(table, &id)?;
                if current.version != expected {
                    return Err(WriteError::Stale { current: current.version });
                }
                tables.check_versions(self.limits)?;
                tables.check_references(&resource)?;
                Ok(Written::Updated(tables.put(Arc::clone(&current.id), resource)))
            }
        }
    }

    /// Deletes a resource. Its history stays.
    ///
    /// # Errors
    ///
    /// A resource that is not there, that has another version than the expected one, or that others refer to.
    pub(crate) fn delete(
        &self,
        resource_type: &str,
        id: &str,
        expected: Option<u64>,
    ) -> Result<(), WriteError> {
        let mut tables = self.write_tables();
        let current = current(tables.table(resource_type).ok_or(WriteError::Unknown)?, id)?;
        if expected.is_some_and(|expected| expected != current.version) {
            return Err(WriteError::Stale { current: current.version });
        }
        let reference = current.reference();
        let others =
            tables.by_type.values().flat_map(Table::live).filter(|other| !Arc::ptr_eq(other, &current));
        if let Some(by) = referrer(&reference, others) {
            return Err(WriteError::Referenced { by });
        }
        let moment = tables.next_moment();
        tables.versions += 1;
        if let Some(table) = tables.by_type.get_mut(resource_type) {
            table.delete(id, moment);
        }
        Ok(())
    }

    /// The numbers of the resources that meet a query, in its order, for [`numbered`](Self::numbered).
    pub(crate) fn find(&self, query: &Query) -> Vec<u64> {
        self.read_tables().find(query)
    }

    /// The resources with these numbers. Those that were deleted are left out.
    pub(crate) fn numbered(&self, resource_type: &str, numbers: &[u64]) -> Vec<Arc<Version>> {
        let tables = self.read_tables();
        let Some(table) = tables.table(resource_type) else { return Vec::new() };
        numbers.iter().filter_map(|number| table.current(*number)).cloned().collect()
    }

    /// All resources of a type, the oldest change first.
    pub(crate) fn all(&self, resource_type: &str) -> Vec<Arc<Version>> {
        self.read_tables().table(resource_type).into_iter().flat_map(Table::live).cloned().collect()
    }

    /// Whether a version meets a query, whatever became of the resource since.
    pub(crate) fn matches(&self, query: &Query, version: &Version) -> bool {
        if version.resource_type() != query.resource_type {
            return false;
        }
        let tables = self.read_tables();
        let look_up = |reference: &str| {
            let (resource_type, id) = reference.split_once('/')?;
            Some(Values::of(&tables.table(resource_type)?.lookup(id).found()?.resource))
        };
        let is_asked = |place| query.criteria.iter().any(|criterion| criterion.place == place);
        query.matches(&Values::of_some(&version.resource, is_asked), &look_up)
    }
}

impl Tables {
    fn table(&self, resource_type: &str) -> Option<&Table> {
        self.by_type.get(resource_type)
    }

    /// Now, but always later than the last write.
    fn next_moment(&mut self) -> Moment {
        self.last = Moment::now().max(self.last.next());
        self.last
    }

    fn put(&mut self, id: Arc<str>, resource: Resource) -> Arc<Version> {
        let moment = self.next_moment();
        let table = served(resource.resource_type()).and_then(|name| self.by_type.get_mut(name));
        let history = table.as_ref().map_or(&[][..], |table| table.history(&id));
        let number = history.last().map_or(1, |entry| entry.version() + 1);
        let version = Arc::new(Version::new(id, number, moment, resource));
        if let Some(table) = table {
            self.versions += 1;
            let is_event = version.resource_type() == AUDIT_EVENT;
            *(if is_event { &mut self.audit_bytes } else { &mut self.bytes }) += version.bytes;
            table.put(Arc::clone(&version));
        }
        version
    }

    /// Forgets the oldest AuditEvents until there are so many at most, within the memory for them.
    fn forget_audit_events(&mut self, most: usize, limits: StoreLimits) {
        let Some(table) = self.by_type.get_mut(AUDIT_EVENT) else { return };
        while table.len() > most.max(1) || (self.audit_bytes > limits.audit_bytes && table.len() > 1) {
            let forgotten = table.forget_oldest();
            if forgotten.is_empty() {
                return;
            }
            self.versions = self.versions.saturating_sub(forgotten.len());
            let bytes = |entry: &Entry| if let Entry::Live(version) = entry { version.bytes } else { 0 };
            self.audit_bytes = self.audit_bytes.saturating_sub(forgotten.iter().map(bytes).sum());
        }
    }

    fn check_room(&mut self, resource_type: &str, limits: StoreLimits) -> Result<(), WriteError> {
        if resource_type == AUDIT_EVENT {
            self.forget_audit_events(limits.audit_events.saturating_sub(1), limits);
        } else {
            let others = self.by_type.iter().filter(|(name, _)| **name != AUDIT_EVENT);
            if others.map(|(_, table)| table.len()).sum::<usize>() >= limits.resources {
                return Err(WriteError::Full(format!("{} resources", limits.resources)));
            }
        }
        self.check_versions(limits)
    }

    fn check_versions(&self, limits: StoreLimits) -> Result<(), WriteError> {
        if self.versions >= limits.versions {
            return Err(WriteError::Full(format!("{} versions of resources", limits.versions)));
        }
        if self.bytes >= limits.bytes {
            return Err(WriteError::Full(format!("{} MiB", limits.bytes >> 20)));
        }
        Ok(())
    }

    fn check_references(&self, resource: &Resource) -> Result<(), WriteError> {
        let found = dangling(resource, |resource_type, id| {
            self.table(resource_type).map_or(Lookup::Unknown, |table| table.lookup(id))
        });
        if found.is_empty() { Ok(()) } else { Err(WriteError::Dangling(found)) }
    }

    fn find(&self, query: &Query) -> Vec<u64> {
        let Some(table) = self.table(query.resource_type) else { return Vec::new() };
        table.find(query, &|criterion| self.chained(criterion))
    }

    /// For a criterion about other resources: the references to those that meet it.
    fn chained(&self, criterion: &Criterion) -> Option<Vec<Box<str>>> {
        let Test::Chain(targets) = &criterion.test else { return None };
        let mut references = Vec::new();
        for (resource_type, criteria) in targets {
            let Some(table) = self.table(resource_type) else { continue };
            let found = table.find_chained(criteria);
            references.extend(found.iter().map(|version| version.reference().into()));
        }
        Some(references)
    }
}

fn current(table: &Table, id: &str) -> Result<Arc<Version>, WriteError> {
    match table.lookup(id) {
        Lookup::Found(version) => Ok(version),
        Lookup::Gone => Err(WriteError::Gone),
        Lookup::Unknown => Err(WriteError::Unknown),
    }
}

/// An id for a new resource.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
