//! [`ReadOptions`] says how to read a text; [`ReadDocument`] is the resource with what was found in the text.

use koppeltaal_fhir_base::document::{Content, Root};
use koppeltaal_fhir_base::model::Model;
use koppeltaal_fhir_base::resource::ResourceList;
use koppeltaal_fhir_base::{Format, Labelled, ReadableDocument};

use crate::model::R4;
use crate::resource::Resource;

/// How to read: tolerant or strict, and within which limits.
///
/// ```
/// use koppeltaal_r4::{ReadOptions, resources::Patient};
///
/// let text = br#"{"resourceType": "Patient", "birthDate": "1970-03-30"}"#;
/// let read = ReadOptions::strict().json(text)?;
/// let patient: &Patient = read.document.get().expect("it says so");
/// assert_eq!(patient.birth_date.to_string(), "1970-03-30");
/// # Ok::<(), koppeltaal_r4::ReadError>(())
/// ```
pub type ReadOptions = koppeltaal_fhir_base::ReadOptions<Resource>;

/// The result of a read: `document` is the resource.
pub type ReadDocument = koppeltaal_fhir_base::ReadDocument<Resource>;

/// Where a resource is read to.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct ResourceRoot(Option<Resource>);

impl Root for ResourceRoot {
    fn resource(&mut self) -> &mut dyn ResourceList {
        &mut self.0
    }
}

impl ReadableDocument for Resource {
    const MODEL: &'static Model = &R4;

    type Root = ResourceRoot;

    fn from_root(root: ResourceRoot) -> Option<Self> {
        root.0
    }

    fn content(&self) -> Content<'_> {
        Content::Resource(self)
    }
}

impl Labelled for Resource {
    fn media_type(&self, format: Format) -> &'static str {
        match format {
            Format::Json => "application/fhir+json; charset=utf-8",
            Format::Xml => "application/fhir+xml; charset=utf-8",
        }
    }
}
