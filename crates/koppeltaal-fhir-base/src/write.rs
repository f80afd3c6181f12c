//! The methods that write a document, a bundle or a resource in a format.

use crate::document::Content;
use crate::error::WriteError;

/// Implements writing for a type that has a method `as_content`. `$xml` is what the docs say about its XML,
/// and `$write_json` and `$write_xml` write it.
#[macro_export]
macro_rules! writing {
    ($type:ty, $what:literal, $xml:literal, $write_json:path, $write_xml:path) => {
        impl $type {
            #[doc = concat!($what, " as JSON, on one line.")]
            ///
            /// # Errors
            ///
            /// A resource of a type that this build does not model, read from XML.
            pub fn to_json(&self) -> Result<String, $crate::WriteError> {
                $crate::write::to_string(self.as_content(), 0, $write_json)
            }

            #[doc = concat!($what, " as JSON for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json).
            pub fn to_json_pretty(&self) -> Result<String, $crate::WriteError> {
                $crate::write::to_string(self.as_content(), 2, $write_json)
            }

            #[doc = concat!($what, " as XML, on one line.", $xml)]
            ///
            /// # Errors
            ///
            /// A narrative that is not XML, a character that XML cannot carry, or a resource of a type that
            /// this build does not model, read from JSON.
            pub fn to_xml(&self) -> Result<String, $crate::WriteError> {
                $crate::write::to_string(self.as_content(), 0, $write_xml)
            }

            #[doc = concat!($what, " as XML for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_xml`](Self::to_xml).
            pub fn to_xml_pretty(&self) -> Result<String, $crate::WriteError> {
                $crate::write::to_string(self.as_content(), 2, $write_xml)
            }

            #[doc = concat!($what, " in a format, on one line.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json) and [`to_xml`](Self::to_xml).
            pub fn write(&self, format: $crate::Format) -> Result<String, $crate::WriteError> {
                match format {
                    $crate::Format::Json => self.to_json(),
                    $crate::Format::Xml => self.to_xml(),
                }
            }

            #[doc = concat!($what, " in a format, for people.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json) and [`to_xml`](Self::to_xml).
            pub fn write_pretty(&self, format: $crate::Format) -> Result<String, $crate::WriteError> {
                match format {
                    $crate::Format::Json => self.to_json_pretty(),
                    $crate::Format::Xml => self.to_xml_pretty(),
                }
            }
        }
    };
}

/// About what a resource takes in either format.
const RESOURCE_BYTES: usize = 3 << 10;

/// How many resources a bundle is taken to hold where it is a resource itself.
const BUNDLE_RESOURCES: usize = 8;

/// Writes a content in a format.
///
/// # Errors
///
/// As the function that writes.
pub fn to_string(
    content: Content<'_>,
    indent: usize,
    write: fn(Content<'_>, usize, &mut Vec<u8>) -> Result<(), WriteError>,
) -> Result<String, WriteError> {
    let resources = match content {
        Content::Resource(resource) if resource.type_name() == "Bundle" => BUNDLE_RESOURCES,
        Content::Resource(_) => 1,
        Content::Bundle { entries, .. } => entries,
    };
    let mut out = Vec::with_capacity(RESOURCE_BYTES * resources.clamp(1, 1_000));
    write(content, indent, &mut out)?;
    // Everything written comes from strings.
    Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}
