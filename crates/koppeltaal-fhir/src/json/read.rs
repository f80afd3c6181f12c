//! From JSON to the model, by the one description of each type (see `structure`).
//!
//! Tolerant by nature: what does not fit is reported and kept as unknown. A strict read is the same read, ended by the
//! first finding of severity error.

use std::borrow::Cow;

use super::scan::{Kind, ScanError, Scanner};
use crate::bundle::Bundle;
use crate::document::{Document, Read};
use crate::finding::{Rule, Severity};
use crate::primitive::{AnyPrimitive, AnyPrimitiveList, Companions, ScalarKind, Verdict};
use crate::report::{Failure, Report};
use crate::resource::{RESOURCE_TYPES, Resource};
use crate::structure::{FieldSchema, FieldSet, Shape, Slot, Structure, StructureList};
use crate::unknown::{Unknown, UnknownContent, UnknownNode, UnknownResource};
use crate::xhtml::Xhtml;

const ERROR: Severity = Severity::Error;

type Result<T> = std::result::Result<T, Failure>;

/// Reads one resource or bundle.
pub(crate) fn read(text: &str, report: Report<'_>) -> Result<Read> {
    let mut reader = Reader { scanner: Scanner::new(text), report };
    let document = reader.document()?;
    let end = reader.scanner.end();
    reader.scan(end)?;
    Ok(Read::new(document, reader.report))
}

struct Reader<'t> {
    scanner: Scanner<'t>,
    report: Report<'t>,
}

/// Which fields of one object have been read, and what the object still has to be checked for.
#[derive(Default)]
struct Progress {
    /// Fields whose member was read.
    values: FieldSet,
    /// Fields whose `_` member was read.
    companions: FieldSet,
    /// Fields, or groups of alternatives, that are present in any way.
    present: FieldSet,
    /// Where the search for the next name starts.
    hint: usize,
    id_seen: bool,
    type_seen: bool,
}

impl<'t> Reader<'t> {
    #[inline]
    fn scan<T>(&self, result: std::result::Result<T, Box<ScanError>>) -> Result<T> {
        result.map_err(|error| match error.problem {
            "nested too deep" => self.report.limit("nested too deep", error.offset),
            problem => self.report.malformed(problem, error.offset),
        })
    }

    fn kind(&mut self) -> Result<Kind> {
        let kind = self.scanner.kind();
        self.scan(kind)
    }

    fn raw(&mut self) -> Result<&'t str> {
        let raw = self.scanner.raw();
        self.scan(raw)
    }

    fn next_member(&mut self, first: bool) -> Result<Option<Cow<'t, str>>> {
        let member = self.scanner.next_member(first);
        self.scan(member)
    }

    fn next_item(&mut self, first: bool) -> Result<bool> {
        let item = self.scanner.next_item(first);
        self.scan(item)
    }

    fn begin_object(&mut self) -> Result<()> {
        let begin = self.scanner.begin_object();
        self.scan(begin)
    }

    fn begin_array(&mut self) -> Result<()> {
        let begin = self.scanner.begin_array();
        self.scan(begin)
    }

    fn string(&mut self) -> Result<Cow<'t, str>> {
        let string = self.scanner.string();
        self.scan(string)
    }

    fn document(&mut self) -> Result<Document> {
        let start = self.scanner.offset();
        if self.kind()? != Kind::Object {
            return Err(self.report.not_fhir("expected an object with a resourceType", start));
        }
        let resource_type = match self.resource_type()? {
            Some(resource_type) => resource_type,
            None => return self.legacy_feed(start),
        };
        if resource_type == "Bundle" {
            return self.bundle().map(Document::Bundle);
        }
        self.resource(&resource_type, start).map(Document::Resource)
    }

    fn bundle(&mut self) -> Result<Bundle> {
        let mut bundle = Bundle::default();
        self.structure(&mut bundle)?;
        if bundle.entry.len() > self.report.limits().entries {
            let limit = format!("more than {} entries", self.report.limits().entries);
            return Err(self.report.limit(limit, self.scanner.offset()));
        }
        Ok(bundle)
    }

    /// Until 0.0.81 official tools wrapped a bundle in an object with the one member `feed`.
    fn legacy_feed(&mut self, start: usize) -> Result<Document> {
        let untyped = |reader: &Self| Err(reader.report.not_fhir("an object without resourceType", start));
        self.begin_object()?;
        if self.next_member(true)?.as_deref() != Some("feed") || self.kind()? != Kind::Object {
            return untyped(self);
        }
        if self.resource_type()?.as_deref() != Some("Bundle") {
            return untyped(self);
        }
        let expected = "the bundle itself, as since 0.0.82";
        self.report.find((ERROR, Rule::Legacy), "", start, expected, "a bundle wrapped in `feed`")?;
        let bundle = self.bundle()?;
        if self.next_member(false)?.is_some() {
            return untyped(self);
        }
        Ok(Document::Bundle(bundle))
    }

    /// The `resourceType` of the object that starts here, wherever in it the member stands. Takes nothing.
    fn resource_type(&mut self) -> Result<Option<Cow<'t, str>>> {
        let found = self.scanner.clone().find_member("resourceType");
        self.scan(found)
    }

    fn resource(&mut self, resource_type: &str, start: usize) -> Result<Resource> {
        if let Some(mut resource) = Resource::empty(resource_type) {
            if let Some(structure) = resource.structure_mut() {
                self.structure(structure)?;
            }
            return Ok(resource);
        }
        let content = UnknownContent::JsonMember(self.raw()?.to_owned());
        if RESOURCE_TYPES.contains(&resource_type) {
            let expected = "a resource type of this build (feature `all-resources` has them all)";
            self.report.find(
                (Severity::Information, Rule::UnknownResource),
                "",
                start,
                expected,
                resource_type,
            )?;
        } else {
            self.report.find(
                (ERROR, Rule::UnknownResource),
                "",
                start,
                "a resource type of DSTU1",
                resource_type,
            )?;
        }
        Ok(Resource::Unknown(Box::new(UnknownResource { resource_type: resource_type.to_owned(), content })))
    }

    /// A resource inside another object: contained, or the content of an entry.
    fn nested_resource(&mut self, name: &'static str, index: Option<usize>) -> Result<Option<Resource>> {
        let start = self.scanner.offset();
        self.report.enter(name, index, start)?;
        let resource = match self.resource_type()? {
            Some(resource_type) => Some(self.resource(&resource_type, start)?),
            None => None,
        };
        self.report.leave();
        Ok(resource)
    }

    /// Reads the object that starts here into `target`.
    fn structure(&mut self, target: &mut dyn Structure) -> Result<()> {
        let schema = target.schema();
        let start = self.scanner.offset();
        self.begin_object()?;
        let mut progress = Progress::default();
        let mut first = true;
        let mut offset = self.scanner.offset();
        while let Some(name) = self.next_member(first)? {
            first = false;
            match schema.find(&name, progress.hint) {
                Some(index) => self.field(target, index, &name, offset, &mut progress)?,
                None => self.special(target, &name, offset, &mut progress)?,
            }
            offset = self.scanner.offset();
        }
        if first {
            self.report.find((ERROR, Rule::Empty), "", start, "at least one member", "an empty object")?;
        }
        for field in schema.missing(progress.present) {
            self.report.find((ERROR, Rule::Minimum), field.name, start, "a value", "nothing")?;
        }
        Ok(())
    }

    /// The member `name` of `target`, which is the field at `index`.
    fn field(
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
            self.report.find((ERROR, Rule::JsonNull), name, offset, "no member, or a value", "null")?;
            return self.raw().map(drop);
        }
        if !progress.values.insert(index) {
            self.report.find(
                (ERROR, Rule::DuplicateMember),
                name,
                offset,
                "each member once",
                "the member again",
            )?;
            return self.keep(target.unknown_mut(), name, index);
        }
        if !self.enter_choice(field, name, offset, progress)? {
            return self.keep(target.unknown_mut(), name, index);
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
                    self.report.find((ERROR, Rule::Empty), name, offset, "a value", "an empty string")?;
                }
                true
            }
            Slot::Xhtml(_) | Slot::Attribute(_) | Slot::None => false,
        };
        if !read {
            self.report.find((ERROR, Rule::JsonType), name, offset, expected_kind(field), kind.describe())?;
            return self.keep(target.unknown_mut(), name, index);
        }
        Ok(())
    }

    /// Notes that a field is present. `false`: another alternative of its choice already is.
    fn enter_choice(
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
        let mine = progress.values.contains(own) && progress.companions.contains(own);
        if progress.present.insert(usize::from(first)) || mine {
            return Ok(true);
        }
        self.report.find(
            (ERROR, Rule::Choice),
            name,
            offset,
            "one alternative of the choice",
            "a second one",
        )?;
        Ok(false)
    }

    /// A member that is no field: `resourceType`, `id`, the `_` half of a primitive, or unknown.
    fn special(
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
                        (ERROR, Rule::DuplicateMember),
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
                self.report.find((ERROR, Rule::Legacy), name, offset, "`id`, as since 0.0.82", "`_id`")?;
                return self.id(target, name, offset, progress);
            }
            // HAPI wrote comments as members; they carry no data.
            "fhir_comments" => {
                self.report.find(
                    (ERROR, Rule::UnknownElement),
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
        match primitive {
            Some(index)
                if schema.fields[index].shape == Shape::Primitive && progress.companions.insert(index) =>
            {
                self.companions(target, index, name, offset, progress)
            }
            _ => {
                let expected = format_args!("a member of {}", schema.name);
                self.report.find((ERROR, Rule::UnknownElement), name, offset, expected, name)?;
                self.keep(target.unknown_mut(), name, progress.hint)
            }
        }
    }

    fn id(
        &mut self,
        target: &mut dyn Structure,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        if std::mem::replace(&mut progress.id_seen, true) {
            self.report.find((ERROR, Rule::DuplicateMember), name, offset, "one id", "another one")?;
            return self.keep(target.unknown_mut(), name, 0);
        }
        match self.kind()? {
            Kind::String => {
                let id = self.string()?.into_owned();
                if id.is_empty() {
                    self.report.find((ERROR, Rule::Empty), name, offset, "an id", "an empty string")?;
                }
                target.set_id(id);
            }
            Kind::Null => {
                self.report.find((ERROR, Rule::JsonNull), name, offset, "no member, or a string", "null")?;
                self.raw()?;
            }
            kind => {
                self.report.find((ERROR, Rule::JsonType), name, offset, "a string", kind.describe())?;
                let raw = self.raw()?.to_owned();
                match kind {
                    Kind::Number => target.set_id(raw),
                    _ => target.unknown_mut().push(unknown_member(name, raw, 0)),
                }
            }
        }
        Ok(())
    }

    /// The `_name` member: ids and extensions of the primitive at `index`.
    fn companions(
        &mut self,
        target: &mut dyn Structure,
        index: usize,
        name: &str,
        offset: usize,
        progress: &mut Progress,
    ) -> Result<()> {
        let field = &target.schema().fields[index];
        let own_value = progress.values.contains(index);
        if field.choice.is_none() || !own_value {
            let was_companion_only = !own_value;
            if was_companion_only && !self.enter_choice(field, name, offset, progress)? {
                return self.keep(target.unknown_mut(), name, index);
            }
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
                                (ERROR, Rule::JsonType),
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
            self.report.find((ERROR, Rule::JsonType), name, offset, "ids and extensions", kind.describe())?;
            return self.keep(target.unknown_mut(), name, index);
        }
        Ok(())
    }

    /// `{"id": .., "extension": [..]}` of a primitive.
    fn companions_object(&mut self, value: &mut dyn AnyPrimitive) -> Result<()> {
        self.report.charge(size_of::<Companions>(), self.scanner.offset())?;
        self.structure(value.companions_mut())
    }

    fn single_primitive(
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
    fn primitive(
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
            self.report.find((ERROR, Rule::JsonType), name, start, wanted.describe(), kind.describe())?;
        }
        if value.set(text) == Verdict::Invalid {
            self.invalid(name, value, offset)?;
        }
        Ok(true)
    }

    #[cold]
    fn invalid(&mut self, name: &str, value: &dyn AnyPrimitive, offset: usize) -> Result<()> {
        let found = value.wire_text().unwrap_or_default().into_owned();
        let rule = match value.kind() {
            _ if found.is_empty() => Rule::Empty,
            ScalarKind::ListedCode => Rule::Code,
            _ => Rule::Format,
        };
        self.report.find((ERROR, rule), name, offset, value.kind().describe(), format_args!("{found:?}"))
    }

    fn primitive_values(
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
            self.report.find((ERROR, Rule::JsonType), field.name, offset, "an array", kind.describe())?;
            return self.primitive(field.name, values.at(0), kind, offset);
        }
        self.begin_array()?;
        let mut item = 0;
        while self.next_item(item == 0)? {
            let start = self.scanner.offset();
            self.report.charge(values.size(), start)?;
            // A place for nulls too: `_name` lines up by index.
            let value = values.at(item);
            match self.kind()? {
                Kind::Null => drop(self.raw()?),
                kind => {
                    self.report.enter(field.name, Some(item), start)?;
                    if !self.primitive("", value, kind, start)? {
                        self.report.find(
                            (ERROR, Rule::JsonType),
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
                (ERROR, Rule::Empty),
                field.name,
                offset,
                "at least one item",
                "an empty array",
            )?;
        }
        Ok(true)
    }

    fn single_structure(
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
    fn unextended(&mut self, field: &FieldSchema, value: &mut dyn Structure, offset: usize) -> Result<()> {
        if field.shape == Shape::Unextended
            && let Slot::Structures(extensions) = value.slot(0)
            && extensions.len() > 0
        {
            self.report.find(
                (ERROR, Rule::UnknownElement),
                "extension",
                offset,
                "no extension here",
                "one",
            )?;
        }
        Ok(())
    }

    fn structures(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        kind: Kind,
        offset: usize,
    ) -> Result<bool> {
        if kind == Kind::Object {
            // Seen from servers and old connectors: `link` and `coding` as one object.
            self.report.find((ERROR, Rule::JsonType), field.name, offset, "an array", "an object")?;
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
                    self.report.find((ERROR, Rule::JsonType), &path, start, "an object", kind.describe())?;
                    self.raw()?;
                }
            }
            item += 1;
        }
        if item == 0 && field.name != "entry" {
            self.report.find(
                (ERROR, Rule::Empty),
                field.name,
                offset,
                "at least one item",
                "an empty array",
            )?;
        }
        Ok(true)
    }

    fn item(
        &mut self,
        field: &'static FieldSchema,
        values: &mut dyn StructureList,
        item: usize,
    ) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge(values.size(), offset)?;
        self.report.enter(field.name, Some(item), offset)?;
        let value = values.push();
        self.structure(value)?;
        self.unextended(field, value, offset)?;
        self.report.leave();
        Ok(())
    }

    fn resources(
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
                        (ERROR, Rule::Contained),
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

    fn xhtml(&mut self, offset: usize) -> Result<Xhtml> {
        let markup = self.string()?;
        if !markup.starts_with("<div") || !(markup.ends_with("</div>") || markup.ends_with("/>")) {
            self.report.find(
                (ERROR, Rule::Narrative),
                "div",
                offset,
                "markup of one div element",
                "something else",
            )?;
        }
        Ok(Xhtml::from_markup(markup))
    }

    /// Keeps the value that comes next as unknown.
    fn keep(&mut self, unknown: &mut Unknown, name: &str, after: usize) -> Result<()> {
        let offset = self.scanner.offset();
        self.report.charge(size_of::<UnknownNode>(), offset)?;
        let raw = self.raw()?.to_owned();
        unknown.push(unknown_member(name, raw, after));
        Ok(())
    }
}

fn unknown_member(name: &str, raw: String, after: usize) -> UnknownNode {
    UnknownNode { name: name.to_owned(), content: UnknownContent::JsonMember(raw), after }
}

fn expected_kind(field: &FieldSchema) -> &'static str {
    match (field.repeats, field.shape) {
        (true, _) => "an array",
        (false, Shape::Primitive | Shape::Text) => "a string, number or boolean",
        (false, Shape::Structure | Shape::Unextended) => "an object",
        (false, Shape::Resource) => "a resource",
        (false, Shape::Xhtml | Shape::Attribute) => "a string",
    }
}
