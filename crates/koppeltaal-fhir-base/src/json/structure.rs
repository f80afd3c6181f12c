//! Objects and their members: which field each member is, and what happens to a member that is no field.

use super::progress::{Gaps, Progress};
use super::read::{Reader, Result};
use super::scan::{Kind, Scanner};
use crate::findings::{Rule, Severity};
use crate::primitives::{AnyCompanions, AnyPrimitive};
use crate::structure::{FieldSchema, Shape, Slot, Structure, TypeSchema, entries};
use crate::unknown::{Unknown, UnknownContent, UnknownNode};

/// How many fields behind the last one are tried before a member's name is read as a string.
const LOOK_AHEAD: usize = 3;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectContent {
    Something,
    /// Nothing but nulls.
    Nulls,
}

impl<'t> Reader<'t> {
    /// Reads the object that starts here into `target`. Returns whether it holds anything but nulls.
    pub(super) fn structure(&mut self, target: &mut dyn Structure) -> Result<ObjectContent> {
        let schema = target.schema();
        let start = self.scanner.offset();
        self.begin_object()?;
        let mut progress = Progress::default();
        let mut first = true;
        let mut offset = self.scanner.offset();
        loop {
            let hint = progress.hint;
            let ahead = schema.fields.get(hint..).unwrap_or_default();
            let likely = ahead.iter().take(LOOK_AHEAD).map(|field| field.member);
            if let Some(place) = self.scanner.take_member(first, likely) {
                let index = hint + place;
                self.field(target, index, schema.fields[index].name, offset, &mut progress)?;
            } else if let Some(name) = self.next_member(first)? {
                match schema.find(&name, hint) {
                    Some(index) => self.field(target, index, &name, offset, &mut progress)?,
                    None => self.special(target, &name, offset, &mut progress)?,
                }
            } else {
                break;
            }
            first = false;
            offset = self.scanner.offset();
        }
        if first {
            // Like an empty element of XML: the prose forbids it, the schema does not.
            self.report
                .finding(Rule::EMPTY, "", start)
                .severity(Severity::Warning)
                .expected("at least one member")
                .found("an empty object")?;
        }
        self.report.missing_fields(schema, progress.present, start)?;
        if schema.is_bundle {
            self.report.entries(entries(target), self.scanner.offset())?;
        }
        match &progress.gaps {
            None => Ok(ObjectContent::Something),
            Some(gaps) => self.close_gaps(target, gaps),
        }
    }

    /// Removes list items that were null without extensions, or that are kept elsewhere.
    #[cold]
    fn close_gaps(&mut self, target: &mut dyn Structure, gaps: &Gaps) -> Result<ObjectContent> {
        let schema = target.schema();
        for field in schema.fields {
            let index = usize::from(field.index);
            let null = gaps.nulls.iter().find(|(known, _)| *known == index);
            if null.is_none() && !gaps.misfits.contains(index) {
                continue;
            }
            // Only lists have items. The slot of an alternative would replace the chosen one.
            if !field.repeats {
                continue;
            }
            let Slot::Primitives(values) = target.slot(index) else { continue };
            if let Some(item) = values.drop_absent()
                && let Some((_, offset)) = null
            {
                let path = format!("{}[{item}]", field.name);
                let expected = "a value, or extensions beside the null";
                self.report.finding(Rule::JSON_NULL, &path, *offset).expected(expected).found("null")?;
            }
        }
        Ok(if target.is_empty() { ObjectContent::Nulls } else { ObjectContent::Something })
    }

    /// The member `name` of `target`, which is the field at `index`.
    pub(super) fn field(
        &mut self,
        target: &mut dyn Structure,
        index: usize,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let field = &target.schema().fields[index];
        progress.hint = index + 1;
        let kind = self.kind()?;
        if kind == Kind::Null {
            self.report
                .finding(Rule::JSON_NULL, name, offset)
                .expected("no member, or a value")
                .found("null")?;
            progress.null_structure();
            return self.raw().map(drop);
        }
        // Do not ask for the slot of a refused alternative: it would replace the chosen one.
        if !progress.values.insert(index)
            && (progress.refused.contains(index) || !is_nothing(target.slot(index)))
        {
            self.member_again(name, offset)?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        if !self.enter_choice(target.schema(), index, name, offset, progress)? {
            // Behind the alternative that is there. Otherwise that one would be refused when this is read
            // again.
            let after = target.schema().end_of_group(index);
            return self.keep(target.unknown_mut(), name, after);
        }
        if !fits(field, kind) {
            // This comes before the call of `slot`, which creates an absent value.
            self.report
                .finding(Rule::JSON_TYPE, name, offset)
                .expected(expected_kind(field))
                .found(kind.describe())?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        match target.slot(index) {
            Slot::Primitive(value) => return self.primitive(field, field.name, value, kind, offset),
            Slot::Structure(value) => return self.single_structure(field, value, offset),
            Slot::Boxed(value) => {
                self.report.charge(size_of_val(value), offset)?;
                return self.single_structure(field, value, offset);
            }
            Slot::Structures(values) => self.structures(field, values, kind, offset, progress)?,
            Slot::Primitives(values) => self.primitives(field, values, kind, offset, progress)?,
            Slot::Resources(values) => self.resources(field, values, progress)?,
            Slot::Resource(value) => {
                if !self.nested_resource(field.name, None, value)? {
                    let (expected, found) = (expected_kind(field), "an object without resourceType");
                    self.report.finding(Rule::JSON_TYPE, name, offset).expected(expected).found(found)?;
                    return self.keep(target.unknown_mut(), name, index + 1);
                }
            }
            Slot::Xhtml(value) => *value = self.xhtml(field, offset)?,
            Slot::Attribute(value) => {
                *value = self.string()?.into_owned();
                self.report.count_text(field.name, value.len());
                if value.is_empty() {
                    self.report
                        .finding(Rule::EMPTY, name, offset)
                        .expected("a value")
                        .found("an empty string")?;
                }
            }
            Slot::None => return self.keep(target.unknown_mut(), name, index + 1),
        }
        if progress.gaps.is_some() {
            self.keep_misfits(target.unknown_mut(), name, progress, index + 1)?;
        }
        Ok(())
    }

    #[cold]
    fn member_again(&mut self, name: &str, offset: usize) -> Result<()> {
        self.report
            .finding(Rule::DUPLICATE_MEMBER, name, offset)
            .expected("each member once")
            .found("the member again")
    }

    /// Notes that the field at `own` is present. Returns `false` if another alternative of its choice already
    /// is, and that one says something.
    pub(super) fn enter_choice(
        &mut self,
        schema: &TypeSchema,
        own: usize,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<bool> {
        let Some(first) = schema.fields[own].choice.map(usize::from) else {
            progress.present.insert(own);
            return Ok(true);
        };
        // This is the other half of the primitive, or the same half after one that said nothing.
        if progress.present.insert(first) || progress.chosen.contains(own) {
            progress.chosen.insert(own);
            progress.silent.remove(own);
            return Ok(true);
        }
        self.report.second_alternative(name, offset)?;
        // An alternative that says nothing is not written. The next one would be the first when this is read
        // again, so it is the first here too.
        let Some(silent) = progress.silent_alternative(schema, own) else {
            progress.refused.insert(own);
            return Ok(false);
        };
        progress.silent.remove(silent);
        progress.chosen.remove(silent);
        progress.refused.insert(silent);
        progress.refused.remove(own);
        progress.chosen.insert(own);
        Ok(true)
    }

    /// A member that is no field: `resourceType`, `id`, the `_` half of a primitive, or unknown.
    pub(super) fn special(
        &mut self,
        target: &mut dyn Structure,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        match name {
            "resourceType" if target.schema().is_resource => {
                if std::mem::replace(&mut progress.type_seen, true) {
                    self.member_again(name, offset)?;
                }
                return self.raw().map(drop);
            }
            "id" => return self.id(target, name, offset, progress),
            // Official tools wrote `_id` for `id` until 0.0.82; no DSTU1 type has a primitive called `id`.
            "_id" if self.report.model().legacy.is_some() && self.kind()? == Kind::String => {
                self.report
                    .finding(Rule::JSON_QUIRK, name, offset)
                    .expected("`id`, as since 0.0.82")
                    .found("`_id`")?;
                return self.id(target, name, offset, progress);
            }
            "_atom" if target.schema().has_uri_as_id => return self.atom_parts(target, offset),
            // HAPI wrote comments as members; they carry no data.
            "fhir_comments" if self.report.model().legacy.is_some() => {
                self.report
                    .finding(Rule::UNKNOWN_ELEMENT, name, offset)
                    .expected("no comments in JSON")
                    .found("HAPI's comments")?;
                return self.raw().map(drop);
            }
            _ => {}
        }
        let schema = target.schema();
        let primitive =
            name.strip_prefix('_').and_then(|name| schema.find(name, progress.hint.saturating_sub(1)));
        let primitive = primitive.filter(|index| schema.fields[*index].shape.has_companions());
        match primitive {
            Some(index)
                if progress.companions.insert(index)
                    || progress.silent_alternative(schema, index).is_some()
                    || !progress.refused.contains(index) && is_without_companions(target.slot(index)) =>
            {
                progress.hint = index + 1;
                self.companions(target, index, name, offset, progress)
            }
            Some(index) => {
                self.member_again(name, offset)?;
                // Behind the first one. Otherwise it would be the first when this is read again.
                self.keep(target.unknown_mut(), name, schema.end_of_group(index))
            }
            _ => {
                self.report.unknown_element(schema.name, name, offset)?;
                self.keep(target.unknown_mut(), name, progress.hint)
            }
        }
    }

    /// Reads the parts that only Atom has, as the writer puts them into JSON. No other XML gets in this way.
    fn atom_parts(&mut self, target: &mut dyn Structure, offset: usize) -> Result<()> {
        let raw = self.raw()?;
        let type_name = target.schema().name;
        let model = self.report.model();
        let atom_part = model.legacy.map(|legacy| legacy.atom_part);
        let mut scanner = Scanner::new(raw);
        let mut parts = Vec::new();
        let mut is_right = matches!(scanner.kind(), Ok(Kind::Array)) && scanner.begin_array().is_ok();
        while is_right && matches!(scanner.next_item(parts.is_empty()), Ok(true)) {
            let text = matches!(scanner.kind(), Ok(Kind::String)).then(|| scanner.string());
            let part = text.and_then(std::result::Result::ok);
            match part.and_then(|text| atom_part?(model, type_name, &text)) {
                Some(part) => parts.push(part),
                None => is_right = false,
            }
        }
        if !is_right {
            let expected =
                format_args!("what the Atom schema allows in {type_name} and JSON has no member for");
            self.report.finding(Rule::BUNDLE, "_atom", offset).expected(expected).found("something else")?;
            self.report.charge(UnknownNode::COST, offset)?;
            target.unknown_mut().push(unknown_member("_atom", raw.to_owned(), 0));
            return Ok(());
        }
        for part in parts {
            self.report.charge(UnknownNode::COST, offset)?;
            target.unknown_mut().push(part);
        }
        Ok(())
    }

    pub(super) fn id(
        &mut self,
        target: &mut dyn Structure,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        if self.kind()? != Kind::Null && std::mem::replace(&mut progress.id_seen, true) {
            self.report
                .finding(Rule::DUPLICATE_MEMBER, name, offset)
                .expected("one id")
                .found("another one")?;
            return self.keep(target.unknown_mut(), name, 0);
        }
        match self.kind()? {
            Kind::String => {
                let id = self.string()?.into_owned();
                if !target.schema().has_uri_as_id {
                    self.report.id(&id, offset)?;
                } else if id.is_empty() {
                    self.report
                        .finding(Rule::EMPTY, name, offset)
                        .severity(Severity::Warning)
                        .expected("an id")
                        .found("an empty string")?;
                }
                target.set_id(id);
            }
            Kind::Null => {
                self.report
                    .finding(Rule::JSON_NULL, name, offset)
                    .expected("no member, or a string")
                    .found("null")?;
                self.raw()?;
            }
            kind => {
                self.report
                    .finding(Rule::JSON_TYPE, name, offset)
                    .expected("a string")
                    .found(kind.describe())?;
                let raw = self.raw()?.to_owned();
                match kind {
                    Kind::Number => target.set_id(raw),
                    _ => {
                        self.report.charge(UnknownNode::COST, offset)?;
                        self.report.note_ambiguous();
                        target.unknown_mut().push(unknown_member(name, raw, 0));
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps the items that did not fit the list at hand beside it.
    #[cold]
    pub(super) fn keep_misfits(
        &mut self,
        unknown: &mut Unknown,
        name: &str,
        progress: &mut Progress,
        after: usize,
    ) -> Result<()> {
        let items = std::mem::take(&mut progress.gaps().items);
        if items.is_empty() {
            return Ok(());
        }
        self.report.charge(UnknownNode::COST, self.scanner.offset())?;
        self.report.note_ambiguous();
        unknown.push(unknown_member(name, format!("[{items}]"), after));
        Ok(())
    }

    /// Keeps the value that comes next as unknown.
    pub(super) fn keep(&mut self, unknown: &mut Unknown, name: &str, after: usize) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge(UnknownNode::COST, offset)?;
        self.report.note_ambiguous();
        let raw = self.raw()?.to_owned();
        unknown.push(unknown_member(name, raw, after));
        Ok(())
    }
}

/// Whether nothing of this value will be written. Then a second member of its name counts as the first.
#[cold]
fn is_nothing(slot: Slot<'_>) -> bool {
    match slot {
        Slot::Primitives(values) => (0..values.len()).all(|index| values.get(index).is_absent()),
        Slot::Structures(values) => values.len() == 0,
        Slot::Resources(values) => values.len() == 0,
        Slot::Attribute(value) => value.is_empty(),
        Slot::Xhtml(value) => value.is_empty(),
        _ => false,
    }
}

/// Whether a primitive has no ids and extensions yet.
#[cold]
pub(super) fn is_without_companions(slot: Slot<'_>) -> bool {
    let has_none = |value: &dyn AnyPrimitive| value.companions().is_none_or(<dyn AnyCompanions>::is_bare);
    match slot {
        Slot::Primitive(value) => has_none(value),
        Slot::Primitives(values) => (0..values.len()).all(|index| has_none(values.get(index))),
        _ => false,
    }
}

/// Whether a field takes a value of this kind, or a list of them.
#[inline(always)]
fn fits(field: &FieldSchema, kind: Kind) -> bool {
    let takes_objects = matches!(field.shape, Shape::Structure | Shape::Unextended | Shape::Resource);
    match kind {
        Kind::Object => takes_objects && !(field.repeats && field.shape == Shape::Resource),
        Kind::Array => field.repeats,
        Kind::String => !takes_objects,
        _ => !takes_objects && !matches!(field.shape, Shape::Xhtml | Shape::Attribute),
    }
}

pub(super) fn unknown_member(name: &str, raw: String, after: usize) -> UnknownNode {
    UnknownNode { name: name.to_owned(), content: UnknownContent::JsonMember(raw), after }
}

fn expected_kind(field: &FieldSchema) -> &'static str {
    match (field.repeats, field.shape) {
        (true, _) => "an array",
        (false, Shape::Primitive | Shape::IdReference | Shape::Count | Shape::Text) => {
            "a string, number or boolean"
        }
        (false, Shape::Structure | Shape::Unextended) => "an object",
        (false, Shape::Resource) => "a resource",
        (false, Shape::Xhtml | Shape::Attribute | Shape::Signature) => "a string",
    }
}
