//! The methods that write a [`Document`], a [`Bundle`] or a [`Resource`] in a format.

use crate::bundle::Bundle;
use crate::document::{Content, Document};
use crate::error::WriteError;
use crate::format::Format;
use crate::resource::Resource;
use crate::{json, xml};

/// Implements writing for a type that has a method `content`.
macro_rules! writing {
    ($type:ty, $what:literal) => {
        impl $type {
            #[doc = concat!($what, " as JSON, on one line.")]
            ///
            /// # Errors
            ///
            /// A resource of a type that this build does not model, read from XML.
            pub fn to_json(&self) -> Result<String, WriteError> {
                to_string(self.content(), 0, json::write)
            }

            #[doc = concat!($what, " as JSON for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json).
            pub fn to_json_pretty(&self) -> Result<String, WriteError> {
                to_string(self.content(), 2, json::write)
            }

            #[doc = concat!($what, " as XML, on one line. A bundle is an Atom feed.")]
            ///
            /// # Errors
            ///
            /// A narrative that is not XML, a character that XML cannot carry, or a resource of a type that
            /// this build does not model, read from JSON.
            pub fn to_xml(&self) -> Result<String, WriteError> {
                to_string(self.content(), 0, xml::write)
            }

            #[doc = concat!($what, " as XML for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_xml`](Self::to_xml).
            pub fn to_xml_pretty(&self) -> Result<String, WriteError> {
                to_string(self.content(), 2, xml::write)
            }

            #[doc = concat!($what, " in a format, on one line.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json) and [`to_xml`](Self::to_xml).
            pub fn write(&self, format: Format) -> Result<String, WriteError> {
                match format {
                    Format::Json => self.to_json(),
                    Format::Xml => self.to_xml(),
                }
            }

            #[doc = concat!($what, " in a format, for people.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json) and [`to_xml`](Self::to_xml).
            pub fn write_pretty(&self, format: Format) -> Result<String, WriteError> {
                match format {
                    Format::Json => self.to_json_pretty(),
                    Format::Xml => self.to_xml_pretty(),
                }
            }
        }
    };
}

writing!(Document, "The document");
writing!(Bundle, "The bundle");
writing!(Resource, "The resource");

impl Document {
    fn content(&self) -> Content<'_> {
        match self {
            Self::Resource(resource) => Content::Resource(resource),
            Self::Bundle(bundle) => Content::Bundle(bundle),
        }
    }
}

impl Bundle {
    fn content(&self) -> Content<'_> {
        Content::Bundle(self)
    }
}

impl Resource {
    fn content(&self) -> Content<'_> {
        Content::Resource(self)
    }
}

/// About what a resource takes in either format.
const RESOURCE_BYTES: usize = 3 << 10;

fn to_string(
    content: Content<'_>,
    indent: usize,
    write: fn(Content<'_>, usize, &mut Vec<u8>) -> Result<(), WriteError>,
) -> Result<String, WriteError> {
    let resources = match content {
        Content::Resource(_) => 1,
        Content::Bundle(bundle) => bundle.entry.len(),
    };
    let mut out = Vec::with_capacity(RESOURCE_BYTES * resources.clamp(1, 1_000));
    write(content, indent, &mut out)?;
    // Everything written comes from strings.
    Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
