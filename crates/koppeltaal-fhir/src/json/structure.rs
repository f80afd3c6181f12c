//! Objects and their members: which field each member is, and what to do with one that is none.

use super::read::{ERROR, Reader, Result, WARNING};
use super::scan::Kind;
#[cfg(feature = "xml")]
use super::scan::Scanner;
use crate::finding::Rule;
use crate::structure::{FieldSchema, FieldSet, Shape, Slot, Structure};
use crate::unknown::{Unknown, UnknownContent, UnknownNode};

/// How many fields behind the last one are tried before a member's name is read as a string.
const LOOK_AHEAD: usize = 3;

/// Which fields of one object have been read, and what the object still has to be checked for.
#[derive(Default)]
pub(super) struct Progress {
    /// Fields whose member was read.
    pub(super) values: FieldSet,
    /// Fields whose `_` member was read.
    companions: FieldSet,
    /// Fields, or groups of alternatives, that are present in any way.
    present: FieldSet,
    /// Alternatives that were refused because another one of the choice was there before.
    pub(super) refused: FieldSet,
    /// Where the search for the next name starts.
    hint: usize,
    id_seen: bool,
    type_seen: bool,
}

impl<'t> Reader<'t> {
    /// Reads the object that starts here into `target`.
    pub(super) fn structure(&mut self, target: &mut dyn Structure) -> Result<()> {
        let schema = target.schema();
        let start = self.scanner.offset();
        self.begin_object()?;
        let mut progress = Progress::default();
        let mut first = true;
        let mut offset = self.scanner.offset();
        loop {
            let hint = progress.hint;
            let likely = schema.fields.iter().skip(hint).take(LOOK_AHEAD).map(|field| field.member);
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
            // As an empty element of XML: the prose forbids it, no schema does.
            self.report.find((WARNING, Rule::EMPTY), "", start, "at least one member", "an empty object")?;
        }
        for field in schema.missing(progress.present) {
            self.report.find((ERROR, Rule::MINIMUM), field.name, start, "a value", "nothing")?;
        }
        Ok(())
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
            self.report.find((ERROR, Rule::JSON_NULL), name, offset, "no member, or a value", "null")?;
            return self.raw().map(drop);
        }
        if !progress.values.insert(index) {
            self.report.find(
                (ERROR, Rule::DUPLICATE_MEMBER),
                name,
                offset,
                "each member once",
                "the member again",
            )?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        if !self.enter_choice(field, name, offset, progress)? {
            // Behind the alternative that is there, or that would be refused when this is read again.
            let after = target.schema().end_of_group(index);
            return self.keep(target.unknown_mut(), name, after);
        }
        let read = match target.slot(index) {
            Slot::Primitive(value) => self.single_primitive(field, value, kind, offset)?,
            Slot::Primitives(values) => self.primitive_values(field, values, kind, offset)?,
            Slot::Structure(value) => self.single_structure(field, value, kind, offset)?,
            Slot::Structures(values) => self.structures(field, values, kind, offset)?,
            Slot::Resource(value) => match kind {
                Kind::Object => {
                    *value = self.nested_resource(field.name, None)?;
                    value.is_some()
                }
                _ => false,
            },
            Slot::Resources(values) => self.resources(field, values, kind)?,
            Slot::Xhtml(value) if kind == Kind::String => {
                *value = self.xhtml(offset)?;
                true
            }
            Slot::Attribute(value) if kind == Kind::String => {
                *value = self.string()?.into_owned();
                if value.is_empty() {
                    self.report.find((ERROR, Rule::EMPTY), name, offset, "a value", "an empty string")?;
                }
                true
            }
            Slot::Xhtml(_) | Slot::Attribute(_) | Slot::None => false,
        };
        if !read {
            self.report.find(
                (ERROR, Rule::JSON_TYPE),
                name,
                offset,
                expected_kind(field),
                kind.describe(),
            )?;
            return self.keep(target.unknown_mut(), name, index + 1);
        }
        Ok(())
    }

    /// Notes that a field is present. `false`: another alternative of its choice already is.
    pub(super) fn enter_choice(
        &mut self,
        field: &FieldSchema,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<bool> {
        let Some(first) = field.choice else {
            progress.present.insert(usize::from(field.index));
            return Ok(true);
        };
        let own = usize::from(field.index);
        let mine = progress.values.contains(own)
            && progress.companions.contains(own)
            && !progress.refused.contains(own);
        if progress.present.insert(usize::from(first)) || mine {
            return Ok(true);
        }
        self.report.find(
            (ERROR, Rule::CHOICE),
            name,
            offset,
            "one alternative of the choice",
            "a second one",
        )?;
        progress.refused.insert(own);
        Ok(false)
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
                    self.report.find(
                        (ERROR, Rule::DUPLICATE_MEMBER),
                        name,
                        offset,
                        "each member once",
                        "the member again",
                    )?;
                }
                return self.raw().map(drop);
            }
            "id" => return self.id(target, name, offset, progress),
            // Official tools wrote `_id` for `id` until 0.0.82; no DSTU1 type has a primitive called `id`.
            "_id" if self.kind()? == Kind::String => {
                self.report.find((ERROR, Rule::LEGACY), name, offset, "`id`, as since 0.0.82", "`_id`")?;
                return self.id(target, name, offset, progress);
            }
            #[cfg(feature = "xml")]
            "_atom" if target.schema().has_uri_as_id => return self.atom_parts(target, offset),
            // HAPI wrote comments as members; they carry no data.
            "fhir_comments" => {
                self.report.find(
                    (ERROR, Rule::UNKNOWN_ELEMENT),
                    name,
                    offset,
                    "no comments in JSON",
                    "HAPI's comments",
                )?;
                return self.raw().map(drop);
            }
            _ => {}
        }
        let schema = target.schema();
        let primitive =
            name.strip_prefix('_').and_then(|name| schema.find(name, progress.hint.saturating_sub(1)));
        let primitive = primitive
            .filter(|index| matches!(schema.fields[*index].shape, Shape::Primitive | Shape::IdReference));
        match primitive {
            Some(index) if progress.companions.insert(index) => {
                self.companions(target, index, name, offset, progress)
            }
            Some(index) => {
                let (expected, found) = ("each member once", "the member again");
                self.report.find((ERROR, Rule::DUPLICATE_MEMBER), name, offset, expected, found)?;
                // Behind the first, or it would be the first when this is read again.
                self.keep(target.unknown_mut(), name, schema.end_of_group(index))
            }
            _ => {
                let expected = format_args!("a member of {}", schema.name);
                self.report.find((ERROR, Rule::UNKNOWN_ELEMENT), name, offset, expected, name)?;
                self.keep(target.unknown_mut(), name, progress.hint)
            }
        }
    }

    /// What only Atom has, as the writer puts it into JSON. Nothing else of XML gets in this way.
    #[cfg(feature = "xml")]
    fn atom_parts(&mut self, target: &mut dyn Structure, offset: usize) -> Result<()> {
        let raw = self.raw()?;
        let type_name = target.schema().name;
        let mut scanner = Scanner::new(raw);
        let mut parts = Vec::new();
        let mut is_right = matches!(scanner.kind(), Ok(Kind::Array)) && scanner.begin_array().is_ok();
        while is_right && matches!(scanner.next_item(parts.is_empty()), Ok(true)) {
            let text = matches!(scanner.kind(), Ok(Kind::String)).then(|| scanner.string());
            let part = text.and_then(std::result::Result::ok);
            match part.and_then(|text| crate::xml::part_from_json(type_name, &text)) {
                Some(part) => parts.push(part),
                None => is_right = false,
            }
        }
        if !is_right {
            let expected =
                format_args!("what the Atom schema allows in {type_name} and JSON has no member for");
            self.report.find((ERROR, Rule::BUNDLE), "_atom", offset, expected, "something else")?;
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
            self.report.find((ERROR, Rule::DUPLICATE_MEMBER), name, offset, "one id", "another one")?;
            return self.keep(target.unknown_mut(), name, 0);
        }
        match self.kind()? {
            Kind::String => {
                let id = self.string()?.into_owned();
                if !target.schema().has_uri_as_id {
                    self.report.id(&id, offset)?;
                } else if id.is_empty() {
                    self.report.find((WARNING, Rule::EMPTY), name, offset, "an id", "an empty string")?;
                }
                target.set_id(id);
            }
            Kind::Null => {
                self.report.find((ERROR, Rule::JSON_NULL), name, offset, "no member, or a string", "null")?;
                self.raw()?;
            }
            kind => {
                self.report.find((ERROR, Rule::JSON_TYPE), name, offset, "a string", kind.describe())?;
                let raw = self.raw()?.to_owned();
                match kind {
                    Kind::Number => target.set_id(raw),
                    _ => target.unknown_mut().push(unknown_member(name, raw, 0)),
                }
            }
        }
        Ok(())
    }

    /// Keeps the value that comes next as unknown.
    pub(super) fn keep(&mut self, unknown: &mut Unknown, name: &str, after: usize) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge(UnknownNode::COST, offset)?;
        let raw = self.raw()?.to_owned();
        unknown.push(unknown_member(name, raw, after));
        Ok(())
    }
}

pub(super) fn unknown_member(name: &str, raw: String, after: usize) -> UnknownNode {
    UnknownNode { name: name.to_owned(), content: UnknownContent::JsonMember(raw), after }
}

fn expected_kind(field: &FieldSchema) -> &'static str {
    match (field.repeats, field.shape) {
        (true, _) => "an array",
        (false, Shape::Primitive | Shape::IdReference | Shape::Text) => "a string, number or boolean",
        (false, Shape::Structure | Shape::Unextended) => "an object",
        (false, Shape::Resource) => "a resource",
        (false, Shape::Xhtml | Shape::Attribute) => "a string",
    }
}
