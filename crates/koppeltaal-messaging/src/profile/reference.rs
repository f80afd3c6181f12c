//! [`Reference`]: which resource is meant, and what to call it.

use koppeltaal_fhir::datatypes::ResourceReference;

use crate::ResourceUrl;

/// A reference to another resource: its URL without version, and optionally what to call it.
///
/// ```
/// use koppeltaal_messaging::Reference;
///
/// let patient = Reference::from("https://epd.example/fhir/Patient/2041").called("Lieke van der Zwaluwbeek");
/// assert_eq!(patient.reference.as_deref(), Some("https://epd.example/fhir/Patient/2041"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reference {
    /// The URL of the resource, or `#` and the id of a contained one.
    pub reference: Option<String>,
    /// What to call the resource.
    pub display: Option<String>,
}

impl Reference {
    /// The same reference with a display.
    #[must_use]
    pub fn called(self, display: impl Into<String>) -> Self {
        Self { display: Some(display.into()), ..self }
    }

    /// The URL taken apart; `None` if there is none or it is no URL of a resource.
    pub fn url(&self) -> Option<ResourceUrl> {
        self.reference.as_deref()?.parse().ok()
    }
}

impl From<&str> for Reference {
    fn from(url: &str) -> Self {
        Self::from(url.to_owned())
    }
}

impl From<String> for Reference {
    fn from(url: String) -> Self {
        Self { reference: Some(url), display: None }
    }
}

impl From<&ResourceUrl> for Reference {
    /// Keeps a version if the URL has one; `without_version` takes it off.
    fn from(url: &ResourceUrl) -> Self {
        Self::from(url.as_str())
    }
}

impl From<Reference> for ResourceReference {
    fn from(reference: Reference) -> Self {
        Self { reference: reference.reference.into(), display: reference.display.into(), ..Self::default() }
    }
}

impl From<&ResourceReference> for Reference {
    fn from(reference: &ResourceReference) -> Self {
        Self { reference: reference.reference.value.clone(), display: reference.display.value.clone() }
    }
}
