//! [`MessageEntry`]: a resource in a message with the names that references call it by.

use koppeltaal_fhir::{Entry, Link, Resource, ResourceType};

use crate::kind::ResourceKind;
use crate::url::ResourceUrl;

/// A resource in a message, and its address.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageEntry {
    pub(crate) names: Names,
    pub(crate) resource: Resource,
}

/// What an entry of a bundle is called: its address, and for one that was read the entry itself without the resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Names {
    pub(crate) url: Option<ResourceUrl>,
    wire: Option<Box<Entry>>,
}

impl MessageEntry {
    /// A resource with its address; with version, when the server has given one out.
    pub fn new(url: ResourceUrl, resource: impl Into<Resource>) -> Self {
        Self { names: Names::from(url), resource: resource.into() }
    }

    /// The address of the resource, with version when one is known. Composed messages always have it; a received
    /// entry may have neither id nor self link.
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

    /// The resource as a `T`, if it is one.
    pub fn get<T: ResourceType>(&self) -> Option<&T> {
        self.resource.get()
    }

    /// The kind of the resource, if Koppeltaal knows it.
    pub fn kind(&self) -> Option<ResourceKind> {
        ResourceKind::of(&self.resource)
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
    /// The names of an entry that was read, and whatever else it holds but the resource. The version may stand in the
    /// id, in the self link, or in both (older servers).
    pub(crate) fn of(entry: &Entry) -> Self {
        let bare = Entry {
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
        Self::of_bare(bare)
    }

    /// The same, of an entry that has given away its resource.
    pub(crate) fn of_bare(entry: Entry) -> Self {
        let id = entry.id.as_deref().filter(|id| !id.is_empty());
        let self_link = entry.link("self").filter(|link| !link.is_empty());
        let parse = |text: Option<&str>| text.and_then(|text| text.parse::<ResourceUrl>().ok());
        let url = match (parse(id), parse(self_link)) {
            (Some(id), Some(link)) if link.same_resource(&id) && link.version().is_some() => Some(link),
            (Some(id), _) => Some(id),
            (None, link) => link,
        };
        Self { url, wire: Some(Box::new(entry)) }
    }

    /// Whether neither an address nor an entry is known: the header of a new message.
    pub(crate) fn is_empty(&self) -> bool {
        self.url.is_none() && self.wire.is_none()
    }

    /// The id and the self link as they were read.
    fn wire_names(&self) -> [Option<&str>; 2] {
        let wire = self.wire.as_deref();
        [wire.and_then(|entry| entry.id.as_deref()), wire.and_then(|entry| entry.link("self"))]
    }

    /// How well `reference` names this entry, 0 best; `None` if it does not.
    ///
    /// Best is the text of the id or self link, then the address without version, then type and id of a relative
    /// reference, at last a bare id. The two last ones may hit several entries.
    fn match_rank(&self, reference: &str, parsed: Option<&ResourceUrl>) -> Option<u8> {
        if !reference.is_empty() && self.wire_names().contains(&Some(reference)) {
            return Some(0);
        }
        let url = self.url.as_ref()?;
        match parsed {
            Some(parsed) if url.same_resource(parsed) => Some(1),
            Some(parsed) if parsed.base().is_empty() || url.base().is_empty() => {
                (parsed.resource_type() == url.resource_type() && parsed.id() == url.id()).then_some(2)
            }
            Some(_) => None,
            None => (url.id() == reference).then_some(3),
        }
    }

    /// The entry as it was read; of a new resource, its id is the address without version, its self link the address.
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

/// The position of the entry that `reference` names: the best match, unless several match equally well by less than
/// their address.
pub(crate) fn resolve<'a>(entries: impl Iterator<Item = &'a Names>, reference: &str) -> Option<usize> {
    let parsed = reference.parse::<ResourceUrl>().ok();
    let mut best: Option<(u8, usize)> = None;
    let mut ambiguous = false;
    for (index, names) in entries.enumerate() {
        let Some(rank) = names.match_rank(reference, parsed.as_ref()) else { continue };
        match best {
            Some((known, _)) if known < rank => {}
            Some((known, _)) if known == rank => ambiguous |= rank > 1,
            _ => {
                best = Some((rank, index));
                ambiguous = false;
            }
        }
    }
    best.filter(|_| !ambiguous).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(id: Option<&str>, self_link: Option<&str>) -> Names {
        let link = self_link.map(|href| Link::new("self", href)).into_iter().collect();
        Names::of(&Entry { id: id.map(str::to_owned), link, ..Entry::default() })
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
            assert_eq!(resolve(entries.iter(), reference), Some(1), "{reference}");
        }
        assert_eq!(resolve(entries.iter(), "cid:x"), Some(0));
        for reference in ["https://b.example/Patient/1", "Practitioner/1", "2", ""] {
            assert_eq!(resolve(entries.iter(), reference), None, "{reference}");
        }
    }

    #[test]
    fn a_bare_id_that_two_resources_have_resolves_to_neither() {
        let entries = [names(Some(PLAIN), None), names(Some("https://a.example/Practitioner/1"), None)];
        assert_eq!(resolve(entries.iter(), "1"), None);
        assert_eq!(resolve(entries.iter(), "Practitioner/1"), Some(1));
    }
}
