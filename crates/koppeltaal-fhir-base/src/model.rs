//! [`Model`]: what differs between versions of FHIR beside their types.

use crate::findings::Severity;
use crate::primitives::ScalarKind;
use crate::unknown::UnknownNode;

/// A version of FHIR, as far as reading and checking depends on it.
pub struct Model {
    /// The version's name, for messages: `DSTU1`.
    pub name: &'static str,
    /// The names of all its resource types, whether this build models them or not.
    pub resource_types: &'static [&'static str],
    /// The types that a build models, for messages.
    pub modelled: &'static str,
    /// Whether the id of an element may be so.
    pub is_id: fn(&str) -> bool,
    /// The type of such ids, for messages.
    pub id: ScalarKind,
    /// How much it matters that a value breaks the prose of the standard, but not its schema.
    pub lax: Severity,
    /// What only the first version has.
    pub legacy: Option<&'static Legacy>,
}

/// What only DSTU1 has: bundles that are Atom feeds, and tools that wrote other JSON.
pub struct Legacy {
    /// The name of the root element of a bundle in XML.
    pub feed: &'static str,
    /// The part of a feed that a string of the member `_atom` holds, in the type of this name.
    pub atom_part: fn(&'static Model, type_name: &str, text: &str) -> Option<UnknownNode>,
}

impl Model {
    /// For a piece of markup, which holds nothing of any version.
    pub const MARKUP: &'static Self = &Self {
        name: "FHIR",
        resource_types: &[],
        modelled: "",
        is_id: |_| true,
        id: ScalarKind::String,
        lax: Severity::Warning,
        legacy: None,
    };

    /// The name of the root element of a bundle in XML, if a bundle is no resource.
    #[inline]
    pub fn feed(&self) -> Option<&'static str> {
        self.legacy.map(|legacy| legacy.feed)
    }
}
