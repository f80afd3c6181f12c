//! Structures: their attributes and their children, in the order that the schema fixes.

use std::borrow::Cow;

use super::element::Element;
use super::names::{Namespace, Scope};
use super::read::{Reader, Result};
use super::tag::RawValue;
use super::tokens::Token;
use crate::findings::{Rule, Severity};
use crate::primitives::{Verdict, is_xml_space};
use crate::structure::{FieldSchema, FieldSet, Shape, Slot, Structure, TypeSchema, entries};
use crate::unknown::{Unknown, UnknownContent, UnknownNode};

/// Whether the type has the text of its element as a field, as Binary does.
#[inline]
fn is_text(schema: &TypeSchema) -> bool {
    schema.fields.last().is_some_and(|field| field.shape == Shape::Text)
}

/// The text of an element whose type has it as a field, and where it starts.
#[derive(Default)]
struct Content {
    text: String,
    offset: usize,
}

impl<'t> Reader<'t> {
    /// Reads the structure that `element` is into `target`.
    pub fn structure(&mut self, target: &mut dyn Structure, element: &Element<'t>) -> Result<()> {
        let schema = target.schema();
        let mut present = self.structure_attributes(target, element)?;
        if !element.tag.is_empty {
            self.children(target, element.scope, &mut present)?;
        } else if is_text(schema) {
            self.set_content(target, Content::default(), &mut present)?;
        }
        self.report.missing_fields(schema, present, element.tag.offset)?;
        if schema.is_bundle {
            self.report.entries(entries(target), element.tag.offset)?;
        }
        Ok(())
    }

    pub fn structure_attributes(
        &mut self,
        target: &mut dyn Structure,
        element: &Element<'t>,
    ) -> Result<FieldSet> {
        let mut present = FieldSet::default();
        if let Some(raw) = element.id {
            // Where the id is an element, as in resources since DSTU2, the attribute is unknown.
            if target.schema().find("id", 0).is_some() {
                self.unknown_attribute(target.unknown_mut(), element, "id", raw)?;
            } else {
                let id = self.id(raw, element)?;
                target.set_id(id);
            }
        }
        if let Some(raw) = element.value() {
            self.unknown_attribute(target.unknown_mut(), element, "value", raw)?;
        }
        let schema = target.schema();
        for (name, raw) in element.attributes() {
            match schema.find(name, 0).filter(|index| schema.fields[*index].shape == Shape::Attribute) {
                Some(index) => {
                    let value = self.value(raw, element.tag.offset)?;
                    // "Attributes can never be empty", says FHIR; to the model an empty one is absent.
                    if !value.is_empty() {
                        present.insert(index);
                    } else if !schema.fields[index].mandatory {
                        self.report
                            .finding(Rule::EMPTY, name, element.tag.offset)
                            .severity(Severity::Warning)
                            .expected("a value")
                            .found("nothing")?;
                    }
                    self.report.count_text(name, value.len());
                    if let Slot::Attribute(slot) = target.slot(index) {
                        *slot = value.into_owned();
                    }
                }
                None => self.unknown_attribute(target.unknown_mut(), element, name, raw)?,
            }
        }
        Ok(present)
    }

    /// An attribute that the element does not have: kept, unless it only speaks to XML processors.
    #[cold]
    pub fn unknown_attribute(
        &mut self,
        unknown: &mut Unknown,
        element: &Element<'t>,
        name: &str,
        raw: RawValue<'t>,
    ) -> Result<()> {
        let mut uri = None;
        if let Some((prefix, local)) = name.split_once(':')
            && prefix != "xml"
        {
            let namespace = self.scopes.resolve(element.scope, prefix).unwrap_or(Namespace::None);
            let namespace = self.scopes.uri(namespace);
            let is_instance = namespace == "http://www.w3.org/2001/XMLSchema-instance";
            if is_instance && matches!(local, "schemaLocation" | "noNamespaceSchemaLocation") {
                return Ok(());
            }
            uri = Some(namespace.into());
        }
        let expected = format_args!("an attribute of {}", element.name);
        self.report
            .finding(Rule::UNKNOWN_ATTRIBUTE, "", element.tag.offset)
            .expected(expected)
            .found(name)?;
        let cost = UnknownNode::COST + uri.as_ref().map_or(0, String::len);
        self.report.charge(cost, element.tag.offset)?;
        let value = self.value(raw, element.tag.offset)?.into_owned();
        unknown.push(UnknownNode {
            name: name.to_owned(),
            content: UnknownContent::XmlAttribute { value, namespace: uri },
            after: 0,
        });
        Ok(())
    }

    /// Reads what is between the tags of a structure.
    pub fn children(
        &mut self,
        target: &mut dyn Structure,
        scope: Scope,
        present: &mut FieldSet,
    ) -> Result<()> {
        let schema = target.schema();
        // The field of the latest child, and the furthest that any child was.
        let mut last = 0;
        let mut content = Content::default();
        loop {
            match self.token()? {
                Token::Start => {
                    let element = self.open(scope)?;
                    match self.find(schema, &element, last) {
                        Some(index) => self.child(target, index, &element, present, &mut last)?,
                        None => {
                            self.report.unknown_element(schema.name, element.name, element.tag.offset)?;
                            self.keep(target.unknown_mut(), &element, last + 1)?;
                        }
                    }
                }
                Token::End if content.text.is_empty() && !is_text(schema) => return Ok(()),
                Token::End => return self.set_content(target, content, present),
                Token::Space(_) => {}
                Token::Text(text) => self.text_between(target, &text, last, &mut content)?,
                Token::Eof => return Err(self.ends_early()),
            }
        }
    }

    /// The field of a child, which must not be an attribute's.
    #[inline]
    pub fn find(&self, schema: &TypeSchema, element: &Element<'t>, last: usize) -> Option<usize> {
        schema
            .find(element.name, last)
            .filter(|index| !matches!(schema.fields[*index].shape, Shape::Attribute | Shape::Text))
    }

    /// Text between the children of a structure: legal only as white space, or as the content of a Binary.
    fn text_between(
        &mut self,
        target: &mut dyn Structure,
        text: &str,
        last: usize,
        content: &mut Content,
    ) -> Result<()> {
        let trimmed = text.trim_matches(is_xml_space);
        if trimmed.is_empty() {
            return Ok(());
        }
        let offset = self.tokens.offset();
        if is_text(target.schema()) {
            // A comment splits the text.
            if content.text.is_empty() {
                content.offset = offset;
            }
            content.text.push_str(text);
            return Ok(());
        }
        self.report
            .finding(Rule::STRAY_TEXT, "", offset)
            .expected("no text here")
            .found(format_args!("{text:?}"))?;
        self.report.charge(UnknownNode::COST, offset)?;
        let content = UnknownContent::XmlText(trimmed.to_owned());
        target.unknown_mut().push(UnknownNode { name: String::new(), content, after: last + 1 });
        Ok(())
    }

    /// Sets the field that is the text of the element itself.
    fn set_content(
        &mut self,
        target: &mut dyn Structure,
        content: Content,
        present: &mut FieldSet,
    ) -> Result<()> {
        let Some(field) = target.schema().fields.iter().find(|field| field.shape == Shape::Text) else {
            return Ok(());
        };
        let index = usize::from(field.index);
        present.insert(index);
        let Slot::Primitive(value) = target.slot(index) else { return Ok(()) };
        match value.set(Cow::Owned(content.text)) {
            Verdict::Valid => Ok(()),
            verdict => self.report.value(field.name, value, verdict, content.offset),
        }
    }

    /// Reads one child, which is the field at `index`.
    #[inline]
    pub fn child(
        &mut self,
        target: &mut dyn Structure,
        index: usize,
        element: &Element<'t>,
        present: &mut FieldSet,
        last: &mut usize,
    ) -> Result<()> {
        let field = &target.schema().fields[index];
        let offset = element.tag.offset;
        let namespace = if field.shape == Shape::Xhtml { Namespace::Xhtml } else { Namespace::Fhir };
        self.expect_namespace(element, namespace)?;
        if index < *last {
            let after = target.schema().fields[*last].name;
            let expected = format_args!("{} before {after}", field.name);
            self.report.finding(Rule::ORDER, field.name, offset).expected(expected).found("it behind")?;
        } else {
            *last = index;
        }
        if !present.insert(field.group()) && !field.repeats {
            match field.choice {
                Some(_) => self.report.second_alternative(field.name, offset)?,
                None => self
                    .report
                    .finding(Rule::MAXIMUM, field.name, offset)
                    .expected("it once")
                    .found("another one")?,
            }
            // An earlier one that was empty gives way.
            let was_empty = field.choice.is_none()
                && matches!(target.slot(index), Slot::Primitive(value) if value.is_absent() || value.is_empty_element());
            if !was_empty {
                return self.keep(target.unknown_mut(), element, *last + 1);
            }
        }
        match target.slot(index) {
            Slot::Primitive(value) => self.primitive(field, None, value, element),
            Slot::Primitives(values) => {
                let item = values.len();
                self.report.charge_growth(values.growth(), values.len() == 0, offset)?;
                self.primitive(field, Some(item), values.at(item), element)
            }
            Slot::Structure(value) => self.single_structure(field, value, element),
            Slot::Boxed(value) => {
                self.report.charge(size_of_val(value), offset)?;
                self.single_structure(field, value, element)
            }
            Slot::Structures(values) => {
                self.report.charge_growth(values.growth(), values.len() == 0, offset)?;
                self.report.enter(field.name, Some(values.len()), offset)?;
                let value = values.push();
                self.structure(value, element)?;
                self.finish_structure(field, value, offset)
            }
            Slot::Resource(value) => {
                self.report.enter(field.name, None, offset)?;
                let others = self.contained(value, false, element)?;
                self.report.leave();
                for other in others {
                    target.unknown_mut().push(UnknownNode { after: *last + 1, ..other });
                }
                Ok(())
            }
            Slot::Resources(values) => {
                self.report.enter(field.name, Some(values.len()), offset)?;
                self.contained(values, true, element)?;
                self.report.leave();
                Ok(())
            }
            Slot::Xhtml(value) => {
                *value = self.capture_narrative(element, field.name)?;
                Ok(())
            }
            Slot::Attribute(_) | Slot::None => self.keep(target.unknown_mut(), element, *last + 1),
        }
    }

    #[inline]
    fn single_structure(
        &mut self,
        field: &'static FieldSchema,
        value: &mut dyn Structure,
        element: &Element<'t>,
    ) -> Result<()> {
        self.report.enter(field.name, None, element.tag.offset)?;
        self.structure(value, element)?;
        self.finish_structure(field, value, element.tag.offset)
    }

    #[inline]
    pub fn finish_structure(
        &mut self,
        field: &FieldSchema,
        value: &mut dyn Structure,
        offset: usize,
    ) -> Result<()> {
        self.report.unextended(field, value, offset)?;
        self.report.leave();
        Ok(())
    }
}
