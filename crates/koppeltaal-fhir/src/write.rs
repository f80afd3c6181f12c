//! The methods that write a [`Document`], a [`Bundle`] or a [`Resource`] in a format.

use koppeltaal_fhir_base::document::Content;
use koppeltaal_fhir_base::json::write_legacy;
use koppeltaal_fhir_base::writing;

use crate::bundle::Bundle;
use crate::document::Document;
use crate::resource::Resource;
use crate::xml;

writing!(Document, "The document", " A bundle is an Atom feed.", write_legacy, xml::write);
writing!(Bundle, "The bundle", " A bundle is an Atom feed.", write_legacy, xml::write);
writing!(Resource, "The resource", " A bundle is an Atom feed.", write_legacy, xml::write);

impl Document {
    pub(crate) fn as_content(&self) -> Content<'_> {
        match self {
            Self::Resource(resource) => resource.as_content(),
            Self::Bundle(bundle) => bundle.as_content(),
        }
    }
}

impl Bundle {
    pub(crate) fn as_content(&self) -> Content<'_> {
        Content::Bundle { bundle: self, entries: self.entry.len() }
    }
}

impl Resource {
    pub(crate) fn as_content(&self) -> Content<'_> {
        Content::Resource(self)
    }
}
