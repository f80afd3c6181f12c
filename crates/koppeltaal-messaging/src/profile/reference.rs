//! [`Reference`]: the URL of another resource, and a name for it.

use koppeltaal_fhir::datatypes::ResourceReference;

use crate::ResourceUrl;

/// A reference to another resource: its URL without version, and optionally a name for people.
///
/// ```
/// use koppeltaal_messaging::Reference;
///
/// let patient = Reference::from("https://epd.example/fhir/Patient/2041").with_display("Lieke van der Zwaluwbeek");
/// assert_eq!(patient.reference.as_deref(), Some("https://epd.example/fhir/Patient/2041"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reference {
    /// The URL of the resource, or `#` and the id of a contained one.
    pub reference: Option<String>,
    /// The name of the resource, for people.
    pub display: Option<String>,
}

impl Reference {
    /// The same reference with a display.
    #[must_use]
    pub fn with_display(self, display: impl Into<String>) -> Self {
        Self { display: Some(display.into()), ..self }
    }

    /// The parsed URL; `None` if it is absent or not the URL of a resource.
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
    /// Keeps the version of the URL. Use [`ResourceUrl::without_version`] to remove it first.
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
