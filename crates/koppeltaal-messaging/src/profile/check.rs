//! What a profile says about its elements, and where a value departs from it.

use std::fmt;
use std::mem;

use koppeltaal_fhir::datatypes::{CodeableConcept, Extension};
use koppeltaal_fhir::{Finding, RESOURCE_TYPES, Rule, Severity};

use super::{CodeSystem, Reference};
use crate::generated::kinds::ResourceKind;
use crate::generated::vocabulary::system::NULL_FLAVOR;
use crate::rules;

/// What a profile says about one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementRule {
    /// Where the element is, such as `CarePlan.activity.startDate`.
    pub path: &'static str,
    /// Whether at least one is needed.
    pub required: bool,
    /// Whether there may be more than one.
    pub repeats: bool,
    /// What it holds.
    pub element_type: ElementType,
    /// The list that codes are from.
    pub binding: Option<Binding>,
    /// The URL of the extension that holds the element; none for the elements of DSTU1.
    pub extension: Option<&'static str>,
}

/// What an element holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementType {
    /// A primitive or data type of DSTU1, by name.
    Value(&'static str),
    /// One of several of them.
    Choice(&'static [&'static str]),
    /// Elements of its own, by the name of the component.
    Component(&'static str),
    /// A reference to a resource of one of these kinds, by name; to any resource if there are none.
    Reference(&'static [&'static str]),
}

impl ElementType {
    /// With the indefinite article, for findings.
    fn with_article(self) -> String {
        let name = self.to_string();
        let vowel = name.starts_with(|first: char| "aeiouAEIO".contains(first)) && !name.starts_with("uri");
        format!("{} {name}", if vowel { "an" } else { "a" })
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(name) | Self::Component(name) => f.write_str(name),
            Self::Choice(names) => f.write_str(&names.join(" or ")),
            Self::Reference([]) => f.write_str("reference"),
            Self::Reference(kinds) => write!(f, "reference to {}", kinds.join(" or ")),
        }
    }
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
    pub(crate) const fn optional(path: &'static str, element_type: ElementType) -> Self {
        Self { path, required: false, repeats: false, element_type, binding: None, extension: None }
    }

    pub(crate) const fn mandatory(path: &'static str, element_type: ElementType) -> Self {
        Self { required: true, ..Self::optional(path, element_type) }
    }

    pub(crate) const fn list(path: &'static str, element_type: ElementType) -> Self {
        Self { repeats: true, ..Self::optional(path, element_type) }
    }

    pub(crate) const fn mandatory_list(path: &'static str, element_type: ElementType) -> Self {
        Self { required: true, ..Self::list(path, element_type) }
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

    /// The element's name, without the path before it.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The code list, for findings.
    fn list_name(&self) -> &'static str {
        self.binding.map_or("a list", |binding| binding.list)
    }
}

/// A struct that knows how to hold itself against its profile; the generated ones do.
pub(crate) trait Checked {
    fn check(&self, checker: &mut Checker);
}

/// Collects findings while it is led through a value. Fields are given by name; the table has their rules.
pub(crate) struct Checker {
    rules: &'static [ElementRule],
    /// Where the walk is, as in the table: `CarePlan.activity`.
    place: &'static str,
    /// The same from the resource on, with positions: `activity[1]`.
    path: String,
    findings: Vec<Finding>,
}

impl Checker {
    /// Checks a whole value by the table of its profile.
    pub(crate) fn run(
        value: &impl Checked,
        name: &'static str,
        rules: &'static [ElementRule],
    ) -> Vec<Finding> {
        let mut checker = Self { rules, place: name, path: String::new(), findings: Vec::new() };
        value.check(&mut checker);
        checker.findings
    }

    /// A field with so many values.
    pub(crate) fn count(&mut self, name: &str, values: usize) {
        if let Some(rule) = self.rule(self.place, name).filter(|rule| rule.required && values == 0) {
            self.missing(self.path_of(rule, None), rule);
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
                let text = unlisted.code.as_deref().or(unlisted.display.as_deref()).unwrap_or_default();
                let foreign = unlisted.system.as_deref().filter(|system| *system != E::SYSTEM);
                let of_system = foreign.map(|system| format!(" of {system}")).unwrap_or_default();
                let found = format!("{text:?}{of_system}");
                let path = self.path_of(rule, Some(index));
                self.find(
                    Severity::Warning,
                    rules::PROFILE_CODE,
                    path,
                    format!("a code of {}", rule.list_name()),
                    found,
                );
            }
        }
    }

    /// A field with codes of a list that DSTU1 closes: what is not on it breaks the schema.
    pub(crate) fn standard_codes<'a>(
        &mut self,
        name: &str,
        codes: impl ExactSizeIterator<Item = &'a str>,
        listed: &[&str],
    ) {
        self.count(name, codes.len());
        let Some(rule) = self.rule(self.place, name) else { return };
        for (index, code) in codes.enumerate() {
            self.standard_code(self.path_of(rule, Some(index)), rule, code, listed);
        }
    }

    fn standard_code(&mut self, path: String, rule: &ElementRule, code: &str, listed: &[&str]) {
        if !listed.contains(&code) {
            let expected = format!("a code of {}", rule.list_name());
            self.find(Severity::Error, Rule::CODE, path, expected, format!("{code:?}"));
        }
    }

    /// A field with references: what their URLs say of the kind must be what the profile allows. An `Other` says nothing.
    pub(crate) fn references<'a>(
        &mut self,
        name: &str,
        references: impl ExactSizeIterator<Item = &'a Reference>,
    ) {
        self.count(name, references.len());
        let Some(rule) = self.rule(self.place, name) else { return };
        let ElementType::Reference(allowed) = rule.element_type else { return };
        for (index, url) in references.map(Reference::url).enumerate() {
            let Some(url) = url.filter(|_| !allowed.is_empty()) else { continue };
            let kind = url.resource_type();
            let says_something =
                kind != "Other" && (RESOURCE_TYPES.contains(&kind) || kind.parse::<ResourceKind>().is_ok());
            if says_something && !allowed.contains(&kind) {
                let path = self.path_of(rule, Some(index));
                let expected = rule.element_type.with_article();
                self.find(Severity::Warning, rules::REFERENCE_TYPE, path, expected, url.to_string());
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
        for (index, group) in groups.enumerate() {
            self.inside(name, index, |checker| group.check(checker));
        }
    }

    /// Checks a value of a field by its own elements' rules.
    pub(crate) fn inside(&mut self, name: &str, index: usize, check: impl FnOnce(&mut Self)) {
        let Some(rule) = self.rule(self.place, name) else { return };
        let inside = self.path_of(rule, Some(index));
        let path = mem::replace(&mut self.path, inside);
        let place = mem::replace(&mut self.place, rule.path);
        check(self);
        (self.path, self.place) = (path, place);
    }

    /// A part that each value of a field needs: so many of it in each.
    pub(crate) fn parts(&mut self, name: &str, part: &str, values: impl Iterator<Item = usize>) {
        let Some((rule, part)) = self.part(name, part) else { return };
        for (index, count) in values.enumerate() {
            if count == 0 {
                self.missing(self.path_of_part(rule, index, part), part);
            }
        }
    }

    /// A part with a code of a list that DSTU1 closes, in each value of a field.
    pub(crate) fn part_codes<'a>(
        &mut self,
        name: &str,
        part: &str,
        codes: impl Iterator<Item = Option<&'a str>>,
        listed: &[&str],
    ) {
        let Some((rule, part)) = self.part(name, part) else { return };
        for (index, code) in codes.enumerate() {
            if let Some(code) = code {
                self.standard_code(self.path_of_part(rule, index, part), part, code, listed);
            }
        }
    }

    /// The extensions that no field took: one that the profile has here should not be among them.
    pub(crate) fn extensions(&mut self, extensions: &[Extension]) {
        for extension in extensions {
            let is_here = |rule: &&ElementRule| is_part(rule.path, self.place, rule.name());
            let named =
                self.rules.iter().filter(is_here).find(|rule| rule.extension == Some(extension.url.as_str()));
            if let Some(rule) = named {
                self.unread(rule);
            }
        }
    }

    /// The extensions that were read in another form than the profile's, by URL.
    pub(crate) fn quirks(&mut self, urls: impl Iterator<Item = &'static str>) {
        for url in urls {
            let is_it = |rule: &&ElementRule| {
                is_part(rule.path, self.place, rule.name()) && rule.extension == Some(url)
            };
            let Some(rule) = self.rules.iter().find(is_it) else { continue };
            let expected = format!("an extension {url} with {}", rule.element_type.with_article());
            let found = "another form that is read as one";
            self.find(Severity::Warning, rules::PROFILE_FORM, self.path_of(rule, None), expected, found);
        }
    }

    /// A concept whose codes are of an older system than the list's, or one of HL7's null flavours, as it stands in the
    /// element that was read.
    pub(crate) fn older_system<E: CodeSystem>(&mut self, name: &str, concept: Option<&CodeableConcept>) {
        let (Some(rule), Some(concept)) = (self.rule(self.place, name), concept) else { return };
        let systems = || concept.coding.iter().filter_map(|coding| coding.system.as_str());
        let older = systems().find(|system| E::ALSO.contains(system) || *system == NULL_FLAVOR);
        if let Some(older) = older.filter(|_| !systems().any(|system| system == E::SYSTEM)) {
            let expected = format!("the system {}", E::SYSTEM);
            let path = self.path_of(rule, None);
            self.find(Severity::Information, rules::PROFILE_SYSTEM, path, expected, older);
        }
    }

    /// An extension of a field that could not be read, or is one too many.
    fn unread(&mut self, rule: &'static ElementRule) {
        let expected = match rule.repeats {
            true => format!("extensions with {} each", rule.element_type.with_article()),
            false => format!("one extension with {}", rule.element_type.with_article()),
        };
        let found = "one with another content, or one too many";
        self.find(Severity::Error, rules::PROFILE_VALUE, self.path_of(rule, None), expected, found);
    }

    fn missing(&mut self, path: String, rule: &ElementRule) {
        let place = rule.extension.map(|url| format!(" in extension {url}")).unwrap_or_default();
        let expected = format!("{}{place}", rule.element_type.with_article());
        self.find(Severity::Error, rules::PROFILE_MINIMUM, path, expected, "nothing");
    }

    fn rule(&self, place: &str, name: &str) -> Option<&'static ElementRule> {
        self.rules.iter().find(|rule| is_part(rule.path, place, name))
    }

    fn part(&self, name: &str, part: &str) -> Option<(&'static ElementRule, &'static ElementRule)> {
        let rule = self.rule(self.place, name)?;
        Some((rule, self.rule(rule.path, part)?))
    }

    /// The path of a field here; with its position, if it repeats.
    fn path_of(&self, rule: &ElementRule, index: Option<usize>) -> String {
        let (path, name) = (&self.path, rule.name());
        let dot = if path.is_empty() { "" } else { "." };
        match index.filter(|_| rule.repeats) {
            Some(index) => format!("{path}{dot}{name}[{index}]"),
            None => format!("{path}{dot}{name}"),
        }
    }

    fn path_of_part(&self, rule: &ElementRule, index: usize, part: &ElementRule) -> String {
        format!("{}.{}", self.path_of(rule, Some(index)), part.name())
    }

    fn find(
        &mut self,
        severity: Severity,
        rule: Rule,
        path: String,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) {
        let (expected, found) = (expected.into(), found.into());
        self.findings.push(Finding { severity, rule, path, position: None, expected, found });
    }
}

/// Whether `path` is `place`, a dot and `name`.
fn is_part(path: &str, place: &str, name: &str) -> bool {
    path.strip_prefix(place).and_then(|rest| rest.strip_prefix('.')) == Some(name)
}
