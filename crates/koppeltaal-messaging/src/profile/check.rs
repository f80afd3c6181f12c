//! What a profile says about its elements, and where a value departs from it.

use std::mem;

use koppeltaal_fhir::datatypes::Extension;

use super::{CodeSystem, UnlistedCode};

/// What a profile says about one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementRule {
    /// Where the element is, such as `CarePlan.activity.startDate`.
    pub path: &'static str,
    /// Whether at least one is needed.
    pub required: bool,
    /// Whether there may be more than one.
    pub repeats: bool,
    /// The type as the schema has it, such as `Resource(Patient)`.
    pub type_name: &'static str,
    /// The list that codes are from.
    pub binding: Option<Binding>,
    /// The URL of the extension that holds the element; none for the elements of DSTU1.
    pub extension: Option<&'static str>,
}

/// The list that the codes of an element are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// The name of the list: an enum of [`valuesets`](crate::valuesets) or a code list of DSTU1.
    pub list: &'static str,
    /// Whether other codes are as good.
    pub open: bool,
}

/// How the generated tables are written.
impl ElementRule {
    pub(crate) const fn optional(path: &'static str, type_name: &'static str) -> Self {
        Self { path, required: false, repeats: false, type_name, binding: None, extension: None }
    }

    pub(crate) const fn mandatory(path: &'static str, type_name: &'static str) -> Self {
        Self { required: true, ..Self::optional(path, type_name) }
    }

    pub(crate) const fn list(path: &'static str, type_name: &'static str) -> Self {
        Self { repeats: true, ..Self::optional(path, type_name) }
    }

    pub(crate) const fn mandatory_list(path: &'static str, type_name: &'static str) -> Self {
        Self { required: true, ..Self::list(path, type_name) }
    }

    /// Codes of this list and no others.
    pub(crate) const fn of(self, list: &'static str) -> Self {
        Self { binding: Some(Binding { list, open: false }), ..self }
    }

    /// Codes such as those of this list.
    pub(crate) const fn like(self, list: &'static str) -> Self {
        Self { binding: Some(Binding { list, open: true }), ..self }
    }

    /// In the extension of this URL.
    pub(crate) const fn at(self, url: &'static str) -> Self {
        Self { extension: Some(url), ..self }
    }
}

/// Where a value departs from its profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The place, with positions in lists: `CarePlan.activity[1].startDate`.
    pub path: String,
    /// What is said about the element.
    pub rule: &'static ElementRule,
    /// What is wrong.
    pub kind: DeviationKind,
}

/// How a value departs from its profile.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DeviationKind {
    /// An element that is needed is not there, or holds nothing that can be read.
    Missing,
    /// A code is not on the list of its element.
    UnlistedCode(UnlistedCode),
    /// An extension holds a value of another type, or there are more of it than allowed; it stayed in `extension`.
    Unread,
}

/// A struct that knows how to hold itself against its profile; the generated ones do.
pub(crate) trait Checked {
    fn check(&self, checker: &mut Checker);
}

/// Collects deviations while it is led through a value. Fields are given by name; the table has their rules.
pub(crate) struct Checker {
    rules: &'static [ElementRule],
    /// Where the walk is, as in the table: `CarePlan.activity`.
    place: &'static str,
    /// The same with positions: `CarePlan.activity[1]`.
    path: String,
    deviations: Vec<Deviation>,
}

impl Checker {
    /// Checks a whole value by the table of its profile.
    pub(crate) fn run(
        value: &impl Checked,
        name: &'static str,
        rules: &'static [ElementRule],
    ) -> Vec<Deviation> {
        let mut checker = Self { rules, place: name, path: name.to_owned(), deviations: Vec::new() };
        value.check(&mut checker);
        checker.deviations
    }

    /// A field with so many values.
    pub(crate) fn count(&mut self, name: &str, values: usize) {
        if let Some(rule) = self.rule(self.place, name).filter(|rule| rule.required && values == 0) {
            self.add(self.path_of(rule, None), rule, DeviationKind::Missing);
        }
    }

    /// A field with codes of a list.
    pub(crate) fn codes<'a, E: CodeSystem + 'a>(
        &mut self,
        name: &str,
        codes: impl ExactSizeIterator<Item = &'a E>,
    ) {
        self.count(name, codes.len());
        let Some(rule) = self.rule(self.place, name) else { return };
        for (index, code) in codes.enumerate() {
            if let Some(unlisted) = code.as_unlisted() {
                self.add(
                    self.path_of(rule, Some(index)),
                    rule,
                    DeviationKind::UnlistedCode(unlisted.clone()),
                );
            }
        }
    }

    /// A field with structs.
    pub(crate) fn groups<'a, G: Checked + 'a>(
        &mut self,
        name: &str,
        groups: impl ExactSizeIterator<Item = &'a G>,
    ) {
        self.count(name, groups.len());
        let Some(rule) = self.rule(self.place, name) else { return };
        for (index, group) in groups.enumerate() {
            let inside = self.path_of(rule, Some(index));
            let path = mem::replace(&mut self.path, inside);
            let place = mem::replace(&mut self.place, rule.path);
            group.check(self);
            (self.path, self.place) = (path, place);
        }
    }

    /// A part that each value of a field needs: so many of it in each.
    pub(crate) fn parts(&mut self, name: &str, part: &str, values: impl Iterator<Item = usize>) {
        let Some(rule) = self.rule(self.place, name) else { return };
        let Some(part) = self.rule(rule.path, part) else { return };
        for (index, count) in values.enumerate() {
            if count == 0 {
                let path = format!("{}.{}", self.path_of(rule, Some(index)), name_of(part));
                self.add(path, part, DeviationKind::Missing);
            }
        }
    }

    /// The extensions that no field took: one that the profile has here should not be among them.
    pub(crate) fn extensions(&mut self, extensions: &[Extension]) {
        for extension in extensions {
            let is_here = |rule: &&ElementRule| is_part(rule.path, self.place, name_of(rule));
            let named =
                self.rules.iter().filter(is_here).find(|rule| rule.extension == Some(extension.url.as_str()));
            if let Some(rule) = named {
                self.add(self.path_of(rule, None), rule, DeviationKind::Unread);
            }
        }
    }

    fn rule(&self, place: &str, name: &str) -> Option<&'static ElementRule> {
        self.rules.iter().find(|rule| is_part(rule.path, place, name))
    }

    /// The path of a field here; with its position, if it repeats.
    fn path_of(&self, rule: &ElementRule, index: Option<usize>) -> String {
        let (path, name) = (&self.path, name_of(rule));
        match index.filter(|_| rule.repeats) {
            Some(index) => format!("{path}.{name}[{index}]"),
            None => format!("{path}.{name}"),
        }
    }

    fn add(&mut self, path: String, rule: &'static ElementRule, kind: DeviationKind) {
        self.deviations.push(Deviation { path, rule, kind });
    }
}

fn name_of(rule: &ElementRule) -> &'static str {
    rule.path.rsplit('.').next().unwrap_or(rule.path)
}

/// Whether `path` is `place`, a dot and `name`.
fn is_part(path: &str, place: &str, name: &str) -> bool {
    path.strip_prefix(place).and_then(|rest| rest.strip_prefix('.')) == Some(name)
}
