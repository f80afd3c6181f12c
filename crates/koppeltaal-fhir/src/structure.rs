//! The one description of each type that serves both formats.
//!
//! Generated code gives every type a [`TypeSchema`] and an implementation of [`Structure`]: walk the fields that are
//! present, in schema order, and hand out the slot of a field by its index. Readers, writers and validation are
//! written once, by hand, against these; they use trait objects so that they compile once, in this crate.

mod describe;
mod field_set;

pub(crate) use describe::describe;
pub(crate) use field_set::FieldSet;

use std::any::Any;

use crate::primitive::{AnyPrimitive, AnyPrimitiveList, Primitive, Scalar};
use crate::resource::Resource;
use crate::unknown::Unknown;
use crate::xhtml::Xhtml;

/// The structure of a type: its name in the standard, and its elements in schema order.
pub(crate) struct TypeSchema {
    pub(crate) name: &'static str,
    /// Whether it is a resource: has a `resourceType` in JSON, a name of its own in XML.
    pub(crate) is_resource: bool,
    pub(crate) fields: &'static [FieldSchema],
    /// The mandatory fields; of a mandatory choice its first alternative.
    pub(crate) mandatory: FieldSet,
    /// Whether the id is a URI, as that of a bundle, and not a label inside a resource.
    pub(crate) has_uri_as_id: bool,
    /// For each hash of a name the first field that has it, or [`NO_FIELD`].
    places: [u8; PLACES],
}

/// Size of the hash table of a type's field names: a power of two.
const PLACES: usize = 64;
const NO_FIELD: u8 = u8::MAX;

/// The place of a name's key in [`TypeSchema::places`].
#[inline]
const fn place(key: u32) -> usize {
    // Fibonacci hashing: the upper bits of the product depend on all bits of the key.
    (key.wrapping_mul(0x9E37_79B9) >> (u32::BITS - PLACES.trailing_zeros())) as usize
}

/// The index of the field `extension` in types that have it.
pub(crate) const EXTENSION: usize = 0;

/// One element of a type. A choice has one of these per alternative.
pub(crate) struct FieldSchema {
    pub(crate) name: &'static str,
    /// The name as JSON has it before the value: in quotes, with its colon.
    pub(crate) member: &'static str,
    /// The field's own place in [`TypeSchema::fields`].
    pub(crate) index: u8,
    pub(crate) mandatory: bool,
    pub(crate) repeats: bool,
    /// For an alternative of a choice: the index of the first alternative. Mandatory then speaks of the group.
    pub(crate) choice: Option<u8>,
    pub(crate) shape: Shape,
    /// A few bytes of the name, which tell most names apart at one comparison.
    key: u32,
}

/// Length, first, last and one byte in the middle.
#[inline]
const fn name_key(name: &[u8]) -> u32 {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    u32::from_le_bytes([length as u8, name[0], name[length / 2], name[length - 1]])
}

/// What an element holds, as far as a format cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Primitive,
    /// A restriction of Quantity: a structure without extensions.
    Unextended,
    Structure,
    Resource,
    Xhtml,
    /// An XML attribute (`url` of an extension): a plain string.
    Attribute,
    /// A primitive that is the text of the XML element itself (`content` of Binary).
    Text,
    /// A primitive that the schema wants as text of the XML element, and senders write as `value`.
    IdReference,
    /// A number that .NET, and with it every Koppeltaal server, writes as text in JSON.
    Count,
    /// A primitive that holds the markup of an XML signature.
    Signature,
}

impl Shape {
    /// Whether JSON can have a `_` member beside the value.
    pub(crate) fn has_companions(self) -> bool {
        matches!(self, Self::Primitive | Self::IdReference | Self::Count | Self::Signature)
    }
}

impl TypeSchema {
    /// A resource.
    pub(crate) const fn resource(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self::new(name, true, fields)
    }

    /// A part of a resource: a data type, a component.
    pub(crate) const fn element(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self::new(name, false, fields)
    }

    /// A bundle.
    pub(crate) const fn feed(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { has_uri_as_id: true, ..Self::new(name, true, fields) }
    }

    /// A part of a bundle.
    pub(crate) const fn feed_part(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self { has_uri_as_id: true, ..Self::new(name, false, fields) }
    }

    const fn new(name: &'static str, is_resource: bool, fields: &'static [FieldSchema]) -> Self {
        let mut mandatory = FieldSet(0);
        let mut places = [NO_FIELD; PLACES];
        let mut index = 0;
        while index < fields.len() {
            let field = &fields[index];
            assert!(field.index as usize == index, "a field's index is its place in the list");
            let place = place(field.key);
            if places[place] == NO_FIELD {
                places[place] = index as u8;
            }
            if field.mandatory && field.group() == index {
                mandatory.0 |= 1 << index;
            }
            index += 1;
        }
        Self { name, is_resource, fields, mandatory, has_uri_as_id: false, places }
    }

    /// The mandatory fields that are not in `present`.
    #[inline]
    pub(crate) fn missing(&self, present: FieldSet) -> impl Iterator<Item = &'static FieldSchema> {
        self.fields_in(FieldSet(self.mandatory.0 & !present.0))
    }

    /// The fields that are in a set, in schema order.
    #[inline]
    pub(crate) fn fields_in(
        &self,
        FieldSet(mut left): FieldSet,
    ) -> impl Iterator<Item = &'static FieldSchema> {
        let fields = self.fields;
        std::iter::from_fn(move || {
            let field = fields.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(field)
        })
    }

    /// The index behind the field at `index`, or behind the last alternative of its choice.
    pub(crate) fn end_of_group(&self, index: usize) -> usize {
        let group = self.fields[index].group();
        self.fields.iter().rposition(|field| field.group() == group).map_or(index + 1, |last| last + 1)
    }

    /// The index of the field `name`. `hint` is where it probably is, because both formats mostly keep schema order.
    #[inline]
    pub(crate) fn find(&self, name: &str, hint: usize) -> Option<usize> {
        let key = name_key(name.as_bytes());
        let is_it = |field: &FieldSchema| field.key == key && field.name == name;
        if self.fields.get(hint).is_some_and(is_it) {
            return Some(hint);
        }
        let first = usize::from(self.places[place(key)]);
        if is_it(self.fields.get(first)?) {
            return Some(first);
        }
        // Two names of the type share the place.
        self.fields.iter().position(is_it)
    }
}

/// A value with elements of its own.
pub(crate) trait Structure: Any {
    fn schema(&self) -> &'static TypeSchema;
    fn id(&self) -> Option<&str> {
        None
    }
    /// Drops the id where the type has none: Atom's attributes-only elements. One that turns up in JSON is not worth a field.
    fn set_id(&mut self, _: String) {}
    fn unknown(&self) -> &Unknown;
    fn unknown_mut(&mut self) -> &mut Unknown;
    /// Shows `walker` every field that is present, in schema order.
    fn walk(&self, walker: &mut dyn Walker);
    /// The place where the field at `index` of the schema is to be put. Makes an absent structure.
    fn slot(&mut self, index: usize) -> Slot<'_>;
}

/// What a structure shows of itself: one call per field that is present.
pub(crate) trait Walker {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive);
    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList);
    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure);
    /// The same, for a value in a place of its own.
    fn boxed(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.structure(field, value);
    }
    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList);
    fn resource(&mut self, field: &'static FieldSchema, value: &Resource);
    fn resources(&mut self, field: &'static FieldSchema, values: &[Resource]);
    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml);
    fn attribute(&mut self, field: &'static FieldSchema, value: &str);
}

/// The place of a field, for a reader to fill.
pub(crate) enum Slot<'a> {
    Primitive(&'a mut dyn AnyPrimitive),
    Primitives(&'a mut dyn AnyPrimitiveList),
    Structure(&'a mut dyn Structure),
    /// The same, in a place of its own.
    Boxed(&'a mut dyn Structure),
    Structures(&'a mut dyn StructureList),
    Resource(&'a mut Option<Resource>),
    Resources(&'a mut Vec<Resource>),
    Xhtml(&'a mut Xhtml),
    Attribute(&'a mut String),
    /// An index that the type does not have; readers never ask for one.
    None,
}

/// The values of a repeating structure, of any type.
pub(crate) trait StructureList {
    fn len(&self) -> usize;
    fn get(&self, index: usize) -> &dyn Structure;
    fn push(&mut self) -> &mut dyn Structure;
    /// Removes the last one.
    fn pop(&mut self);
    /// Bytes that the list will grow by for the next value: it doubles when it is full.
    fn growth(&self) -> usize;
    fn get_mut(&mut self, index: usize) -> &mut dyn Structure;
}

impl<T: Structure + Default> StructureList for Vec<T> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn get(&self, index: usize) -> &dyn Structure {
        &self[index]
    }

    fn push(&mut self) -> &mut dyn Structure {
        // Most lists have one or two items; a vector would start with room for four.
        self.reserve_exact(growth(self));
        Vec::push(self, T::default());
        let last = self.len() - 1;
        &mut self[last]
    }

    fn pop(&mut self) {
        Vec::pop(self);
    }

    fn growth(&self) -> usize {
        growth(self) * size_of::<T>()
    }

    fn get_mut(&mut self, index: usize) -> &mut dyn Structure {
        &mut self[index]
    }
}

/// How many more places a list takes for its next item. Most have one or two items; a vector would start with room for four.
pub(crate) fn growth<T>(list: &Vec<T>) -> usize {
    if list.len() == list.capacity() { list.len().max(1) } else { 0 }
}

/// A field of a structure, of any Rust type that fields have.
pub(crate) trait Field {
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker);
    fn slot(&mut self) -> Slot<'_>;
}

impl<T: Scalar> Field for Primitive<T> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_absent() {
            walker.primitive(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Primitive(self)
    }
}

impl<T: Scalar> Field for Vec<Primitive<T>> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_empty() {
            walker.primitives(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Primitives(self)
    }
}

impl<T: Structure + Default> Field for Option<T> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if let Some(value) = self {
            walker.structure(field, value);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Structure(self.get_or_insert_default())
    }
}

impl<T: Structure + Default> Field for Vec<T> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_empty() {
            walker.structures(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Structures(self)
    }
}

/// An alternative of a choice that is a structure.
impl<T: Structure> Field for Box<T> {
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        walker.boxed(field, &**self);
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Boxed(&mut **self)
    }
}

impl Field for Option<Resource> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if let Some(value) = self {
            walker.resource(field, value);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Resource(self)
    }
}

impl Field for Vec<Resource> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_empty() {
            walker.resources(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Resources(self)
    }
}

impl Field for Xhtml {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_empty() {
            walker.xhtml(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Xhtml(self)
    }
}

impl Field for String {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if !self.is_empty() {
            walker.attribute(field, self);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Attribute(self)
    }
}

/// Implements [`Field`] for types that an `Option` holds boxed because they are rarely there. An implementation for any `T`
/// would overlap with that for `Option<T>`.
macro_rules! boxed {
    ($($type:ident)*) => {
        $(
            impl $crate::structure::Field for Option<Box<$type>> {
                #[inline]
                fn walk(
                    &self,
                    field: &'static $crate::structure::FieldSchema,
                    walker: &mut dyn $crate::structure::Walker,
                ) {
                    if let Some(value) = self {
                        walker.boxed(field, &**value);
                    }
                }

                fn slot(&mut self) -> $crate::structure::Slot<'_> {
                    $crate::structure::Slot::Boxed(&mut **self.get_or_insert_default())
                }
            }
        )*
    };
}

pub(crate) use boxed;

/// A choice of types (`value[x]`), as the generated enums implement it.
pub(crate) trait Choice: Sized {
    /// The index of the alternative that is present, among all fields of the type.
    fn alternative(&self) -> usize;
    /// An empty value of the alternative with this index.
    fn empty(alternative: usize) -> Option<Self>;
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker);
    fn slot(&mut self) -> Slot<'_>;
}

/// Walks a choice that is one of the `fields` of a type.
pub(crate) fn walk_choice(
    choice: &Option<impl Choice>,
    fields: &'static [FieldSchema],
    walker: &mut dyn Walker,
) {
    if let Some(value) = choice {
        value.walk(&fields[value.alternative()], walker);
    }
}

/// The slot of one alternative of a choice, which replaces whatever other alternative was there.
pub(crate) fn slot_choice<C: Choice>(choice: &mut Option<C>, alternative: usize) -> Slot<'_> {
    if choice.as_ref().map(C::alternative) != Some(alternative) {
        *choice = C::empty(alternative);
    }
    choice.as_mut().map_or(Slot::None, C::slot)
}

/// The name of a field as [`FieldSchema::member`] has it.
macro_rules! member {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}

pub(crate) use member;

impl FieldSchema {
    /// `member` is made by [`member!`].
    pub(crate) const fn optional(index: u8, member: &'static str, shape: Shape) -> Self {
        let name = member.split_at(member.len() - 2).0.split_at(1).1;
        Self {
            name,
            member,
            index,
            mandatory: false,
            repeats: false,
            choice: None,
            shape,
            key: name_key(name.as_bytes()),
        }
    }

    pub(crate) const fn mandatory(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { mandatory: true, ..Self::optional(index, member, shape) }
    }

    pub(crate) const fn list(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { repeats: true, ..Self::optional(index, member, shape) }
    }

    pub(crate) const fn mandatory_list(index: u8, member: &'static str, shape: Shape) -> Self {
        Self { mandatory: true, repeats: true, ..Self::optional(index, member, shape) }
    }

    /// The field's own index, or that of the first alternative of its choice.
    pub(crate) const fn group(&self) -> usize {
        match self.choice {
            Some(first) => first as usize,
            None => self.index as usize,
        }
    }

    /// Makes this an alternative of the choice whose alternatives are at `first` to `last`.
    pub(crate) const fn alternative_of(self, first: u8, last: u8) -> Self {
        assert!(first <= self.index && self.index <= last, "an alternative is among those of its choice");
        Self { choice: Some(first), ..self }
    }
}
