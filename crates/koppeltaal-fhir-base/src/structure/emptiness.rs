//! Whether a structure is empty.

use super::{FieldSchema, Structure, StructureList, Walker};
use crate::primitives::{AnyPrimitive, AnyPrimitiveList};
use crate::resource::{AnyResource, ResourceList};
use crate::xhtml::Xhtml;

impl dyn Structure {
    /// Whether it has no id, no field and nothing unknown.
    pub fn is_empty(&self) -> bool {
        let mut seek = Seek { has_field: false };
        self.walk(&mut seek);
        !seek.has_field && self.id().is_none() && self.unknown().is_empty()
    }
}

/// A walker that notes whether any field is present.
struct Seek {
    has_field: bool,
}

impl Walker for Seek {
    fn primitive(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitive) {
        self.has_field = true;
    }

    fn primitives(&mut self, _: &'static FieldSchema, _: &dyn AnyPrimitiveList) {
        self.has_field = true;
    }

    fn structure(&mut self, _: &'static FieldSchema, _: &dyn Structure) {
        self.has_field = true;
    }

    fn structures(&mut self, _: &'static FieldSchema, _: &dyn StructureList) {
        self.has_field = true;
    }

    fn resource(&mut self, _: &'static FieldSchema, _: &dyn AnyResource) {
        self.has_field = true;
    }

    fn resources(&mut self, _: &'static FieldSchema, _: &dyn ResourceList) {
        self.has_field = true;
    }

    fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {
        self.has_field = true;
    }

    fn attribute(&mut self, _: &'static FieldSchema, _: &str) {
        self.has_field = true;
    }
}
