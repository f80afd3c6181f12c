//! The one description of each type that serves both formats.
//!
//! Generated code gives every type a [`TypeSchema`] and an implementation of [`Structure`], which walks the
//! fields that are present, in schema order, and hands out the slot of a field by its index. Readers, writers
//! and checks are written once, by hand, against these two. They use trait objects, so they compile once, in
//! this crate.

mod describe;
mod emptiness;
mod field_set;
mod schema;

pub use field_set::FieldSet;
pub use schema::{EXTENSION, FieldSchema, Shape, TypeSchema};

use std::any::Any;

use crate::primitives::{AnyPrimitive, AnyPrimitiveList, Primitive, Scalar};
use crate::resource::{AnyResource, ResourceEnum, ResourceList};
use crate::unknown::Unknown;
use crate::xhtml::Xhtml;

/// A value with elements of its own.
pub trait Structure: Any {
    fn schema(&self) -> &'static TypeSchema;
    fn id(&self) -> Option<&str> {
        None
    }
    /// A type without an id (an element of Atom that has attributes only) drops it. An id that turns up in
    /// JSON is not worth a field.
    fn set_id(&mut self, _: String) {}
    fn unknown(&self) -> &Unknown;
    fn unknown_mut(&mut self) -> &mut Unknown;
    /// Shows `walker` every field that is present, in schema order.
    fn walk(&self, walker: &mut dyn Walker);
    /// The place for the field at `index` of the schema. Creates an absent structure.
    fn slot(&mut self, index: usize) -> Slot<'_>;
}

/// What a structure shows of itself: one call per field that is present.
pub trait Walker {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive);
    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList);
    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure);
    /// The same, for a boxed value.
    fn boxed(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.structure(field, value);
    }
    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList);
    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource);
    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList);
    fn xhtml(&mut self, field: &'static FieldSchema, value: &Xhtml);
    fn attribute(&mut self, field: &'static FieldSchema, value: &str);
}

/// The place of a field, for a reader to fill.
pub enum Slot<'a> {
    Primitive(&'a mut dyn AnyPrimitive),
    Primitives(&'a mut dyn AnyPrimitiveList),
    Structure(&'a mut dyn Structure),
    /// The same, boxed.
    Boxed(&'a mut dyn Structure),
    Structures(&'a mut dyn StructureList),
    Resource(&'a mut dyn ResourceList),
    Resources(&'a mut dyn ResourceList),
    Xhtml(&'a mut Xhtml),
    Attribute(&'a mut String),
    /// An index that the type does not have; readers never ask for one.
    None,
}

/// How many entries a bundle has.
pub fn entries(bundle: &mut dyn Structure) -> usize {
    let entry = bundle.schema().find("entry", 0);
    match entry.map(|entry| bundle.slot(entry)) {
        Some(Slot::Structures(entries)) => entries.len(),
        _ => 0,
    }
}

/// The values of a repeating structure, of any type.
#[allow(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait StructureList {
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

/// How many more places a list takes for its next item. Most have one or two items; a vector would start with
/// room for four.
pub fn growth<T>(list: &Vec<T>) -> usize {
    if list.len() == list.capacity() { list.len().max(1) } else { 0 }
}

/// The kinds of fields. They keep implementations of [`Field`] apart that the compiler would take for
/// overlapping, and it finds out by itself which kind a field has.
pub mod kind {
    /// A primitive.
    pub enum Primitive {}
    /// A structure.
    pub enum Structure {}
    /// A structure in a box.
    pub enum Boxed {}
    /// A resource of any type.
    pub enum Resource {}
    /// Text.
    pub enum Text {}
}

/// A field of a structure, of any Rust type that fields have.
pub trait Field<Kind> {
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker);
    fn slot(&mut self) -> Slot<'_>;
}

impl<T: Scalar, E: Structure + Default> Field<kind::Primitive> for Primitive<T, E> {
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

impl<T: Scalar, E: Structure + Default> Field<kind::Primitive> for Vec<Primitive<T, E>> {
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

impl<T: Structure + Default> Field<kind::Structure> for Option<T> {
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

impl<T: Structure + Default> Field<kind::Structure> for Vec<T> {
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
impl<T: Structure> Field<kind::Boxed> for Box<T> {
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        walker.boxed(field, &**self);
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Boxed(&mut **self)
    }
}

impl<R: ResourceEnum> Field<kind::Resource> for Option<R> {
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

impl<R: ResourceEnum> Field<kind::Resource> for Vec<R> {
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

impl Field<kind::Text> for Xhtml {
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

impl Field<kind::Text> for String {
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

/// A structure that is boxed in its `Option` because it is rarely present.
impl<T: Structure + Default> Field<kind::Boxed> for Option<Box<T>> {
    #[inline]
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker) {
        if let Some(value) = self {
            walker.boxed(field, &**value);
        }
    }

    fn slot(&mut self) -> Slot<'_> {
        Slot::Boxed(&mut **self.get_or_insert_default())
    }
}

/// A choice of types (`value[x]`), as the generated enums implement it.
pub trait Choice: Sized {
    /// The index of the alternative that is present, among all fields of the type.
    fn alternative(&self) -> usize;
    /// An empty value of the alternative with this index.
    fn empty(alternative: usize) -> Option<Self>;
    fn walk(&self, field: &'static FieldSchema, walker: &mut dyn Walker);
    fn slot(&mut self) -> Slot<'_>;
}

/// Walks a choice that is one of the `fields` of a type.
pub fn walk_choice(choice: &Option<impl Choice>, fields: &'static [FieldSchema], walker: &mut dyn Walker) {
    if let Some(value) = choice {
        value.walk(&fields[value.alternative()], walker);
    }
}

/// The slot of one alternative of a choice, which replaces any other alternative.
pub fn slot_choice<C: Choice>(choice: &mut Option<C>, alternative: usize) -> Slot<'_> {
    if choice.as_ref().map(C::alternative) != Some(alternative) {
        *choice = C::empty(alternative);
    }
    choice.as_mut().map_or(Slot::None, C::slot)
}
