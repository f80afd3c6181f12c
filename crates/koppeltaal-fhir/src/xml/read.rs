//! From XML to the model, by the one description of each type (see `structure`). Feeds are read in `feed`.
//!
//! Tolerant by nature: what does not fit is reported and kept as unknown. A strict read is the same read, ended by the
//! first finding of severity error.

use std::borrow::Cow;

use super::names::{Namespace, Scope, Scopes};
use super::text;
use super::tokens::{Tag, Token, Tokens};
use crate::document::{Document, Read};
use crate::finding::{Rule, Severity};
use crate::primitive::{AnyPrimitive, Companions, Scalar, ScalarKind, Verdict};
use crate::report::{Failure, Report};
use crate::resource::{RESOURCE_TYPES, Resource};
use crate::structure::{FieldSchema, FieldSet, Shape, Slot, Structure, TypeSchema};
use crate::types::{Id, is_xml_space};
use crate::unknown::{Unknown, UnknownContent, UnknownNode, UnknownResource};
use crate::xhtml::Xhtml;

pub(super) const ERROR: Severity = Severity::Error;
pub(super) const WARNING: Severity = Severity::Warning;

pub(super) type Result<T> = std::result::Result<T, Failure>;

/// Reads one resource or feed.
pub(crate) fn read(text: &str, report: Report<'_>) -> Result<Read> {
    let mut reader = Reader { tokens: Tokens::new(text), scopes: Scopes::default(), report };
    if let Some(offset) = forbidden_control(text.as_bytes()) {
        return Err(reader.report.malformed("a control character that XML does not allow", offset));
    }
    let document = reader.document()?;
    Ok(Read::new(document, reader.report))
}

fn forbidden_control(bytes: &[u8]) -> Option<usize> {
    let forbidden = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Without an early exit inside a block the compiler checks many bytes at once.
    let block = bytes
        .chunks(256)
        .position(|block| block.iter().fold(false, |found, byte| found | forbidden(*byte)))?;
    bytes.iter().skip(block * 256).position(|byte| forbidden(*byte)).map(|offset| block * 256 + offset)
}

pub(super) struct Reader<'t> {
    pub(super) tokens: Tokens<'t>,
    pub(super) scopes: Scopes<'t>,
    pub(super) report: Report<'t>,
}

/// An element whose start tag has been read: its name resolved, its common attributes picked out.
pub(super) struct Element<'t> {
    pub(super) tag: Tag<'t>,
    /// The name without prefix.
    pub(super) name: &'t str,
    pub(super) namespace: Namespace,
    pub(super) id: Option<&'t str>,
    pub(super) value: Option<&'t str>,
    /// How many other attributes there are.
    others: u32,
    /// Namespaces around the element, and inside it.
    pub(super) outer: Scope,
    pub(super) scope: Scope,
    pub(super) declares_default: bool,
}

impl<'t> Element<'t> {
    /// The attributes other than `id`, `value` and namespace declarations, as written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'t str, &'t str)> + use<'t> {
        let mut attributes = self.tag.attributes();
        let mut left = self.others;
        std::iter::from_fn(move || {
            while left > 0 {
                // Opening the element saw that they are well-formed.
                let (name, raw) = attributes.next().ok()??;
                if !matches!(name, "id" | "value" | "xmlns") && !name.starts_with("xmlns:") {
                    left -= 1;
                    return Some((name, raw));
                }
            }
            None
        })
    }

    /// The raw value of an attribute other than `id` and `value`.
    pub(super) fn attribute(&self, name: &str) -> Option<&'t str> {
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
    pub(super) fn value(&self, raw: &'t str, offset: usize) -> Result<Cow<'t, str>> {
        text::attribute_value(raw).map_err(|problem| self.report.malformed(problem, offset))
    }

    /// Takes a start tag apart.
    #[inline]
    pub(super) fn open(&mut self, tag: Tag<'t>, outer: Scope) -> Result<Element<'t>> {
        let mut element = Element {
            tag,
            name: tag.name,
            namespace: outer.default,
            id: None,
            value: None,
            others: 0,
            outer,
            scope: outer,
            declares_default: false,
        };
        let mut attributes = tag.attributes();
        while let Some((name, raw)) =
            attributes.next().map_err(|problem| self.report.malformed(problem, tag.offset))?
        {
            let duplicate = match name {
                "value" => element.value.replace(raw).is_some(),
                "id" => element.id.replace(raw).is_some(),
                "xmlns" => {
                    let uri = self.value(raw, tag.offset)?;
                    element.scope.default = self.scopes.namespace(&uri);
                    std::mem::replace(&mut element.declares_default, true)
                }
                _ => self.other_attribute(&mut element, name, raw)?,
            };
            if duplicate {
                return Err(self.report.malformed(format!("the attribute `{name}` twice"), tag.offset));
            }
        }
        element.namespace = element.scope.default;
        if let Some((prefix, name)) = tag.name.split_once(':') {
            element.name = name;
            element.namespace = self.resolve(element.scope, prefix, tag.offset)?;
        }
        Ok(element)
    }

    /// Notes an attribute that is not `value`, `id` or `xmlns`; tells whether it was there already.
    fn other_attribute(&mut self, element: &mut Element<'t>, name: &'t str, raw: &'t str) -> Result<bool> {
        if let Some(prefix) = name.strip_prefix("xmlns:") {
            let uri = self.value(raw, element.tag.offset)?;
            let namespace = self.scopes.namespace(&uri);
            self.scopes.declare(&mut element.scope, prefix, namespace);
            return Ok(false);
        }
        let duplicate = element.others > 0 && element.attribute(name).is_some();
        element.others += 1;
        Ok(duplicate)
    }

    fn resolve(&self, scope: Scope, prefix: &str, offset: usize) -> Result<Namespace> {
        self.scopes
            .resolve(scope, prefix)
            .ok_or_else(|| self.report.malformed(format!("the prefix `{prefix}` is not declared"), offset))
    }

    fn document(&mut self) -> Result<Document> {
        let root = loop {
            match self.token()? {
                Token::Start(tag) => break self.open(tag, Scopes::ROOT)?,
                Token::Text(text) if text.trim_matches(is_xml_space).is_empty() => {}
                Token::Text(_) => {
                    return Err(self.report.malformed("text before the root element", self.tokens.offset()));
                }
                Token::End | Token::Eof => {
                    return Err(self.report.not_fhir("no element at all", self.tokens.offset()));
                }
            }
        };
        let document = if root.name == "feed" {
            self.expect_namespace(&root, Namespace::Atom)?;
            Document::Bundle(self.feed(&root)?)
        } else if root.namespace == Namespace::Fhir || RESOURCE_TYPES.contains(&root.name) {
            Document::Resource(self.resource(&root)?)
        } else {
            let problem = format!("the root element is `{}`", root.name);
            return Err(self.report.not_fhir(problem, root.tag.offset));
        };
        loop {
            match self.token()? {
                Token::Eof => return Ok(document),
                Token::Text(text) if text.trim_matches(is_xml_space).is_empty() => {}
                _ => {
                    return Err(self
                        .report
                        .malformed("content behind the root element", self.tokens.offset()));
                }
            }
        }
    }

    #[inline]
    pub(super) fn expect_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        if element.namespace == expected { Ok(()) } else { self.wrong_namespace(element, expected) }
    }

    #[cold]
    fn wrong_namespace(&mut self, element: &Element<'t>, expected: Namespace) -> Result<()> {
        let found = format!("`{}`", self.scopes.uri(element.namespace));
        let wanted = format!("namespace {}", self.scopes.uri(expected));
        self.report.find((ERROR, Rule::Namespace), element.name, element.tag.offset, wanted, found)
    }

    /// Reads the resource that `element` is.
    pub(super) fn resource(&mut self, element: &Element<'t>) -> Result<Resource> {
        if let Some(mut resource) = Resource::empty(element.name) {
            self.expect_namespace(element, Namespace::Fhir)?;
            if let Some(structure) = resource.structure_mut() {
                self.structure(structure, element)?;
            }
            return Ok(resource);
        }
        let offset = element.tag.offset;
        if RESOURCE_TYPES.contains(&element.name) {
            let expected = "a resource type of this build (feature `all-resources` has them all)";
            self.report.find(
                (Severity::Information, Rule::UnknownResource),
                "",
                offset,
                expected,
                element.name,
            )?;
        } else {
            self.report.find(
                (ERROR, Rule::UnknownResource),
                "",
                offset,
                "a resource type of DSTU1",
                element.name,
            )?;
        }
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::None)?);
        Ok(Resource::Unknown(Box::new(UnknownResource { resource_type: element.name.to_owned(), content })))
    }

    /// Reads the structure that `element` is into `target`.
    fn structure(&mut self, target: &mut dyn Structure, element: &Element<'t>) -> Result<()> {
        let schema = target.schema();
        let mut present = self.structure_attributes(target, element)?;
        if !element.tag.is_empty {
            self.children(target, element.scope, &mut present)?;
        }
        for field in schema.missing(present) {
            self.report.find((ERROR, Rule::Minimum), field.name, element.tag.offset, "a value", "nothing")?;
        }
        Ok(())
    }

    fn structure_attributes(
        &mut self,
        target: &mut dyn Structure,
        element: &Element<'t>,
    ) -> Result<FieldSet> {
        let mut present = FieldSet::default();
        if let Some(raw) = element.id {
            let id = self.id(raw, element)?;
            target.set_id(id);
        }
        if let Some(raw) = element.value {
            self.unknown_attribute(target.unknown_mut(), element, "value", raw)?;
        }
        let schema = target.schema();
        for (name, raw) in element.attributes() {
            match schema.find(name, 0).filter(|index| schema.fields[*index].shape == Shape::Attribute) {
                Some(index) => {
                    present.insert(index);
                    let value = self.value(raw, element.tag.offset)?;
                    if value.is_empty() {
                        self.report.find(
                            (WARNING, Rule::Empty),
                            name,
                            element.tag.offset,
                            "a value",
                            "nothing",
                        )?;
                    }
                    if let Slot::Attribute(slot) = target.slot(index) {
                        *slot = value.into_owned();
                    }
                }
                None => self.unknown_attribute(target.unknown_mut(), element, name, raw)?,
            }
        }
        Ok(present)
    }

    fn id(&mut self, raw: &'t str, element: &Element<'t>) -> Result<String> {
        let id = self.value(raw, element.tag.offset)?.into_owned();
        if id.parse::<Id>().is_err() {
            let expected = <Id as Scalar>::KIND.describe();
            self.report.find(
                (ERROR, Rule::Format),
                "id",
                element.tag.offset,
                expected,
                format_args!("{id:?}"),
            )?;
        }
        Ok(id)
    }

    /// An attribute that the element does not have: kept, unless it only speaks to XML processors.
    #[cold]
    pub(super) fn unknown_attribute(
        &mut self,
        unknown: &mut Unknown,
        element: &Element<'t>,
        name: &str,
        raw: &'t str,
    ) -> Result<()> {
        if let Some((prefix, local)) = name.split_once(':') {
            if prefix != "xml" {
                let namespace = self.resolve(element.scope, prefix, element.tag.offset)?;
                let is_instance = self.scopes.uri(namespace) == "http://www.w3.org/2001/XMLSchema-instance";
                if is_instance && matches!(local, "schemaLocation" | "noNamespaceSchemaLocation") {
                    return Ok(());
                }
            }
        }
        let expected = format_args!("an attribute of {}", element.name);
        self.report.find((ERROR, Rule::UnknownAttribute), "", element.tag.offset, expected, name)?;
        self.report.charge(size_of::<UnknownNode>(), element.tag.offset)?;
        let value = self.value(raw, element.tag.offset)?.into_owned();
        unknown.push(UnknownNode {
            name: name.to_owned(),
            content: UnknownContent::XmlAttribute(value),
            after: 0,
        });
        Ok(())
    }

    /// Reads what is between the tags of a structure.
    fn children(&mut self, target: &mut dyn Structure, scope: Scope, present: &mut FieldSet) -> Result<()> {
        let schema = target.schema();
        // The field of the latest child, and the furthest that any child was.
        let mut last = 0;
        loop {
            match self.token()? {
                Token::Start(tag) => {
                    let element = self.open(tag, scope)?;
                    match self.find(schema, &element, last) {
                        Some(index) => self.child(target, index, &element, present, &mut last)?,
                        None => {
                            let expected = format_args!("an element of {}", schema.name);
                            self.report.find(
                                (ERROR, Rule::UnknownElement),
                                "",
                                tag.offset,
                                expected,
                                element.name,
                            )?;
                            self.keep(target.unknown_mut(), &element, last + 1)?;
                        }
                    }
                }
                Token::End => return Ok(()),
                Token::Text(text) => self.stray_text(target, &text, last, present)?,
                Token::Eof => return Err(self.ends_early()),
            }
        }
    }

    /// The field of a child, which must not be an attribute's.
    #[inline]
    fn find(&self, schema: &TypeSchema, element: &Element<'t>, last: usize) -> Option<usize> {
        schema
            .find(element.name, last)
            .filter(|index| !matches!(schema.fields[*index].shape, Shape::Attribute | Shape::Text))
    }

    /// Text between the children of a structure: legal only as white space, or as the content of a Binary.
    #[inline]
    fn stray_text(
        &mut self,
        target: &mut dyn Structure,
        text: &str,
        last: usize,
        present: &mut FieldSet,
    ) -> Result<()> {
        if text.trim_matches(is_xml_space).is_empty() {
            return Ok(());
        }
        let offset = self.tokens.offset();
        let schema = target.schema();
        if let Some(field) = schema.fields.iter().find(|field| field.shape == Shape::Text) {
            let index = usize::from(field.index);
            present.insert(index);
            if let Slot::Primitive(value) = target.slot(index) {
                // A reference or a CDATA section splits the text.
                let whole =
                    value.wire_text().map_or_else(|| text.to_owned(), |before| format!("{before}{text}"));
                return match value.set(Cow::Owned(whole)) {
                    Verdict::Valid => Ok(()),
                    Verdict::Invalid => self.invalid(field.name, value, offset),
                };
            }
        }
        self.report.find((ERROR, Rule::StrayText), "", offset, "no text here", format_args!("{text:?}"))?;
        let content = UnknownContent::XmlText(text.to_owned());
        target.unknown_mut().push(UnknownNode { name: String::new(), content, after: last + 1 });
        Ok(())
    }

    /// Reads one child, which is the field at `index`.
    #[inline]
    fn child(
        &mut self,
        target: &mut dyn Structure,
        index: usize,
        element: &Element<'t>,
        present: &mut FieldSet,
        last: &mut usize,
    ) -> Result<()> {
        let field = &target.schema().fields[index];
        let offset = element.tag.offset;
        let namespace = if field.shape == Shape::Xhtml { Namespace::Xhtml } else { Namespace::Fhir };
        self.expect_namespace(element, namespace)?;
        if index < *last {
            let after = target.schema().fields[*last].name;
            let expected = format_args!("{} before {after}", field.name);
            self.report.find((ERROR, Rule::Order), field.name, offset, expected, "it behind")?;
        } else {
            *last = index;
        }
        if !present.insert(field.group()) && !field.repeats {
            let (rule, expected) = match field.choice {
                Some(_) => (Rule::Choice, "one alternative of the choice"),
                None => (Rule::Maximum, "it once"),
            };
            self.report.find((ERROR, rule), field.name, offset, expected, "another one")?;
            return self.keep(target.unknown_mut(), element, *last + 1);
        }
        match target.slot(index) {
            Slot::Primitive(value) => self.primitive(field, None, value, element),
            Slot::Primitives(values) => {
                let item = values.len();
                self.report.charge(values.size(), offset)?;
                self.primitive(field, Some(item), values.at(item), element)
            }
            Slot::Structure(value) => {
                self.report.enter(field.name, None, offset)?;
                self.structure(value, element)?;
                self.finish_structure(field, value, offset)
            }
            Slot::Structures(values) => {
                self.report.charge(values.size(), offset)?;
                self.report.enter(field.name, Some(values.len()), offset)?;
                let value = values.push();
                self.structure(value, element)?;
                self.finish_structure(field, value, offset)
            }
            Slot::Resource(value) => {
                self.report.enter(field.name, None, offset)?;
                let mut resources = Vec::new();
                self.contained(&mut resources, element)?;
                *value = resources.into_iter().next();
                self.report.leave();
                Ok(())
            }
            Slot::Resources(values) => {
                self.report.enter(field.name, Some(values.len()), offset)?;
                self.contained(values, element)?;
                self.report.leave();
                Ok(())
            }
            Slot::Xhtml(value) => {
                *value = Xhtml::from_xml(self.capture(element, Namespace::None)?);
                Ok(())
            }
            Slot::Attribute(_) | Slot::None => self.keep(target.unknown_mut(), element, *last + 1),
        }
    }

    /// Age, Duration and the other restrictions of Quantity take no extensions.
    #[inline]
    fn finish_structure(
        &mut self,
        field: &FieldSchema,
        value: &mut dyn Structure,
        offset: usize,
    ) -> Result<()> {
        if field.shape == Shape::Unextended
            && let Slot::Structures(extensions) = value.slot(0)
            && extensions.len() > 0
        {
            self.report.find(
                (ERROR, Rule::UnknownElement),
                "extension",
                offset,
                "no extension here",
                "one",
            )?;
        }
        self.report.leave();
        Ok(())
    }

    /// A primitive: a `value` attribute, an id, extensions.
    #[inline]
    fn primitive(
        &mut self,
        field: &'static FieldSchema,
        item: Option<usize>,
        value: &mut dyn AnyPrimitive,
        element: &Element<'t>,
    ) -> Result<()> {
        let simple = element.tag.is_empty && element.id.is_none() && element.others == 0;
        if !simple {
            self.report.enter(field.name, item, element.tag.offset)?;
            self.primitive_companions(value, element)?;
            self.report.leave();
        }
        match element.value {
            Some(raw) => {
                let text = self.value(raw, element.tag.offset)?;
                let verdict = value.set(text);
                if verdict == Verdict::Invalid || raw.is_empty() || value.kind() == ScalarKind::Decimal {
                    self.check_primitive(field, item, value, verdict, element.tag.offset)?;
                }
            }
            None if value.is_absent() => {
                let found = "neither value nor extension";
                self.report.find((WARNING, Rule::Empty), field.name, element.tag.offset, "a value", found)?;
            }
            None => {}
        }
        Ok(())
    }

    /// What reading the value could not decide: emptiness, which some types allow, and exponents, which XML does not.
    fn check_primitive(
        &mut self,
        field: &FieldSchema,
        item: Option<usize>,
        value: &dyn AnyPrimitive,
        verdict: Verdict,
        offset: usize,
    ) -> Result<()> {
        let name = item
            .map_or_else(|| Cow::Borrowed(field.name), |item| Cow::Owned(format!("{}[{item}]", field.name)));
        let text = value.wire_text().unwrap_or_default();
        if verdict == Verdict::Invalid || value.kind() == ScalarKind::Decimal && text.contains(['e', 'E']) {
            return self.invalid(&name, value, offset);
        }
        if text.is_empty() {
            return self.report.find((WARNING, Rule::Empty), &name, offset, "a value", "an empty one");
        }
        Ok(())
    }

    #[cold]
    fn invalid(&mut self, name: &str, value: &dyn AnyPrimitive, offset: usize) -> Result<()> {
        let found = value.wire_text().unwrap_or_default().into_owned();
        let rule = match value.kind() {
            _ if found.is_empty() => Rule::Empty,
            ScalarKind::ListedCode => Rule::Code,
            _ => Rule::Format,
        };
        self.report.find((ERROR, rule), name, offset, value.kind().describe(), format_args!("{found:?}"))
    }

    /// Id, extensions and whatever else a primitive has besides its value.
    fn primitive_companions(&mut self, value: &mut dyn AnyPrimitive, element: &Element<'t>) -> Result<()> {
        let offset = element.tag.offset;
        if let Some(raw) = element.id {
            self.report.charge(size_of::<Companions>(), offset)?;
            let id = self.id(raw, element)?;
            value.companions_mut().id = Some(id);
        }
        for (name, raw) in element.attributes() {
            let mut unknown = Unknown::default();
            self.unknown_attribute(&mut unknown, element, name, raw)?;
            if !unknown.is_empty() {
                value.companions_mut().unknown = unknown;
            }
        }
        if element.tag.is_empty {
            return Ok(());
        }
        loop {
            match self.token()? {
                Token::End => return Ok(()),
                Token::Eof => return Err(self.ends_early()),
                Token::Text(text) => {
                    let text = text.trim_matches(is_xml_space);
                    if text.is_empty() {
                        continue;
                    }
                    self.report.find(
                        (ERROR, Rule::StrayText),
                        "",
                        self.tokens.offset(),
                        "a `value` attribute",
                        "text",
                    )?;
                    // CarePlan.activity.goal is text by the letter of the schema.
                    if element.value.is_none() {
                        value.set(Cow::Borrowed(text));
                    } else {
                        let content = UnknownContent::XmlText(text.to_owned());
                        value.companions_mut().unknown.push(UnknownNode {
                            name: String::new(),
                            content,
                            after: 1,
                        });
                    }
                }
                Token::Start(tag) => {
                    let child = self.open(tag, element.scope)?;
                    self.report.charge(size_of::<Companions>(), offset)?;
                    let companions = value.companions_mut();
                    let mut present = FieldSet::default();
                    let mut last = 0;
                    if child.name == "extension" {
                        self.child(companions, 0, &child, &mut present, &mut last)?;
                    } else {
                        self.report.find(
                            (ERROR, Rule::UnknownElement),
                            "",
                            tag.offset,
                            "an extension",
                            child.name,
                        )?;
                        self.keep(&mut companions.unknown, &child, 1)?;
                    }
                }
            }
        }
    }

    /// The resources in a wrapper: `contained`, or the content of an entry. The schema wants exactly one.
    pub(super) fn contained(&mut self, resources: &mut Vec<Resource>, wrapper: &Element<'t>) -> Result<()> {
        let before = resources.len();
        if !wrapper.tag.is_empty {
            loop {
                match self.token()? {
                    Token::Start(tag) => {
                        let element = self.open(tag, wrapper.scope)?;
                        if resources.len() > before {
                            let found = "another one";
                            self.report.find(
                                (ERROR, Rule::Contained),
                                "",
                                tag.offset,
                                "one resource",
                                found,
                            )?;
                        }
                        resources.push(self.resource(&element)?);
                    }
                    Token::End => break,
                    Token::Text(text) if text.trim_matches(is_xml_space).is_empty() => {}
                    Token::Text(_) => {
                        self.report.find(
                            (ERROR, Rule::StrayText),
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
            self.report.find((ERROR, Rule::Contained), "", wrapper.tag.offset, "one resource", "none")?;
        }
        Ok(())
    }

    /// Keeps an element as unknown.
    pub(super) fn keep(&mut self, unknown: &mut Unknown, element: &Element<'t>, after: usize) -> Result<()> {
        self.report.charge(size_of::<UnknownNode>(), element.tag.offset)?;
        let content = UnknownContent::XmlElement(self.capture(element, Namespace::Fhir)?);
        unknown.push(UnknownNode { name: element.name.to_owned(), content, after });
        Ok(())
    }
}
