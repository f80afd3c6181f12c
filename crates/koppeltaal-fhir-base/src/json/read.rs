//! From JSON to the model, by the one description of each type (see `structure`).
//!
//! Tolerant by nature: what does not fit is reported and kept as unknown. A strict read is the same read,
//! ended by the first finding of severity error.

use std::borrow::Cow;

use super::resource_types::ResourceTypes;
use super::scan::{ARRAY_DEPTH, Kind, ScanError, ScanProblem, Scanner};
use crate::document::Root;
use crate::findings::{Failure, Report, Rule};
use crate::resource::{self, ResourceList};
use crate::structure::entries;
use crate::unknown::{UnknownContent, UnknownResource};

pub(super) type Result<T> = std::result::Result<T, Failure>;

/// Reads one resource or bundle.
pub fn read<'t>(text: &'t str, root: &mut dyn Root, report: Report<'t>) -> Result<Report<'t>> {
    let mut reader = Reader { scanner: Scanner::new(text), resource_types: ResourceTypes::default(), report };
    reader.document(root)?;
    let end = reader.scanner.end();
    reader.scan(end)?;
    Ok(reader.report)
}

/// The `resourceType` of the object that a text starts with.
pub fn resource_type(text: &str, report: Report<'_>) -> Result<String> {
    let mut reader = Reader { scanner: Scanner::new(text), resource_types: ResourceTypes::default(), report };
    Ok(reader.root()?.resource_type.into_owned())
}

pub(super) struct Reader<'t> {
    pub scanner: Scanner<'t>,
    resource_types: ResourceTypes,
    pub report: Report<'t>,
}

/// The outermost object.
struct Outermost<'t> {
    resource_type: Cow<'t, str>,
    /// Whether it stands in another one (see [`Reader::wrapped_root`]).
    is_wrapped: bool,
}

impl<'t> Reader<'t> {
    #[inline]
    pub(super) fn scan<T>(&self, result: std::result::Result<T, Box<ScanError>>) -> Result<T> {
        result.map_err(|error| self.failure(&error))
    }

    #[cold]
    fn failure(&self, error: &ScanError) -> Failure {
        match error.problem {
            ScanProblem::TooDeep => self.report.limit("nested too deep", error.offset),
            ScanProblem::Malformed(problem) => self.report.malformed(problem, error.offset),
        }
    }

    #[inline]
    pub(super) fn kind(&mut self) -> Result<Kind> {
        match self.scanner.peek_kind() {
            Some(kind) => Ok(kind),
            None => self.no_value(),
        }
    }

    #[cold]
    fn no_value(&mut self) -> Result<Kind> {
        let error = self.scanner.kind();
        self.scan(error)
    }

    /// The text of the next value.
    pub(super) fn raw(&mut self) -> Result<&'t str> {
        let raw = self.scanner.raw(self.report.limits().depth, 0);
        self.scan(raw)
    }

    /// The text of the next value, an item of an array that may be kept as an array.
    pub(super) fn raw_item(&mut self) -> Result<&'t str> {
        let raw = self.scanner.raw(self.report.limits().depth, 1);
        self.scan(raw)
    }

    pub(super) fn next_member(&mut self, first: bool) -> Result<Option<Cow<'t, str>>> {
        let member = self.scanner.next_member(first);
        self.scan(member)
    }

    pub(super) fn next_item(&mut self, first: bool) -> Result<bool> {
        let item = self.scanner.next_item(first);
        self.scan(item)
    }

    pub(super) fn begin_object(&mut self) -> Result<()> {
        let begin = self.scanner.begin_object();
        self.scan(begin)
    }

    pub(super) fn begin_array(&mut self) -> Result<()> {
        let begin = self.scanner.begin_array();
        self.scan(begin)
    }

    pub(super) fn string(&mut self) -> Result<Cow<'t, str>> {
        let string = self.scanner.string();
        self.scan(string)
    }

    /// Finds the root object, which the text has to be. Its members are read later.
    fn root(&mut self) -> Result<Outermost<'t>> {
        let start = self.scanner.offset();
        if self.kind()? != Kind::Object {
            return Err(self.report.not_fhir("expected an object with a resourceType", start));
        }
        match self.resource_type()? {
            Some(resource_type) => Ok(Outermost { resource_type, is_wrapped: false }),
            None => self.wrapped_root(start),
        }
    }

    /// The bundle in an object with the single member `feed`. Official tools wrapped bundles like this until
    /// 0.0.81.
    fn wrapped_root(&mut self, start: usize) -> Result<Outermost<'t>> {
        self.begin_object()?;
        if self.report.model().legacy.is_some()
            && self.next_member(true)?.as_deref() == Some("feed")
            && self.kind()? == Kind::Object
            && let Some(resource_type) = self.resource_type()?
            && resource_type == "Bundle"
        {
            let expected = "the bundle itself, as since 0.0.82";
            self.report
                .finding(Rule::JSON_QUIRK, "", start)
                .expected(expected)
                .found("a bundle wrapped in `feed`")?;
            return Ok(Outermost { resource_type, is_wrapped: true });
        }
        Err(self.untyped(start))
    }

    fn untyped(&self, start: usize) -> Failure {
        self.report.not_fhir("an object without resourceType", start)
    }

    fn document(&mut self, root: &mut dyn Root) -> Result<()> {
        let start = self.scanner.offset();
        let Outermost { resource_type, is_wrapped } = self.root()?;
        if resource_type != "Bundle" || self.report.model().legacy.is_none() {
            return self.resource(&resource_type, root.resource(), start);
        }
        self.bundle(root)?;
        if is_wrapped && self.next_member(false)?.is_some() {
            return Err(self.untyped(start));
        }
        Ok(())
    }

    /// Reads a bundle that is no resource.
    fn bundle(&mut self, root: &mut dyn Root) -> Result<()> {
        let start = self.scanner.offset();
        let Some(bundle) = root.bundle() else { return self.raw().map(drop) };
        self.structure(bundle)?;
        let entries = entries(bundle);
        root.check_bundle(&mut self.report, start)?;
        self.report.entries(entries, self.scanner.offset())
    }

    /// The `resourceType` of the object that starts here, wherever in it the member stands. Does not move the
    /// reader.
    pub(super) fn resource_type(&mut self) -> Result<Option<Cow<'t, str>>> {
        // Deeper than any structure can be, its unknown content included.
        let depth = self.report.limits().depth.saturating_mul(4).saturating_add(ARRAY_DEPTH);
        let found = self.resource_types.of(&self.scanner, depth);
        self.report.charge(self.resource_types.take_cost(), self.scanner.offset())?;
        self.scan(found)
    }

    /// Reads a resource of a type, and adds it to `list`.
    pub(super) fn resource(
        &mut self,
        resource_type: &str,
        list: &mut dyn ResourceList,
        start: usize,
    ) -> Result<()> {
        if let Some(structure) = list.push(resource_type) {
            self.report.charge(size_of_val(structure) + resource::COST, start)?;
            self.structure(structure)?;
            return Ok(());
        }
        self.report.charge(resource::COST + UnknownResource::COST, start)?;
        let content = UnknownContent::JsonMember(self.raw()?.to_owned());
        self.report.unknown_resource(resource_type, start)?;
        list.push_source(resource_type, content);
        Ok(())
    }

    /// A resource inside another object: contained, or the content of an entry. Returns whether there is one.
    pub(super) fn nested_resource(
        &mut self,
        name: &'static str,
        index: Option<usize>,
        list: &mut dyn ResourceList,
    ) -> Result<bool> {
        let start = self.scanner.offset();
        self.report.enter(name, index, start)?;
        let resource_type = self.resource_type()?;
        if let Some(resource_type) = &resource_type {
            self.resource(resource_type, list, start)?;
        }
        self.report.leave();
        Ok(resource_type.is_some())
    }
}
