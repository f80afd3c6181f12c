//! Primitives: a `value` attribute, an id, extensions.

use std::borrow::Cow;

use super::element::Element;
use super::read::{Reader, Result};
use super::tag::RawValue;
use super::tokens::Token;
use crate::findings::{Rule, Severity};
use crate::primitives::{AnyPrimitive, COMPANIONS_COST, ScalarKind, Verdict, is_xml_space};
use crate::structure::{FieldSchema, FieldSet, Shape};
use crate::unknown::{Unknown, UnknownContent, UnknownNode};

impl<'t> Reader<'t> {
    pub fn id(&mut self, raw: RawValue<'t>, element: &Element<'t>) -> Result<String> {
        let id = self.value(raw, element.tag.offset)?.into_owned();
        self.report.id(&id, element.tag.offset)?;
        Ok(id)
    }

    /// A primitive: a `value` attribute, an id, extensions.
    #[inline]
    pub fn primitive(
        &mut self,
        field: &'static FieldSchema,
        item: Option<usize>,
        value: &mut dyn AnyPrimitive,
        element: &Element<'t>,
    ) -> Result<()> {
        let simple = element.tag.is_empty && element.id.is_none() && element.others == 0;
        if !simple {
            self.report.enter(field.name, item, element.tag.offset)?;
            self.primitive_companions(field, value, element)?;
            self.report.leave();
        }
        match element.value() {
            Some(raw) => {
                let text = self.value(raw, element.tag.offset)?;
                let kind = value.kind();
                self.report.count_text(if item.is_some() { "" } else { field.name }, kind.sure_length(&text));
                let verdict = value.set(text);
                if verdict != Verdict::Valid && simple && value.companions().is_some() {
                    self.report.charge(COMPANIONS_COST, element.tag.offset)?;
                }
                if verdict != Verdict::Valid || raw.is_empty() || kind == ScalarKind::Decimal {
                    self.check_primitive(field, item, value, verdict, element.tag.offset)?;
                }
            }
            None if value.is_absent() || value.is_empty_element() => {
                self.report.empty_element(field.name, element.tag.offset)?;
                // To the schema, the element is there.
                self.report.charge_companions(value, element.tag.offset)?;
                value.companions_mut();
            }
            None => {}
        }
        Ok(())
    }

    /// Checks what reading the value could not decide: emptiness, which some types allow, and exponents,
    /// which DSTU1's XML does not.
    pub fn check_primitive(
        &mut self,
        field: &FieldSchema,
        item: Option<usize>,
        value: &dyn AnyPrimitive,
        verdict: Verdict,
        offset: usize,
    ) -> Result<()> {
        let name = item
            .map_or_else(|| Cow::Borrowed(field.name), |item| Cow::Owned(format!("{}[{item}]", field.name)));
        let text = value.wire_text().unwrap_or_default();
        let has_exponent = self.report.model().legacy.is_some()
            && value.kind() == ScalarKind::Decimal
            && text.contains(['e', 'E']);
        let verdict = if has_exponent { Verdict::Invalid } else { verdict };
        if verdict != Verdict::Valid {
            return self.report.value(&name, value, verdict, offset);
        }
        if text.is_empty() {
            return self
                .report
                .finding(Rule::EMPTY, &name, offset)
                .severity(Severity::Warning)
                .expected("a value")
                .found("an empty one");
        }
        Ok(())
    }

    /// Reads the id, the extensions and everything else that a primitive has besides its value.
    pub fn primitive_companions(
        &mut self,
        field: &FieldSchema,
        value: &mut dyn AnyPrimitive,
        element: &Element<'t>,
    ) -> Result<()> {
        let offset = element.tag.offset;
        if let Some(raw) = element.id {
            self.report.charge_companions(value, offset)?;
            let id = self.id(raw, element)?;
            value.companions_mut().set_id(id);
        }
        let mut unknown = Unknown::default();
        for (name, raw) in element.attributes() {
            self.unknown_attribute(&mut unknown, element, name, raw)?;
        }
        if !unknown.is_empty() {
            self.report.charge_companions(value, offset)?;
            *value.companions_mut().unknown_mut() = unknown;
        }
        if element.tag.is_empty {
            return Ok(());
        }
        loop {
            match self.token()? {
                Token::End => return Ok(()),
                Token::Eof => return Err(self.ends_early()),
                Token::Space(_) => {}
                Token::Text(text) => {
                    let text = text.trim_matches(is_xml_space);
                    if text.is_empty() {
                        continue;
                    }
                    if field.shape != Shape::IdReference {
                        let offset = self.tokens.offset();
                        self.report
                            .finding(Rule::STRAY_TEXT, "", offset)
                            .expected("a `value` attribute")
                            .found("text")?;
                    }
                    if element.value().is_none() && value.wire_text().is_none() {
                        value.set(Cow::Borrowed(text));
                    } else {
                        self.report.charge_companions(value, offset)?;
                        self.report.charge(UnknownNode::COST, offset)?;
                        let content = UnknownContent::XmlText(text.to_owned());
                        value.companions_mut().unknown_mut().push(UnknownNode {
                            name: String::new(),
                            content,
                            after: 1,
                        });
                    }
                }
                Token::Start => {
                    let child = self.open(element.scope)?;
                    self.report.charge_companions(value, offset)?;
                    let companions = value.companions_mut();
                    let mut present = FieldSet::default();
                    let mut last = 0;
                    if child.name == "extension" {
                        self.child(companions, 0, &child, &mut present, &mut last)?;
                    } else {
                        self.report
                            .finding(Rule::UNKNOWN_ELEMENT, child.name, child.tag.offset)
                            .expected("an extension")
                            .found(child.name)?;
                        self.keep(companions.unknown_mut(), &child, 1)?;
                    }
                }
            }
        }
    }
}
