//! [`Document`]: the content of a file or a reply.

use crate::bundle::Bundle;
use crate::format::Format;
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

/// The content that a writer writes.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    Resource(&'a Resource),
    Bundle(&'a Bundle),
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

impl Format {
    /// The media type to label a document with. In XML, a bundle has another media type than a single
    /// resource.
    pub fn media_type(self, document: &Document) -> &'static str {
        match (self, document) {
            (Self::Json, _) => "application/json; charset=utf-8",
            (Self::Xml, Document::Bundle(_)) => "application/atom+xml; charset=utf-8",
            (Self::Xml, Document::Resource(_)) => "application/xml+fhir; charset=utf-8",
        }
    }
}
