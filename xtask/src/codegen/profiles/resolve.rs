//! Finds the Rust type of each field of a profile, and how its value moves to and from DSTU1.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{BASE, Binding, Field, List, Place, Quirk, Schema, Structure, constant_name};
use crate::codegen::model::{self, Content, Model};
use crate::codegen::names;
use crate::schema::Cardinality;

/// A profile with its components: one generated file.
pub(super) struct Module<'a> {
    /// The file's name without ending.
    pub(super) name: String,
    pub(super) profile: &'a Structure,
    /// The structs; none for a profile that is written by hand.
    pub(super) types: Vec<Type<'a>>,
    /// The profile and its components, with their paths.
    pub(super) structures: Vec<(String, &'a Structure)>,
    /// The elements that DSTU1 requires and the profile does not, by path, with their cardinality in DSTU1.
    pub(super) stricter: BTreeMap<String, Cardinality>,
}

/// One struct.
pub(super) struct Type<'a> {
    pub(super) name: Ident,
    pub(super) structure: &'a Structure,
    /// Its path in the profile, such as `CarePlan.activity.subActivity`.
    pub(super) path: String,
    pub(super) fhir: Fhir,
    /// The element, list and code that make a resource this profile.
    pub(super) fixed: Option<(Ident, Ident, Ident)>,
    pub(super) fields: Vec<ResolvedField<'a>>,
}

/// What carries a struct in DSTU1.
pub(super) enum Fhir {
    Resource(Ident),
    Component(Ident),
    /// An extension, with the path of the constant that has its URL.
    Extension(TokenStream),
}

pub(super) struct ResolvedField<'a> {
    pub(super) field: &'a Field,
    pub(super) ident: Ident,
    /// The type of one value.
    pub(super) value_type: TokenStream,
    /// The type of the field, with all its values.
    pub(super) rust_type: TokenStream,
    /// Whether its codes are from a list of `valuesets`.
    pub(super) has_own_list: bool,
    /// For a concept whose list has more than one system, the enum of the list.
    pub(super) quirk_systems: Option<TokenStream>,
    /// The enum of DSTU1 that its codes are from.
    pub(super) standard_list: Option<TokenStream>,
    /// For each part of the field, the enum of DSTU1 that its codes are from.
    pub(super) part_lists: Vec<Option<TokenStream>>,
    pub(super) moves: Move,
    /// The value that an absent field means, for the method that fills it in.
    pub(super) default: Option<TokenStream>,
}

/// How a value moves. The identifier is the field of the DSTU1 type.
pub(super) enum Move {
    /// The value of a primitive.
    Primitive(Ident),
    /// The value of a primitive that has a default, which an absent value means.
    PrimitiveOr(Ident, TokenStream),
    /// A value of another type, which `Value` reads and writes.
    One(Ident),
    /// Values of another type.
    List(Ident),
    /// The first of several values.
    First(Ident),
    /// The same type on both sides.
    Whole(Ident),
    /// A component.
    Group(Ident),
    /// Components.
    Groups(Ident),
    /// An extension with a value in this form.
    Extension { url: TokenStream, form: Ident, repeats: bool, or_parent_value: bool },
    /// An extension that is a struct of its own.
    ExtensionGroup { url: TokenStream, repeats: bool },
}

/// Resolves all profiles.
pub(super) fn modules<'a>(schema: &'a Schema, dstu1: &Model) -> Result<Vec<Module<'a>>> {
    let profiles = schema.structures.iter().filter(|structure| !structure.is_component);
    profiles.map(|profile| module(schema, profile, dstu1)).collect()
}

fn module<'a>(schema: &'a Schema, profile: &'a Structure, dstu1: &Model) -> Result<Module<'a>> {
    let mut module = Module {
        name: constant_name(&profile.name).to_ascii_lowercase(),
        profile,
        types: Vec::new(),
        structures: Vec::new(),
        stricter: BTreeMap::new(),
    };
    for structure in &schema.structures {
        if structure.name.split('.').next() != Some(&profile.name) {
            continue;
        }
        let resolver = Resolver { schema, dstu1, structure };
        let ty = resolver.resolve().with_context(|| structure.name.clone())?;
        module.stricter.extend(resolver.stricter(&ty.path));
        module.structures.push((ty.path.clone(), structure));
        if !structure.by_hand {
            module.types.push(ty);
        }
    }
    Ok(module)
}

/// The path of the constant for an extension's URL: the module of its resource, then the name.
pub(super) fn url_path(url: &str) -> TokenStream {
    let (module, name) = url_names(url);
    let (module, name) = (format_ident!("{module}"), format_ident!("{name}"));
    quote! { #module::#name }
}

/// Module and constant of an extension's URL: `.../CarePlan#StartDate` gives `care_plan` and `START_DATE`.
pub(super) fn url_names(url: &str) -> (String, String) {
    let (resource, name) = url.rsplit_once('#').unwrap_or((url, url));
    let resource = resource.rsplit('/').next().unwrap_or(resource);
    (constant_name(resource).to_ascii_lowercase(), constant_name(name))
}

struct Resolver<'a, 'm> {
    schema: &'a Schema,
    dstu1: &'m Model,
    structure: &'a Structure,
}

impl<'a> Resolver<'a, '_> {
    fn resolve(&self) -> Result<Type<'a>> {
        let structure = self.structure;
        let (path, url) = self.place_of(structure)?;
        let fhir = match (structure.base.as_str(), structure.is_component) {
            ("Extension", true) => {
                Fhir::Extension(url_path(url.context("no field holds this component as an extension")?))
            }
            (base, true) => Fhir::Component(format_ident!("{}", names::type_name(base))),
            (base, false) => Fhir::Resource(format_ident!("{base}")),
        };
        let mut ty = Type {
            name: format_ident!("{}", names::type_name(&structure.name)),
            structure,
            path,
            fhir,
            fixed: None,
            fields: Vec::new(),
        };
        for field in &structure.fields {
            let context = || format!("field {}", field.name);
            if let Some(Binding { list, fixed: Some(code), .. }) = &field.binding {
                ensure!(ty.fixed.is_none(), "a second fixed code, `{}`", field.name);
                let element = self.dstu1_field(&field.name).with_context(context)?;
                let variant = self.variant(list, code).with_context(context)?;
                ty.fixed = Some((names::field_ident(&element.name), format_ident!("{list}"), variant));
            } else if field.place != Place::Kept {
                ty.fields.push(self.field(field).with_context(context)?);
            }
        }
        Ok(ty)
    }

    /// The fields of the structure at `path` that DSTU1 requires and the profile does not.
    fn stricter(&self, path: &str) -> impl Iterator<Item = (String, Cardinality)> {
        self.structure.fields.iter().filter(|field| !field.cardinality.required).filter_map(move |field| {
            let Place::Native(element) = &field.place else { return None };
            let cardinality = self.dstu1_field(element).ok()?.cardinality;
            cardinality.required.then(|| (format!("{path}.{}", field.name), cardinality))
        })
    }

    /// The path of a structure, and the URL of the extension that holds it.
    fn place_of(&self, structure: &Structure) -> Result<(String, Option<&'a str>)> {
        if !structure.is_component {
            return Ok((structure.name.clone(), None));
        }
        let mut holders = self.schema.structures.iter().flat_map(|holder| {
            let fields = holder.fields.iter().filter(|field| field.types.contains(&structure.name));
            fields.map(move |field| (holder, field))
        });
        let (holder, field) = holders.next().context("no field has this component")?;
        ensure!(holders.next().is_none(), "two fields have this component; give each its own");
        let url = match &field.place {
            Place::Extension { url, .. } => Some(url.as_str()),
            Place::Native(_) | Place::Kept => None,
        };
        Ok((format!("{}.{}", self.place_of(holder)?.0, field.name), url))
    }

    fn field(&self, field: &'a Field) -> Result<ResolvedField<'a>> {
        if let Some(binding) = &field.binding {
            ensure!(self.enum_named(&binding.list).is_some(), "no list `{}`", binding.list);
        }
        let value_type = self.value_type(field)?;
        let (moves, rust_type) = match &field.place {
            Place::Kept => bail!("a kept extension is no field"),
            Place::Native(element) => self.native(field, element, &value_type)?,
            Place::Extension { url, quirk } => self.extension(field, url, *quirk, &value_type)?,
        };
        let is_filled_in = field.default.is_some() && !field.cardinality.required;
        let default = if is_filled_in { Some(self.default_value(field)?) } else { None };
        let list = field.binding.as_ref().filter(|binding| !binding.open);
        let has_own_list = list.is_some_and(|binding| self.own_list(&binding.list).is_some());
        let ident = names::field_ident(&field.name);
        let standard = |field: &Field| {
            let list = &field.binding.as_ref().filter(|binding| !binding.open)?.list;
            self.enum_named(list).filter(|_| self.own_list(list).is_none())
        };
        let standard_list = standard(field);
        let has_quirks =
            |binding: &&Binding| self.own_list(&binding.list).is_some_and(|list| list.systems.len() > 1);
        let is_concept = field.types == ["CodeableConcept"];
        let quirk_systems =
            list.filter(has_quirks).filter(|_| is_concept).and_then(|binding| self.enum_named(&binding.list));
        let part_lists = field.parts.iter().map(standard).collect();
        Ok(ResolvedField {
            field,
            ident,
            value_type,
            rust_type,
            has_own_list,
            standard_list,
            quirk_systems,
            part_lists,
            moves,
            default,
        })
    }

    fn native(&self, field: &'a Field, element: &str, value: &TokenStream) -> Result<(Move, TokenStream)> {
        let native = self.dstu1_field(element)?;
        let ident = names::field_ident(&native.name);
        let (many, native_many) = (field.cardinality.repeats, native.cardinality.repeats);
        ensure!(native_many || !many, "DSTU1 has at most one `{element}`");
        let type_name = field.types.first().map(String::as_str).unwrap_or_default();
        let expected = standard_name(&native.content);
        let is_group = self.component(type_name).is_some();
        let own = match type_name {
            "Resource" => "ResourceReference",
            name => self.component(name).map_or(name, |component| &component.base),
        };
        ensure!(
            expected.is_none_or(|expected| expected == own),
            "DSTU1 has `{}` here, not `{own}`",
            expected.unwrap_or_default()
        );
        let bound = self.enum_of(field).is_some() || type_name == "Resource";
        let is_primitive =
            matches!(native.content, Content::Primitive { .. } | Content::Code { .. } | Content::IdReference);
        let is_choice = matches!(native.content, Content::Choice { .. });
        ensure!(
            is_choice == (field.types.len() > 1),
            "DSTU1 and the profile differ on whether this is a choice"
        );
        if let Content::Code { list } = &native.content {
            let named = field.binding.as_ref().map(|binding| binding.list.as_str());
            ensure!(named == Some(list), "DSTU1 binds this to {list}");
        }
        let default = if field.default.is_some() && field.cardinality.required {
            ensure!(field.default.as_deref() == Some("false"), "a mandatory field can only default to false");
            Some(self.default_value(field)?)
        } else {
            None
        };
        let (moves, rust_type) = match (is_group, native_many, many) {
            (true, true, true) => (Move::Groups(ident), quote! { Vec<#value> }),
            (true, false, false) => (Move::Group(ident), quote! { Option<#value> }),
            (false, true, true) if bound || is_primitive => (Move::List(ident), quote! { Vec<#value> }),
            (false, true, true) => (Move::Whole(ident), quote! { Vec<#value> }),
            (false, true, false) if !bound && !is_primitive => {
                (Move::First(ident), quote! { Option<#value> })
            }
            (false, false, false) if is_primitive => match default {
                Some(default) => (Move::PrimitiveOr(ident, default), value.clone()),
                None => (Move::Primitive(ident), quote! { Option<#value> }),
            },
            (false, false, false) if bound => (Move::One(ident), quote! { Option<#value> }),
            (false, false, false) => (Move::Whole(ident), quote! { Option<#value> }),
            _ => bail!("no way to take one of several `{element}`"),
        };
        Ok((moves, rust_type))
    }

    fn extension(
        &self,
        field: &Field,
        url: &str,
        quirk: Option<Quirk>,
        value: &TokenStream,
    ) -> Result<(Move, TokenStream)> {
        ensure!(field.types.len() == 1, "an extension has one type");
        let type_name = field.types[0].as_str();
        let repeats = field.cardinality.repeats;
        let rust_type = if repeats {
            quote! { Vec<#value> }
        } else {
            quote! { Option<#value> }
        };
        let url = url_path(url);
        let moves = if self.component(type_name).is_some() {
            Move::ExtensionGroup { url, repeats }
        } else {
            let or_parent_value = quirk == Some(Quirk::ParentValue);
            ensure!(!(or_parent_value && repeats), "the extension that this is nested in has one value");
            let form = format_ident!("{}", self.form(field, type_name, quirk));
            Move::Extension { url, form, repeats, or_parent_value }
        };
        Ok((moves, rust_type))
    }

    /// The form of an extension's value: the names of `crates/koppeltaal-messaging/src/profile/form.rs`.
    fn form(&self, field: &Field, type_name: &str, quirk: Option<Quirk>) -> &'static str {
        let is_listed = self.enum_of(field).is_some();
        match (type_name, is_listed) {
            ("string", _) if quirk == Some(Quirk::Xhtml) => "StringOrXhtml",
            ("code", true) => "ListedCode",
            ("Coding", true) => "ListedCoding",
            ("CodeableConcept", true) => "ListedConcept",
            _ => "Plain",
        }
    }

    fn value_type(&self, field: &Field) -> Result<TokenStream> {
        if let Place::Native(element) = &field.place
            && let Content::Choice { enumeration, .. } = &self.dstu1_field(element)?.content
        {
            let enumeration = format_ident!("{enumeration}");
            return Ok(quote! { resources::#enumeration });
        }
        let type_name = field.types.first().map(String::as_str).unwrap_or_default();
        if let Some(component) = self.component(type_name) {
            let name = format_ident!("{}", names::type_name(&component.name));
            return Ok(quote! { #name });
        }
        if let Some(list) = self.enum_of(field) {
            return Ok(list);
        }
        Ok(match type_name {
            "string" => quote! { String },
            "boolean" => quote! { bool },
            "integer" => quote! { i32 },
            "Resource" => quote! { Reference },
            "dateTime" | "date" | "instant" | "uri" | "code" | "id" | "decimal" | "base64Binary" => {
                let name = format_ident!("{}", names::upper_first(type_name));
                quote! { primitives::#name }
            }
            _ => {
                let datatypes = self.dstu1.modules.iter().find(|module| module.name == "datatypes");
                let known =
                    datatypes.is_some_and(|module| module.types.iter().any(|ty| ty.name == type_name));
                ensure!(known, "no type `{type_name}`");
                let name = format_ident!("{type_name}");
                quote! { datatypes::#name }
            }
        })
    }

    /// The enum of a field's closed binding.
    fn enum_of(&self, field: &Field) -> Option<TokenStream> {
        let binding = field.binding.as_ref().filter(|binding| !binding.open)?;
        self.enum_named(&binding.list)
    }

    /// The enum of a list, which is ours or one of DSTU1.
    fn enum_named(&self, list: &str) -> Option<TokenStream> {
        let name = format_ident!("{list}");
        if self.own_list(list).is_some() {
            return Some(quote! { valuesets::#name });
        }
        let has_list = |module: &&model::Module| module.codes.iter().any(|codes| codes.name == list);
        let module = self.dstu1.modules.iter().find(has_list)?;
        Some(if module.name == "datatypes" {
            quote! { datatypes::#name }
        } else {
            quote! { resources::#name }
        })
    }

    fn own_list(&self, name: &str) -> Option<&'a List> {
        self.schema.lists.iter().find(|list| list.name == name)
    }

    fn default_value(&self, field: &Field) -> Result<TokenStream> {
        let text = field.default.as_deref().unwrap_or_default();
        if let Some(binding) = &field.binding {
            let (list, variant) = (format_ident!("{}", binding.list), self.variant(&binding.list, text)?);
            return Ok(quote! { valuesets::#list::#variant });
        }
        let value: Ident = syn::parse_str::<syn::LitBool>(text)
            .map(|literal| format_ident!("{}", literal.value.to_string()))
            .with_context(|| {
                format!("default({text}): expected true, false or a code of the field's list")
            })?;
        Ok(quote! { #value })
    }

    fn variant(&self, list: &str, code: &str) -> Result<Ident> {
        let list = self.own_list(list).with_context(|| format!("no list for the code {code}"))?;
        let variants = list.variants()?;
        let position = list.codes.iter().position(|listed| listed.code == code);
        Ok(format_ident!(
            "{}",
            variants[position.with_context(|| format!("{} has no code {code}", list.name))?]
        ))
    }

    fn component(&self, name: &str) -> Option<&'a Structure> {
        self.schema.structures.iter().find(|structure| structure.is_component && structure.name == name)
    }

    fn dstu1_field(&self, element: &str) -> Result<&model::Field> {
        let base = self.structure.base.as_str();
        let mut types = self.dstu1.modules.iter().flat_map(|module| &module.types);
        let ty = types.find(|ty| ty.name == base).with_context(|| format!("DSTU1 has no {base}"))?;
        let field = ty.fields.iter().find(|field| field.name == element);
        field.with_context(|| {
            format!("{base} has no element `{element}`; an extension is written as `Resource#Name` ({BASE} is added)")
        })
    }
}

/// The name of an element's type as a schema line gives it. `None` for a choice, and for content that a
/// schema line cannot name.
fn standard_name(content: &Content) -> Option<&str> {
    match content {
        Content::Primitive { name, .. } => Some(name),
        Content::IdReference => Some("string"),
        Content::Code { .. } => Some("code"),
        Content::Structure { standard_name, .. } => Some(standard_name),
        Content::Attribute | Content::Xhtml | Content::AnyResource | Content::Choice { .. } => None,
    }
}
