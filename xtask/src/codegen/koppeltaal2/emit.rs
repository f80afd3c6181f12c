//! Writes the structs of the profiles and their rules.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::resolve::{Resolved, ResolvedField, Rule};
use super::{Fixed, Schema};
use crate::codegen::documentation::describe;
use crate::codegen::emit::{Imports, rust_type};
use crate::codegen::model::{Content, Field};
use crate::codegen::names;
use crate::codegen::profiles::constant_name;

/// `generated.rs`: the modules, and the profiles in one place.
pub(super) fn index(schema: &Schema) -> TokenStream {
    let names: Vec<_> = schema.profiles.iter().map(|profile| format_ident!("{}", profile.name)).collect();
    let modules: Vec<_> = schema
        .profiles
        .iter()
        .map(|profile| format_ident!("{}", profile.name.to_ascii_lowercase()))
        .collect();
    quote! {
        #![doc = " The profiles of Koppeltaal 2.0, one module each, and what they have in common."]
        #(mod #modules;)*
        mod extensions;
        pub mod valuesets;
        pub mod vocabulary;

        use crate::profile::{Profile, Rules};

        /// The profiles as types.
        pub mod profiles {
            #(pub use super::#modules::#names;)*
        }

        /// The rules of each profile, by the type of its resources.
        pub(crate) const RULES: &[(&str, &Rules)] = &[#((profiles::#names::NAME, profiles::#names::RULES)),*];
    }
}

/// The module of a profile: its struct, how that is made from the R4 resource and back, and its rules.
pub(super) fn profile(resolved: &Resolved<'_>) -> TokenStream {
    let profile = resolved.profile;
    let name = format_ident!("{}", profile.name);
    let (module_doc, doc) = docs(resolved);
    let imports = imports(resolved);
    let fields = resolved.fields.iter().map(|field| field_definition(resolved, field));
    let mut taken = Vec::new();
    let mut put = Vec::new();
    for field in &resolved.fields {
        match field {
            ResolvedField::Native { element, .. } => {
                let field = names::field_ident(&element.name);
                taken.push(quote! { #field: take(&mut fhir.#field) });
                put.push(quote! { fhir.#field = self.#field; });
            }
            ResolvedField::Extension { element, .. } => {
                let (field, constant) = (names::field_ident(&element.name), constant(&element.name));
                taken.push(quote! { #field: places.take(&mut fhir.extension, &extensions::#constant) });
                put.push(quote! { places.put(&mut fhir.extension, &extensions::#constant, self.#field); });
            }
        }
    }
    let rules = rules(resolved);
    let (name_text, url) = (&profile.name, &profile.url);
    quote! {
        #![doc = #module_doc]
        #imports

        #[doc = #doc]
        #[derive(Debug, Clone, Default)]
        pub struct #name {
            #(#fields)*
            /// What is in no field. A value that an application makes has none: `..Default::default()`.
            pub rest: Rest<resources::#name>,
        }

        impl Profile for #name {
            type Fhir = resources::#name;

            const NAME: &'static str = #name_text;
            const URL: &'static str = #url;
            const RULES: &'static Rules = #rules;

            fn from_fhir(mut fhir: resources::#name) -> Self {
                let mut places = Places::default();
                Self { #(#taken,)* rest: Rest { fhir, places } }
            }

            fn into_fhir(self) -> resources::#name {
                let Rest { mut fhir, mut places } = self.rest;
                #(#put)*
                places.finish(&mut fhir.extension);
                set_profile(&mut fhir.meta, Self::URL);
                fhir
            }

            fn rest(&self) -> &resources::#name {
                &self.rest.fhir
            }

            fn id(&self) -> Option<&str> {
                self.rest.fhir.id.as_str()
            }

            fn meta(&self) -> Option<&Meta> {
                self.rest.fhir.meta.as_ref()
            }

            fn resource_origin(&self) -> Option<&Reference> {
                self.resource_origin.as_ref()
            }
        }

        impl PartialEq for #name {
            fn eq(&self, other: &Self) -> bool {
                self.clone().into_fhir() == other.clone().into_fhir()
            }
        }
    }
}

fn docs(resolved: &Resolved<'_>) -> (String, String) {
    let profile = resolved.profile;
    let short = profile.url.rsplit('/').next().unwrap_or_default();
    let note = profile.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let module = format!(" The profile `{short}`.");
    let ty = format!(
        " The profile `{short}` of [`{0}`](http://hl7.org/fhir/R4/{1}.html){note}.",
        profile.name, resolved.module.name
    );
    (module, ty)
}

fn field_definition(resolved: &Resolved<'_>, field: &ResolvedField<'_>) -> TokenStream {
    let (element, what, targets, ty, place) = match field {
        ResolvedField::Native { element, field } => {
            let ty = rust_type(resolved.module, resolved.resource, field);
            (element, describe(&field.content), native_targets(element, field), ty, String::new())
        }
        ResolvedField::Extension { element, extension, first } => {
            let value = extension_type(&extension.value);
            let repeats = element.cardinality.is_some_and(|cardinality| cardinality.repeats) && !first;
            let ty = match (repeats, extension.value.as_str()) {
                (true, _) => quote! { Vec<#value> },
                (false, "Reference") => quote! { Option<#value> },
                (false, _) => value,
            };
            let place = format!(
                ". Extension [`{0}`](crate::vocabulary::extension::{0})",
                constant_name(&element.name)
            );
            let place = if *first { format!("{place}, the first if there are several") } else { place };
            let note = extension.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            (element, format!("`{}`", extension.value), &extension.targets, ty, format!("{note}{place}"))
        }
    };
    let label = if what == "of many types" { format!("{}[x]", element.name) } else { element.name.clone() };
    let targets =
        if targets.is_empty() { String::new() } else { format!(" to `{}`", targets.join("` or `")) };
    let cardinality = element.cardinality.map(|cardinality| cardinality.to_string()).unwrap_or_default();
    let fixed = match &element.fixed {
        Some(Fixed::Text(text)) => format!(", always `{text}`"),
        Some(Fixed::Code { system, code }) => format!(", always the code `{code}` of `{system}`"),
        None => String::new(),
    };
    let codes = codes(element);
    let note = element.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let doc = format!(" `{label}`, {cardinality} {what}{targets}{fixed}{codes}{note}{place}.");
    let name = names::field_ident(&element.name);
    quote! { #[doc = #doc] pub #name: #ty, }
}

/// Which lists the codes of an element are on.
fn codes(element: &super::Element) -> String {
    let lists = element.codes.iter().map(|binding| format!("[`{0}`](crate::valuesets::{0})", binding.list));
    let lists = lists.collect::<Vec<_>>().join(" or ");
    match element.codes.first() {
        None => String::new(),
        Some(binding) if binding.is_open => format!(", codes of {lists} and others"),
        Some(_) => format!(", codes of {lists}"),
    }
}

/// What a reference may point to: as the profile says, else as R4 says.
fn native_targets<'a>(element: &'a super::Element, field: &'a Field) -> &'a Vec<String> {
    let few = field.targets.len() <= 6;
    if element.targets.is_empty() && few { &field.targets } else { &element.targets }
}

fn extension_type(value: &str) -> TokenStream {
    match value {
        "Reference" => quote! { Reference },
        other => {
            let name = format_ident!("{}", names::upper_first(other));
            quote! { Primitive<#name> }
        }
    }
}

/// The names that the fields need, from the crate of R4.
fn imports(resolved: &Resolved<'_>) -> TokenStream {
    let mut needed = Imports::default();
    needed.add("super::datatypes", "Reference");
    needed.add("super::datatypes", "Meta");
    for field in &resolved.fields {
        match field {
            ResolvedField::Native { field, .. } => {
                // Names of alternatives are inside the enum of a choice.
                if !matches!(field.content, Content::Choice { .. }) {
                    needed.add_content(resolved.module, &field.content);
                }
                needed.add_own(resolved.module, &field.content);
            }
            ResolvedField::Extension { extension, .. } if extension.value != "Reference" => {
                needed.add("crate::primitives", "Primitive");
                needed.add("crate::primitives", &names::upper_first(&extension.value));
            }
            ResolvedField::Extension { .. } => {}
        }
    }
    let uses = needed.with_roots(|path| match path {
        "crate::primitives" => "koppeltaal_r4::primitives",
        "super::datatypes" => "koppeltaal_r4::datatypes",
        "self" => "koppeltaal_r4::resources",
        other => other,
    });
    let rules = rule_types(resolved);
    let valuesets = has(&resolved.rules, &|rule| !rule.codes.is_empty()).then(|| {
        quote! {
            use super::valuesets;
            use crate::valueset::ValueSet;
        }
    });
    quote! {
        use std::mem::take;
        #uses
        use koppeltaal_r4::resources;
        use crate::profile::{#(#rules,)* Places, Profile, Rest, Rules, set_profile};
        use super::extensions;
        #valuesets
    }
}

/// The types that the rules of a profile use.
fn rule_types(resolved: &Resolved<'_>) -> Vec<Ident> {
    let fixed = has(&resolved.rules, &|rule| rule.fixed.is_some()).then_some("Fixed");
    let element = (!resolved.rules.is_empty()).then_some("ElementRule");
    let names = [element, Some("ExtensionRule"), fixed];
    names.into_iter().flatten().map(|name| Ident::new(name, Span::call_site())).collect()
}

/// Whether something is true of a rule, or of one on a part.
fn has(rules: &[Rule], what: &impl Fn(&Rule) -> bool) -> bool {
    rules.iter().any(|rule| what(rule) || has(&rule.parts, what))
}

fn rules(resolved: &Resolved<'_>) -> TokenStream {
    let elements = resolved.rules.iter().map(rule);
    let extensions = resolved.fields.iter().filter_map(|field| match field {
        ResolvedField::Native { .. } => None,
        ResolvedField::Extension { element, .. } => {
            let constant = constant(&element.name);
            let cardinality = element.cardinality?;
            let word = names::cardinality(cardinality);
            Some(quote! { ExtensionRule::#word(&extensions::#constant) })
        }
    });
    let forbidden = &resolved.forbidden_extensions;
    let url = &resolved.profile.url;
    quote! {
        &Rules {
            url: #url,
            elements: &[#(#elements),*],
            extensions: &[#(#extensions),*],
            forbidden_extensions: &[#(#forbidden),*],
        }
    }
}

fn rule(rule: &Rule) -> TokenStream {
    let name = &rule.name;
    if rule.most == Some(0) {
        return quote! { ElementRule::forbidden(#name) };
    }
    let mut tokens = quote! { ElementRule::new(#name) };
    if rule.required {
        tokens.extend(quote! { .required() });
    }
    if rule.most.is_some() {
        tokens.extend(quote! { .once() });
    }
    match &rule.fixed {
        Some(Fixed::Text(text)) => tokens.extend(quote! { .fixed(Fixed::Text(#text)) }),
        Some(Fixed::Code { system, code }) => {
            tokens.extend(quote! { .fixed(Fixed::Code { system: #system, code: #code }) });
        }
        None => {}
    }
    if !rule.targets.is_empty() {
        let targets = &rule.targets;
        tokens.extend(quote! { .to(&[#(#targets),*]) });
    }
    if !rule.codes.is_empty() {
        let lists = rule.codes.iter().map(|list| format_ident!("{list}"));
        tokens.extend(quote! { .codes(&[#(valuesets::#lists::BINDING),*]) });
    }
    if !rule.parts.is_empty() {
        let parts = rule.parts.iter().map(self::rule);
        tokens.extend(quote! { .parts(&[#(#parts),*]) });
    }
    tokens
}

/// `extensions.rs`: where the extensions of the profiles are read from and written to.
pub(super) fn extensions(schema: &Schema) -> TokenStream {
    let items = schema.extensions.iter().map(|extension| {
        let constant = constant(&extension.name);
        let (others, value, targets) = (&extension.urls[1..], &extension.value, &extension.targets);
        let doc = format!(" `{}`.", extension.name);
        quote! {
            #[doc = #doc]
            pub(super) const #constant: ExtensionElement = ExtensionElement {
                urls: &[extension::#constant #(, #others)*],
                value: #value,
                targets: &[#(#targets),*],
            };
        }
    });
    quote! {
        #![doc = " The extensions that are fields of the profiles."]
        use super::vocabulary::extension;
        use crate::profile::ExtensionElement;

        #(#items)*
    }
}

pub(super) fn constant(name: &str) -> Ident {
    Ident::new(&constant_name(name), Span::call_site())
}
