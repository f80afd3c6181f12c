//! Generates the code of the profiles: a file for each profile, with its structs, and the index.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::resolve::{Fhir, Module, Move, ResolvedField, Type};
use super::{documentation, rules};

/// The index: the modules, and one flat namespace of the profiles.
pub(super) fn index(modules: &[Module]) -> TokenStream {
    let names: Vec<_> = modules.iter().map(|module| format_ident!("{}", module.name)).collect();
    let all_names = modules.iter().map(|module| &module.profile.name);
    let all_rules = modules.iter().map(|module| match module.types.is_empty() {
        true => {
            let name = format_ident!("{}_ELEMENTS", module.name.to_ascii_uppercase());
            quote! { #name }
        }
        false => {
            let name = format_ident!("{}", module.profile.name);
            quote! { <#name as crate::Profile>::ELEMENTS }
        }
    });
    quote! {
        #![doc = " What `cargo xtask codegen` writes from `schemas/koppeltaal`."]
        #(mod #names;)*
        pub(crate) mod events;
        pub(crate) mod kinds;
        pub mod valuesets;
        pub(crate) mod vocabulary;

        #[doc = include_str!("profile/guide.md")]
        pub mod profiles {
            #(pub use super::#names::*;)*

            /// The elements of every profile, by the name of the profile.
            pub const ELEMENTS: &[(&str, &[crate::ElementDefinition])] = &[#((#all_names, #all_rules)),*];
        }
    }
}

/// The file of one profile.
pub(super) fn module(module: &Module) -> TokenStream {
    if module.types.is_empty() {
        return rules::module(module);
    }
    let title = documentation::of_module(module);
    let types = module.types.iter().map(|ty| structure(module, ty));
    let profile = module.types.iter().find(|ty| !ty.structure.is_component).map(|ty| profile(module, ty));
    quote! {
        #![doc = #title]
        use crate::profile::prelude::*;

        #(#types)*
        #profile
    }
}

fn structure(module: &Module, ty: &Type) -> TokenStream {
    let name = &ty.name;
    let doc = comment(&documentation::of_type(ty));
    let fhir = fhir_type(&ty.fhir);
    let fields = ty.fields.iter().map(|resolved| {
        let stricter = module.stricter.get(&format!("{}.{}", ty.path, resolved.field.name));
        let doc = comment(&documentation::of_field(resolved.field, stricter));
        let (ident, rust_type) = (&resolved.ident, &resolved.rust_type);
        quote! { #doc pub #ident: #rust_type }
    });
    let takes = ty.fields.iter().map(|resolved| {
        let (ident, take) = (&resolved.ident, take(&resolved.moves));
        quote! { #ident: #take }
    });
    let puts = ty.fields.iter().map(put);
    let blank = blank(ty);
    let defaults = defaults(ty);
    let has_extensions = ty
        .fields
        .iter()
        .any(|field| matches!(field.moves, Move::Extension { .. } | Move::ExtensionGroup { .. }));
    let mutable = has_extensions.then(|| quote! { mut });
    let check = rules::check(module, ty);
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct #name {
            /// The element's id: a label that references inside the resource use.
            pub id: Option<String>,
            #(#fields,)*
            /// Extensions that the profile does not know, kept as they came.
            pub extension: Vec<Extension>,
            /// Everything else that was read and that the profile has no field for.
            pub rest: Rest<#fhir>,
        }

        impl #name {
            #(#defaults)*
            #blank
        }

        impl From<#fhir> for #name {
            fn from(mut fhir: #fhir) -> Self {
                let #mutable extensions = Extensions::take_from(&mut fhir.extension);
                let mut value = Self {
                    id: fhir.id.take(),
                    #(#takes,)*
                    ..Self::default()
                };
                (value.extension, value.rest) = Rest::new(fhir, extensions, &Self::blank());
                value
            }
        }

        impl From<#name> for #fhir {
            fn from(value: #name) -> Self {
                let (mut fhir, #mutable extensions) = value.rest.open(#name::blank());
                fhir.id = value.id;
                #(#puts)*
                fhir.extension = extensions.finish_writing(value.extension);
                fhir
            }
        }

        #check
    }
}

/// The function that makes the DSTU1 value which a profile is written into. The value has the fixed code, the
/// URL, and the elements that DSTU1 requires and Koppeltaal has a default for.
fn blank(ty: &Type) -> TokenStream {
    let fhir = fhir_type(&ty.fhir);
    let mut parts = Vec::new();
    if let Some((element, list, code)) = &ty.fixed {
        parts.push(quote! { #element: Some(valuesets::#list::#code.to_concept()) });
    }
    if let Fhir::Extension(url) = &ty.fhir {
        parts.push(quote! { url: #url.to_owned() });
    }
    for resolved in &ty.fields {
        if let Move::PrimitiveOr(element, default) = &resolved.moves {
            parts.push(quote! { #element: #default.into() });
        }
    }
    let body = if parts.is_empty() {
        quote! { #fhir::default() }
    } else {
        quote! { #fhir { #(#parts,)* ..#fhir::default() } }
    };
    quote! {
        fn blank() -> #fhir {
            #body
        }
    }
}

/// For each field with a default, the method that fills it in.
fn defaults(ty: &Type) -> Vec<TokenStream> {
    let methods = ty.fields.iter().filter_map(|resolved| {
        let default = resolved.default.as_ref()?;
        let (ident, value) = (&resolved.ident, &resolved.value_type);
        let doc = documentation::of_default(resolved.field);
        let current = if resolved.has_own_list {
            quote! { self.#ident.clone() }
        } else {
            quote! { self.#ident }
        };
        Some(quote! {
            #[doc = #doc]
            pub fn #ident(&self) -> #value {
                #current.unwrap_or(#default)
            }
        })
    });
    methods.collect()
}

/// The implementation of `Profile`, and the conversion into the enum of all resources.
fn profile(module: &Module, ty: &Type) -> TokenStream {
    let (name, fhir) = (&ty.name, fhir_type(&ty.fhir));
    let koppeltaal_name = &module.profile.name;
    let rules = rules::table(module);
    let (argument, matches) = match &ty.fixed {
        None => (quote! { _ }, quote! { true }),
        Some((element, list, code)) => (
            quote! { fhir },
            quote! { has_code(fhir.#element.as_ref(), &fhir.unknown, &valuesets::#list::#code) },
        ),
    };
    quote! {
        impl Profile for #name {
            type Fhir = #fhir;
            const NAME: &'static str = #koppeltaal_name;
            const ELEMENTS: &'static [ElementDefinition] = &[#(#rules),*];

            fn matches(#argument: &#fhir) -> bool {
                #matches
            }
        }

        impl From<#name> for Resource {
            fn from(value: #name) -> Self {
                #fhir::from(value).into()
            }
        }
    }
}

/// A doc comment, one attribute per line.
fn comment(text: &str) -> TokenStream {
    let lines = text.lines();
    quote! { #(#[doc = #lines])* }
}

fn fhir_type(fhir: &Fhir) -> TokenStream {
    match fhir {
        Fhir::Resource(name) | Fhir::Component(name) => quote! { resources::#name },
        Fhir::Extension(_) => quote! { Extension },
    }
}

/// The expression that takes a field's value out of `fhir` or `extensions`.
fn take(moves: &Move) -> TokenStream {
    match moves {
        Move::Primitive(element) => quote! { fhir.#element.value.take() },
        Move::PrimitiveOr(element, default) => quote! { take_or(&mut fhir.#element, #default) },
        Move::One(element) => quote! { take_one(&mut fhir.#element) },
        Move::List(element) => quote! { take_list(&mut fhir.#element) },
        Move::First(element) => quote! { take_first(&mut fhir.#element) },
        Move::Whole(element) => quote! { mem::take(&mut fhir.#element) },
        Move::Group(element) => quote! { fhir.#element.take().map(Into::into) },
        Move::Groups(element) => quote! { take_groups(&mut fhir.#element) },
        Move::Extension { url, form, or_parent_value: true, .. } => {
            quote! { extensions.take_or_parent_value(#url, #form, &mut fhir.value) }
        }
        Move::Extension { url, form, repeats: false, .. } => quote! { extensions.take(#url, #form) },
        Move::Extension { url, form, repeats: true, .. } => quote! { extensions.take_list(#url, #form) },
        Move::ExtensionGroup { url, repeats: false } => quote! { extensions.take_groups(#url, 1).pop() },
        Move::ExtensionGroup { url, repeats: true } => quote! { extensions.take_groups(#url, usize::MAX) },
    }
}

/// The statement that puts a field's value back.
fn put(resolved: &ResolvedField) -> TokenStream {
    let field = &resolved.ident;
    match &resolved.moves {
        Move::Primitive(element) => quote! { fhir.#element.value = value.#field; },
        Move::PrimitiveOr(element, default) => {
            quote! { put_or(&mut fhir.#element, &#default, value.#field); }
        }
        Move::One(element) => quote! { put_one(&mut fhir.#element, value.#field); },
        Move::List(element) => quote! { put_list(&mut fhir.#element, value.#field); },
        Move::First(element) => quote! { put_first(&mut fhir.#element, value.#field); },
        Move::Whole(element) => quote! { fhir.#element = value.#field; },
        Move::Group(element) => quote! { fhir.#element = value.#field.map(Into::into); },
        Move::Groups(element) => {
            quote! { fhir.#element = value.#field.into_iter().map(Into::into).collect(); }
        }
        Move::Extension { url, form, or_parent_value: true, .. } => {
            quote! { extensions.put_or_parent_value(#url, #form, value.#field, &mut fhir.value); }
        }
        Move::Extension { url, form, repeats: false, .. } => {
            quote! { extensions.put(#url, #form, value.#field); }
        }
        Move::Extension { url, form, repeats: true, .. } => {
            quote! { extensions.put_list(#url, #form, value.#field); }
        }
        Move::ExtensionGroup { url, .. } => quote! { extensions.put_groups(#url, value.#field); },
    }
}
