//! [`BundleEntry`]: an entry of the bundle that is validated.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, PathSegment, Resource};

use crate::entry::Names;

/// An entry that holds a resource, with its place in the bundle.
pub(super) struct BundleEntry<'a> {
    pub(super) index: usize,
    pub(super) names: Names,
    pub(super) resource: &'a Resource,
}

impl<'a> BundleEntry<'a> {
    /// The entries that hold a resource.
    pub(super) fn all_from_bundle(bundle: &'a Bundle) -> Vec<Self> {
        let entries = bundle.entry.iter().enumerate().filter_map(|(index, entry)| {
            let resource = entry.content.as_ref()?;
            Some(Self { index, names: Names::from_entry(entry), resource })
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
