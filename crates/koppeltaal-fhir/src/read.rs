//! [`ReadOptions`] says how to read a text; [`ReadDocument`] is the document with what was found in the text.

use koppeltaal_fhir_base::ReadableDocument;
use koppeltaal_fhir_base::document::Content;
use koppeltaal_fhir_base::findings::{Failure, Report};
use koppeltaal_fhir_base::model::Model;

use crate::document::{Document, DocumentRoot};
use crate::model::DSTU1;

/// How to read: tolerant or strict, and within which limits.
///
/// ```
/// use koppeltaal_fhir::{Format, ReadOptions, resources::Patient};
///
/// let text = br#"{"resourceType": "Patient", "birthDate": "1970-03-30"}"#;
/// let read = ReadOptions::strict().json(text)?;
/// let patient = read.document.get::<Patient>().expect("it says so");
/// assert_eq!(patient.birth_date.to_string(), "1970-03-30");
/// assert_eq!(ReadOptions::tolerant().resource_type(Format::Json, text)?, "Patient");
/// # Ok::<(), koppeltaal_fhir::ReadError>(())
/// ```
pub type ReadOptions = koppeltaal_fhir_base::ReadOptions<Document>;

/// The result of a read.
pub type ReadDocument = koppeltaal_fhir_base::ReadDocument<Document>;

impl ReadableDocument for Document {
    const MODEL: &'static Model = &DSTU1;

    type Root = DocumentRoot;

    fn from_root(root: DocumentRoot) -> Option<Self> {
        root.into_document()
    }

    fn content(&self) -> Content<'_> {
        self.as_content()
    }

    fn read_xml<'t>(
        text: &'t str,
        is_utf8_known: bool,
        root: &mut DocumentRoot,
        report: Report<'t>,
    ) -> Result<Report<'t>, Failure> {
        crate::xml::read(text, is_utf8_known, root, report)
    }
}
