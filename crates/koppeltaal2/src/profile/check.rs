//! Compares a resource with the table of its profile.

use std::any::Any;

use koppeltaal_fhir_base::Xhtml;
use koppeltaal_fhir_base::primitives::primitive::{AnyPrimitive, AnyPrimitiveList};
use koppeltaal_fhir_base::resource::{AnyResource, ResourceList};
use koppeltaal_fhir_base::structure::{FieldSchema, Structure, StructureList, Walker};
use koppeltaal_r4::datatypes::{CodeableConcept, Coding, Extension, ExtensionValue, Meta, Reference};
use koppeltaal_r4::{Findings, Resource};

use super::extension::ExtensionElement;
use super::rules::{
    CODE, ElementRule, FORBIDDEN, Fixed, MAXIMUM, MINIMUM, PROFILE_URL, REFERENCE_TYPE, Rules, VALUE,
};

/// Reports where a resource departs from its profile. What R4 itself demands is not repeated.
pub(crate) fn check(resource: &Resource, rules: &'static Rules, findings: &mut Findings) {
    let Some(structure) = resource.content() else { return };
    let mut checker = Checker { profile: Some(rules), ..Checker::new(rules.elements, findings) };
    structure.walk(&mut checker);
    let (names_profile, has_extensions) = (checker.names_profile, checker.has_extensions);
    checker.count();
    if !names_profile {
        findings.report(PROFILE_URL, "meta.profile").expected(rules.url).found("other profiles, or none");
    }
    if !has_extensions {
        check_extensions(&Vec::<Extension>::new(), rules, findings);
    }
}

/// Whether a canonical names the profile, with or without a version.
pub(super) fn is_profile(canonical: Option<&str>, url: &str) -> bool {
    let rest = canonical.and_then(|canonical| canonical.strip_prefix(url));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
}

fn check_extensions(list: &dyn StructureList, rules: &Rules, findings: &mut Findings) {
    let extensions = || {
        let values = (0..list.len()).map(|index| (index, list.get(index) as &dyn Any));
        values.filter_map(|(index, value)| Some((index, value.downcast_ref::<Extension>()?)))
    };
    for rule in rules.extensions {
        let url = rule.element.urls[0];
        let mut count = 0;
        for (index, extension) in extensions().filter(|(_, extension)| rule.element.has_url(&extension.url)) {
            count += 1;
            findings.inside(&[("extension", Some(index))], |findings| {
                check_extension(extension, rule.element, findings);
            });
        }
        if count == 0 && rule.is_required {
            findings.report(MINIMUM, "extension").expected(format_args!("{url} at least once")).found("none");
        }
        if count > rule.most {
            findings.report(MAXIMUM, "extension").expected(format_args!("{url} at most once")).found(count);
        }
    }
    for (index, extension) in extensions() {
        if rules.forbidden_extensions.contains(&extension.url.as_str()) {
            findings.inside(&[("extension", Some(index))], |findings| {
                findings.report(FORBIDDEN, "").expected("not this extension").found(&extension.url);
            });
        }
    }
}

fn check_extension(extension: &Extension, element: &ExtensionElement, findings: &mut Findings) {
    match (&extension.value, element.value) {
        (Some(ExtensionValue::Reference(reference)), "Reference") => {
            findings
                .inside(&[("value", None)], |findings| check_target(reference, element.targets, findings));
        }
        (Some(ExtensionValue::Id(_)), "id") => {}
        (value, expected) => {
            let found = if value.is_some() { "a value of another type" } else { "no value" };
            findings.report(VALUE, "value").expected(format_args!("a value of type {expected}")).found(found);
        }
    }
}

/// Reports a reference whose text or type says that it points to a type that is not allowed. One that does
/// not say it (a fragment, a URN, an identifier only) is not reported.
fn check_target(reference: &Reference, targets: &[&str], findings: &mut Findings) {
    let text = reference.reference.as_str().unwrap_or_default();
    let mut segments = text.split("/_history/").next().unwrap_or_default().rsplit('/');
    let (_, from_text) = (segments.next(), segments.next());
    let is_type = |name: &&str| koppeltaal_r4::RESOURCE_TYPES.contains(name);
    let found = from_text.filter(is_type).or(reference.r#type.as_str());
    if let Some(found) = found.filter(|found| !targets.contains(found)) {
        findings.report(REFERENCE_TYPE, "").expected(targets.join(" or ")).found(found);
    }
}

/// Walks through the elements of one structure: counts them and checks their values.
struct Checker<'a> {
    rules: &'static [ElementRule],
    /// How often each was there.
    counts: Vec<usize>,
    findings: &'a mut Findings,
    /// The profile, if the structure is the resource itself.
    profile: Option<&'static Rules>,
    names_profile: bool,
    has_extensions: bool,
}

impl<'a> Checker<'a> {
    fn new(rules: &'static [ElementRule], findings: &'a mut Findings) -> Self {
        let counts = vec![0; rules.len()];
        Self { rules, counts, findings, profile: None, names_profile: false, has_extensions: false }
    }

    /// Reports what there is too little or too much of.
    fn count(self) {
        for (rule, count) in self.rules.iter().zip(self.counts) {
            if count == 0 && rule.is_required {
                self.findings.report(MINIMUM, rule.name).expected("at least one").found("none");
            }
            if count > rule.most {
                let (broken, expected) =
                    if rule.most == 0 { (FORBIDDEN, "none") } else { (MAXIMUM, "at most one") };
                self.findings.report(broken, rule.name).expected(expected).found(count);
            }
        }
    }

    /// The rule on a field, after counting its values.
    fn rule(&mut self, field: &FieldSchema, values: usize) -> Option<&'static ElementRule> {
        let is_of = |rule: &ElementRule| match rule.name.strip_suffix("[x]") {
            Some(prefix) => field.choice.is_some() && field.name.starts_with(prefix),
            None => field.name == rule.name,
        };
        let index = self.rules.iter().position(is_of)?;
        self.counts[index] += values;
        Some(&self.rules[index])
    }

    fn check_primitive(
        &mut self,
        place: (&'static str, Option<usize>),
        rule: &ElementRule,
        value: &dyn AnyPrimitive,
    ) {
        let Some(Fixed::Text(expected)) = rule.fixed else { return };
        let found = value.wire_text();
        if found.as_deref() != Some(expected) {
            self.findings.inside(&[place], |findings| {
                findings.report(VALUE, "").expected(expected).found(found.as_deref().unwrap_or("no value"));
            });
        }
    }

    fn check_structure(
        &mut self,
        place: (&'static str, Option<usize>),
        rule: &ElementRule,
        value: &dyn Structure,
    ) {
        self.findings.inside(&[place], |findings| {
            let any: &dyn Any = value;
            if let Some(Fixed::Code { system, code }) = rule.fixed
                && !codings(any).iter().any(|coding| coding.code_in(system) == Some(code))
            {
                findings.report(VALUE, "").expected(format_args!("{code} of {system}")).found("another code");
            }
            let is_listed = |coding: &Coding| rule.codes.iter().any(|binding| (binding.lists)(coding));
            if !rule.codes.is_empty() && !codings(any).iter().any(is_listed) {
                let lists: Vec<_> = rule.codes.iter().map(|binding| binding.url).collect();
                let expected = format!("a code of {}", lists.join(" or "));
                findings.report(CODE, "").expected(expected).found("another code, or none");
            }
            if let Some(reference) = any.downcast_ref().filter(|_| !rule.targets.is_empty()) {
                check_target(reference, rule.targets, findings);
            }
            if !rule.parts.is_empty() {
                let mut seen = Checker::new(rule.parts, findings);
                value.walk(&mut seen);
                seen.count();
            }
        });
    }
}

/// A Coding, or those of a concept.
fn codings(value: &dyn Any) -> &[Coding] {
    match (value.downcast_ref::<Coding>(), value.downcast_ref::<CodeableConcept>()) {
        (Some(coding), _) => std::slice::from_ref(coding),
        (None, Some(concept)) => &concept.coding,
        (None, None) => &[],
    }
}

impl Walker for Checker<'_> {
    fn primitive(&mut self, field: &'static FieldSchema, value: &dyn AnyPrimitive) {
        if let Some(rule) = self.rule(field, 1) {
            self.check_primitive((field.name, None), rule, value);
        }
    }

    fn primitives(&mut self, field: &'static FieldSchema, values: &dyn AnyPrimitiveList) {
        if let Some(rule) = self.rule(field, values.len()) {
            for index in 0..values.len() {
                self.check_primitive((field.name, Some(index)), rule, values.get(index));
            }
        }
    }

    fn structure(&mut self, field: &'static FieldSchema, value: &dyn Structure) {
        if let Some((profile, meta)) = self.profile.zip((value as &dyn Any).downcast_ref::<Meta>()) {
            self.names_profile = meta.profile.iter().any(|url| is_profile(url.as_str(), profile.url));
        }
        if let Some(rule) = self.rule(field, 1) {
            self.check_structure((field.name, None), rule, value);
        }
    }

    fn structures(&mut self, field: &'static FieldSchema, values: &dyn StructureList) {
        if let Some(profile) = self.profile.filter(|_| field.name == "extension") {
            self.has_extensions = true;
            check_extensions(values, profile, self.findings);
        }
        if let Some(rule) = self.rule(field, values.len()) {
            for index in 0..values.len() {
                self.check_structure((field.name, Some(index)), rule, values.get(index));
            }
        }
    }

    fn resource(&mut self, field: &'static FieldSchema, _: &dyn AnyResource) {
        self.rule(field, 1);
    }

    fn resources(&mut self, field: &'static FieldSchema, values: &dyn ResourceList) {
        self.rule(field, values.len());
    }

    fn xhtml(&mut self, field: &'static FieldSchema, _: &Xhtml) {
        self.rule(field, 1);
    }

    fn attribute(&mut self, field: &'static FieldSchema, _: &str) {
        self.rule(field, 1);
    }
}
