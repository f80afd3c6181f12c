//! What the generated profiles are made with: reading DSTU1 into them and writing them back without loss.
//!
//! A profile takes from a DSTU1 value what it has a field for; everything else stays in the DSTU1 value, which it keeps
//! as its [`Rest`]. Where the wire held a field in another form than the profile would write (a code for a coding, a
//! decimal for an integer, a display of its own), the element is kept as read and is written again as long as the
//! field still has the value that was read.

mod check;
mod code;
mod definition;
mod extension;
mod form;
mod native;
mod reference;
mod rest;

pub(crate) use check::{Checked, Checker, element, find_element};
pub use code::{CodeSystem, UnlistedCode};
pub(crate) use code::{closed_codes, code_system};
pub use definition::{Binding, ElementDefinition, ElementType};
pub use reference::Reference;
pub use rest::Rest;

use koppeltaal_fhir::datatypes::CodeableConcept;
use koppeltaal_fhir::{Finding, Resource, ResourceType, Unknown};

use crate::findings::Findings;
use crate::misplaced;

/// What every generated profile is written with.
pub(crate) mod prelude {
    pub(crate) use std::mem;

    pub(crate) use koppeltaal_fhir::datatypes::{self, Extension};
    pub(crate) use koppeltaal_fhir::{Resource, primitives, resources};

    pub(crate) use super::check::{Checked, Checker, element};
    pub(crate) use super::extension::Extensions;
    pub(crate) use super::form::*;
    pub(crate) use super::native::*;
    pub(crate) use super::{CodeSystem, ElementDefinition, ElementType, Profile, Reference, Rest, says};
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
/// let patient = Patient::of(&resource).expect("it is one");
/// assert_eq!(patient.birth_date, Some("2004-05-17".parse()?));
/// assert_eq!(Resource::from(patient), resource);
/// # Ok::<(), koppeltaal_fhir::ParseError>(())
/// ```
#[allow(private_bounds, reason = "the profiles are Koppeltaal's, users do not add to them")]
pub trait Profile: Sized + Checked + Into<Resource> + Into<Self::Fhir> + From<Self::Fhir> {
    /// The DSTU1 resource that carries the profile.
    type Fhir: ResourceType + Clone + Default;

    /// The name Koppeltaal has for the kind of resource.
    const NAME: &'static str;

    /// What the profile says about its elements and those of its parts.
    const ELEMENTS: &'static [ElementDefinition];

    /// Whether a DSTU1 resource is of this kind: for the kinds of `Other` and for `Application`, whether its code says so.
    fn matches(fhir: &Self::Fhir) -> bool;

    /// Reads a DSTU1 resource. Never fails and never loses anything: `P::from_fhir(x).into_fhir()` equals `x`.
    ///
    /// Does not ask [`matches`](Self::matches): any `Other` can be read as any of its kinds.
    fn from_fhir(fhir: Self::Fhir) -> Self {
        fhir.into()
    }

    /// The DSTU1 resource.
    fn into_fhir(self) -> Self::Fhir {
        self.into()
    }

    /// Where the value departs from the profile: what is missing, unlisted or unreadable, in the order of the elements.
    /// Paths begin at the resource and use Koppeltaal's names: `activity[0].startDate`.
    ///
    /// What depends on more than the profile (identifiers, references, the message) is [`validate`](crate::validate)'s.
    fn findings(&self) -> Vec<Finding> {
        Findings::collect(|findings| self.check(&mut Checker::new(findings)))
    }

    /// Reads any resource; `None` if it is not of this kind.
    fn of(resource: &Resource) -> Option<Self> {
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

/// Whether a concept, or a coding that lost its `name` element and lies among the unknown (a quirk of deployed senders),
/// says `code`.
pub(crate) fn says<E: CodeSystem>(concept: Option<&CodeableConcept>, unknown: &Unknown, code: &E) -> bool {
    match concept {
        Some(concept) => concept.coding.iter().any(|coding| E::from_coding(coding).as_ref() == Some(code)),
        None => {
            misplaced::codings(unknown).iter().any(|coding| E::from_coding(coding).as_ref() == Some(code))
        }
    }
}
