//! [`MessageEntry`]: a resource in a message, and the names by which references find it.

use std::collections::HashMap;
use std::hash::Hash;

use koppeltaal_fhir::{Entry, Link, Resource, ResourceType};

use crate::generated::kinds::ResourceKind;
use crate::profile::Profile;
use crate::url::ResourceUrl;

/// A resource in a message, and its address.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageEntry {
    pub(crate) names: Names,
    pub(crate) resource: Resource,
}

/// The names of an entry of a bundle: its address and, if it was read, the entry itself without the resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Names {
    pub(crate) url: Option<ResourceUrl>,
    wire: Option<Box<Entry>>,
}

impl MessageEntry {
    /// A resource with its address. The address has the version that the server gave it, if it did.
    pub fn new(url: ResourceUrl, resource: impl Into<Resource>) -> Self {
        Self { names: Names::from(url), resource: resource.into() }
    }

    /// The address of the resource, with its version if that is known. An entry of a composed message always
    /// has an address; a received entry may have neither id nor self link.
    pub fn url(&self) -> Option<&ResourceUrl> {
        self.names.url.as_ref()
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The resource, to change it.
    pub fn resource_mut(&mut self) -> &mut Resource {
        &mut self.resource
    }

    /// The resource.
    pub fn into_resource(self) -> Resource {
        self.resource
    }

    /// A copy of the resource as Koppeltaal's profile `P`, if it is of this kind.
    ///
    /// ```
    /// # let message = koppeltaal_fhir::ReadOptions::tolerant()
    /// #     .json(include_bytes!("../../../fixtures/messages/CreateOrUpdateCarePlan-full.json"))?;
    /// # let bundle = message.document.into_bundle().map_err(|_| "no bundle")?;
    /// # let message = koppeltaal_messaging::Message::extract(bundle)?;
    /// use koppeltaal_messaging::profiles::Practitioner;
    ///
    /// let caregiver = message.entries().find_map(|entry| entry.profile::<Practitioner>());
    /// assert!(caregiver.is_some_and(|caregiver| caregiver.name.is_some()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn profile<P: Profile>(&self) -> Option<P> {
        P::from_resource_ref(&self.resource)
    }

    /// The resource as a `T` of DSTU1, if it is one.
    pub fn get<T: ResourceType>(&self) -> Option<&T> {
        self.resource.get()
    }

    /// The kind of the resource, if Koppeltaal knows it.
    pub fn kind(&self) -> Option<ResourceKind> {
        ResourceKind::from_resource(&self.resource)
    }

    pub(crate) fn into_entry(self) -> Entry {
        self.names.into_entry(self.resource)
    }
}

impl From<ResourceUrl> for Names {
    fn from(url: ResourceUrl) -> Self {
        Self { url: Some(url), wire: None }
    }
}

impl Names {
    /// The names of an entry that was read, with a copy of all it holds but the resource.
    pub(crate) fn from_entry(entry: &Entry) -> Self {
        let without_resource = Entry {
            id: entry.id.clone(),
            deleted: entry.deleted.clone(),
            title: entry.title.clone(),
            updated: entry.updated.clone(),
            published: entry.published.clone(),
            link: entry.link.clone(),
            category: entry.category.clone(),
            author: entry.author.clone(),
            content: None,
            summary: entry.summary.clone(),
            unknown: entry.unknown.clone(),
        };
        Self::from_entry_without_resource(without_resource)
    }

    /// The names of an entry that was read and whose resource has been taken.
    pub(crate) fn from_entry_without_resource(entry: Entry) -> Self {
        Self { url: address(&entry), wire: Some(Box::new(entry)) }
    }

    /// Whether there is neither an address nor an entry, as for the header of a new message.
    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none() && self.wire.is_none()
    }

    /// Gives the resource this address in another version. The entry changes with it, so that it says the
    /// same.
    pub(crate) fn set_version(&mut self, versioned: &ResourceUrl) {
        if let Some(wire) = &mut self.wire {
            match wire.link.iter_mut().find(|link| link.rel == "self") {
                Some(link) => link.href = versioned.as_str().to_owned(),
                None => wire.link.push(Link::new("self", versioned.clone())),
            }
        }
        self.url = Some(versioned.clone());
    }

    /// The address, and the entry if it was read: what an [`Index`] needs.
    pub(crate) fn for_index(&self) -> (Option<&ResourceUrl>, Option<&Entry>) {
        (self.url.as_ref(), self.wire.as_deref())
    }

    /// The entry as it was read, with this resource. The id of a new entry is the address without version,
    /// and its self link is the address.
    pub(crate) fn into_entry(self, content: Resource) -> Entry {
        if let Some(wire) = self.wire {
            return Entry { content: Some(content), ..*wire };
        }
        Entry {
            id: self.url.as_ref().map(|url| url.versionless().to_owned()),
            link: self.url.map(|url| Link::new("self", url)).into_iter().collect(),
            content: Some(content),
            ..Entry::default()
        }
    }
}

/// The address of an entry that was read. The version is in the self link; in the id, or in both, it is a
/// quirk of older servers.
pub(crate) fn address(entry: &Entry) -> Option<ResourceUrl> {
    let id = entry.id.as_deref().filter(|id| !id.is_empty());
    let self_link = entry.link("self").filter(|link| !link.is_empty());
    let parse = |text: Option<&str>| text.and_then(|text| text.parse::<ResourceUrl>().ok());
    match (parse(id), parse(self_link)) {
        (Some(id), Some(link)) if link.same_resource(&id) && link.version().is_some() => Some(link),
        (Some(id), _) => Some(id),
        (None, link) => link,
    }
}

/// Finds the entries of a bundle by reference, in the same time for any number of entries.
///
/// A reference is compared with the text of ids and self links first, then with addresses without version,
/// then by type and id if it is relative, and last as an id alone. The last two may fit several entries and
/// then find none.
#[derive(Default)]
pub(crate) struct Index<'a> {
    texts: HashMap<&'a str, usize>,
    addresses: HashMap<&'a str, usize>,
    /// By type and id: all entries, and those whose own address is relative. `None` where several have the
    /// key.
    types: HashMap<(&'a str, &'a str), Option<usize>>,
    relative: HashMap<(&'a str, &'a str), Option<usize>>,
    ids: HashMap<&'a str, Option<usize>>,
}

impl<'a> Index<'a> {
    /// The index of entries, each with its address and, if it was read, as it was read. Their positions are
    /// those in `entries`.
    pub(crate) fn new(entries: impl Iterator<Item = (Option<&'a ResourceUrl>, Option<&'a Entry>)>) -> Self {
        let mut index = Self::default();
        for (position, (url, wire)) in entries.enumerate() {
            let texts = wire.map(|entry| [entry.id.as_deref(), entry.link("self")]);
            for text in texts.into_iter().flatten().flatten().filter(|text| !text.is_empty()) {
                index.texts.entry(text).or_insert(position);
            }
            let Some(url) = url else { continue };
            let type_and_id = (url.resource_type(), url.id());
            index.addresses.entry(url.versionless()).or_insert(position);
            put(&mut index.types, type_and_id, position);
            put(&mut index.ids, url.id(), position);
            if url.base().is_empty() {
                put(&mut index.relative, type_and_id, position);
            }
        }
        index
    }

    /// The position of the entry that a reference leads to.
    pub(crate) fn resolve(&self, reference: &str) -> Option<usize> {
        if let Some(position) = self.texts.get(reference) {
            return Some(*position);
        }
        let Ok(url) = reference.parse::<ResourceUrl>() else {
            return *self.ids.get(reference)?;
        };
        if let Some(position) = self.addresses.get(url.versionless()) {
            return Some(*position);
        }
        let by_type = if url.base().is_empty() { &self.types } else { &self.relative };
        *by_type.get(&(url.resource_type(), url.id()))?
    }
}

/// Enters a position under a key; `None` if the key has one already.
fn put<K: Eq + Hash>(positions: &mut HashMap<K, Option<usize>>, key: K, position: usize) {
    positions.entry(key).and_modify(|known| *known = None).or_insert(Some(position));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(entries: &[Names], reference: &str) -> Option<usize> {
        Index::new(entries.iter().map(Names::for_index)).resolve(reference)
    }

    fn names(id: Option<&str>, self_link: Option<&str>) -> Names {
        let link = self_link.map(|href| Link::new("self", href)).into_iter().collect();
        Names::from_entry(&Entry { id: id.map(str::to_owned), link, ..Entry::default() })
    }

    const PLAIN: &str = "https://a.example/Patient/1";
    const VERSIONED: &str = "https://a.example/Patient/1/_history/2020:7";

    #[test]
    fn the_version_is_found_in_id_or_self_link() {
        for (id, link) in [
            (Some(PLAIN), Some(VERSIONED)),
            (Some(VERSIONED), Some(PLAIN)),
            (None, Some(VERSIONED)),
            (Some(VERSIONED), None),
        ] {
            assert_eq!(
                names(id, link).url.as_ref().map(ResourceUrl::as_str),
                Some(VERSIONED),
                "{id:?} {link:?}"
            );
        }
        assert_eq!(names(Some("cid:1"), None).url, None);
    }

    #[test]
    fn references_resolve_by_id_self_link_and_versionless_url() {
        let entries = [names(Some("cid:x"), None), names(Some(PLAIN), Some(VERSIONED))];
        for reference in [PLAIN, VERSIONED, "https://a.example/Patient/1/_history/older", "Patient/1", "1"] {
            assert_eq!(resolve(&entries, reference), Some(1), "{reference}");
        }
        assert_eq!(resolve(&entries, "cid:x"), Some(0));
        for reference in ["https://b.example/Patient/1", "Practitioner/1", "2", ""] {
            assert_eq!(resolve(&entries, reference), None, "{reference}");
        }
    }

    #[test]
    fn a_reference_to_two_entries_with_one_address_finds_the_first() {
        let entries = [names(Some(PLAIN), None), names(Some(PLAIN), Some(VERSIONED))];
        assert_eq!(resolve(&entries, PLAIN), Some(0));
        assert_eq!(resolve(&entries, VERSIONED), Some(1));
        let relative = [names(Some("Patient/1"), None)];
        assert_eq!(resolve(&relative, PLAIN), Some(0));
        assert_eq!(resolve(&relative, "https://a.example/Patient/2"), None);
    }

    #[test]
    fn an_id_that_two_resources_have_resolves_to_neither() {
        let entries = [names(Some(PLAIN), None), names(Some("https://a.example/Practitioner/1"), None)];
        assert_eq!(resolve(&entries, "1"), None);
        assert_eq!(resolve(&entries, "Practitioner/1"), Some(1));
    }
}
