//! The code that the generated profiles call: it reads DSTU1 into them and writes them back without loss.
//!
//! A profile takes the values of its fields out of a DSTU1 value and keeps what is left as its [`Rest`].
//! Sometimes an element says the same as a field, but not as the profile would write it: it has a display of
//! its own, or a quirk such as a code for a coding. The rest keeps such an element, and it is written again
//! unless the field has changed.
//!
//! # Quirks
//!
//! A quirk is something that deployed senders write although the standard does not have it, and whose meaning
//! is clear. This crate reads quirks in these places and nowhere else:
//!
//! - `misplaced.rs`: elements outside the element they belong in, and XHTML in an extension.
//! - `profile/form.rs`: another type of value in an extension.
//! - `profile/extension.rs`: the name of an extension instead of its URL, and a value in the parent of an
//!   extension.
//! - `profile/code.rs`: codes of an older system ([`CodeSystem::QUIRK_SYSTEMS`]).
//! - `entry.rs`, `extract.rs`: entries without id, versions in the id, headers that are not first.
//!
//! The findings of quirks in profiles are [`PROFILE_FORM`](crate::rules::PROFILE_FORM) and
//! [`PROFILE_SYSTEM`](crate::rules::PROFILE_SYSTEM).

mod check;
mod code;
mod definition;
mod extension;
mod form;
mod native;
mod reference;
mod rest;

pub(crate) use check::{CheckElements, Checker, element, find_element};
pub use code::{CodeSystem, UnlistedCode};
pub(crate) use code::{closed_codes, code_system};
pub use definition::{Binding, ElementDefinition, ElementType};
pub(crate) use extension::is_url_of;
pub use reference::Reference;
pub use rest::Rest;

use koppeltaal_fhir::datatypes::CodeableConcept;
use koppeltaal_fhir::{Finding, Findings, Resource, ResourceType, Unknown};

use crate::misplaced;

/// What every generated profile imports.
pub(crate) mod prelude {
    pub(crate) use std::mem;

    pub(crate) use koppeltaal_fhir::datatypes::{self, Extension};
    pub(crate) use koppeltaal_fhir::{Resource, primitives, resources};

    pub(crate) use super::check::{CheckElements, Checker, element};
    pub(crate) use super::extension::Extensions;
    pub(crate) use super::form::*;
    pub(crate) use super::native::*;
    pub(crate) use super::{CodeSystem, ElementDefinition, ElementType, Profile, Reference, Rest, has_code};
    pub(crate) use crate::valuesets;
    pub(crate) use crate::vocabulary::extension::*;
}

/// A resource as Koppeltaal profiles it, such as [`CarePlan`](crate::profiles::CarePlan).
///
/// ```
/// use koppeltaal_fhir::{Resource, resources};
/// use koppeltaal_messaging::{Profile, profiles::Patient};
///
/// let resource = Resource::from(resources::Patient { birth_date: "2004-05-17".parse()?, ..Default::default() });
/// let patient = Patient::from_resource_ref(&resource).expect("it is one");
/// assert_eq!(patient.birth_date, Some("2004-05-17".parse()?));
/// assert_eq!(Resource::from(patient), resource);
/// # Ok::<(), koppeltaal_fhir::ParseError>(())
/// ```
#[allow(private_bounds, reason = "the profiles are Koppeltaal's, users do not add to them")]
pub trait Profile: Sized + CheckElements + Into<Resource> + Into<Self::Fhir> + From<Self::Fhir> {
    /// The DSTU1 resource that carries the profile.
    type Fhir: ResourceType + Clone + Default;

    /// Koppeltaal's name for the kind of resource.
    const NAME: &'static str;

    /// The table of the profile: its elements and those of its components.
    const ELEMENTS: &'static [ElementDefinition];

    /// Whether a DSTU1 resource is of this kind. The code says so for the kinds of `Other` and for
    /// `Application`.
    fn matches(fhir: &Self::Fhir) -> bool;

    /// Reads a DSTU1 resource. Never fails and never loses anything: `P::from_fhir(x).into_fhir()` equals
    /// `x`.
    ///
    /// Does not check [`matches`](Self::matches): any `Other` can be read as any of its kinds.
    fn from_fhir(fhir: Self::Fhir) -> Self {
        fhir.into()
    }

    /// The DSTU1 resource.
    fn into_fhir(self) -> Self::Fhir {
        self.into()
    }

    /// Where the value departs from the profile: elements that are missing, unlisted or unreadable, in the
    /// order of the profile. Paths begin at the resource and use Koppeltaal's names: `activity[0].startDate`.
    /// An element that DSTU1 requires is missing even if the profile would let it be absent.
    ///
    /// A [`Validator`](crate::Validator) also checks what no single profile states: identifiers, references,
    /// the message.
    fn validate(&self) -> Vec<Finding> {
        Findings::collect(|findings| self.check(&mut Checker::new(findings)))
    }

    /// Reads any resource from a copy; `None` if it is not of this kind.
    fn from_resource_ref(resource: &Resource) -> Option<Self> {
        resource.get::<Self::Fhir>().filter(|fhir| Self::matches(fhir)).cloned().map(Self::from)
    }

    /// Reads any resource without a copy.
    ///
    /// # Errors
    ///
    /// Gives the resource back if it is not of this kind.
    fn from_resource(resource: Resource) -> Result<Self, Resource> {
        match resource.get::<Self::Fhir>() {
            Some(fhir) if Self::matches(fhir) => resource.take::<Self::Fhir>().map(Self::from),
            _ => Err(resource),
        }
    }
}

/// Whether a resource is of the kind of a profile.
pub(crate) fn is_of<P: Profile>(resource: &Resource) -> bool {
    resource.get::<P::Fhir>().is_some_and(P::matches)
}

/// Whether a concept has this code. Without a concept, codings that stand outside of it count: a quirk.
pub(crate) fn has_code<E: CodeSystem>(
    concept: Option<&CodeableConcept>,
    unknown: &Unknown,
    code: &E,
) -> bool {
    match concept {
        Some(concept) => concept.coding.iter().any(|coding| E::from_coding(coding).as_ref() == Some(code)),
        None => {
            misplaced::codings(unknown).iter().any(|coding| E::from_coding(coding).as_ref() == Some(code))
        }
    }
}
