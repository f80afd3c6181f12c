//! The values of members: primitives with their `_` halves, structures, lists, contained resources, narratives.

use std::borrow::Cow;

use super::read::{ERROR, Reader, Result, WARNING};
use super::scan::Kind;
use super::structure::{Holding, Progress, is_without_companions};
use crate::finding::{Rule, Severity};
use crate::primitive::{AnyPrimitive, AnyPrimitiveList, Companions, ScalarKind, Verdict};
use crate::resource::Resource;
use crate::structure::{FieldSchema, Shape, Slot, Structure, StructureList};
use crate::xhtml::{Examination, ONE_DIV, ONE_SIGNATURE, Refusal, Xhtml, check_signature};

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
        if !matches!(kind, Kind::Object | Kind::Array) {
            self.report.find(
                (ERROR, Rule::JSON_TYPE),
                name,
                offset,
                "ids and extensions",
                kind.describe(),
            )?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        if field.repeats != (kind == Kind::Array) {
            // HAPI wrote an array beside a single value before 0.9.
            let expected = if field.repeats { "an array" } else { "an object" };
            self.report.find((ERROR, Rule::JSON_TYPE), name, offset, expected, kind.describe())?;
        }
        if kind == Kind::Object {
            return self.companions_object(field, target, 0, offset);
        }
        self.companions_array(field, target, name, offset, progress)?;
        if progress.gaps.is_some() {
            self.keep_misfits(target.unknown_mut(), name, progress, index + 1)?;
        }
        Ok(())
    }

    /// `[null, {"id": .., "extension": [..]}]`. Beside a single value only the first item counts that says
    /// anything: what comes before it is not written, so it would be the first when this is read again.
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
                        self.report.find(
                            (ERROR, Rule::JSON_TYPE),
                            &path,
                            start,
                            expected,
                            kind.describe(),
                        )?;
                    }
                    progress.misfit(field, self.raw_item()?);
                }
            }
            item += 1;
        }
        if !holds_any {
            let found = "nothing but null";
            self.report.find((ERROR, Rule::JSON_NULL), name, offset, "ids and extensions", found)?;
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

    /// The value at `item` of a list, which grows as needed: one list may be longer than that of the companions.
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
            _ => {
                let literal = self.scanner.literal();
                Cow::Borrowed(self.scan(literal)?)
            }
        };
        self.report.earn(name, scalar.sure_length(&text));
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
        let severity = if is_expected { Severity::Information } else { ERROR };
        self.report.find((severity, Rule::JSON_TYPE), name, offset, wanted.describe(), kind.describe())
    }

    /// Looks at a value that was read, but is not simply right; at a signature in any case.
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
            return self.signature(field, &markup, offset);
        }
        if value.companions().is_some() {
            self.report.charge(size_of::<Companions>(), offset)?;
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
            self.report.find((ERROR, Rule::JSON_TYPE), field.name, offset, "an array", kind.describe())?;
            let value = self.item_of(values, 0, offset)?;
            self.primitive(field, field.name, value, kind, offset)?;
            return Ok(());
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            // A place for nulls too: `_name` lines up by index.
            let value = self.item_of(values, item, start)?;
            match self.kind()? {
                Kind::Null => {
                    progress.null_item(field, start);
                    self.raw()?;
                }
                kind @ (Kind::Object | Kind::Array) => {
                    let path = format!("{}[{item}]", field.name);
                    let expected = "a JSON scalar";
                    self.report.find((ERROR, Rule::JSON_TYPE), &path, start, expected, kind.describe())?;
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
            self.report.find(
                (ERROR, Rule::EMPTY),
                field.name,
                offset,
                "at least one item",
                "an empty array",
            )?;
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
        self.unextended(field, value, offset)?;
        self.report.leave();
        Ok(())
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
        progress: &mut Progress,
    ) -> Result<()> {
        if kind == Kind::Object {
            // Seen from servers and old connectors: `link` and `coding` as one object.
            self.report.find((ERROR, Rule::JSON_TYPE), field.name, offset, "an array", "an object")?;
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
                    self.report.find((ERROR, rule), &path, start, "an object", kind.describe())?;
                    self.misfit(field, kind, progress)?;
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
        Ok(())
    }

    /// Passes over an item that does not fit its list. A null holds nothing that would have to be kept.
    #[cold]
    fn misfit(&mut self, field: &FieldSchema, kind: Kind, progress: &mut Progress) -> Result<()> {
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
        self.unextended(field, value, offset)?;
        self.report.leave();
        if holding == Holding::Nulls {
            values.pop();
        }
        Ok(())
    }

    pub(super) fn resources(
        &mut self,
        field: &'static FieldSchema,
        values: &mut Vec<Resource>,
        progress: &mut Progress,
    ) -> Result<()> {
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            let kind = self.kind()?;
            let resource = match kind {
                Kind::Object => self.nested_resource(field.name, Some(item))?,
                _ => None,
            };
            match resource {
                Some(resource) => values.push(resource),
                None => {
                    let path = format!("{}[{item}]", field.name);
                    let rule = if kind == Kind::Null { Rule::JSON_NULL } else { Rule::CONTAINED };
                    self.report.find((ERROR, rule), &path, start, "a resource", kind.describe())?;
                    self.misfit(field, kind, progress)?;
                }
            }
            item += 1;
        }
        Ok(())
    }

    /// A narrative. Without the feature `xml` only its first and last characters are looked at.
    pub(super) fn xhtml(&mut self, field: &'static FieldSchema, offset: usize) -> Result<Xhtml> {
        let narrative = Xhtml::from_markup(self.string()?);
        let limits = *self.report.limits();
        match narrative.examine(limits) {
            Ok(examination) => self.examined(field, narrative, examination, offset),
            Err(Refusal::Malformed(problem)) => {
                if self.report.repairs_narratives()
                    && let Some((repaired, findings)) = narrative.repaired(limits.depth)
                    && let Ok(examination) = repaired.examine(limits)
                {
                    for (expected, found) in findings {
                        let rule = (WARNING, Rule::NARRATIVE_REPAIRED);
                        self.report.find(rule, field.name, offset, expected, found)?;
                    }
                    return self.examined(field, repaired, examination, offset);
                }
                self.report.find((ERROR, Rule::NARRATIVE), field.name, offset, ONE_DIV, problem)?;
                Ok(narrative)
            }
            Err(Refusal::Limit(limit)) => Err(self.report.limit(limit, offset)),
        }
    }

    /// A narrative that was looked at, with what was seen.
    fn examined(
        &mut self,
        field: &'static FieldSchema,
        narrative: Xhtml,
        examination: Examination,
        offset: usize,
    ) -> Result<Xhtml> {
        for (expected, found) in examination.problems {
            self.report.find((ERROR, Rule::NARRATIVE), field.name, offset, expected, found)?;
        }
        self.report.suppress(examination.suppressed);
        Ok(narrative.examined(examination.is_xml))
    }

    /// A bundle's signature, whose markup is looked at as XML would be.
    #[cold]
    fn signature(&mut self, field: &'static FieldSchema, markup: &str, offset: usize) -> Result<()> {
        match check_signature(markup, *self.report.limits()) {
            Ok(()) => Ok(()),
            Err(Refusal::Malformed(problem)) => {
                self.report.find((ERROR, Rule::BUNDLE), field.name, offset, ONE_SIGNATURE, problem)
            }
            Err(Refusal::Limit(limit)) => Err(self.report.limit(limit, offset)),
        }
    }
}
