//! [`ReadOptions`] says how to read a text; [`ReadDocument`] is the document with what was found in the text.

use crate::document::Document;
use crate::error::ReadError;
use crate::findings::{Failure, Finding, FindingList, Report, Severity};
use crate::format::{BYTE_ORDER_MARK, CONVERT_TO_UTF8, Format, UTF16_MARKS, charset, is_utf8};
use crate::limits::Limits;
use crate::weight::Weight;
use crate::{json, xml};

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
    is_utf8_known: bool,
    repairs_narratives: bool,
    limits: Limits,
}

/// The result of a read.
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

    /// An estimate of the memory that the content takes, in bytes: its structures and lists, which
    /// [`Limits::expansion`] bounds, plus the length of the whole text for the strings in it. Use it to bound
    /// a store of many documents.
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

    /// For text that came with a media type, as in HTTP's `Content-Type`. A `charset` of UTF-8 outranks the
    /// encoding in an XML declaration (RFC 7303, section 3.2), which is then ignored. A byte order mark has
    /// the same effect without this call. JSON has no such declaration.
    #[must_use]
    pub fn labelled(mut self, media_type: &str) -> Self {
        self.is_utf8_known = charset(media_type).is_some_and(is_utf8);
        self
    }

    /// Turns HTML narratives in JSON into XHTML, so that they can be written as XML: closes `<br>`, writes
    /// names in lower case and attributes with quotes, makes `&` a reference, leaves out undeclared prefixes.
    /// Text stays. Each kind of repair is a finding of severity warning
    /// ([`Rule::NARRATIVE_REPAIRED`](crate::Rule::NARRATIVE_REPAIRED)), in a strict read too. What cannot be
    /// repaired stays as it is, with its finding of severity error. Narratives that are already XML are left
    /// alone.
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
    /// Text that is not JSON or not DSTU1, that exceeds a limit, or, in a strict read, that breaks a rule.
    pub fn json(&self, text: &[u8]) -> Result<ReadDocument, ReadError> {
        self.read_with(Format::Json, text, |text, report| ReadDocument::new(json::read(text, report)?))
    }

    /// Reads XML: a resource, or an Atom feed.
    ///
    /// # Errors
    ///
    /// Text that is not XML or not DSTU1, that exceeds a limit, or, in a strict read, that breaks a rule.
    pub fn xml(&self, text: &[u8]) -> Result<ReadDocument, ReadError> {
        let is_utf8_known = self.is_utf8_known || text.starts_with(BYTE_ORDER_MARK);
        self.read_with(Format::Xml, text, |text, report| {
            ReadDocument::new(xml::read(text, is_utf8_known, report)?)
        })
    }

    /// Reads text in a format.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json) and [`xml`](Self::xml).
    pub fn read(&self, format: Format, text: &[u8]) -> Result<ReadDocument, ReadError> {
        match format {
            Format::Json => self.json(text),
            Format::Xml => self.xml(text),
        }
    }

    /// The type of the resource in a text; `Bundle` for a bundle. Reads only as far as needed, so the rest
    /// may still be unreadable or break rules.
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
    pub fn resource_type(&self, format: Format, text: &[u8]) -> Result<String, ReadError> {
        match format {
            Format::Json => self.read_with(format, text, json::resource_type),
            Format::Xml => self.read_with(format, text, xml::resource_type),
        }
    }

    fn read_with<T>(
        &self,
        format: Format,
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
            Err(error) => {
                let (start, rest) = text.split_at(error.valid_up_to());
                Err(*report.malformed(not_utf8(format, start, rest), start.len()))
            }
        }
    }
}

/// The problem of a text that is UTF-8 at its start only, with the encoding that the text itself declares.
fn not_utf8(format: Format, start: &[u8], rest: &[u8]) -> String {
    if start.is_empty() && UTF16_MARKS.iter().any(|mark| rest.starts_with(mark)) {
        return format!("not UTF-8 but UTF-16, by its byte order mark: {CONVERT_TO_UTF8}");
    }
    let start = std::str::from_utf8(start).unwrap_or_default();
    let declared = if format == Format::Xml { xml::declared_encoding(start) } else { None };
    match declared.filter(|declared| !is_utf8(declared)) {
        Some(declared) => format!("not UTF-8 but {declared}, as it declares: {CONVERT_TO_UTF8}"),
        None => "not UTF-8".to_owned(),
    }
}

impl ReadDocument {
    /// The result of a reader. Fails if the document grew out of proportion.
    fn new((document, report): (Document, Report<'_>)) -> Result<Self, Failure> {
        if !report.is_in_proportion() {
            report.check_excess(Weight::of(&document, report.limits().expansion).excess())?;
        }
        let memory = report.memory();
        let FindingList { kept, suppressed, worst } = report.into_findings();
        Ok(Self { document, findings: kept, suppressed, worst, memory })
    }
}
