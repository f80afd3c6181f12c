//! Visiting the values of one type in a resource or a bundle, such as all references, to look at them or to
//! change them.
//!
//! A visit that only looks walks as the writers do. A visit that changes walks first to see which fields have
//! elements inside, then takes the slots of these fields.

use std::any::Any;

use crate::findings::{ElementPath, PathSegment};
use crate::primitives::{AnyPrimitive, AnyPrimitiveList};
use crate::resource::{AnyResource, ResourceList};
use crate::structure::{FieldSchema, FieldSet, Slot, Structure, StructureList, Walker};
use crate::xhtml::Xhtml;

/// Shows `visit` each `T` in a structure, with its place, in the order in which elements are written: those
/// in elements, in extensions (also of primitives), and in contained resources.
pub fn visit<T: 'static>(structure: &dyn Structure, mut visit: impl FnMut(ElementPath<'_>, &T)) {
    let mut show = |path: ElementPath<'_>, value: &dyn Any| {
        if let Some(value) = value.downcast_ref() {
            visit(path, value);
        }
    };
    Visitor { path: Vec::new(), visit: &mut show }.structure_content(structure);
}

/// The same, to change them.
pub fn visit_mut<T: 'static>(structure: &mut dyn Structure, mut visit: impl FnMut(ElementPath<'_>, &mut T)) {
    let mut show = |path: ElementPath<'_>, value: &mut dyn Any| {
        if let Some(value) = value.downcast_mut() {
            visit(path, value);
        }
    };
    VisitorMut { path: Vec::new(), visit: &mut show }.structure_content(structure);
}

struct Visitor<'a> {
    path: Vec<PathSegment>,
    visit: &'a mut dyn FnMut(ElementPath<'_>, &dyn Any),
}

impl Visitor<'_> {
    fn inside(&mut self, name: &'static str, index: Option<usize>, visit: impl FnOnce(&mut Self)) {
        self.path.push((name, index));
        visit(self);
        self.path.pop();
    }

    fn any_resource(&mut self, resource: &dyn AnyResource) {
        if let Some(structure) = resource.content() {
            self.structure_content(structure);
        }
    }

    fn structure_content(&mut self, value: &dyn Structure) {
        (self.visit)(ElementPath::new(&self.path), value);
        value.walk(self);
    }

    fn primitive_value(&mut self, name: &'static str, index: Option<usize>, value: &dyn AnyPrimitive) {
        if let Some(companions) = value.companions() {
            self.inside(name, index, |visitor| visitor.structure_content(companions));
        }
    }
}

impl Walker for Visitor<'_> {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        self.primitive_value(field.name, None, value);
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        for index in 0..values.len() {
            self.primitive_value(field.name, Some(index), values.get(index));
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        self.inside(field.name, None, |visitor| visitor.structure_content(value));
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        for index in 0..values.len() {
            self.inside(field.name, Some(index), |visitor| visitor.structure_content(values.get(index)));
        }
    }

    fn resource(&mut self, field: &'static FieldSchema, value: &dyn AnyResource) {
        self.inside(field.name, None, |visitor| visitor.any_resource(value));
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        for index in 0..values.len() {
            if let Some(value) = values.get(index) {
                self.inside(field.name, Some(index), |visitor| visitor.any_resource(value));
            }
        }
    }

    fn xhtml(&mut self, _: &'static FieldSchema, _: &Xhtml) {}

    fn attribute(&mut self, _: &'static FieldSchema, _: &str) {}
}

struct VisitorMut<'a> {
    path: Vec<PathSegment>,
    visit: &'a mut dyn FnMut(ElementPath<'_>, &mut dyn Any),
}

impl VisitorMut<'_> {
    fn inside(&mut self, name: &'static str, index: Option<usize>, visit: impl FnOnce(&mut Self)) {
        self.path.push((name, index));
        visit(self);
        self.path.pop();
    }

    fn any_resource(&mut self, resource: &mut dyn AnyResource) {
        if let Some(structure) = resource.content_mut() {
            self.structure_content(structure);
        }
    }

    fn structure_content(&mut self, value: &mut dyn Structure) {
        (self.visit)(ElementPath::new(&self.path), value);
        // Asking for a slot creates an absent value, so only fields with elements inside are asked for.
        for field in value.schema().fields_in(FieldSet::with_elements_in(value)) {
            match value.slot(usize::from(field.index)) {
                Slot::Primitive(value) => self.primitive_value(field.name, None, value),
                Slot::Primitives(values) => {
                    for index in 0..values.len() {
                        self.primitive_value(field.name, Some(index), values.at(index));
                    }
                }
                Slot::Structure(value) | Slot::Boxed(value) => {
                    self.inside(field.name, None, |visitor| visitor.structure_content(value));
                }
                Slot::Structures(values) => {
                    for index in 0..values.len() {
                        let value = values.get_mut(index);
                        self.inside(field.name, Some(index), |visitor| visitor.structure_content(value));
                    }
                }
                Slot::Resource(value) => {
                    if let Some(value) = value.get_mut(0) {
                        self.inside(field.name, None, |visitor| visitor.any_resource(value));
                    }
                }
                Slot::Resources(values) => {
                    for index in 0..values.len() {
                        if let Some(value) = values.get_mut(index) {
                            self.inside(field.name, Some(index), |visitor| visitor.any_resource(value));
                        }
                    }
                }
                Slot::Xhtml(_) | Slot::Attribute(_) | Slot::None => {}
            }
        }
    }

    fn primitive_value(&mut self, name: &'static str, index: Option<usize>, value: &mut dyn AnyPrimitive) {
        if value.companions().is_some() {
            self.inside(name, index, |visitor| visitor.structure_content(value.companions_mut()));
        }
    }
}
