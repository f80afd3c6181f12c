//! From XML to the model, by the one description of each type (see `structure`). Feeds are read in `feed`.
//!
//! Tolerant by nature: what does not fit is reported and kept as unknown. A strict read is the same read,
//! ended by the first finding of severity error.

use std::borrow::Cow;

use super::element::{Element, Problem};
use super::names::{Namespace, Scope, Scopes};
use super::tag::RawValue;
use super::tokens::{Token, Tokens};
use crate::document::Root;
use crate::findings::{Failure, Report, Rule};
use crate::format::{CONVERT_TO_UTF8, is_utf8};
use crate::resource::{self, ResourceList};
use crate::unknown::{Unknown, UnknownContent, UnknownNode, UnknownResource};

pub type Result<T> = std::result::Result<T, Failure>;

/// Encodings that agree with UTF-8 in most characters of FHIR, and encodings that senders name although they
/// write UTF-8 (a .NET `StringWriter` says `utf-16`). Each is the start of a name in lower case.
const NEARLY_UTF8: [&str; 10] = [
    "utf-16",
    "utf16",
    "unicode",
    "ucs-2",
    "iso-10646-ucs-",
    "iso-8859-",
    "iso8859-",
    "latin1",
    "windows-125",
    "us-ascii",
];

/// Reads one resource. `is_utf8_known`: a byte order mark or the caller says that the text is UTF-8.
pub fn read<'t>(
    text: &'t str,
    is_utf8_known: bool,
    root: &mut dyn Root,
    report: Report<'t>,
) -> Result<Report<'t>> {
    let (mut reader, element) = Reader::at_root(text, is_utf8_known, report)?;
    reader.resource(&element, root.resource())?;
    reader.finish()
}

/// The encoding that the XML declaration at the start of a text names.
pub(crate) fn declared_encoding(text: &str) -> Option<&str> {
    let mut tokens = Tokens::new(text);
    // The text may end early. The declaration comes first.
    let _ = tokens.next();
    tokens.encoding()
}

/// The type of the resource that a text starts with, or `Bundle`.
pub fn resource_type(text: &str, report: Report<'_>) -> Result<String> {
    let mut reader = Reader::new(Tokens::new(text), report);
    let root = reader.root()?;
    let is_feed = reader.report.model().feed() == Some(root.name);
    Ok(if is_feed { "Bundle" } else { root.name }.to_owned())
}

pub struct Reader<'t> {
    pub tokens: Tokens<'t>,
    pub scopes: Scopes<'t>,
    pub report: Report<'t>,
}

impl<'t> Reader<'t> {
    pub fn new(tokens: Tokens<'t>, report: Report<'t>) -> Self {
        Self { tokens, scopes: Scopes::default(), report }
    }

    /// A reader of a text, and the text's root element.
    pub fn at_root(text: &'t str, is_utf8_known: bool, report: Report<'t>) -> Result<(Self, Element<'t>)> {
        let mut reader = Self::new(Tokens::new(text), report);
        let root = reader.root()?;
        if !is_utf8_known && let Some(encoding) = reader.tokens.encoding() {
            reader.check_encoding(encoding, text)?;
        }
        Ok((reader, root))
    }

    /// Checks that nothing is behind the root element.
    pub fn finish(mut self) -> Result<Report<'t>> {
        match self.token()? {
            Token::Eof => Ok(self.report),
            _ => Err(self.report.malformed("content behind the root element", self.tokens.offset())),
        }
    }

    pub fn token(&mut self) -> Result<Token<'t>> {
        self.tokens.next().map_err(|error| self.report.malformed(error.problem, error.offset))
    }

    #[cold]
    pub fn ends_early(&self) -> Failure {
        self.report.malformed("the text ends inside an element", self.tokens.position())
    }

    pub fn check_depth(&self, depth: usize, offset: usize) -> Result<()> {
        let limit = self.report.limits().depth;
        if depth < limit {
            Ok(())
        } else {
            Err(self.report.limit(format!("nested deeper than {limit} levels"), offset))
        }
    }

    /// The value of an attribute.
    #[inline]
    pub fn value(&self, raw: RawValue<'t>, offset: usize) -> Result<Cow<'t, str>> {
        raw.value().map_err(|problem| self.report.malformed(problem, offset))
    }

    /// The element whose start tag was the last token.
    #[inline(always)]
    pub fn open(&mut self, outer: Scope) -> Result<Element<'t>> {
        let tag = *self.tokens.tag();
        Element::open(&mut self.scopes, tag, outer).map_err(|problem| self.refused(problem, tag.offset))
    }

    #[cold]
    fn refused(&self, problem: Problem, offset: usize) -> Failure {
        match problem {
            Problem::Malformed(problem) => self.report.malformed(problem, offset),
            Problem::Limit(limit) => self.report.limit(limit, offset),
        }
    }

    /// The first element, which has to be a feed or a resource.
    fn root(&mut self) -> Result<Element<'t>> {
        let root = loop {
            match self.token()? {
                Token::Start => break self.open(Scopes::ROOT)?,
                Token::Space(_) => {}
                Token::Text(_) => {
                    return Err(self.report.malformed("text before the root element", self.tokens.offset()));
                }
                Token::End | Token::Eof => {
                    return Err(self.report.not_fhir("no element at all", self.tokens.offset()));
                }
            }
        };
        let model = self.report.model();
        if model.feed() == Some(root.name)
            || root.namespace == Namespace::Fhir
            || model.resource_types.contains(&root.name)
        {
            return Ok(root);
        }
        let problem = format!("the root element is `{}`", root.name);
        Err(self.report.not_fhir(problem, root.tag.offset))
    }

    /// Checks the encoding that the XML declaration names. The text itself is UTF-8, or it could not have
    /// been read.
    fn check_encoding(&mut self, encoding: &str, text: &str) -> Result<()> {
        let name = encoding.to_ascii_lowercase();
        if is_utf8(&name) || name == "us-ascii" && text.is_ascii() {
            return Ok(());
        }
        if !NEARLY_UTF8.iter().any(|known| name.starts_with(known)) {
            return Err(self.report.malformed(format!("the encoding {encoding}: {CONVERT_TO_UTF8}"), 0));
        }
        self.report
            .finding(Rule::ENCODING, "", 0)
            .expected("the encoding UTF-8, as that of the text")
            .found(encoding)
    }

    #[inline]
    pub fn expect_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        if element.namespace == expected { Ok(()) } else { self.wrong_namespace(element, expected) }
    }

    #[cold]
    pub fn wrong_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        let found = format!("`{}`", self.scopes.uri(element.namespace));
        let wanted = format!("namespace {}", self.scopes.uri(expected));
        self.report.finding(Rule::NAMESPACE, element.name, element.tag.offset).expected(wanted).found(found)
    }

    /// Reads the resource that `element` is, and adds it to `list`.
    pub fn resource(&mut self, element: &Element<'t>, list: &mut dyn ResourceList) -> Result<()> {
        let offset = element.tag.offset;
        if let Some(structure) = list.push(element.name) {
            self.expect_namespace(element, Namespace::Fhir)?;
            self.report.charge(size_of_val(structure) + resource::COST, offset)?;
            return self.structure(structure, element);
        }
        self.report.unknown_resource(element.name, offset)?;
        self.report.charge(resource::COST + UnknownResource::COST, offset)?;
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::None)?);
        list.push_source(element.name, content);
        Ok(())
    }

    /// The resources in a wrapper: `contained` and its like. The schema wants exactly one, and no attributes.
    /// Where the field holds one, others are kept as unknown.
    pub fn contained(
        &mut self,
        list: &mut dyn ResourceList,
        repeats: bool,
        wrapper: &Element<'t>,
    ) -> Result<Vec<UnknownNode>> {
        let mut others = Vec::new();
        let mut count = 0;
        let mut dropped = Unknown::default();
        for (name, raw) in wrapper.all_attributes() {
            self.unknown_attribute(&mut dropped, wrapper, name, raw)?;
        }
        if !wrapper.tag.is_empty {
            loop {
                match self.token()? {
                    Token::Start => {
                        let element = self.open(wrapper.scope)?;
                        count += 1;
                        if count > 1 {
                            self.one_resource("another one", element.tag.offset)?;
                        }
                        if count == 1 || repeats {
                            self.resource(&element, list)?;
                        } else {
                            let mut unknown = Unknown::default();
                            self.keep(&mut unknown, &element, 0)?;
                            others.extend(unknown.extract(|_| true));
                        }
                    }
                    Token::End => break,
                    Token::Space(_) => {}
                    Token::Text(_) => {
                        self.report
                            .finding(Rule::STRAY_TEXT, "", self.tokens.offset())
                            .expected("a resource")
                            .found("text")?;
                    }
                    Token::Eof => return Err(self.ends_early()),
                }
            }
        }
        if count == 0 {
            self.one_resource("none", wrapper.tag.offset)?;
        }
        Ok(others)
    }

    /// Reports a wrapper of other than one resource.
    #[cold]
    pub fn one_resource(&mut self, found: &str, offset: usize) -> Result<()> {
        self.report.finding(Rule::CONTAINED, "", offset).expected("one resource").found(found)
    }

    /// Keeps an element as unknown.
    pub fn keep(&mut self, unknown: &mut Unknown, element: &Element<'t>, after: usize) -> Result<()> {
        self.report.charge(UnknownNode::COST, element.tag.offset)?;
        self.report.note_ambiguous();
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::Fhir)?);
        unknown.push(UnknownNode { name: element.name.to_owned(), content, after });
        Ok(())
    }
}
