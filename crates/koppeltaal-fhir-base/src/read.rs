//! [`ReadOptions`] says how to read a text; [`ReadDocument`] is the document with what was found in the text.

use std::fmt;
use std::marker::PhantomData;

use crate::document::{Content, Root};
use crate::error::ReadError;
use crate::findings::{Failure, Finding, FindingList, Report, Severity};
use crate::format::{BYTE_ORDER_MARK, CONVERT_TO_UTF8, Format, UTF16_MARKS, charset, is_utf8};
use crate::limits::Limits;
use crate::model::Model;

use crate::weight::Weight;
use crate::{json, xml};

/// A document of a model: what a text holds.
#[doc(hidden)]
pub trait ReadableDocument: Sized {
    /// The version of FHIR.
    const MODEL: &'static Model;

    /// Where a document is read to.
    type Root: Root + Default;

    /// The document that was read.
    fn from_root(root: Self::Root) -> Option<Self>;

    /// The content to write or weigh.
    fn content(&self) -> Content<'_>;

    /// Reads XML.
    fn read_xml<'t>(
        text: &'t str,
        is_utf8_known: bool,
        root: &mut Self::Root,
        report: Report<'t>,
    ) -> Result<Report<'t>, Failure> {
        xml::read(text, is_utf8_known, root, report)
    }
}

/// How to read documents of type `D`: tolerant or strict, and within which limits. Each model has an alias.
pub struct ReadOptions<D> {
    settings: Settings,
    document: PhantomData<fn() -> D>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Settings {
    strict: bool,
    is_utf8_known: bool,
    repairs_narratives: bool,
    limits: Limits,
}

impl<D> ReadOptions<D> {
    const fn with(settings: Settings) -> Self {
        Self { settings, document: PhantomData }
    }
}

impl<D> Clone for ReadOptions<D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D> Copy for ReadOptions<D> {}

impl<D> Default for ReadOptions<D> {
    fn default() -> Self {
        Self::with(Settings::default())
    }
}

impl<D> fmt::Debug for ReadOptions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { strict, is_utf8_known, repairs_narratives, limits } = self.settings;
        f.debug_struct("ReadOptions")
            .field("strict", &strict)
            .field("is_utf8_known", &is_utf8_known)
            .field("repairs_narratives", &repairs_narratives)
            .field("limits", &limits)
            .finish()
    }
}

/// The result of a read: a document of type `D`. Each model has an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDocument<D> {
    /// The content.
    pub document: D,
    /// What was not as the standard wants it, in the order of the text.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond [`Limits::findings`].
    pub suppressed: usize,
    worst: Option<Severity>,
    memory: usize,
}

impl<D> ReadDocument<D> {
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

impl<D: ReadableDocument> ReadOptions<D> {
    /// Takes whatever can be understood, and reports what is odd. The right choice for receiving.
    pub fn tolerant() -> Self {
        Self::default()
    }

    /// Refuses at the first violation of the standard's schema.
    pub fn strict() -> Self {
        Self::with(Settings { strict: true, ..Settings::default() })
    }

    /// For text that came with a media type, as in HTTP's `Content-Type`. A `charset` of UTF-8 outranks the
    /// encoding in an XML declaration (RFC 7303, section 3.2), which is then ignored. A byte order mark has
    /// the same effect without this call. JSON has no such declaration.
    #[must_use]
    pub fn labelled(mut self, media_type: &str) -> Self {
        self.settings.is_utf8_known = charset(media_type).is_some_and(is_utf8);
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
        self.settings.repairs_narratives = repair;
        self
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// Text that is not JSON or not of this version of FHIR, that exceeds a limit, or, in a strict read, that
    /// breaks a rule.
    pub fn json(&self, text: &[u8]) -> Result<ReadDocument<D>, ReadError> {
        let mut root = D::Root::default();
        let report = self
            .settings
            .read(D::MODEL, Format::Json, text, |text, report| json::read(text, &mut root, report))?;
        ReadDocument::new(root, report)
    }

    /// Reads XML. In DSTU1, a bundle is an Atom feed.
    ///
    /// # Errors
    ///
    /// Text that is not XML or not of this version of FHIR, that exceeds a limit, or, in a strict read, that
    /// breaks a rule.
    pub fn xml(&self, text: &[u8]) -> Result<ReadDocument<D>, ReadError> {
        let mut root = D::Root::default();
        let is_utf8_known = self.settings.is_utf8_known || text.starts_with(BYTE_ORDER_MARK);
        let report = self.settings.read(D::MODEL, Format::Xml, text, |text, report| {
            D::read_xml(text, is_utf8_known, &mut root, report)
        })?;
        ReadDocument::new(root, report)
    }

    /// Reads text in a format.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json) and [`xml`](Self::xml).
    pub fn read(&self, format: Format, text: &[u8]) -> Result<ReadDocument<D>, ReadError> {
        match format {
            Format::Json => self.json(text),
            Format::Xml => self.xml(text),
        }
    }

    /// The type of the resource in a text; `Bundle` for a bundle. Reads only as far as needed, so the rest
    /// may still be unreadable or break rules.
    ///
    /// # Errors
    ///
    /// Text that does not start like FHIR, or that exceeds the limit of bytes.
    pub fn resource_type(&self, format: Format, text: &[u8]) -> Result<String, ReadError> {
        match format {
            Format::Json => self.settings.read(D::MODEL, format, text, json::resource_type),
            Format::Xml => self.settings.read(D::MODEL, format, text, xml::resource_type),
        }
    }
}

impl Settings {
    fn read<'t, T>(
        self,
        model: &'static Model,
        format: Format,
        text: &'t [u8],
        read: impl FnOnce(&'t str, Report<'t>) -> Result<T, Failure>,
    ) -> Result<T, ReadError> {
        // A byte order mark is common in files from .NET and carries no meaning in UTF-8.
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let report =
            Report::reading(model, text, self.strict, self.limits).repairing(self.repairs_narratives);
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
        None => format!("not UTF-8, in most cases Latin-1 or Windows-1252: {CONVERT_TO_UTF8}"),
    }
}

impl<D: ReadableDocument> ReadDocument<D> {
    /// The result of a reader. Fails if the document grew out of proportion.
    fn new(root: D::Root, report: Report<'_>) -> Result<Self, ReadError> {
        // A reader that does not fail has read a document.
        let Some(document) = D::from_root(root) else { return Err(*report.not_fhir("nothing", 0)) };
        check_weight(document.content(), &report).map_err(|failure| *failure)?;
        let memory = report.memory();
        let FindingList { kept, suppressed, worst } = report.into_findings();
        Ok(Self { document, findings: kept, suppressed, worst, memory })
    }
}

fn check_weight(content: Content<'_>, report: &Report<'_>) -> Result<(), Failure> {
    if report.is_in_proportion() {
        return Ok(());
    }
    report.check_excess(Weight::of(content, report.limits().expansion).excess())
}
