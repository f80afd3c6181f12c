//! [`ResourceKind`]: the kinds of resources that Koppeltaal knows. The enum and its table are generated from
//! `schemas/koppeltaal/kinds.schema`.
//!
//! DSTU1 has no type for an activity definition or a care team. Koppeltaal puts those into `Other` and tells
//! them apart by a code (`OtherResourceUsage`). A kind is the FHIR type and that code together.

use std::fmt;
use std::str::FromStr;

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::datatypes::{CodeableConcept, Coding};
use koppeltaal_fhir::resources::Other;

use crate::generated::kinds::{KINDS, ResourceKind};
use crate::misplaced;
use crate::vocabulary::system::OTHER_RESOURCE_USAGE;

/// A row of the table: the names of a kind.
pub(crate) struct KindDefinition {
    pub(crate) name: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) usage: Option<&'static str>,
    pub(crate) url_segment: &'static str,
}

impl KindDefinition {
    /// A kind that is a FHIR type. It has the name of the type everywhere.
    pub(crate) const fn type_of_its_own(name: &'static str) -> Self {
        Self { name, resource_type: name, usage: None, url_segment: name }
    }

    /// A kind of `Other`.
    pub(crate) const fn other(name: &'static str, url_segment: &'static str) -> Self {
        Self { name, resource_type: "Other", usage: Some(name), url_segment }
    }
}

impl ResourceKind {
    const fn definition(self) -> &'static KindDefinition {
        &KINDS[self as usize]
    }

    /// Koppeltaal's name for the kind.
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// The FHIR type that carries the kind.
    pub const fn resource_type(self) -> &'static str {
        self.definition().resource_type
    }

    /// The `OtherResourceUsage` code in `Other.code`; `None` for the kinds that are FHIR types of their own.
    pub const fn usage(self) -> Option<&'static str> {
        self.definition().usage
    }

    /// The type segment that URLs of the kind have: the kind's name, or `Other` for what the server owns.
    pub const fn url_segment(self) -> &'static str {
        self.definition().url_segment
    }

    /// The kind of a resource; `None` for types that Koppeltaal does not use and for an `Other` with another
    /// code. A `coding` that stands outside its concept counts: a quirk of some senders.
    pub fn from_resource(resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Other(other) => Self::from_other(other),
            _ => Self::find(resource.resource_type(), None),
        }
    }

    /// The kind of an `Other`, by its code, as [`from_resource`](Self::from_resource) gives it.
    pub fn from_other(other: &Other) -> Option<Self> {
        let usage = match &other.code {
            Some(code) => usage_code(&code.coding)?.to_owned(),
            None => usage_code(&misplaced::codings(&other.unknown))?.to_owned(),
        };
        Self::find("Other", Some(&usage))
    }

    fn find(resource_type: &str, usage: Option<&str>) -> Option<Self> {
        let is_it = |kind: &Self| kind.resource_type() == resource_type && kind.usage() == usage;
        Self::ALL.iter().copied().find(is_it)
    }

    /// The `code` of an `Other` of this kind; `None` for the kinds that are FHIR types of their own.
    pub fn usage_concept(self) -> Option<CodeableConcept> {
        let usage = self.usage()?;
        let coding = Coding {
            system: OTHER_RESOURCE_USAGE.into(),
            code: usage.into(),
            display: usage.into(),
            ..Coding::default()
        };
        Some(CodeableConcept { coding: vec![coding], ..CodeableConcept::default() })
    }
}

/// The usage code among the codings: the one of Koppeltaal's system, else the first one.
fn usage_code(codings: &[Coding]) -> Option<&str> {
    let of_system = codings.iter().find(|coding| coding.system.as_str() == Some(OTHER_RESOURCE_USAGE));
    of_system.or(codings.first())?.code.as_str()
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that is not the name of a kind of resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of Koppeltaal resource is called {0:?}")]
pub struct UnknownKind(pub String);

impl FromStr for ResourceKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::resources::Patient;

    use super::*;

    fn other(kind: ResourceKind) -> Resource {
        Other { code: kind.usage_concept(), ..Other::default() }.into()
    }

    #[test]
    fn kinds_of_other_are_distinguished_by_their_code() {
        for kind in ResourceKind::ALL.iter().copied().filter(|kind| kind.usage().is_some()) {
            assert_eq!(ResourceKind::from_resource(&other(kind)), Some(kind));
        }
        assert_eq!(ResourceKind::from_resource(&Other::default().into()), None);
        assert_eq!(ResourceKind::from_resource(&Patient::default().into()), Some(ResourceKind::Patient));
    }

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (position, kind) in ResourceKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, position);
            assert_eq!(format!("{kind:?}"), kind.name());
        }
        assert_eq!(KINDS.len(), ResourceKind::ALL.len());
    }

    #[test]
    fn names_read_back() {
        for kind in ResourceKind::ALL.iter().copied() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("Query".parse::<ResourceKind>(), Err(UnknownKind("Query".to_owned())));
    }
}
