//! [`Document`]: the content of a file or a reply.

use koppeltaal_fhir_base::document::Root;
use koppeltaal_fhir_base::findings::{Failure, Report};
use koppeltaal_fhir_base::resource::ResourceList;
use koppeltaal_fhir_base::structure::Structure;
use koppeltaal_fhir_base::{Format, Labelled};

use crate::bundle::Bundle;
use crate::resource::{Resource, ResourceType};

/// The content of a file, a request or a reply: one resource or one bundle.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a program holds few documents, and mostly bundles")]
pub enum Document {
    /// One resource.
    Resource(Resource),
    /// A bundle of resources.
    Bundle(Bundle),
}

impl Document {
    /// The bundle, if it is one.
    pub fn as_bundle(&self) -> Option<&Bundle> {
        match self {
            Self::Bundle(bundle) => Some(bundle),
            Self::Resource(_) => None,
        }
    }

    /// The bundle, by value.
    ///
    /// # Errors
    ///
    /// The document is a resource, which comes back.
    pub fn into_bundle(self) -> Result<Bundle, Resource> {
        match self {
            Self::Bundle(bundle) => Ok(bundle),
            Self::Resource(resource) => Err(resource),
        }
    }

    /// The resource, by value.
    ///
    /// # Errors
    ///
    /// The document is a bundle, which comes back in a box because it is large.
    pub fn into_resource(self) -> Result<Resource, Box<Bundle>> {
        match self {
            Self::Resource(resource) => Ok(resource),
            Self::Bundle(bundle) => Err(Box::new(bundle)),
        }
    }

    /// The resource as a `T`, if it is one: `document.get::<Patient>()`.
    pub fn get<T: ResourceType>(&self) -> Option<&T> {
        match self {
            Self::Resource(resource) => resource.get(),
            Self::Bundle(_) => None,
        }
    }
}

impl From<Bundle> for Document {
    fn from(bundle: Bundle) -> Self {
        Self::Bundle(bundle)
    }
}

impl<T: Into<Resource>> From<T> for Document {
    fn from(resource: T) -> Self {
        Self::Resource(resource.into())
    }
}

impl Labelled for Document {
    fn media_type(&self, format: Format) -> &'static str {
        match (format, self) {
            (Format::Json, _) => "application/json; charset=utf-8",
            (Format::Xml, Self::Bundle(_)) => "application/atom+xml; charset=utf-8",
            (Format::Xml, Self::Resource(_)) => "application/xml+fhir; charset=utf-8",
        }
    }
}

/// Where a document is read to.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct DocumentRoot {
    resource: Option<Resource>,
    bundle: Option<Bundle>,
}

impl DocumentRoot {
    pub(crate) fn set_bundle(&mut self, bundle: Bundle) {
        self.bundle = Some(bundle);
    }

    pub(crate) fn into_document(self) -> Option<Document> {
        match self.bundle {
            Some(bundle) => Some(Document::Bundle(bundle)),
            None => self.resource.map(Document::Resource),
        }
    }
}

impl Root for DocumentRoot {
    fn resource(&mut self) -> &mut dyn ResourceList {
        &mut self.resource
    }

    fn bundle(&mut self) -> Option<&mut dyn Structure> {
        Some(self.bundle.get_or_insert_default())
    }

    fn check_bundle(&self, report: &mut Report<'_>, offset: usize) -> Result<(), Failure> {
        self.bundle.as_ref().map_or(Ok(()), |bundle| bundle.check_entries(report, offset))
    }
}
