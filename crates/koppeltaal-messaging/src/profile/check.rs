//! Compares a value with the table of its profile: [`CheckElements`] is implemented by the structs that have
//! a table, and [`Checker`] has one method for each shape of field.

use koppeltaal_fhir::datatypes::{CodeableConcept, Extension, ExtensionValue};
use koppeltaal_fhir::{Findings, PathSegment, RESOURCE_TYPES, Rule};

use super::definition::{ElementDefinition, ElementType};
use super::{CodeSystem, Reference};
use crate::generated::kinds::ResourceKind;
use crate::generated::vocabulary::system::NULL_FLAVOR;
use crate::rules;

/// A struct that compares itself with its profile. The generated structs do, and the header does.
pub(crate) trait CheckElements {
    /// The table of the profile.
    const TABLE: &'static [ElementDefinition];
    /// Where in the table the elements of the struct are: `CarePlan.activity`.
    const PLACE: &'static str;

    /// Checks each field, in the order of the table.
    fn check(&self, checker: &mut Checker<'_>);
}

/// The row of the table for a field of the struct, or for a part of one (`name.given`). The compiler looks it
/// up: a name that is not in the table does not compile.
macro_rules! element {
    ($name:literal) => {
        const { $crate::profile::find_element::<Self>($name) }
    };
}

pub(crate) use element;

/// Finds the row of an element by its name below [`CheckElements::PLACE`].
///
/// # Panics
///
/// The table has no such row. [`element`] calls this at compile time only.
pub(crate) const fn find_element<C: CheckElements + ?Sized>(name: &str) -> &'static ElementDefinition {
    let mut index = 0;
    while index < C::TABLE.len() {
        let element = &C::TABLE[index];
        if is_part(element.path, C::PLACE, name) {
            return element;
        }
        index += 1;
    }
    panic!("the table of the profile has no such element");
}

/// Whether `path` is `place`, a dot and `name`.
const fn is_part(path: &str, place: &str, name: &str) -> bool {
    let (path, place, name) = (path.as_bytes(), place.as_bytes(), name.as_bytes());
    path.len() == place.len() + 1 + name.len()
        && path[place.len()] == b'.'
        && occurs_at(path, place, 0)
        && occurs_at(path, name, place.len() + 1)
}

const fn occurs_at(text: &[u8], part: &[u8], start: usize) -> bool {
    let mut index = 0;
    while index < part.len() {
        if text[start + index] != part[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The row for an extension of this URL directly in a struct.
fn extension_of<C: CheckElements + ?Sized>(url: &str) -> Option<&'static ElementDefinition> {
    let is_meant = |element: &&ElementDefinition| {
        element.extension == Some(url) && is_part(element.path, C::PLACE, element.name())
    };
    C::TABLE.iter().find(is_meant)
}

/// Checks the fields of a struct. Each method takes the row of the field and its values.
pub(crate) struct Checker<'a> {
    findings: &'a mut Findings,
    /// Whether the resource is also checked by the schema of DSTU1.
    beside_schema: bool,
    /// The fields of the struct with an extension that could not be read, and whether the schema says why.
    unread: Vec<(&'static ElementDefinition, bool)>,
}

impl<'a> Checker<'a> {
    /// A checker that reports to `findings`, at the place where those are.
    pub(crate) fn new(findings: &'a mut Findings) -> Self {
        Self { findings, beside_schema: false, unread: Vec::new() }
    }

    /// A checker that leaves out what the schema of DSTU1 says about a value.
    pub(crate) fn beside_schema(findings: &'a mut Findings) -> Self {
        Self { beside_schema: true, ..Self::new(findings) }
    }

    /// A field with this number of values.
    pub(crate) fn count(&mut self, element: &'static ElementDefinition, values: usize) {
        let unread = self.unread.iter().find(|(unread, _)| unread.path == element.path);
        match unread {
            // The schema said what is wrong with its value, but not that it is one too many.
            Some((_, true)) if values > 0 && !element.repeats => self.unread_value(element),
            // It is there, so it is not missing.
            Some(_) => {}
            None if (element.required || element.required_by_dstu1) && values == 0 => self.missing(element),
            None => {}
        }
    }

    /// A field with codes of a list.
    pub(crate) fn codes<'v, E: CodeSystem + 'v>(
        &mut self,
        element: &'static ElementDefinition,
        codes: impl ExactSizeIterator<Item = &'v E>,
    ) {
        self.count(element, codes.len());
        for (index, code) in codes.enumerate() {
            if let Some(unlisted) = code.as_unlisted() {
                let text = unlisted.code.as_deref().or(unlisted.display.as_deref()).unwrap_or_default();
                let foreign = unlisted.system.as_deref().filter(|system| *system != E::SYSTEM);
                let of_system = foreign.map(|system| format!(" of {system}")).unwrap_or_default();
                self.at(element, index, |checker| {
                    checker.unlisted(rules::PROFILE_CODE, element, format!("{text:?}{of_system}"));
                });
            }
        }
    }

    /// A field with a code of a closed enum, as text; `is_listed` says whether the enum has it.
    pub(crate) fn closed_code(
        &mut self,
        element: &'static ElementDefinition,
        code: Option<&str>,
        is_listed: bool,
    ) {
        if let Some(code) = code.filter(|_| !is_listed) {
            self.at(element, 0, |checker| {
                checker.unlisted(rules::PROFILE_CODE, element, format!("{code:?}"));
            });
        }
    }

    /// A field with codes of a list that DSTU1 closes: a code that is not on it breaks the schema.
    pub(crate) fn standard_codes<'v>(
        &mut self,
        element: &'static ElementDefinition,
        codes: impl ExactSizeIterator<Item = &'v str>,
        listed: &[&str],
    ) {
        self.count(element, codes.len());
        for (index, code) in codes.enumerate() {
            self.at(element, index, |checker| checker.standard_code(element, code, listed));
        }
    }

    /// A field with references: the kind that a URL names must be one that the profile allows. `Other` names
    /// no kind.
    pub(crate) fn references<'v>(
        &mut self,
        element: &'static ElementDefinition,
        references: impl ExactSizeIterator<Item = &'v Reference>,
    ) {
        self.count(element, references.len());
        let ElementType::Reference(allowed) = element.element_type else { return };
        for (index, url) in references.map(Reference::url).enumerate() {
            let Some(url) = url.filter(|_| !allowed.is_empty()) else { continue };
            let kind = url.resource_type();
            let names_a_kind =
                kind != "Other" && (RESOURCE_TYPES.contains(&kind) || kind.parse::<ResourceKind>().is_ok());
            if names_a_kind && !allowed.contains(&kind) {
                self.at(element, index, |checker| {
                    let expected = element.element_type.with_article();
                    let finding = checker.findings.report(rules::REFERENCE_TYPE, "");
                    finding.expected(expected).found(url.to_string());
                });
            }
        }
    }

    /// A field with structs.
    pub(crate) fn groups<'v, G: CheckElements + 'v>(
        &mut self,
        element: &'static ElementDefinition,
        groups: impl ExactSizeIterator<Item = &'v G>,
    ) {
        self.count(element, groups.len());
        for (index, group) in groups.enumerate() {
            self.at(element, index, |checker| group.check(checker));
        }
    }

    /// A part that each value of a field needs; `counts` has the number of occurrences for each value.
    pub(crate) fn parts(
        &mut self,
        element: &'static ElementDefinition,
        part: &'static ElementDefinition,
        counts: impl Iterator<Item = usize>,
    ) {
        for (index, count) in counts.enumerate() {
            if count == 0 {
                self.at(element, index, |checker| checker.missing(part));
            }
        }
    }

    /// A part with a code of a list that DSTU1 closes, in each value of a field.
    pub(crate) fn part_codes<'v>(
        &mut self,
        element: &'static ElementDefinition,
        part: &'static ElementDefinition,
        codes: impl Iterator<Item = Option<&'v str>>,
        listed: &[&str],
    ) {
        for (index, code) in codes.enumerate() {
            let Some(code) = code else { continue };
            self.at(element, index, |checker| {
                checker.at(part, 0, |checker| checker.standard_code(part, code, listed));
            });
        }
    }

    /// The extensions of a struct that no field took: one of the profile's own should not be among them. The
    /// fields are checked after this.
    pub(crate) fn extensions<C: CheckElements + ?Sized>(&mut self, extensions: &[Extension]) {
        for extension in extensions {
            let Some(element) = extension_of::<C>(&extension.url) else { continue };
            let unreadable = extension.value.as_ref().and_then(unreadable_type);
            let by_schema = self.beside_schema
                && unreadable.is_some_and(|name| element.element_type == ElementType::Value(name));
            if !by_schema {
                self.unread_value(element);
            }
            self.unread.push((element, by_schema));
        }
    }

    /// An extension that no field took.
    fn unread_value(&mut self, element: &ElementDefinition) {
        let expected = match element.repeats {
            true => format!("extensions with {} each", element.element_type.with_article()),
            false => format!("one extension with {}", element.element_type.with_article()),
        };
        let found = "one with another content, or one too many";
        self.findings.report(rules::PROFILE_VALUE, element.name()).expected(expected).found(found);
    }

    /// The extensions of a struct that were read from a quirk, by URL.
    pub(crate) fn quirks<C: CheckElements + ?Sized>(&mut self, urls: impl Iterator<Item = &'static str>) {
        for (url, element) in urls.filter_map(|url| Some((url, extension_of::<C>(url)?))) {
            let expected = format!("an extension {url} with {}", element.element_type.with_article());
            let found = "another form that is read as one";
            self.findings.report(rules::PROFILE_FORM, element.name()).expected(expected).found(found);
        }
    }

    /// A concept as it was read: its codes should be of the system of the list, not of a quirk system or
    /// HL7's null flavours.
    pub(crate) fn quirk_system<E: CodeSystem>(
        &mut self,
        element: &'static ElementDefinition,
        concept: Option<&CodeableConcept>,
    ) {
        let Some(concept) = concept else { return };
        let systems = || concept.coding.iter().filter_map(|coding| coding.system.as_str());
        let quirk = systems().find(|system| E::QUIRK_SYSTEMS.contains(system) || *system == NULL_FLAVOR);
        if let Some(quirk) = quirk.filter(|_| !systems().any(|system| system == E::SYSTEM)) {
            let expected = format!("the system {}", E::SYSTEM);
            self.findings.report(rules::PROFILE_SYSTEM, element.name()).expected(expected).found(quirk);
        }
    }

    fn unlisted(&mut self, rule: Rule, element: &ElementDefinition, found: String) {
        self.findings.report(rule, "").expected(format!("a code of {}", element.list_name())).found(found);
    }

    fn standard_code(&mut self, element: &ElementDefinition, code: &str, listed: &[&str]) {
        if !listed.contains(&code) {
            self.unlisted(Rule::CODE, element, format!("{code:?}"));
        }
    }

    fn missing(&mut self, element: &ElementDefinition) {
        let place = element.extension.map(|url| format!(" in extension {url}")).unwrap_or_default();
        let expected = format!("{}{place}", element.element_type.with_article());
        let rule = if element.required { rules::PROFILE_MINIMUM } else { Rule::MINIMUM };
        self.findings.report(rule, element.name()).expected(expected).found("nothing");
    }

    /// Checks at a value of a field. The path has its position if the field repeats.
    fn at(
        &mut self,
        element: &'static ElementDefinition,
        index: usize,
        check: impl FnOnce(&mut Checker<'_>),
    ) {
        let segment: PathSegment = (element.name(), element.repeats.then_some(index));
        let beside_schema = self.beside_schema;
        self.findings.inside(&[segment], |findings| {
            check(&mut Checker { findings, beside_schema, unread: Vec::new() });
        });
    }
}

/// The type of a primitive whose text is not a value of that type.
fn unreadable_type(value: &ExtensionValue) -> Option<&'static str> {
    macro_rules! types {
        ($($variant:ident $name:literal),*) => {
            match value {
                $(ExtensionValue::$variant(value) => {
                    (value.get().is_none() && value.text().is_some()).then_some($name)
                })*
                _ => None,
            }
        };
    }
    types!(
        Boolean "boolean",
        Integer "integer",
        Decimal "decimal",
        Base64Binary "base64Binary",
        Instant "instant",
        Uri "uri",
        Date "date",
        DateTime "dateTime"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::{CarePlan, CarePlanActivity, Patient};

    #[test]
    fn an_element_is_found_by_its_name_below_the_place_of_its_struct() {
        let start = find_element::<CarePlanActivity>("startDate");
        assert_eq!((start.path, start.name()), ("CarePlan.activity.startDate", "startDate"));
        assert_eq!(find_element::<Patient>("name.given").path, "Patient.name.given");
    }

    #[test]
    #[should_panic = "no such element"]
    fn a_name_that_is_not_in_the_table_panics_where_the_compiler_looks_it_up() {
        find_element::<CarePlan>("startDate");
    }
}
