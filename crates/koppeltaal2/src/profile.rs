//! [`Profile`]: stand-in until branch p is merged.

use koppeltaal_r4::Finding;
use koppeltaal_r4::primitives::Instant;

/// A profile.
pub trait Profile: Sized + Clone + Send + Sync + 'static {
    /// The R4 resource.
    type Fhir: koppeltaal_r4::ResourceType + Into<koppeltaal_r4::Resource> + Clone + Default;
    /// The resource type.
    const NAME: &'static str;
    /// The profile.
    const URL: &'static str;
    /// Takes a resource.
    fn from_fhir(fhir: Self::Fhir) -> Self;
    /// Gives it.
    fn into_fhir(self) -> Self::Fhir;
    /// Logical id.
    fn id(&self) -> Option<&str>;
    /// Version.
    fn version_id(&self) -> Option<&str>;
    /// Time of the last change.
    fn last_updated(&self) -> Option<&Instant>;
    /// Findings.
    fn validate(&self) -> Vec<Finding>;
}
