//! The weight of a document: the memory that it takes, compared with the least length that it has on one
//! line.
//!
//! Whether a text grows out of proportion depends on the document alone, not on the text it was read from:
//! white space, comments and the wordier format buy no memory. So a document that was accepted once is
//! accepted again after it was written in either format, under the same limits. Both numbers are therefore
//! counted in one place, here. The readers charge the same costs as they go, to stop early.

use crate::document::Content;
use crate::format::LEAST_MARKUP;
use crate::primitives::{AnyPrimitive, AnyPrimitiveList, COMPANIONS_COST, ScalarKind, is_xml_space};
use crate::resource::{self, AnyResource, ResourceList};
use crate::structure::{FieldSchema, FieldSet, Shape, Structure, StructureList, TypeSchema, Walker};
use crate::unknown::{AtomPart, UnknownContent, UnknownNode, UnknownResource, ValueCount};
use crate::xhtml::Xhtml;

/// `"resourceType":""` and the braces around it; in XML a namespace declaration is longer.
const RESOURCE_TEXT: usize = 19;

/// The most that an item of a list of structures takes, in a list that doubles, with an unknown attribute.
pub const STRUCTURE_COST: usize = 2 * 1_536;

/// The same for primitives.
const PRIMITIVE_COST: usize = 2 * 64 + COMPANIONS_COST;

/// The most that an unknown name counts: a name that XML cannot have becomes `member`.
const NAME: usize = "member".len();

/// The two sides of a document's weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Bytes of memory beside what the texts themselves take.
    pub memory: usize,
    /// Bytes of text that both formats need at least.
    pub text: usize,
    /// Bytes that the largest list takes beside itself while it moves to its place.
    moving: usize,
    /// The fields of the structure that is being walked.
    present: FieldSet,
    /// The memory of the largest of its lists.
    largest: usize,
    /// How many bytes of memory a byte of text may take.
    expansion: usize,
}

impl Weight {
    /// The weight of a document of which each byte of text may take `expansion` bytes of memory.
    pub fn of(content: Content<'_>, expansion: usize) -> Self {
        let mut weight = Self { expansion, ..Self::default() };
        match content {
            Content::Bundle { bundle, .. } => {
                weight.text += RESOURCE_TEXT + "Bundle".len();
                weight.structure_content(bundle);
            }
            Content::Resource(resource) => weight.any_resource(resource),
        }
        weight
    }

    /// The memory beyond what the text allows.
    pub fn excess(self) -> usize {
        (self.memory + self.moving).saturating_sub(self.text.saturating_mul(self.expansion))
    }

    fn any_resource(&mut self, resource: &dyn AnyResource) {
        self.memory += resource::COST;
        self.text += RESOURCE_TEXT + resource.type_name().len();
        if let Some(structure) = resource.content() {
            self.memory += size_of_val(structure);
            self.structure_content(structure);
        } else if let Some(unknown) = resource.source() {
            self.memory += UnknownResource::COST;
            self.text += content_length(&unknown.content, usize::MAX);
        }
    }

    fn structure_content(&mut self, value: &dyn Structure) {
        if let Some(id) = value.id() {
            self.text += "id".len() + LEAST_MARKUP + id.trim_matches(is_xml_space).len();
        }
        let outer = (std::mem::take(&mut self.present), std::mem::take(&mut self.largest));
        value.walk(self);
        for node in value.unknown() {
            self.unknown(node, value.schema());
        }
        (self.present, self.largest) = outer;
    }

    /// The text of an element that JSON leaves out offsets its own memory at most.
    fn absent_in_json(&mut self, value: &dyn AnyPrimitive, length: usize) {
        if let Some(companions) = value.companions() {
            self.memory += COMPANIONS_COST.saturating_sub(length.saturating_mul(self.expansion));
            for node in companions.unknown() {
                self.unknown(node, companions.schema());
            }
        }
    }

    /// The text of unknown content offsets its own memory at most: not all of it goes into the other format.
    fn unknown(&mut self, node: &UnknownNode, schema: &TypeSchema) {
        let memory = match &node.content {
            UnknownContent::JsonMember(raw) => {
                self.node_cost(node.name(), crate::json::count_values(raw), schema)
            }
            UnknownContent::XmlElement(markup) => {
                let count = ValueCount { items: 1, values: crate::xml::count_values(markup) };
                self.node_cost(node.name(), count, schema)
            }
            _ => UnknownNode::COST + node.declared_namespace().map_or(0, str::len),
        };
        let enough = memory / self.expansion.max(1) + 1;
        let around = match node.content {
            // Text, or markup that has its name in it.
            UnknownContent::XmlText(_) => 0,
            UnknownContent::Atom(part, _) if part != AtomPart::Attribute => 0,
            _ => LEAST_MARKUP + node.name().len().min(NAME),
        };
        let length = around + content_length(&node.content, enough);
        self.memory += memory.saturating_sub(length.saturating_mul(self.expansion));
    }

    /// The memory of unknown content. In XML, a member becomes one element per item of its array. An element
    /// or member with the name of a field, but not its shape or place, may come back from the other format as
    /// that field.
    fn node_cost(&mut self, name: &str, count: ValueCount, schema: &TypeSchema) -> usize {
        let field = schema.find(name, 0).map(|index| &schema.fields[index]);
        // In Atom, an element of a known name is kept as a whole, and its attributes are kept once more. The
        // id of a feed is an element.
        let is_atom = schema.has_uri_as_id && (field.is_some() || name == "id");
        let nodes = UnknownNode::COST * count.items.max(1) * if is_atom { 3 } else { 1 };
        let Some(field) = field else { return nodes };
        if !self.present.insert(field.group()) && !field.repeats {
            return nodes;
        }
        // A list that gets one more item may double, and moves.
        let growth = if field.repeats { 2 * self.largest } else { 0 };
        let items = match field.shape {
            Shape::Structure | Shape::Unextended | Shape::Resource => {
                nodes.max(count.values * STRUCTURE_COST)
            }
            _ => nodes + count.items * PRIMITIVE_COST + count.values * UnknownNode::COST,
        };
        items + growth
    }

    fn list(&mut self, items: usize, size: usize) {
        let cost = list_cost(items, size);
        self.memory += cost;
        self.largest = self.largest.max(cost);
        if items > 1 {
            self.moving = self.moving.max(cost / 2);
        }
    }

    /// The name of an element, and the least that stands around its value.
    fn name(&mut self, field: &FieldSchema) {
        self.text += field.name.len() + LEAST_MARKUP;
    }

    fn companions(&mut self, value: &dyn AnyPrimitive) {
        if let Some(companions) = value.companions() {
            self.memory += COMPANIONS_COST;
            self.structure_content(companions);
        }
    }

    fn value(&mut self, value: &dyn AnyPrimitive) {
        match value.kind() {
            // How a number is written depends on the format.
            kind if kind.is_number() || kind == ScalarKind::Boolean => self.text += 1,
            // JSON leaves out its white space.
            ScalarKind::Base64Binary => {
                let text = value.wire_text().unwrap_or_default();
                self.text += text.bytes().filter(|byte| !is_xml_space(char::from(*byte))).count();
            }
            _ => self.text += value.wire_text().map_or(0, |text| text.len()),
        }
    }
}

/// The memory of a list: it doubles when it is full.
pub fn list_cost(items: usize, size: usize) -> usize {
    if items == 0 { 0 } else { items.next_power_of_two() * size }
}

impl Walker for Weight {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if value.is_absent_in_json() {
            return self.absent_in_json(value, field.name.len() + LEAST_MARKUP);
        }
        self.present.insert(field.group());
        self.name(field);
        self.value(value);
        self.companions(value);
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        self.present.insert(field.group());
        self.list(values.len(), values.item_size());
        let mut name = field.name.len();
        for index in 0..values.len() {
            let value = values.get(index);
            if value.is_absent_in_json() {
                self.absent_in_json(value, LEAST_MARKUP);
                continue;
            }
            self.text += std::mem::take(&mut name) + LEAST_MARKUP;
            self.value(value);
            self.companions(value);
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.present.insert(field.group());
        self.name(field);
        self.structure_content(value);
    }

    fn boxed(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.memory += size_of_val(value);
        self.structure(field, value);
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        self.present.insert(field.group());
        self.text += field.name.len();
        for index in 0..values.len() {
            let value = values.get(index);
            if index == 0 {
                self.list(values.len(), size_of_val(value));
            }
            self.text += LEAST_MARKUP;
            self.structure_content(value);
        }
    }

    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource) {
        self.present.insert(field.group());
        self.name(field);
        self.any_resource(value);
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        self.present.insert(field.group());
        self.text += field.name.len();
        for resource in (0..values.len()).filter_map(|index| values.get(index)) {
            self.any_resource(resource);
        }
    }

    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml) {
        self.present.insert(field.group());
        self.name(field);
        self.text += narrative_length(value.as_str());
    }

    fn attribute(&mut self, field: &'static FieldSchema, value: &str) {
        self.present.insert(field.group());
        self.name(field);
        self.text += value.len();
    }
}

/// The length of a narrative, each reference counted as one byte: JSON may have `&nbsp;` where XML has the
/// character.
fn narrative_length(markup: &str) -> usize {
    let mut rest = markup.trim_matches(is_xml_space);
    let mut length = 0;
    while let Some((plain, reference)) = rest.split_once('&') {
        length += plain.len() + 1;
        rest = reference.split_once(';').map_or("", |(_, behind)| behind);
    }
    length + rest.len()
}

/// The length of the values in unknown content, which is the same in both formats. Counting stops at
/// `enough`.
fn content_length(content: &UnknownContent, enough: usize) -> usize {
    match content {
        UnknownContent::XmlElement(markup) => crate::xml::values_length(markup, enough),
        UnknownContent::JsonMember(raw) => crate::json::values_length(raw, enough),
        UnknownContent::XmlAttribute { value: text, .. }
        | UnknownContent::XmlText(text)
        | UnknownContent::Atom(_, text) => text.len(),
    }
}
