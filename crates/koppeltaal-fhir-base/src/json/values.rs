//! The values of members: primitives with their `_` halves, structures, lists, contained resources,
//! narratives.

use std::borrow::Cow;

use super::progress::Progress;
use super::read::{Reader, Result};
use super::scan::Kind;
use super::structure::{ObjectContent, is_without_companions};
use crate::findings::{Rule, Severity};
use crate::markup::Examination;
use crate::primitives::{AnyPrimitive, AnyPrimitiveList, COMPANIONS_COST, ScalarKind, Verdict};
use crate::resource::ResourceList;
use crate::structure::{FieldSchema, Shape, Slot, Structure, StructureList};
use crate::xhtml::{Refusal, Xhtml};

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
        let schema = target.schema();
        let field = &schema.fields[index];
        let said_nothing = !progress.chosen.contains(index) || progress.silent.contains(index);
        let may_belong =
            !progress.refused.contains(index) || progress.silent_alternative(schema, index).is_some();
        let belongs = may_belong
            && (progress.values.contains(index)
                || self.enter_choice(schema, index, name, offset, progress)?);
        if !belongs {
            return self.keep(target.unknown_mut(), name, schema.end_of_group(index));
        }
        let kind = self.kind()?;
        if !matches!(kind, Kind::Object | Kind::Array) {
            self.report
                .finding(Rule::JSON_TYPE, name, offset)
                .expected("ids and extensions")
                .found(kind.describe())?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        if field.repeats != (kind == Kind::Array) {
            // HAPI wrote an array beside a single value before 0.9.
            let expected = if field.repeats { "an array" } else { "an object" };
            self.report.finding(Rule::JSON_TYPE, name, offset).expected(expected).found(kind.describe())?;
        }
        if kind == Kind::Object {
            self.companions_object(field, target, 0, offset)?;
        } else {
            self.companions_array(field, target, name, offset, progress)?;
            if progress.has_misfits() {
                return self.keep_misfits(target.unknown_mut(), name, progress, index + 1);
            }
        }
        if field.choice.is_some()
            && said_nothing
            && matches!(target.slot(index), Slot::Primitive(value) if value.is_absent_in_json())
        {
            progress.silent.insert(index);
        }
        Ok(())
    }

    /// `[null, {"id": .., "extension": [..]}]`. Beside a single value, only the first item with content
    /// counts. Items before it are not written, so it would be the first when this is read again.
    fn companions_array(
        &mut self,
        field: &'static FieldSchema,
        target: &mut dyn Structure,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let mut holds_any = false;
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            match self.kind()? {
                Kind::Null => {
                    progress.null_item(field, start);
                    self.raw()?;
                }
                Kind::Object
                    if field.repeats
                        || !progress.has_misfits()
                            && is_without_companions(target.slot(usize::from(field.index))) =>
                {
                    holds_any = true;
                    self.companions_object(field, target, item, start)?;
                }
                kind => {
                    holds_any = true;
                    if field.repeats {
                        let path = format!("{}[{item}]", field.name);
                        let expected = "an object or null";
                        self.report
                            .finding(Rule::JSON_TYPE, &path, start)
                            .expected(expected)
                            .found(kind.describe())?;
                    }
                    progress.misfit(field, self.raw_item()?);
                }
            }
            item += 1;
        }
        if !holds_any {
            let found = "nothing but null";
            self.report.finding(Rule::JSON_NULL, name, offset).expected("ids and extensions").found(found)?;
        }
        Ok(())
    }

    /// `{"id": .., "extension": [..]}` of a primitive, or of the one at `item` of a list.
    fn companions_object(
        &mut self,
        field: &'static FieldSchema,
        target: &mut dyn Structure,
        item: usize,
        offset: usize,
    ) -> Result<()> {
        let (value, index): (&mut dyn AnyPrimitive, _) = match target.slot(usize::from(field.index)) {
            Slot::Primitive(value) => (value, None),
            Slot::Primitives(values) => (self.item_of(values, item, offset)?, Some(item)),
            _ => return self.raw().map(drop),
        };
        self.report.enter(field.name, index, offset)?;
        self.report.charge_companions(value, offset)?;
        self.structure(value.companions_mut())?;
        // `{}` alone stands for an empty element of XML.
        if value.wire_text().is_some() {
            value.settle();
        }
        self.report.leave();
        Ok(())
    }

    /// The value at `item` of a list. The list grows as needed: values and companions may differ in number.
    fn item_of<'v>(
        &mut self,
        values: &'v mut dyn AnyPrimitiveList,
        item: usize,
        offset: usize,
    ) -> Result<&'v mut dyn AnyPrimitive> {
        if item >= values.len() {
            while values.len() < item {
                self.report.charge_growth(values.growth(), values.len() == 0, offset)?;
                values.at(values.len());
            }
            self.report.charge_growth(values.growth(), values.len() == 0, offset)?;
        }
        Ok(values.at(item))
    }

    /// One primitive value, which is a JSON scalar.
    pub(super) fn primitive(
        &mut self,
        field: &'static FieldSchema,
        name: &str,
        value: &mut dyn AnyPrimitive,
        kind: Kind,
        offset: usize,
    ) -> Result<()> {
        let scalar = value.kind();
        let wanted = match scalar {
            ScalarKind::Boolean => Kind::Boolean,
            _ if scalar.is_number() => Kind::Number,
            _ => Kind::String,
        };
        let start = self.scanner.offset();
        let text = match kind {
            Kind::String => self.string()?,
            Kind::Number => {
                let number = self.scanner.number();
                Cow::Borrowed(self.scan(number)?)
            }
            _ => {
                let literal = self.scanner.literal();
                Cow::Borrowed(self.scan(literal)?)
            }
        };
        self.report.count_text(name, scalar.sure_length(&text));
        if kind != wanted {
            self.other_kind(field, name, start, wanted, kind)?;
        }
        let verdict = value.set(text);
        if verdict == Verdict::Valid && field.shape != Shape::Signature {
            return Ok(());
        }
        self.unusual(field, name, value, verdict, offset)
    }

    /// Reports a value of another kind than the type demands.
    #[cold]
    fn other_kind(
        &mut self,
        field: &FieldSchema,
        name: &str,
        offset: usize,
        wanted: Kind,
        kind: Kind,
    ) -> Result<()> {
        let is_expected = field.shape == Shape::Count && kind == Kind::String;
        let severity = if is_expected { Severity::Information } else { Severity::Error };
        self.report
            .finding(Rule::JSON_TYPE, name, offset)
            .severity(severity)
            .expected(wanted.describe())
            .found(kind.describe())
    }

    /// Checks a value that was read but is not simply valid. A signature is always checked.
    #[cold]
    fn unusual(
        &mut self,
        field: &'static FieldSchema,
        name: &str,
        value: &dyn AnyPrimitive,
        verdict: Verdict,
        offset: usize,
    ) -> Result<()> {
        if verdict == Verdict::Valid {
            let markup = value.wire_text().unwrap_or_default();
            return self.report.signature(field.name, &markup, offset);
        }
        if value.companions().is_some() {
            self.report.charge(COMPANIONS_COST, offset)?;
        }
        self.report.value(name, value, verdict, offset)
    }

    pub(super) fn primitives(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn AnyPrimitiveList,
        kind: Kind,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        if kind != Kind::Array {
            self.report
                .finding(Rule::JSON_TYPE, field.name, offset)
                .expected("an array")
                .found(kind.describe())?;
            let value = self.item_of(values, 0, offset)?;
            self.primitive(field, field.name, value, kind, offset)?;
            return Ok(());
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            // Nulls have a place too: `_name` lines up by index.
            let value = self.item_of(values, item, start)?;
            match self.kind()? {
                Kind::Null => {
                    progress.null_item(field, start);
                    self.raw()?;
                }
                kind @ (Kind::Object | Kind::Array) => {
                    let path = format!("{}[{item}]", field.name);
                    let expected = "a JSON scalar";
                    self.report
                        .finding(Rule::JSON_TYPE, &path, start)
                        .expected(expected)
                        .found(kind.describe())?;
                    progress.misfit(field, self.raw_item()?);
                }
                kind => {
                    self.report.step(field.name, Some(item));
                    self.primitive(field, "", value, kind, start)?;
                    self.report.leave();
                }
            }
            item += 1;
        }
        if item == 0 {
            self.report
                .finding(Rule::EMPTY, field.name, offset)
                .expected("at least one item")
                .found("an empty array")?;
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn single_structure(
        &mut self,
        field: &'static FieldSchema,
        value: &mut dyn Structure,
        offset: usize,
    ) -> Result<()> {
        self.report.enter(field.name, None, offset)?;
        self.structure(value)?;
        self.report.unextended(field, value, offset)?;
        self.report.leave();
        Ok(())
    }

    pub(super) fn structures(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        kind: Kind,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        if kind == Kind::Object {
            // Seen from servers and old connectors: `link` and `coding` as one object.
            self.report
                .finding(Rule::JSON_TYPE, field.name, offset)
                .expected("an array")
                .found("an object")?;
            self.item(field, values, 0)?;
            return Ok(());
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            match self.kind()? {
                Kind::Object => self.item(field, values, item)?,
                kind => {
                    let path = format!("{}[{item}]", field.name);
                    let rule = if kind == Kind::Null { Rule::JSON_NULL } else { Rule::JSON_TYPE };
                    self.report.finding(rule, &path, start).expected("an object").found(kind.describe())?;
                    self.skip_misfit(field, kind, progress)?;
                }
            }
            item += 1;
        }
        // A bundle of DSTU1 has the array even if it is empty.
        if item == 0 && (field.name != "entry" || self.report.model().legacy.is_none()) {
            self.report
                .finding(Rule::EMPTY, field.name, offset)
                .expected("at least one item")
                .found("an empty array")?;
        }
        Ok(())
    }

    /// Passes over an item that does not fit its list, and notes it to be kept. A null holds nothing to keep.
    #[cold]
    fn skip_misfit(&mut self, field: &FieldSchema, kind: Kind, progress: &mut Progress) -> Result<()> {
        let raw = self.raw_item()?;
        if kind == Kind::Null {
            progress.null_structure();
        } else {
            progress.misfit(field, raw);
        }
        Ok(())
    }

    pub(super) fn item(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        item: usize,
    ) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge_growth(values.growth(), item == 0, offset)?;
        self.report.enter(field.name, Some(item), offset)?;
        let value = values.push();
        let holding = self.structure(value)?;
        self.report.unextended(field, value, offset)?;
        self.report.leave();
        if holding == ObjectContent::Nulls {
            values.pop();
        }
        Ok(())
    }

    pub(super) fn resources(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn ResourceList,
        progress: &mut Progress,
    ) -> Result<()> {
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            let kind = self.kind()?;
            if kind != Kind::Object || !self.nested_resource(field.name, Some(item), values)? {
                let path = format!("{}[{item}]", field.name);
                let rule = if kind == Kind::Null { Rule::JSON_NULL } else { Rule::CONTAINED };
                self.report.finding(rule, &path, start).expected("a resource").found(kind.describe())?;
                self.skip_misfit(field, kind, progress)?;
            }
            item += 1;
        }
        Ok(())
    }

    /// Reads a narrative, examines it, and repairs it if the options say so.
    pub(super) fn xhtml(&mut self, field: &'static FieldSchema, offset: usize) -> Result<Xhtml> {
        let narrative = Xhtml::from_markup(self.string()?);
        let limits = *self.report.limits();
        let refusal = match narrative.examine(limits) {
            Ok(examination) => return self.examined(field, narrative, examination, offset),
            Err(refusal) => refusal,
        };
        if matches!(refusal, Refusal::Malformed(_))
            && self.report.repairs_narratives()
            && let Some((repaired, repairs)) = narrative.repaired(limits.depth)
            && let Ok(examination) = repaired.examine(limits)
        {
            for (expected, found) in repairs {
                self.report
                    .finding(Rule::NARRATIVE_REPAIRED, field.name, offset)
                    .expected(expected)
                    .found(found)?;
            }
            return self.examined(field, repaired, examination, offset);
        }
        self.report.refused_narrative(field.name, refusal, offset)?;
        Ok(narrative)
    }

    /// A narrative, after the problems that its examination saw are reported.
    fn examined(
        &mut self,
        field: &'static FieldSchema,
        narrative: Xhtml,
        examination: Examination,
        offset: usize,
    ) -> Result<Xhtml> {
        let is_xml = examination.is_xml;
        self.report.narrative(field.name, examination.findings, offset)?;
        Ok(narrative.examined(is_xml))
    }
}
