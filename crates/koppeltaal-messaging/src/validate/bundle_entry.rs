//! [`BundleEntry`]: an entry of the bundle that is validated.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Entry, PathSegment, Resource};

use crate::ResourceUrl;
use crate::entry::address;

/// An entry that holds a resource, with its place in the bundle.
pub(super) struct BundleEntry<'a> {
    pub(super) index: usize,
    /// The entry as it was read.
    pub(super) wire: &'a Entry,
    /// Its address.
    pub(super) url: Option<ResourceUrl>,
    pub(super) resource: &'a Resource,
}

impl<'a> BundleEntry<'a> {
    /// The entries that hold a resource.
    pub(super) fn all_from_bundle(bundle: &'a Bundle) -> Vec<Self> {
        let entries = bundle.entry.iter().enumerate().filter_map(|(index, entry)| {
            let resource = entry.content.as_ref()?;
            Some(Self { index, wire: entry, url: address(entry), resource })
        });
        entries.collect()
    }

    pub(super) fn is_header(&self) -> bool {
        self.resource.get::<MessageHeader>().is_some()
    }

    /// The place of the entry in the bundle.
    pub(super) fn place(&self) -> PathSegment {
        ("entry", Some(self.index))
    }

    /// The place of the resource in the bundle.
    pub(super) fn content(&self) -> [PathSegment; 2] {
        [self.place(), ("content", None)]
    }
}
