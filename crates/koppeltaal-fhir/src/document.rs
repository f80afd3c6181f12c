//! [`Document`]: what a file or a reply holds, and how to read and write it.

use crate::bundle::Bundle;
use crate::error::{ReadError, WriteError};
use crate::findings::{Collected, Failure, Finding, Report, Severity};
#[cfg(all(feature = "json", feature = "xml"))]
use crate::format::Format;
use crate::format::{charset, is_utf8};
use crate::limits::Limits;
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
    /// It is a resource.
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
    /// It is a bundle, boxed because it is large.
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

/// What a writer writes.
#[derive(Clone, Copy)]
#[cfg(any(feature = "json", feature = "xml"))]
pub(crate) enum Content<'a> {
    Resource(&'a Resource),
    Bundle(&'a Bundle),
}

/// Implements writing for a type that has a method `content`.
macro_rules! writing {
    ($type:ty, $what:literal) => {
        impl $type {
            #[doc = concat!($what, " as JSON, on one line.")]
            ///
            /// # Errors
            ///
            /// A resource of a type that this build does not model, read from XML.
            #[cfg(feature = "json")]
            #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
            pub fn to_json(&self) -> Result<String, WriteError> {
                to_string(self.content(), 0, crate::json::write)
            }

            #[doc = concat!($what, " as JSON for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json).
            #[cfg(feature = "json")]
            #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
            pub fn to_json_pretty(&self) -> Result<String, WriteError> {
                to_string(self.content(), 2, crate::json::write)
            }

            #[doc = concat!($what, " as XML, on one line. A bundle is an Atom feed.")]
            ///
            /// # Errors
            ///
            /// A narrative that is no XML, a character that XML cannot carry, or a resource of a type that this build
            /// does not model, read from JSON.
            #[cfg(feature = "xml")]
            #[cfg_attr(docsrs, doc(cfg(feature = "xml")))]
            pub fn to_xml(&self) -> Result<String, WriteError> {
                to_string(self.content(), 0, crate::xml::write)
            }

            #[doc = concat!($what, " as XML for people, indented by two spaces.")]
            ///
            /// # Errors
            ///
            /// As [`to_xml`](Self::to_xml).
            #[cfg(feature = "xml")]
            #[cfg_attr(docsrs, doc(cfg(feature = "xml")))]
            pub fn to_xml_pretty(&self) -> Result<String, WriteError> {
                to_string(self.content(), 2, crate::xml::write)
            }

            #[doc = concat!($what, " in a format, on one line.")]
            ///
            /// # Errors
            ///
            /// As [`to_json`](Self::to_json) and [`to_xml`](Self::to_xml).
            #[cfg(all(feature = "json", feature = "xml"))]
            #[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "xml"))))]
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
            #[cfg(all(feature = "json", feature = "xml"))]
            #[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "xml"))))]
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

#[cfg(any(feature = "json", feature = "xml"))]
impl Document {
    fn content(&self) -> Content<'_> {
        match self {
            Self::Resource(resource) => Content::Resource(resource),
            Self::Bundle(bundle) => Content::Bundle(bundle),
        }
    }
}

#[cfg(any(feature = "json", feature = "xml"))]
impl Bundle {
    fn content(&self) -> Content<'_> {
        Content::Bundle(self)
    }
}

#[cfg(any(feature = "json", feature = "xml"))]
impl Resource {
    fn content(&self) -> Content<'_> {
        Content::Resource(self)
    }
}

/// About what a resource takes in either format.
#[cfg(any(feature = "json", feature = "xml"))]
const RESOURCE_BYTES: usize = 3 << 10;

#[cfg(any(feature = "json", feature = "xml"))]
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

#[cfg(any(feature = "json", feature = "xml"))]
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

/// How to read: tolerant or strict, and within which limits.
///
/// ```
/// use koppeltaal_fhir::{ReadOptions, resources::Patient};
///
/// let text = br#"{"resourceType": "Patient", "birthDate": "1970-03-30"}"#;
/// let read = ReadOptions::strict().json(text)?;
/// let patient = read.document.get::<Patient>().expect("it says so");
/// assert_eq!(patient.birth_date.to_string(), "1970-03-30");
/// # Ok::<(), koppeltaal_fhir::ReadError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    strict: bool,
    told_utf8: bool,
    repairs_narratives: bool,
    limits: Limits,
}

/// What a read gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDocument {
    /// The content.
    pub document: Document,
    /// What was not as the standard wants it, in the order of the text.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond [`Limits::findings`].
    pub suppressed: usize,
    worst: Option<Severity>,
    memory: usize,
}

impl ReadDocument {
    /// Whether any finding is of severity error, suppressed ones included.
    pub fn has_errors(&self) -> bool {
        self.worst == Some(Severity::Error)
    }

    /// What the content takes in memory, in bytes: what its structures and lists take, which is what
    /// [`Limits::expansion`] bounds, and for the texts in it the length of the whole text. An estimate for who keeps many
    /// documents and has to bound them.
    pub fn memory(&self) -> usize {
        self.memory
    }
}

impl ReadOptions {
    /// Takes whatever can be understood, and reports what is odd. The right choice for receiving.
    pub fn tolerant() -> Self {
        Self::default()
    }

    /// Refuses at the first violation of the standard's schema.
    pub fn strict() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// For text that came with a media type, as in HTTP's `Content-Type`. If its `charset` is UTF-8, that outranks what an
    /// XML declaration says of the encoding (RFC 7303, section 3.2), which is not looked at then. A byte order mark does
    /// the same without being asked. JSON has no such declaration.
    #[must_use]
    pub fn labelled(mut self, media_type: &str) -> Self {
        self.told_utf8 = charset(media_type).is_some_and(is_utf8);
        self
    }

    /// Makes narratives in JSON that are HTML XHTML, so that they can be written as XML: closes `<br>`, writes names in lower
    /// case and attributes with quotes, makes `&` a reference, leaves out prefixes that nobody declares. Text stays. Each
    /// kind of repair is a finding of severity warning ([`Rule::NARRATIVE_REPAIRED`](crate::Rule::NARRATIVE_REPAIRED)), in a
    /// strict read too. What cannot be repaired stays as it is, with its finding of severity error. Narratives that are XML,
    /// whatever they hold, are left alone. Takes both formats; without the feature `xml` it does nothing.
    #[must_use]
    pub fn repair_narrative(mut self, repair: bool) -> Self {
        self.repairs_narratives = repair;
        self
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// Text that is no JSON or no DSTU1, that exceeds a limit, or, in a strict read, that breaks a rule.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn json(&self, text: &[u8]) -> Result<ReadDocument, ReadError> {
        self.read_with(text, crate::json::read)
    }

    /// Reads XML: a resource, or an Atom feed.
    ///
    /// # Errors
    ///
    /// Text that is no XML or no DSTU1, that exceeds a limit, or, in a strict read, that breaks a rule.
    #[cfg(feature = "xml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "xml")))]
    pub fn xml(&self, text: &[u8]) -> Result<ReadDocument, ReadError> {
        let is_told = self.told_utf8 || text.starts_with(BYTE_ORDER_MARK);
        self.read_with(text, |text, report| crate::xml::read(text, is_told, report))
    }

    /// Reads text of a format.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json) and [`xml`](Self::xml).
    #[cfg(all(feature = "json", feature = "xml"))]
    #[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "xml"))))]
    pub fn read(&self, format: Format, text: &[u8]) -> Result<ReadDocument, ReadError> {
        match format {
            Format::Json => self.json(text),
            Format::Xml => self.xml(text),
        }
    }

    /// The type of the resource in a text, `Bundle` for a bundle, without reading more than it takes to find it. Whether
    /// the rest can be read, and breaks no rule, remains open.
    ///
    /// ```
    /// use koppeltaal_fhir::{Format, ReadOptions};
    ///
    /// let text = br#"{"resourceType": "Patient", "birthDate": "1970-03-30"}"#;
    /// assert_eq!(ReadOptions::tolerant().resource_type(Format::Json, text)?, "Patient");
    /// # Ok::<(), koppeltaal_fhir::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Text that does not start like DSTU1, or that exceeds the limit of bytes.
    #[cfg(all(feature = "json", feature = "xml"))]
    #[cfg_attr(docsrs, doc(cfg(all(feature = "json", feature = "xml"))))]
    pub fn resource_type(&self, format: Format, text: &[u8]) -> Result<String, ReadError> {
        match format {
            Format::Json => self.read_with(text, crate::json::resource_type),
            Format::Xml => self.read_with(text, crate::xml::resource_type),
        }
    }

    #[cfg(any(feature = "json", feature = "xml"))]
    fn read_with<T>(
        &self,
        text: &[u8],
        read: impl FnOnce(&str, Report<'_>) -> Result<T, Failure>,
    ) -> Result<T, ReadError> {
        // A byte order mark is common in files from .NET and carries no meaning in UTF-8.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let report = Report::reading(text, self.strict, self.limits).repairing(self.repairs_narratives);
        if text.len() > self.limits.bytes {
            return Err(*report.limit(format!("longer than {} bytes", self.limits.bytes), 0));
        }
        match std::str::from_utf8(text) {
            Ok(text) => read(text, report).map_err(|failure| *failure),
            Err(error) => Err(*report.malformed("not UTF-8", error.valid_up_to())),
        }
    }
}

impl ReadDocument {
    /// What a reader made of a text. Fails if the document grew out of proportion.
    pub(crate) fn new(document: Document, report: Report<'_>) -> Result<Self, Failure> {
        report.weigh(&document)?;
        let memory = report.memory();
        let Collected { kept, suppressed, worst } = report.into_findings();
        Ok(Self { document, findings: kept, suppressed, worst, memory })
    }
}
