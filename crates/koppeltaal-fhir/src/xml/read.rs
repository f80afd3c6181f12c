//! From XML to the model, by the one description of each type (see `structure`). Feeds are read in `feed`.
//!
//! Tolerant by nature: what does not fit is reported and kept as unknown. A strict read is the same read, ended by the
//! first finding of severity error.

use std::borrow::Cow;
use std::sync::Arc;

use super::names::{MAXIMUM_PREFIXES, Namespace, Scope, Scopes};
use super::tag::{RawValue, Tag};
use super::tokens::{Token, Tokens};
use crate::document::{Document, ReadDocument};
use crate::finding::{Rule, Severity};
use crate::report::{Failure, Report};
use crate::resource::{RESOURCE_TYPES, Resource};
use crate::unknown::{Unknown, UnknownContent, UnknownNode, UnknownResource};

pub(super) const ERROR: Severity = Severity::Error;
pub(super) const WARNING: Severity = Severity::Warning;

pub(super) type Result<T> = std::result::Result<T, Failure>;

/// The root element of a bundle.
const FEED: &str = "feed";

/// Reads one resource or feed.
pub(crate) fn read(text: &str, report: Report<'_>) -> Result<ReadDocument> {
    let mut reader = Reader { tokens: Tokens::new(text), scopes: Scopes::default(), report };
    if let Some(offset) = forbidden_control(text.as_bytes()) {
        return Err(reader.report.malformed("a control character that XML does not allow", offset));
    }
    let document = reader.document()?;
    Ok(ReadDocument::new(document, reader.report))
}

/// The type of the resource that a text starts with, or `Bundle`.
pub(crate) fn resource_type(text: &str, report: Report<'_>) -> Result<String> {
    let mut reader = Reader { tokens: Tokens::new(text), scopes: Scopes::default(), report };
    let root = reader.root()?;
    Ok(if root.name == FEED { "Bundle" } else { root.name }.to_owned())
}

fn forbidden_control(bytes: &[u8]) -> Option<usize> {
    let forbidden = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Without an early exit inside a block the compiler looks at many bytes at once, and line feeds are the only
    // control characters that most texts have.
    let suspect =
        |block: &[u8]| block.iter().fold(false, |found, byte| found | (*byte < 0x20 && *byte != b'\n'));
    let mut blocks = bytes.chunks(256).enumerate().filter(|(_, block)| suspect(block));
    blocks.find_map(|(index, block)| {
        let at = block.iter().position(|byte| forbidden(*byte))?;
        Some(index * 256 + at)
    })
}

pub(super) struct Reader<'t> {
    pub(super) tokens: Tokens<'t>,
    pub(super) scopes: Scopes<'t>,
    pub(super) report: Report<'t>,
}

/// An element whose start tag has been read, its name resolved.
pub(super) struct Element<'t> {
    pub(super) tag: Tag<'t>,
    /// The name without prefix.
    pub(super) name: &'t str,
    pub(super) namespace: Namespace,
    pub(super) id: Option<RawValue<'t>>,
    /// How many attributes there are beside `id`, `value` and namespace declarations.
    pub(super) others: u32,
    /// Namespaces around the element, and inside it.
    pub(super) outer: Scope,
    pub(super) scope: Scope,
    pub(super) declares_default: bool,
}

impl<'t> Element<'t> {
    pub(super) fn value(&self) -> Option<RawValue<'t>> {
        self.tag.value
    }

    /// The attributes other than `id`, `value` and namespace declarations.
    #[inline]
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        self.tag
            .other_attributes()
            .filter(|(name, _)| !matches!(*name, "id" | "xmlns") && !name.starts_with("xmlns:"))
    }

    /// The value of an attribute other than `id` and `value`.
    pub(super) fn attribute(&self, name: &str) -> Option<RawValue<'t>> {
        self.attributes().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

impl<'t> Reader<'t> {
    pub(super) fn token(&mut self) -> Result<Token<'t>> {
        self.tokens.next().map_err(|error| self.report.malformed(error.problem, error.offset))
    }

    #[cold]
    pub(super) fn ends_early(&self) -> Failure {
        self.report.malformed("the text ends inside an element", self.tokens.position())
    }

    pub(super) fn check_depth(&self, depth: usize, offset: usize) -> Result<()> {
        let limit = self.report.limits().depth;
        if depth < limit {
            Ok(())
        } else {
            Err(self.report.limit(format!("nested deeper than {limit} levels"), offset))
        }
    }

    /// The value of an attribute.
    #[inline]
    pub(super) fn value(&self, raw: RawValue<'t>, offset: usize) -> Result<Cow<'t, str>> {
        raw.value().map_err(|problem| self.report.malformed(problem, offset))
    }

    /// The element whose start tag was the last token.
    #[inline(always)]
    pub(super) fn open(&mut self, outer: Scope) -> Result<Element<'t>> {
        let tag = *self.tokens.tag();
        let mut element = Element {
            tag,
            name: tag.name,
            namespace: outer.default,
            id: None,
            others: 0,
            outer,
            scope: outer,
            declares_default: false,
        };
        match tag.first_other {
            None => {}
            // An extension's.
            Some(("url", _)) if tag.others == 1 => element.others = 1,
            Some(_) => self.other_attributes(&mut element)?,
        }
        element.namespace = element.scope.default;
        // Where no prefix is declared, one that is used all the same makes a name that nobody knows: see `capture`.
        if element.scope.prefixes > 0
            && let Some((prefix, name)) = tag.name.split_once(':')
        {
            element.name = name;
            element.namespace = self.resolve(element.scope, prefix, tag.offset)?;
        }
        Ok(element)
    }

    /// Looks through the attributes that are not `value`.
    fn other_attributes(&mut self, element: &mut Element<'t>) -> Result<()> {
        let tag = element.tag;
        let mut earlier = [""; 4];
        if tag.others as usize > earlier.len() {
            self.check_names_differ(tag)?;
        }
        for (index, (name, raw)) in tag.other_attributes().enumerate() {
            if earlier.contains(&name) {
                return Err(self.duplicate_attribute(name, tag.offset));
            }
            if let Some(place) = earlier.get_mut(index) {
                *place = name;
            }
            if name == "id" {
                element.id = Some(raw);
            } else if name == "xmlns" {
                let uri = self.value(raw, tag.offset)?;
                element.scope.default = self.scopes.namespace(&uri);
                element.declares_default = true;
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                let uri = self.value(raw, tag.offset)?;
                let namespace = self.scopes.namespace(&uri);
                if !self.scopes.declare(&mut element.scope, prefix, namespace) {
                    let limit = format!("more than {MAXIMUM_PREFIXES} namespace prefixes");
                    return Err(self.report.limit(limit, tag.offset));
                }
            } else {
                element.others += 1;
            }
        }
        Ok(())
    }

    /// Fails if two attributes have the same name. Sorted, because a hostile tag has a million of them.
    #[cold]
    fn check_names_differ(&self, tag: Tag<'t>) -> Result<()> {
        let mut names: Vec<&str> = tag.other_attributes().map(|(name, _)| name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.duplicate_attribute(pair[0], tag.offset)),
            None => Ok(()),
        }
    }

    #[cold]
    fn duplicate_attribute(&self, name: &str, offset: usize) -> Failure {
        self.report.malformed(format!("the attribute `{name}` twice"), offset)
    }

    pub(super) fn resolve(&self, scope: Scope, prefix: &str, offset: usize) -> Result<Namespace> {
        self.scopes
            .resolve(scope, prefix)
            .ok_or_else(|| self.report.malformed(format!("the prefix `{prefix}` is not declared"), offset))
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
        if root.name == FEED || root.namespace == Namespace::Fhir || RESOURCE_TYPES.contains(&root.name) {
            return Ok(root);
        }
        let problem = format!("the root element is `{}`", root.name);
        Err(self.report.not_fhir(problem, root.tag.offset))
    }

    fn document(&mut self) -> Result<Document> {
        let root = self.root()?;
        let document = if root.name == FEED {
            self.expect_namespace(&root, Namespace::Atom)?;
            Document::Bundle(self.feed(&root)?)
        } else {
            Document::Resource(self.resource(&root)?)
        };
        match self.token()? {
            Token::Eof => Ok(document),
            _ => Err(self.report.malformed("content behind the root element", self.tokens.offset())),
        }
    }

    #[inline]
    pub(super) fn expect_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        if element.namespace == expected { Ok(()) } else { self.wrong_namespace(element, expected) }
    }

    #[cold]
    pub(super) fn wrong_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        let found = format!("`{}`", self.scopes.uri(element.namespace));
        let wanted = format!("namespace {}", self.scopes.uri(expected));
        self.report.find((ERROR, Rule::NAMESPACE), element.name, element.tag.offset, wanted, found)
    }

    /// Reads the resource that `element` is.
    pub(super) fn resource(&mut self, element: &Element<'t>) -> Result<Resource> {
        if let Some(mut resource) = Resource::empty(element.name) {
            self.expect_namespace(element, Namespace::Fhir)?;
            if let Some(structure) = resource.structure_mut() {
                let cost = size_of_val(structure) + Resource::COST;
                self.report.charge(cost, element.tag.offset)?;
                self.structure(structure, element)?;
            }
            return Ok(resource);
        }
        let offset = element.tag.offset;
        if RESOURCE_TYPES.contains(&element.name) {
            let expected = "a resource type of this build (feature `all-resources` has them all)";
            self.report.find(
                (Severity::Information, Rule::UNKNOWN_RESOURCE),
                "",
                offset,
                expected,
                element.name,
            )?;
        } else {
            self.report.find(
                (ERROR, Rule::UNKNOWN_RESOURCE),
                "",
                offset,
                "a resource type of DSTU1",
                element.name,
            )?;
        }
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::None)?);
        Ok(Resource::Unknown(Arc::new(UnknownResource { resource_type: element.name.to_owned(), content })))
    }

    /// The resources in a wrapper: `contained`, or the content of an entry. The schema wants exactly one.
    pub(super) fn contained(&mut self, resources: &mut Vec<Resource>, wrapper: &Element<'t>) -> Result<()> {
        let before = resources.len();
        if !wrapper.tag.is_empty {
            loop {
                match self.token()? {
                    Token::Start => {
                        let element = self.open(wrapper.scope)?;
                        if resources.len() > before {
                            let found = "another one";
                            self.report.find(
                                (ERROR, Rule::CONTAINED),
                                "",
                                element.tag.offset,
                                "one resource",
                                found,
                            )?;
                        }
                        resources.push(self.resource(&element)?);
                    }
                    Token::End => break,
                    Token::Space(_) => {}
                    Token::Text(_) => {
                        self.report.find(
                            (ERROR, Rule::STRAY_TEXT),
                            "",
                            self.tokens.offset(),
                            "a resource",
                            "text",
                        )?;
                    }
                    Token::Eof => return Err(self.ends_early()),
                }
            }
        }
        if resources.len() == before {
            self.report.find((ERROR, Rule::CONTAINED), "", wrapper.tag.offset, "one resource", "none")?;
        }
        Ok(())
    }

    /// Keeps an element as unknown.
    pub(super) fn keep(&mut self, unknown: &mut Unknown, element: &Element<'t>, after: usize) -> Result<()> {
        self.report.charge(UnknownNode::COST, element.tag.offset)?;
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::Fhir)?);
        unknown.push(UnknownNode { name: element.name.to_owned(), content, after });
        Ok(())
    }
}
