//! Finds the elements of a profile in the model of R4, and says what the profile adds to R4.

use anyhow::{Context as _, Result, bail, ensure};

use super::{Binding, Element, Extension, Fixed, Place, Profile, Schema};
use crate::codegen::model::{Content, Field, Model, Module, Type};
use crate::codegen::names;
use crate::schema::Role;

/// The elements of every resource, which stay in the rest.
const OF_EVERY_RESOURCE: [&str; 8] =
    ["id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"];

/// A profile whose names are resolved.
pub(super) struct Resolved<'a> {
    pub(super) profile: &'a Profile,
    pub(super) module: &'a Module,
    pub(super) resource: &'a Type,
    pub(super) fields: Vec<ResolvedField<'a>>,
    /// What the profile adds to R4.
    pub(super) rules: Vec<Rule>,
    /// The URLs of extensions that must not occur.
    pub(super) forbidden_extensions: Vec<&'a str>,
}

/// A field and where it is from.
pub(super) enum ResolvedField<'a> {
    Native { element: &'a Element, field: &'a Field },
    Extension { element: &'a Element, extension: &'a Extension, first: bool },
}

/// What the profile adds to R4 about one element.
pub(super) struct Rule {
    /// A choice has `[x]`.
    pub(super) name: String,
    pub(super) required: bool,
    /// None if R4 bounds it already, or it has no bound.
    pub(super) most: Option<usize>,
    pub(super) fixed: Option<Fixed>,
    pub(super) targets: Vec<String>,
    /// The lists that every value must be on, on any one of them.
    pub(super) codes: Vec<String>,
    pub(super) parts: Vec<Rule>,
}

/// Resolves a profile. Each element of the R4 resource must be a field of the profile, or forbidden by it.
pub(super) fn profile<'a>(schema: &'a Schema, profile: &'a Profile, r4: &'a Model) -> Result<Resolved<'a>> {
    resolve(schema, profile, r4).with_context(|| format!("profile {}", profile.name))
}

fn resolve<'a>(schema: &'a Schema, profile: &'a Profile, r4: &'a Model) -> Result<Resolved<'a>> {
    let (module, resource) =
        r4.resources().find(|(_, ty)| ty.name == profile.name).context("R4 has no such resource")?;
    let (mut fields, mut rules) = (Vec::new(), Vec::new());
    for element in &profile.elements {
        match element.place {
            Place::Native => {
                let field = find(resource, &element.name)?;
                rules.extend(rule(schema, r4, element, field)?);
                fields.push(ResolvedField::Native { element, field });
            }
            Place::Extension { first } => {
                let extension = schema.extensions.iter().find(|extension| extension.name == element.name);
                let extension = extension.with_context(|| format!("no extension `{}`", element.name))?;
                fields.push(ResolvedField::Extension { element, extension, first });
            }
        }
    }
    for name in &profile.forbidden {
        find(resource, name.trim_end_matches("[x]"))?;
        rules.push(Rule::forbidden(name));
    }
    for field in &resource.fields {
        let is_field = profile.elements.iter().any(|element| element.name == field.name);
        let is_forbidden = profile.forbidden.iter().any(|name| name.trim_end_matches("[x]") == field.name);
        let has_place = OF_EVERY_RESOURCE.contains(&field.name.as_str()) || is_field != is_forbidden;
        ensure!(has_place, "`{}` must be either a field or forbidden", field.name);
    }
    let forbidden_extensions = profile.forbidden_extensions.iter().map(|name| {
        let url = schema.urls.iter().find(|url| url.name == *name);
        url.map(|url| url.url.as_str()).with_context(|| format!("no url `{name}`"))
    });
    let forbidden_extensions = forbidden_extensions.collect::<Result<_>>()?;
    Ok(Resolved { profile, module, resource, fields, rules, forbidden_extensions })
}

fn find<'a>(ty: &'a Type, name: &str) -> Result<&'a Field> {
    ty.fields
        .iter()
        .find(|field| field.name == name)
        .with_context(|| format!("`{}` has no element `{name}` in R4", ty.name))
}

/// What the profile adds to R4 about an element, if it adds anything.
fn rule(schema: &Schema, r4: &Model, element: &Element, field: &Field) -> Result<Option<Rule>> {
    let Some(cardinality) = element.cardinality else {
        return Ok(Some(Rule::forbidden(&element.name)));
    };
    ensure!(
        field.cardinality.repeats || !cardinality.repeats,
        "`{}` repeats in the profile and not in R4",
        element.name
    );
    let mut parts = Vec::new();
    if !element.parts.is_empty() {
        let Content::Structure { name, .. } = &field.content else {
            bail!("`{}` has no parts in R4", element.name);
        };
        let mut types = r4.modules.iter().flat_map(|module| &module.types);
        let ty = types.find(|ty| names::type_name(&ty.name) == *name && ty.role != Role::Abstract);
        let ty = ty.with_context(|| format!("no type {name}"))?;
        for part in &element.parts {
            let rule = rule(schema, r4, part, find(ty, &part.name)?);
            parts.extend(rule.with_context(|| format!("part of `{}`", element.name))?);
        }
    }
    let rule = Rule {
        name: element.name.clone(),
        required: cardinality.required && !field.cardinality.required,
        most: (field.cardinality.repeats && !cardinality.repeats).then_some(1),
        fixed: element.fixed.clone(),
        targets: element.targets.clone(),
        codes: closed_lists(schema, element)?,
        parts,
    };
    Ok(rule.says_something().then_some(rule))
}

/// The lists that the codes of an element must be on; none if other codes are allowed too.
fn closed_lists(schema: &Schema, element: &Element) -> Result<Vec<String>> {
    for Binding { list, .. } in &element.codes {
        ensure!(schema.lists.iter().any(|known| known.name == *list), "no codes `{list}`");
    }
    let is_open = element.codes.iter().any(|binding| binding.is_open);
    let lists = element.codes.iter().filter(|_| !is_open);
    Ok(lists.map(|binding| binding.list.clone()).collect())
}

impl Rule {
    fn forbidden(name: &str) -> Self {
        let (fixed, targets, codes, parts) = (None, Vec::new(), Vec::new(), Vec::new());
        Self { name: name.to_owned(), required: false, most: Some(0), fixed, targets, codes, parts }
    }

    fn says_something(&self) -> bool {
        self.required
            || self.most.is_some()
            || self.fixed.is_some()
            || !self.targets.is_empty()
            || !self.codes.is_empty()
            || !self.parts.is_empty()
    }
}
