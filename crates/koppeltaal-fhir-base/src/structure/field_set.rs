//! [`FieldSet`]: which fields of a type a value has.

use super::{FieldSchema, Structure, StructureList, Walker};
use crate::primitives::{AnyPrimitive, AnyPrimitiveList};
use crate::resource::{AnyResource, ResourceList};
use crate::xhtml::Xhtml;

/// A set of fields of one type, by index. The largest type has 79.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(pub(super) u128);

impl FieldSet {
    /// Adds a field; returns whether it was new.
    #[inline]
    pub fn insert(&mut self, field: usize) -> bool {
        let bit = 1_u128 << (field & 127);
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: usize) {
        self.0 &= !(1 << (field & 127));
    }

    #[inline]
    pub fn contains(self, field: usize) -> bool {
        self.0 & (1 << (field & 127)) != 0
    }

    /// The fields of a value that have elements inside: structures, resources, and primitives with
    /// companions.
    pub fn with_elements_in(value: &dyn Structure) -> Self {
        let mut fields = Self::default();
        value.walk(&mut fields);
        fields
    }

    #[inline]
    fn add(&mut self, field: &FieldSchema) {
        self.insert(usize::from(field.index));
    }
}

/// The walk of [`FieldSet::with_elements_in`].
impl Walker for FieldSet {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if value.companions().is_some() {
            self.add(field);
        }
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        if (0..values.len()).any(|index| values.get(index).companions().is_some()) {
            self.add(field);
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, _: &dyn Structure) {
        self.add(field);
    }

    fn structures(&mut self, field: &'static FieldSchema, _: &dyn StructureList) {
        self.add(field);
    }

    fn resource(&mut self, field: &'static FieldSchema, _: &dyn AnyResource) {
        self.add(field);
    }

    fn resources(&mut self, field: &'static FieldSchema, _: &dyn ResourceList) {
        self.add(field);
    }

    fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {}

    fn attribute(&mut self, _: &'static FieldSchema, _: &str) {}
}
