//! The storage service: what applications keep at the server for a patient, as `Other` with code
//! `StorageItem`. [`binary`](super::binary) is the same service without the resource.

use std::fmt;

use koppeltaal_fhir::Entry;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::ResourceUrl;
use koppeltaal_messaging::profiles::StorageItem;
use koppeltaal_messaging::vocabulary::search::{self, storage as parameter};
use reqwest::Url;

use super::search::Search;
use super::{or_none, push_segment, resource_url};
use crate::client::Client;
use crate::error::Result;
use crate::exchange::request::{Body, Operation, Request};

/// The search parameter that all requests have: which kind of `Other` they are about.
const CODE: (&str, &str) = (search::CODE, "StorageItem");
/// The prefix of the id in the URL at which an item is deleted.
const DELETE_PREFIX: &str = "StorageItem:";

/// A stored item as the server has it. `Debug` shows its address and kind only.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredItem {
    /// Its address, with version if the server gave one.
    pub url: Option<ResourceUrl>,
    /// The item.
    pub item: StorageItem,
}

/// Which items a search gives. The default is all that the client may see. `Debug` shows no values.
#[derive(Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct StorageQuery {
    /// Name and value of each parameter.
    parameters: Vec<(&'static str, String)>,
    limit: Option<usize>,
}

/// How the time of an item's last change compares to a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// At that time, to the precision that it is given with.
    Equal,
    /// Later.
    After,
    /// At that time or later.
    NotBefore,
    /// Earlier.
    Before,
    /// At that time or earlier.
    NotAfter,
}

impl Comparison {
    fn prefix(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::After => ">",
            Self::NotBefore => ">=",
            Self::Before => "<",
            Self::NotAfter => "<=",
        }
    }
}

impl StorageQuery {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// Only the item with this id.
    pub fn id(self, id: impl Into<String>) -> Self {
        self.with(search::ID, id)
    }

    /// Only items of this patient. A bearer token implies it.
    pub fn patient(self, patient: &ResourceUrl) -> Self {
        self.with(parameter::PATIENT, patient.versionless())
    }

    /// Only items of this object type.
    pub fn object_type(self, object_type: impl Into<String>) -> Self {
        self.with(parameter::OBJECT_TYPE, object_type)
    }

    /// Only the item with this object key.
    pub fn object_key(self, key: impl Into<String>) -> Self {
        self.with(parameter::OBJECT_KEY_EXACT, key)
    }

    /// Only items whose object key starts with this.
    pub fn object_key_starts_with(self, start: impl Into<String>) -> Self {
        self.with(parameter::OBJECT_KEY, start)
    }

    /// Only items whose object key contains this.
    pub fn object_key_contains(self, part: impl Into<String>) -> Self {
        self.with(parameter::OBJECT_KEY_CONTAINS, part)
    }

    /// Only items whose last change compares to `time` like this. Call it twice for a period.
    pub fn last_updated(self, comparison: Comparison, time: &Instant) -> Self {
        self.with(parameter::LAST_UPDATED, format!("{}{time}", comparison.prefix()))
    }

    /// By last change, the oldest first.
    pub fn oldest_first(self) -> Self {
        self.with(parameter::SORT, parameter::LAST_UPDATED)
    }

    /// By last change, the newest first.
    pub fn newest_first(self) -> Self {
        self.with(parameter::SORT_DESCENDING, parameter::LAST_UPDATED)
    }

    /// How many items per page.
    pub fn page_size(self, items: u16) -> Self {
        self.with(search::COUNT, items.max(1).to_string())
    }

    /// How many items at most, on all pages together.
    pub fn limit(self, items: usize) -> Self {
        Self { limit: Some(items), ..self }
    }
}

impl Client {
    /// Searches stored items. Nothing is requested until results are asked for.
    pub fn storage_items(&self, query: &StorageQuery) -> Search<StoredItem> {
        let mut first = self.server().fhir("Other", &[CODE]);
        first.query_pairs_mut().extend_pairs(&query.parameters);
        Search::new(self, Operation::STORAGE_ITEMS, first, query.limit, StoredItem::from_entry)
    }

    /// One stored item. `None` if no item has this id, or if it is another patient's.
    ///
    /// With Basic credentials, a server may require the patient.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub async fn storage_item(&self, id: &str, patient: Option<&ResourceUrl>) -> Result<Option<StoredItem>> {
        let mut url = self.server().fhir("Other", &[CODE]);
        push_segment(&mut url, id);
        let patient = patient.map(|patient| (parameter::PATIENT, patient.versionless()));
        url.query_pairs_mut().extend_pairs(patient);
        let result = self
            .exchange(Request::new(Operation::STORAGE_ITEM, url), |answer| {
                let item = answer.resource::<Other>("no StorageItem")?.into();
                Ok(Some(StoredItem { url: answer.resource_url(), item }))
            })
            .await;
        or_none(result)
    }

    /// Stores a new item, and returns its address with version.
    ///
    /// # Errors
    ///
    /// Those of a write; the object key must be new for the patient and object type.
    pub async fn create_storage_item(&self, item: &StorageItem) -> Result<ResourceUrl> {
        let url = self.server().fhir("Other", &[CODE]);
        self.write_storage_item(Operation::CREATE_STORAGE_ITEM, url, item).await
    }

    /// Replaces a stored item. With a version in `current`, only if it still has that version.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::Error::Conflict) when it has another version;
    /// [`ForeignUrl`](crate::Error::ForeignUrl) for an address that is not this server's; else those of a
    /// write.
    pub async fn update_storage_item(
        &self,
        current: &ResourceUrl,
        item: &StorageItem,
    ) -> Result<ResourceUrl> {
        let mut url = self.local_url(current)?;
        url.query_pairs_mut().append_pair(CODE.0, CODE.1);
        self.write_storage_item(Operation::UPDATE_STORAGE_ITEM, url, item).await
    }

    /// Deletes a stored item, by its id or the last part of its address.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::Error::NotFound) when no item has this id; else those of a write.
    pub async fn delete_storage_item(&self, id: &str) -> Result<()> {
        let id = id.strip_prefix(DELETE_PREFIX).unwrap_or(id);
        let mut url = self.server().fhir("Other", &[]);
        push_segment(&mut url, &format!("{DELETE_PREFIX}{id}"));
        self.delete(Operation::DELETE_STORAGE_ITEM, url).await
    }

    async fn write_storage_item(
        &self,
        operation: &'static Operation,
        url: Url,
        item: &StorageItem,
    ) -> Result<ResourceUrl> {
        let body = Body::resource(self.format(), Other::from(item.clone()).into())?;
        self.exchange(Request::new(operation, url).body(body), |answer| {
            answer.nothing()?;
            answer
                .resource_url()
                .ok_or_else(|| answer.unexpected("no address in Content-Location or Location"))
        })
        .await
    }
}

impl StoredItem {
    fn from_entry(mut entry: Entry) -> Option<Self> {
        let item = entry.content.take()?.take::<Other>().ok()?.into();
        Some(Self { url: resource_url(&entry), item })
    }
}

impl fmt::Debug for StoredItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredItem")
            .field("url", &self.url)
            .field("content_type", &self.item.content_type)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StorageQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| *name).collect();
        f.debug_struct("StorageQuery").field("parameters", &names).field("limit", &self.limit).finish()
    }
}
