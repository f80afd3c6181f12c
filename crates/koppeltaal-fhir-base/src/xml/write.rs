//! From the model to XML: one walk over each structure, elements in schema order. Feeds are written in
//! `write_feed`.

use std::collections::VecDeque;

use super::fragment;
use super::text::{escape_attribute, escape_text};
use crate::error::WriteError;
use crate::findings::path_text;
use crate::limits::Limits;
use crate::primitives::{AnyCompanions, AnyPrimitive, AnyPrimitiveList, ScalarKind, decimal_to_xml};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::{FieldSchema, Shape, Structure, StructureList, Walker};
use crate::unknown::{AtomPart, Unknown, UnknownContent, UnknownNode};
use crate::xhtml::Xhtml;

/// Writes a resource. `indent` spaces per level; 0 for none, and no line breaks.
pub fn write(resource: &dyn AnyResource, indent: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let mut writer = Writer::new(indent, out);
    writer.any_resource(resource);
    writer.finish()
}

pub struct Writer<'a> {
    pub out: &'a mut Vec<u8>,
    indent: usize,
    /// Whether a decimal is written without an exponent, which DSTU1's XML does not have.
    pub expands_exponents: bool,
    pub level: usize,
    /// Whether a start tag is still open: attributes may follow, and content must close it first.
    in_tag: bool,
    /// Where the last start tag begins.
    tag_start: usize,
    /// Whether it has attributes that the type does not know. An application can have put them anywhere.
    has_unknown: bool,
    /// Whether the open element holds text, which a line break would become part of.
    in_text: bool,
    failure: Option<WriteError>,
    /// Unknown nodes of the structure that is being walked, still to be written.
    unknown: VecDeque<UnknownNode>,
    pub path: Vec<(&'static str, Option<usize>)>,
}

impl<'a> Writer<'a> {
    /// A writer that adds to `out`.
    pub fn new(indent: usize, out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            indent,
            expands_exponents: false,
            level: 0,
            in_tag: false,
            tag_start: 0,
            has_unknown: false,
            in_text: false,
            failure: None,
            unknown: VecDeque::new(),
            path: Vec::new(),
        }
    }

    /// Fails if anything could not be written.
    pub fn finish(self) -> Result<(), WriteError> {
        self.failure.map_or(Ok(()), Err)
    }
}

impl Writer<'_> {
    #[cold]
    pub fn fail(&mut self, failure: impl FnOnce(String) -> WriteError) {
        if self.failure.is_none() {
            self.failure = Some(failure(path_text(&self.path, "")));
        }
    }

    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub fn break_line(&mut self) {
        if self.indent > 0 && !self.out.is_empty() {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + self.indent * self.level, b' ');
        }
    }

    /// Closes an open start tag: content follows.
    #[inline]
    pub fn content(&mut self) {
        if std::mem::take(&mut self.in_tag) {
            self.check_tag();
            self.out.push(b'>');
        }
    }

    /// Fails if unknown attributes make the open start tag ill-formed.
    #[inline]
    fn check_tag(&mut self) {
        if self.has_unknown {
            self.check_unknown_attributes();
        }
    }

    #[cold]
    fn check_unknown_attributes(&mut self) {
        self.has_unknown = false;
        let tag = String::from_utf8_lossy(&self.out[self.tag_start..]);
        if let Err(problem) = fragment::check_tag(&tag) {
            self.fail(|path| WriteError::Attribute { path, problem });
        }
    }

    /// `<name`, ready for attributes.
    #[inline]
    pub fn open(&mut self, name: &str) {
        self.content();
        self.break_line();
        self.tag_start = self.out.len();
        self.out.push(b'<');
        self.raw(name);
        self.in_tag = true;
        self.level += 1;
    }

    /// `/>` or `</name>`.
    #[inline]
    pub fn close(&mut self, name: &str) {
        self.level -= 1;
        if std::mem::take(&mut self.in_tag) {
            self.check_tag();
            self.raw("/>");
            return;
        }
        if !std::mem::take(&mut self.in_text) {
            self.break_line();
        }
        self.end_tag(name);
    }

    pub fn end_tag(&mut self, name: &str) {
        self.raw("</");
        self.raw(name);
        self.out.push(b'>');
    }

    #[inline]
    pub fn attribute_value(&mut self, name: &str, value: &str) {
        self.out.push(b' ');
        self.raw(name);
        self.raw("=\"");
        self.quoted(value);
    }

    /// The value of an attribute, behind its opening quote.
    #[inline]
    fn quoted(&mut self, value: &str) {
        if let Err(character) = escape_attribute(self.out, value) {
            self.fail(|path| WriteError::Character { path, character });
        }
        self.out.push(b'"');
    }

    pub fn any_resource(&mut self, resource: &dyn AnyResource) {
        if let Some(structure) = resource.content() {
            let name = resource.type_name();
            self.open(name);
            self.raw(" xmlns=\"http://hl7.org/fhir\"");
            self.structure_content(structure);
            self.close(name);
        } else if let Some(unknown) = resource.source() {
            match &unknown.content {
                UnknownContent::XmlElement(markup) => self.markup(markup),
                _ => self.fail(|path| WriteError::UnknownResource {
                    path,
                    resource_type: unknown.resource_type.clone(),
                }),
            }
        }
    }

    /// Markup as it is, on a line of its own.
    pub fn markup(&mut self, markup: &str) {
        self.content();
        self.break_line();
        self.raw(markup);
    }

    /// Id, attributes and elements of a structure whose start tag is open.
    fn structure_content(&mut self, value: &dyn Structure) {
        if let Some(id) = value.id() {
            self.attribute_value("id", id);
        }
        if value.unknown().is_empty() && self.unknown.is_empty() {
            value.walk(self);
            return;
        }
        // Rare: unknown elements are written where they stood. Those of an outer structure wait.
        self.unknown_attributes(value.unknown());
        let nodes = value
            .unknown()
            .iter()
            .filter(|node| !matches!(node.content, UnknownContent::XmlAttribute { .. }));
        let outer = std::mem::replace(&mut self.unknown, nodes.cloned().collect());
        value.walk(self);
        self.unknown_before(usize::MAX);
        self.unknown = outer;
    }

    pub fn unknown_attributes(&mut self, unknown: &Unknown) {
        let mut declared: Vec<&str> = Vec::new();
        for node in unknown {
            if let UnknownContent::Atom(AtomPart::Attribute, value) = &node.content {
                self.attribute_value(&node.name, value);
                self.has_unknown = true;
            }
            if let UnknownContent::XmlAttribute { value, namespace } = &node.content {
                if let Some(namespace) = namespace
                    && let Some((prefix, _)) = node.name.split_once(':')
                    && !declared.contains(&prefix)
                {
                    declared.push(prefix);
                    self.attribute_value(&format!("xmlns:{prefix}"), namespace);
                }
                self.attribute_value(&node.name, value);
                self.has_unknown = true;
            }
        }
    }

    fn unknown_before(&mut self, index: usize) {
        while let Some(node) = self.unknown.pop_front_if(|node| node.after <= index) {
            self.unknown_node(&node);
        }
    }

    #[cold]
    pub fn unknown_node(&mut self, node: &UnknownNode) {
        match &node.content {
            UnknownContent::XmlElement(markup) => self.markup(markup),
            UnknownContent::XmlText(text) => {
                self.content();
                if let Err(character) = escape_text(self.out, text) {
                    self.fail(|path| WriteError::Character { path, character });
                }
            }
            UnknownContent::Atom(AtomPart::More, markup) => self.markup(markup),
            // Attributes are written in the start tag, the others where their field would be.
            UnknownContent::XmlAttribute { .. } | UnknownContent::Atom(..) => {}
            UnknownContent::JsonMember(raw) => match crate::unknown::member_to_xml(&node.name, raw) {
                Ok(markup) => self.markup(&markup),
                Err(character) => self.fail(|path| WriteError::Character { path, character }),
            },
        }
    }

    #[inline]
    fn before(&mut self, field: &FieldSchema) {
        if !self.unknown.is_empty() {
            self.unknown_before(usize::from(field.index));
        }
    }

    #[inline]
    fn element(&mut self, field: &'static FieldSchema, index: Option<usize>, value: &dyn Structure) {
        self.path.push((field.name, index));
        self.open(field.name);
        self.structure_content(value);
        self.close(field.name);
        self.path.pop();
    }

    #[inline]
    fn primitive_element(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if value.is_absent() {
            return;
        }
        self.open(field.name);
        let companions = value.companions().filter(|companions| !companions.is_bare());
        if let Some(id) = companions.and_then(|companions| companions.id()) {
            self.attribute_value("id", id);
        }
        if let Some(text) = value.wire_text() {
            let text = if self.expands_exponents && value.kind() == ScalarKind::Decimal {
                decimal_to_xml(&text).into_owned().into()
            } else {
                text
            };
            // Nearly all attributes of FHIR: written in one piece.
            self.raw(" value=\"");
            self.quoted(&text);
        }
        if let Some(companions) = companions {
            self.companions(field, companions);
        }
        self.close(field.name);
    }

    fn companions(&mut self, field: &'static FieldSchema, companions: &dyn AnyCompanions) {
        self.path.push((field.name, None));
        self.unknown_attributes(companions.unknown());
        companions.walk(self);
        for node in companions.unknown() {
            self.unknown_node(node);
        }
        self.path.pop();
    }

    fn wrapped_resource(
        &mut self,
        field: &'static FieldSchema,
        index: Option<usize>,
        resource: &dyn AnyResource,
    ) {
        self.path.push((field.name, index));
        self.open(field.name);
        self.any_resource(resource);
        self.close(field.name);
        self.path.pop();
    }

    /// Writes a narrative: as it is if it came from XML, otherwise made XML first.
    pub fn narrative(&mut self, name: &'static str, value: &Xhtml) {
        if value.is_xml() {
            self.markup(value.as_str());
            return;
        }
        match crate::markup::narrative(value.as_str(), Limits::default()) {
            Ok(narrative) => self.markup(&narrative.markup),
            Err(refusal) => {
                let problem = refusal.into_problem();
                self.path.push((name, None));
                self.fail(|path| WriteError::Narrative { path, problem });
                self.path.pop();
            }
        }
    }
}

impl Walker for Writer<'_> {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if field.shape == Shape::Text {
            self.content();
            self.in_text = true;
            if let Err(character) = escape_text(self.out, &value.wire_text().unwrap_or_default()) {
                self.fail(|path| WriteError::Character { path, character });
            }
            return;
        }
        self.before(field);
        self.primitive_element(field, value);
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        self.before(field);
        for index in 0..values.len() {
            self.primitive_element(field, values.get(index));
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.before(field);
        self.element(field, None, value);
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        self.before(field);
        for index in 0..values.len() {
            self.element(field, Some(index), values.get(index));
        }
    }

    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource) {
        self.before(field);
        self.wrapped_resource(field, None, value);
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        self.before(field);
        for index in 0..values.len() {
            if let Some(resource) = values.get(index) {
                self.wrapped_resource(field, Some(index), resource);
            }
        }
    }

    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml) {
        self.before(field);
        self.narrative(field.name, value);
    }

    fn attribute(&mut self, field: &'static FieldSchema, value: &str) {
        // The table has attributes first, so the start tag is still open.
        self.attribute_value(field.name, value);
    }
}
