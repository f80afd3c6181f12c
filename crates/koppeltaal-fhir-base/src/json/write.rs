//! From the model to JSON: one walk over each structure, members in schema order.

use std::collections::VecDeque;

use super::text::write_string;
use crate::document::Content;
use crate::error::WriteError;
use crate::member;
use crate::primitives::{
    AnyCompanions, AnyPrimitive, AnyPrimitiveList, ScalarKind, decimal_to_json, is_xml_space,
};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::{FieldSchema, Structure, StructureList, Walker};
use crate::unknown::{AtomPart, Unknown, UnknownContent, UnknownNode, UnknownResource};
use crate::xhtml::Xhtml;

/// Writes a resource. `indent` spaces per level; 0 for none, and no line breaks.
pub fn write(content: Content<'_>, indent: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    write_with(false, content, indent, out)
}

/// Writes a resource or a bundle of DSTU1, base64 without white space: that is for lines of XML, and both
/// reference implementations leave it out of JSON.
pub fn write_legacy(content: Content<'_>, indent: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    write_with(true, content, indent, out)
}

fn write_with(
    leaves_out_space: bool,
    content: Content<'_>,
    indent: usize,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let mut writer = Writer {
        leaves_out_space,
        out,
        indent,
        level: 0,
        first: true,
        failure: None,
        unknown: VecDeque::new(),
        path: Vec::new(),
    };
    match content {
        Content::Bundle { bundle, .. } => writer.object(Some("Bundle"), bundle),
        Content::Resource(resource) => writer.any_resource(resource),
    }
    writer.failure.map_or(Ok(()), Err)
}

struct Writer<'a> {
    /// Whether base64 is written without its white space.
    leaves_out_space: bool,
    out: &'a mut Vec<u8>,
    indent: usize,
    level: usize,
    /// Whether the next member is the first of its object.
    first: bool,
    failure: Option<WriteError>,
    /// Unknown nodes of the structure that is being walked, still to be written.
    unknown: VecDeque<UnknownNode>,
    path: Vec<(&'static str, Option<usize>)>,
}

impl Writer<'_> {
    fn break_line(&mut self) {
        if self.indent > 0 {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + self.indent * self.level, b' ');
        }
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.level += 1;
        self.first = true;
    }

    fn close(&mut self, bracket: u8) {
        self.level -= 1;
        if !self.first {
            self.break_line();
        }
        self.out.push(bracket);
        self.first = false;
    }

    /// The comma before a member or an item, if one is needed.
    #[inline]
    fn separate(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.break_line();
    }

    /// The name of a field's member; names of the standard need no escapes.
    #[inline]
    fn name(&mut self, field: &FieldSchema) {
        self.member(field.member);
    }

    /// The name of the member beside it, which holds ids and extensions.
    fn companion_name(&mut self, field: &FieldSchema) {
        self.member(&format!("\"_{}", &field.member[1..]));
    }

    /// `member` is a name in quotes, with its colon.
    #[inline]
    fn member(&mut self, member: &str) {
        self.separate();
        self.out.extend_from_slice(member.as_bytes());
        if self.indent > 0 {
            self.out.push(b' ');
        }
    }

    fn object(&mut self, resource_type: Option<&str>, value: &dyn Structure) {
        self.open(b'{');
        if let Some(resource_type) = resource_type {
            self.member(member!("resourceType"));
            write_string(self.out, resource_type);
        }
        if let Some(id) = value.id() {
            self.member(member!("id"));
            write_string(self.out, id);
        }
        if value.unknown().is_empty() && self.unknown.is_empty() {
            value.walk(self);
        } else {
            // Rare: unknown members are written where they stood. Those of an outer structure wait.
            let outer = std::mem::replace(&mut self.unknown, value.unknown().iter().cloned().collect());
            value.walk(self);
            self.unknown_before(usize::MAX);
            self.unknown = outer;
            self.atom_parts(value.unknown());
        }
        self.close(b'}');
    }

    /// What only Atom has: an array of strings, each with a mark in front that tells what it is.
    fn atom_parts(&mut self, unknown: &Unknown) {
        let mut parts = Vec::new();
        for node in unknown {
            if let UnknownContent::Atom(part, source) = &node.content {
                parts.push(match part {
                    AtomPart::Attribute => format!("{}{}={source}", part.mark(), node.name),
                    _ => format!("{}{source}", part.mark()),
                });
            }
        }
        if parts.is_empty() {
            return;
        }
        self.member(member!("_atom"));
        self.open(b'[');
        for part in parts {
            self.separate();
            write_string(self.out, &part);
        }
        self.close(b']');
    }

    fn unknown_before(&mut self, index: usize) {
        while let Some(node) = self.unknown.pop_front_if(|node| node.after <= index) {
            self.unknown_node(&node);
        }
    }

    #[cold]
    fn unknown_node(&mut self, node: &UnknownNode) {
        match &node.content {
            UnknownContent::JsonMember(raw) => {
                self.separate();
                write_string(self.out, &node.name);
                self.out.push(b':');
                self.out.extend_from_slice(raw.as_bytes());
            }
            UnknownContent::XmlElement(markup) => {
                self.separate();
                write_string(self.out, &node.name);
                self.out.push(b':');
                self.out.extend_from_slice(crate::unknown::element_to_json(markup).as_bytes());
            }
            // JSON has no place for foreign attributes and stray text; the read reported them.
            _ => {}
        }
    }

    fn any_resource(&mut self, resource: &dyn AnyResource) {
        if let Some(structure) = resource.content() {
            self.object(Some(resource.type_name()), structure);
        } else if let Some(unknown) = resource.source() {
            self.unknown_resource(unknown);
        }
    }

    fn unknown_resource(&mut self, unknown: &UnknownResource) {
        if let UnknownContent::JsonMember(raw) = &unknown.content {
            self.out.extend_from_slice(raw.as_bytes());
            return;
        }
        self.out.extend_from_slice(b"null");
        let failure = WriteError::UnknownResource {
            path: crate::findings::path_text(&self.path, ""),
            resource_type: unknown.resource_type.clone(),
        };
        self.failure.get_or_insert(failure);
    }

    fn value(&mut self, value: &dyn AnyPrimitive) {
        match value.kind() {
            ScalarKind::Boolean | ScalarKind::Integer | ScalarKind::UnsignedInt | ScalarKind::PositiveInt => {
                match value.canonical_text() {
                    Some(text) => self.out.extend_from_slice(text.as_bytes()),
                    // Text that is no number stays text; whoever reads it reports it again.
                    None => write_string(self.out, &value.wire_text().unwrap_or_default()),
                }
            }
            ScalarKind::Decimal => {
                let text = value.wire_text().unwrap_or_default();
                match decimal_to_json(&text) {
                    Some(number) => self.out.extend_from_slice(number.as_bytes()),
                    None => write_string(self.out, &text),
                }
            }
            ScalarKind::Base64Binary if self.leaves_out_space => {
                let text = value.wire_text().unwrap_or_default();
                let blanks = text.contains(is_xml_space).then(|| text.replace(is_xml_space, ""));
                write_string(self.out, blanks.as_deref().unwrap_or(&text));
            }
            _ => write_string(self.out, &value.wire_text().unwrap_or_default()),
        }
    }

    fn companions(&mut self, companions: &dyn AnyCompanions) {
        self.object(None, companions);
    }

    /// Items of an array of objects or resources.
    fn array(&mut self, field: &'static FieldSchema, count: usize, mut item: impl FnMut(&mut Self, usize)) {
        self.name(field);
        self.open(b'[');
        for index in 0..count {
            self.separate();
            self.path.push((field.name, Some(index)));
            item(self, index);
            self.path.pop();
            self.first = false;
        }
        self.close(b']');
    }
}

impl Walker for Writer<'_> {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        self.before(field);
        let companions = value.companions();
        let has_value = companions.is_none() || value.wire_text().is_some();
        if has_value {
            self.name(field);
            self.value(value);
        }
        match companions.filter(|companions| companions.is_json()) {
            Some(companions) => {
                self.companion_name(field);
                self.companions(companions);
            }
            // An empty element of XML says nothing. Where the standard wants an element, it still has to be
            // there.
            None if !has_value && field.mandatory => {
                self.companion_name(field);
                self.out.extend_from_slice(b"{}");
            }
            None => {}
        }
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        self.before(field);
        let items = || (0..values.len()).map(|index| values.get(index));
        let mut has_values = false;
        let mut has_companions = false;
        for value in items() {
            has_values |= has_value(value);
            has_companions |= companions_of(value).is_some();
        }
        // Values that say nothing in JSON are left out, unless the list has no others.
        let is_empty = !has_values && !has_companions;
        let shown = || items().filter(|value| is_empty || !value.is_absent_in_json());
        if has_values {
            self.name(field);
            self.open(b'[');
            for value in shown() {
                self.separate();
                if has_value(value) {
                    self.value(value);
                } else {
                    self.out.extend_from_slice(b"null");
                }
            }
            self.close(b']');
        }
        if has_companions || is_empty && field.mandatory && values.len() > 0 {
            self.companion_name(field);
            self.open(b'[');
            for value in shown() {
                self.separate();
                match companions_of(value) {
                    Some(companions) => self.companions(companions),
                    None if is_empty => self.out.extend_from_slice(b"{}"),
                    None => self.out.extend_from_slice(b"null"),
                }
                self.first = false;
            }
            self.close(b']');
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.before(field);
        self.name(field);
        self.path.push((field.name, None));
        self.object(None, value);
        self.path.pop();
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        self.before(field);
        self.array(field, values.len(), |writer, index| writer.object(None, values.get(index)));
    }

    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource) {
        self.before(field);
        self.name(field);
        self.path.push((field.name, None));
        self.any_resource(value);
        self.path.pop();
        self.first = false;
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        self.before(field);
        self.array(field, values.len(), |writer, index| {
            if let Some(resource) = values.get(index) {
                writer.any_resource(resource);
            }
        });
    }

    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml) {
        self.before(field);
        self.name(field);
        write_string(self.out, value.as_str());
    }

    fn attribute(&mut self, field: &'static FieldSchema, value: &str) {
        self.before(field);
        self.name(field);
        write_string(self.out, value);
    }
}

impl Writer<'_> {
    #[inline]
    fn before(&mut self, field: &FieldSchema) {
        if !self.unknown.is_empty() {
            self.unknown_before(usize::from(field.index));
        }
    }
}

/// Whether there is a value to write. Text is only asked for where it may be missing.
fn has_value(value: &dyn AnyPrimitive) -> bool {
    match value.companions() {
        None => !value.is_absent(),
        Some(_) => value.wire_text().is_some(),
    }
}

/// The ids and extensions to write.
fn companions_of(value: &dyn AnyPrimitive) -> Option<&dyn AnyCompanions> {
    value.companions().filter(|companions| companions.is_json())
}
