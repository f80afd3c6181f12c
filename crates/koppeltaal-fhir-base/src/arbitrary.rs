//! Arbitrary values of every type, for property tests: the schema tables say what there is to fill.

mod split_mix;

use std::borrow::Cow;

pub use split_mix::SplitMix64;

use crate::model::Model;
use crate::primitives::{AnyPrimitive, AnyPrimitiveList, ScalarKind};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::{FieldSchema, Shape, Slot, Structure, StructureList, Walker};
use crate::xhtml::Xhtml;

impl SplitMix64 {
    fn pick(&mut self, texts: &[&'static str]) -> &'static str {
        texts[self.below(texts.len())]
    }
}

fn text(kind: ScalarKind, random: &mut SplitMix64) -> &'static str {
    match kind {
        ScalarKind::Boolean => random.pick(&["true", "false"]),
        ScalarKind::Integer => random.pick(&["0", "-1", "2147483647", "-2147483648"]),
        ScalarKind::UnsignedInt => random.pick(&["0", "2147483647"]),
        ScalarKind::PositiveInt => random.pick(&["1", "2147483647"]),
        ScalarKind::Time => random.pick(&["12:30:00", "23:59:59.5"]),
        ScalarKind::Decimal => random.pick(&["0", "1.00", "-0.0", "0.000001", "12345678901234567890.5"]),
        ScalarKind::String => random.pick(&[
            "a",
            " leading",
            "line\nbreak\ttab\rreturn",
            "<&>\"'",
            "één ünïcödé 😀",
            "\u{FEFF}mark",
            "]]>",
            "\\u0041",
            "{}",
        ]),
        ScalarKind::Uri | ScalarKind::Url | ScalarKind::Canonical => {
            random.pick(&["http://x.example/a?b=c&d", "urn:x", "#a", "a b"])
        }
        ScalarKind::Code | ScalarKind::ListedCode => random.pick(&["male", "in progress", "<=", "unlisted"]),
        ScalarKind::Id | ScalarKind::LongId => random.pick(&["a", "a-1.b"]),
        ScalarKind::Oid => random.pick(&["urn:oid:1.2.3"]),
        ScalarKind::Uuid => random.pick(&["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"]),
        ScalarKind::Date => random.pick(&["1970", "1970-03", "1970-03-30"]),
        ScalarKind::DateTime => {
            random.pick(&["1970", "1970-03-30T12:00:00", "2016-07-15T14:32:49.4946374+02:00"])
        }
        ScalarKind::Instant => random.pick(&["2016-07-15T14:32:49.000-00:00", "2016-07-15T14:32:49Z"]),
        ScalarKind::Base64Binary => random.pick(&["QUJD", "QQ=="]),
    }
}

fn fill_primitive(
    model: &'static Model,
    value: &mut dyn AnyPrimitive,
    random: &mut SplitMix64,
    depth: usize,
) {
    let with_value = random.below(5) > 0;
    if with_value {
        value.set(Cow::Borrowed(text(value.kind(), random)));
    }
    if !with_value || random.below(8) == 0 {
        let companions = value.companions_mut();
        companions.set_id("p1".to_owned());
        if depth > 0 && random.below(2) == 0 {
            fill(model, companions, random, depth - 1);
        }
    }
}

/// Fills some fields of a structure, at most `depth` levels deep.
fn fill(model: &'static Model, structure: &mut dyn Structure, random: &mut SplitMix64, depth: usize) {
    let schema = structure.schema();
    if random.below(6) == 0 {
        structure.set_id("e1".to_owned());
    }
    let mut choice_made = None;
    for field in schema.fields {
        // Large types would grow beyond all bounds if every field were likely.
        let chosen = field.mandatory || random.below(schema.fields.len().max(4)) < 4;
        if !chosen || (field.choice.is_some() && field.choice == choice_made) {
            continue;
        }
        choice_made = field.choice;
        let several = if field.repeats { 1 + random.below(2) } else { 1 };
        match structure.slot(usize::from(field.index)) {
            // The text of an element has no room for an id or extensions.
            Slot::Primitive(value) if field.shape == Shape::Text => {
                value.set(Cow::Borrowed(text(value.kind(), random)));
            }
            Slot::Primitive(value) => fill_primitive(model, value, random, depth),
            Slot::Primitives(values) => {
                (0..several).for_each(|index| fill_primitive(model, values.at(index), random, depth));
            }
            Slot::Structure(value) | Slot::Boxed(value) if depth > 0 => fill(model, value, random, depth - 1),
            Slot::Structure(_) | Slot::Boxed(_) => {}
            Slot::Structures(values) if depth > 0 => {
                (0..several).for_each(|_| fill(model, values.push(), random, depth - 1));
            }
            Slot::Structures(_) => {}
            Slot::Resource(value) => {
                if let Some(depth) = depth.checked_sub(1) {
                    resource(model, value, random, depth);
                }
            }
            Slot::Resources(values) if depth > 1 => resource(model, values, random, depth - 2),
            Slot::Resources(_) => {}
            Slot::Xhtml(value) => *value = Xhtml::from_text("tekst <b> & meer"),
            Slot::Attribute(value) => *value = "http://x.example/\"url\" & more".to_owned(),
            Slot::None => unreachable!("the schema has an index that the type does not"),
        }
    }
}

/// Adds a resource of any type of the model.
fn resource(model: &'static Model, list: &mut dyn ResourceList, random: &mut SplitMix64, depth: usize) {
    let names = model.resource_types;
    loop {
        if let Some(structure) = list.push(names[random.below(names.len())]) {
            return fill(model, structure, random, depth);
        }
    }
}

/// Puts any resource of a model into `list`, filled to a depth of four. The same seed gives the same
/// resource.
pub fn fill_resource(model: &'static Model, list: &mut dyn ResourceList, seed: u64) {
    resource(model, list, &mut SplitMix64(seed), 4);
}

/// Fills a resource of a model to a depth of four. The same seed gives the same values.
pub fn fill_structure(model: &'static Model, structure: &mut dyn Structure, seed: u64) {
    fill(model, structure, &mut SplitMix64(seed), 4);
}

/// The size of the largest structure inside a structure, without that of resources inside.
pub fn largest_structure(structure: &dyn Structure) -> usize {
    let mut largest = Largest(0);
    structure.walk(&mut largest);
    largest.0
}

struct Largest(usize);
impl Walker for Largest {
    fn primitive(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitive) {}
    fn primitives(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitiveList) {}
    fn structure(&mut self, _: &'static FieldSchema, value: &dyn Structure) {
        self.0 = self.0.max(size_of_val(value));
        value.walk(self);
    }
    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        (0..values.len()).for_each(|index| self.structure(field, values.get(index)));
    }
    fn resource(&mut self, _: &'static FieldSchema, _: &dyn AnyResource) {}
    fn resources(&mut self, _: &'static FieldSchema, _: &dyn ResourceList) {}
    fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {}
    fn attribute(&mut self, _: &'static FieldSchema, _: &str) {}
}
