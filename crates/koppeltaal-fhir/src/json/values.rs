//! The values of members: primitives with their `_` halves, structures, lists, contained resources, narratives.

use std::borrow::Cow;

use super::read::{ERROR, Reader, Result};
use super::scan::Kind;
use super::structure::{Progress, unknown_member};
use crate::finding::Rule;
use crate::primitive::{AnyPrimitive, AnyPrimitiveList, Companions, ScalarKind, Verdict};
use crate::resource::Resource;
use crate::structure::{FieldSchema, Shape, Slot, Structure, StructureList};
use crate::xhtml::Xhtml;

impl<'t> Reader<'t> {
    /// The `_name` member: ids and extensions of the primitive at `index`.
    pub(super) fn companions(
        &mut self,
        target: &mut dyn Structure,
        index: usize,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let field = &target.schema().fields[index];
        let belongs = !progress.refused.contains(index)
            && (progress.values.contains(index) || self.enter_choice(field, name, offset, progress)?);
        if !belongs {
            let after = target.schema().end_of_group(index);
            return self.keep(target.unknown_mut(), name, after);
        }
        let kind = self.kind()?;
        let read = match (target.slot(index), kind) {
            (Slot::Primitive(value), Kind::Object) => {
                self.report.enter(field.name, None, offset)?;
                self.companions_object(value)?;
                self.report.leave();
                true
            }
            (Slot::Primitives(values), Kind::Array) => {
                self.begin_array()?;
                let mut item = 0;
                while self.next_item(item == 0)? {
                    let offset = self.scanner.offset();
                    self.report.enter(field.name, Some(item), offset)?;
                    match self.kind()? {
                        Kind::Null => drop(self.raw()?),
                        Kind::Object => self.companions_object(values.at(item))?,
                        kind => {
                            self.report.find(
                                (ERROR, Rule::JSON_TYPE),
                                "",
                                offset,
                                "an object or null",
                                kind.describe(),
                            )?;
                            self.raw()?;
                        }
                    }
                    self.report.leave();
                    item += 1;
                }
                true
            }
            _ => false,
        };
        if !read {
            self.report.find(
                (ERROR, Rule::JSON_TYPE),
                name,
                offset,
                "ids and extensions",
                kind.describe(),
            )?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        Ok(())
    }

    /// `{"id": .., "extension": [..]}` of a primitive.
    pub(super) fn companions_object(&mut self, value: &mut dyn AnyPrimitive) -> Result<()> {
        self.report.charge(size_of::<Companions>(), self.scanner.offset())?;
        self.structure(value.companions_mut())?;
        // `{}` alone stands for an empty element of XML.
        if value.wire_text().is_some() {
            value.settle();
        }
        Ok(())
    }

    pub(super) fn single_primitive(
        &mut self,
        field: &'static FieldSchema,
        value: &mut dyn AnyPrimitive,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        if kind == Kind::Array {
            return Ok(false);
        }
        self.primitive(field.name, value, kind, offset)
    }

    /// One primitive value. `false` if it is no JSON scalar.
    pub(super) fn primitive(
        &mut self,
        name: &str,
        value: &mut dyn AnyPrimitive,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        let wanted = match value.kind() {
            ScalarKind::Boolean => Kind::Boolean,
            ScalarKind::Integer | ScalarKind::Decimal => Kind::Number,
            _ => Kind::String,
        };
        let start = self.scanner.offset();
        let text = match kind {
            Kind::String => self.string()?,
            Kind::Number => {
                let number = self.scanner.number();
                Cow::Borrowed(self.scan(number)?)
            }
            Kind::Boolean => {
                let literal = self.scanner.literal();
                Cow::Borrowed(self.scan(literal)?)
            }
            Kind::Object | Kind::Array | Kind::Null => return Ok(false),
        };
        if kind != wanted {
            self.report.find((ERROR, Rule::JSON_TYPE), name, start, wanted.describe(), kind.describe())?;
        }
        match value.set(text) {
            Verdict::Valid => {}
            verdict => self.report.value(name, value, verdict, offset)?,
        }
        Ok(true)
    }

    pub(super) fn primitive_values(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn AnyPrimitiveList,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        if kind != Kind::Array {
            if kind == Kind::Object {
                return Ok(false);
            }
            self.report.find((ERROR, Rule::JSON_TYPE), field.name, offset, "an array", kind.describe())?;
            return self.primitive(field.name, values.at(0), kind, offset);
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            self.report.charge(values.growth(), start)?;
            // A place for nulls too: `_name` lines up by index.
            let value = values.at(item);
            match self.kind()? {
                Kind::Null => drop(self.raw()?),
                kind => {
                    self.report.enter(field.name, Some(item), start)?;
                    if !self.primitive("", value, kind, start)? {
                        self.report.find(
                            (ERROR, Rule::JSON_TYPE),
                            "",
                            start,
                            "a JSON scalar",
                            kind.describe(),
                        )?;
                        // Kept where the extensions of the value are.
                        let raw = self.raw()?.to_owned();
                        value.companions_mut().unknown.push(unknown_member(field.name, raw, 0));
                    }
                    self.report.leave();
                }
            }
            item += 1;
        }
        if item == 0 {
            self.report.find(
                (ERROR, Rule::EMPTY),
                field.name,
                offset,
                "at least one item",
                "an empty array",
            )?;
        }
        Ok(true)
    }

    pub(super) fn single_structure(
        &mut self,
        field: &'static FieldSchema,
        value: &mut dyn Structure,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        if kind != Kind::Object {
            return Ok(false);
        }
        self.report.enter(field.name, None, offset)?;
        self.structure(value)?;
        self.unextended(field, value, offset)?;
        self.report.leave();
        Ok(true)
    }

    /// Age, Duration and the other restrictions of Quantity take no extensions.
    #[inline]
    pub(super) fn unextended(
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
                (ERROR, Rule::UNKNOWN_ELEMENT),
                "extension",
                offset,
                "no extension here",
                "one",
            )?;
        }
        Ok(())
    }

    pub(super) fn structures(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        if kind == Kind::Object {
            // Seen from servers and old connectors: `link` and `coding` as one object.
            self.report.find((ERROR, Rule::JSON_TYPE), field.name, offset, "an array", "an object")?;
            return self.item(field, values, 0).map(|()| true);
        }
        if kind != Kind::Array {
            return Ok(false);
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            match self.kind()? {
                Kind::Object => self.item(field, values, item)?,
                kind => {
                    let path = format!("{}[{item}]", field.name);
                    self.report.find((ERROR, Rule::JSON_TYPE), &path, start, "an object", kind.describe())?;
                    self.raw()?;
                }
            }
            item += 1;
        }
        if item == 0 && field.name != "entry" {
            self.report.find(
                (ERROR, Rule::EMPTY),
                field.name,
                offset,
                "at least one item",
                "an empty array",
            )?;
        }
        Ok(true)
    }

    pub(super) fn item(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        item: usize,
    ) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge(values.growth(), offset)?;
        self.report.enter(field.name, Some(item), offset)?;
        let value = values.push();
        self.structure(value)?;
        self.unextended(field, value, offset)?;
        self.report.leave();
        Ok(())
    }

    pub(super) fn resources(
        &mut self,
        field: &'static FieldSchema,
        values: &mut Vec<Resource>,
        kind: Kind,
    ) -> Result<bool> {
        if kind != Kind::Array {
            return Ok(false);
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            let resource = match self.kind()? {
                Kind::Object => self.nested_resource(field.name, Some(item))?,
                _ => None,
            };
            match resource {
                Some(resource) => values.push(resource),
                None => {
                    let path = format!("{}[{item}]", field.name);
                    self.report.find(
                        (ERROR, Rule::CONTAINED),
                        &path,
                        start,
                        "a resource",
                        "something else",
                    )?;
                    self.raw()?;
                }
            }
            item += 1;
        }
        Ok(true)
    }

    /// A narrative. Without the feature `xml` only its first and last characters are looked at.
    pub(super) fn xhtml(&mut self, offset: usize) -> Result<Xhtml> {
        let narrative = Xhtml::from_markup(self.string()?);
        for (expected, found) in narrative.problems() {
            self.report.find((ERROR, Rule::NARRATIVE), "div", offset, expected, found)?;
        }
        Ok(narrative)
    }
}
