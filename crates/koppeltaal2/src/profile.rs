//! [`Profile`]: what the profiles of Koppeltaal 2.0 have in common. The profiles themselves are generated.
//!
//! - `extension` moves values between extensions and fields.
//! - `rules` has the tables of what a profile adds to R4.
//! - `check` compares a resource with such a table.

use koppeltaal_r4::datatypes::{Meta, Reference};
use koppeltaal_r4::primitives::Instant;
use koppeltaal_r4::{Finding, Resource, ResourceType};

mod check;
mod extension;
pub mod rules;

pub(crate) use check::check;
pub(crate) use extension::{ExtensionElement, Places};
pub(crate) use rules::Rules;
pub(crate) use rules::{ElementRule, ExtensionRule, Fixed};

/// A resource of Koppeltaal 2.0 in the form that its profile gives it: a struct with a field for each element
/// and each extension of the profile.
///
/// Everything else that a resource holds is kept and goes back to its place: narratives, contained resources,
/// extensions that the profile does not know, elements that it forbids. So a profile made from a resource of
/// R4 gives back the same resource, except that `meta.profile` then names the profile: a Koppeltaal server
/// refuses a resource without it.
///
/// Two values are equal if they are written alike.
///
/// ```
/// use koppeltaal_r4::datatypes::Reference;
/// use koppeltaal_r4::resources::{self, TaskStatus};
/// use koppeltaal2::{Profile as _, profiles::Task, vocabulary::extension};
///
/// let task = Task {
///     instantiates: Some(Reference::to("ActivityDefinition/4")),
///     status: TaskStatus::Ready.into(),
///     r#for: Some(Reference::to("Patient/7")),
///     ..Default::default()
/// };
/// let fhir: resources::Task = task.clone().into_fhir();
/// assert_eq!(fhir.extension[0].url, extension::INSTANTIATES);
/// assert_eq!(Task::from_fhir(fhir), task);
/// ```
pub trait Profile: Sized + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The resource of R4.
    type Fhir: ResourceType + Into<Resource> + Clone + Default + Send + Sync + 'static;

    /// The type of the resource, such as `Task`.
    const NAME: &'static str;

    /// The URL of the profile, as `meta.profile` has it.
    const URL: &'static str;

    /// What the profile adds to R4.
    #[doc(hidden)]
    const RULES: &'static Rules;

    /// Makes the profile from a resource of R4. This never fails: an extension that does not fit its field (a
    /// value of another type, a second one where there is one field) stays where it is and is a finding of
    /// [`validate`](Self::validate).
    fn from_fhir(fhir: Self::Fhir) -> Self;

    /// The resource of R4. Its `meta.profile` names the profile.
    fn into_fhir(self) -> Self::Fhir;

    /// What is in no field: the resource of R4 without the elements and the values of extensions that are
    /// fields. To change it, see [`edit_fhir`](Self::edit_fhir).
    fn rest(&self) -> &Self::Fhir;

    /// The logical id; none if the resource was never at a server.
    fn id(&self) -> Option<&str>;

    /// Version, time of the last change, profiles and tags.
    fn meta(&self) -> Option<&Meta>;

    /// The Device of the application that created the resource: the extension `resource-origin`.
    fn resource_origin(&self) -> Option<&Reference>;

    /// The version at the server.
    fn version_id(&self) -> Option<&str> {
        self.meta()?.version_id.as_str()
    }

    /// The time of the last change at the server.
    fn last_updated(&self) -> Option<&Instant> {
        self.meta()?.last_updated.get()
    }

    /// Changes the resource in its R4 form: what is in no field, such as a narrative or an extension that the
    /// profile does not know.
    ///
    /// ```
    /// use koppeltaal2::{Profile as _, profiles::Task};
    ///
    /// let mut task = Task::default();
    /// task.edit_fhir(|fhir| fhir.language = "nl".into());
    /// assert_eq!(task.rest().language.as_str(), Some("nl"));
    /// ```
    fn edit_fhir(&mut self, edit: impl FnOnce(&mut Self::Fhir)) {
        let mut fhir = std::mem::take(self).into_fhir();
        edit(&mut fhir);
        *self = Self::from_fhir(fhir);
    }

    /// The profile, if the resource is of its type.
    ///
    /// # Errors
    ///
    /// The resource is of another type. It comes back unchanged.
    fn from_resource(resource: Resource) -> Result<Self, Resource> {
        resource.take().map(Self::from_fhir)
    }

    /// The same of a copy.
    fn from_resource_ref(resource: &Resource) -> Option<Self> {
        resource.get().cloned().map(Self::from_fhir)
    }

    /// Where the resource departs from R4 and from its profile: elements that are missing or must not occur,
    /// other values than the profile fixes, codes off its closed lists, extensions and references of a wrong
    /// type.
    ///
    /// The invariants of R4, the codes of extensible value sets and the rules of the Dutch core profiles on
    /// the parts of names, addresses and contact points are not checked yet.
    fn validate(&self) -> Vec<Finding> {
        let resource = self.clone().into_fhir().into();
        let mut findings = resource.check();
        findings
            .extend(koppeltaal_fhir_base::Findings::collect(|found| check(&resource, Self::RULES, found)));
        findings
    }
}

/// The part of a resource that its profile has no field for: metadata, narrative, contained resources, other
/// extensions, elements that the profile forbids, unknown elements, and the order of the extensions.
///
/// A value that an application makes has no rest: `..Default::default()` fills it in. To look at it, see
/// [`Profile::rest`]; to change it, [`Profile::edit_fhir`].
#[derive(Debug, Clone, Default)]
pub struct Rest<R> {
    /// The resource without what is in fields.
    pub(crate) fhir: R,
    /// Where in its extensions the values of fields were.
    pub(crate) places: Places,
}

/// Makes `meta.profile` name the profile, with or without a version.
pub(crate) fn set_profile(meta: &mut Option<Meta>, url: &str) {
    let is_named = |meta: &Meta| meta.profile.iter().any(|profile| check::is_profile(profile.as_str(), url));
    if !meta.as_ref().is_some_and(is_named) {
        meta.get_or_insert_default().profile.push(url.into());
    }
}
