//! Generates the code for validation: the table of each profile's elements, and the comparison of a value
//! with it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::resolve::{self, Module, Move, ResolvedField, Type};
use super::{Field, Place, documentation};
use crate::codegen::names;

/// The rows of a profile and its components, in the order of the schema.
pub(super) fn table(module: &Module) -> Vec<TokenStream> {
    let mut rows = Vec::new();
    for (path, structure) in &module.structures {
        for field in &structure.fields {
            let field_path = format!("{path}.{}", field.name);
            let in_dstu1 = module.stricter.get(&field_path).map(|_| quote! { .required_by_dstu1() });
            let row_of_field = row(&field_path, field);
            rows.push(quote! { #row_of_field #in_dstu1 });
            rows.extend(field.parts.iter().map(|part| row(&format!("{field_path}.{}", part.name), part)));
        }
    }
    rows
}

/// The file of a profile that is written by hand: its table alone.
pub(super) fn module(module: &Module) -> TokenStream {
    let title = documentation::of_module(module);
    let name = format_ident!("{}_ELEMENTS", module.name.to_ascii_uppercase());
    let doc = format!(" What Koppeltaal's `{}` says about its elements.", module.profile.name);
    let rows = table(module);
    quote! {
        #![doc = #title]
        use crate::profile::prelude::*;

        #[doc = #doc]
        pub const #name: &[ElementDefinition] = &[#(#rows),*];
    }
}

fn row(path: &str, field: &Field) -> TokenStream {
    let constructor = names::cardinality(field.cardinality);
    let element_type = element_type(field);
    let binding = field.binding.as_ref().map(|binding| {
        let list = &binding.list;
        if binding.open {
            quote! { .with_open_binding(#list) }
        } else {
            quote! { .with_binding(#list) }
        }
    });
    let extension = match &field.place {
        Place::Extension { url, .. } => {
            let constant = resolve::url_path(url);
            Some(quote! { .in_extension(#constant) })
        }
        Place::Native(_) | Place::Kept => None,
    };
    quote! { ElementDefinition::#constructor(#path, #element_type) #binding #extension }
}

fn element_type(field: &Field) -> TokenStream {
    let types = &field.types;
    match types.as_slice() {
        [name] if name == "Resource" => {
            let targets = field.targets.iter().filter(|target| *target != "Any");
            quote! { ElementType::Reference(&[#(#targets),*]) }
        }
        [name] if name.contains('.') => quote! { ElementType::Component(#name) },
        [name] => quote! { ElementType::Value(#name) },
        _ => quote! { ElementType::Choice(&[#(#types),*]) },
    }
}

/// The implementation of `CheckElements`: the check of each field of a struct.
pub(super) fn check(module: &Module, ty: &Type) -> TokenStream {
    let (name, place) = (&ty.name, &ty.path);
    let profile = format_ident!("{}", module.profile.name);
    let lines = ty.fields.iter().flat_map(lines);
    let quirks = ty
        .fields
        .iter()
        .any(|field| matches!(field.moves, Move::Extension { .. }))
        .then(|| quote! { checker.quirks::<Self>(self.rest.quirks()); });
    quote! {
        impl CheckElements for #name {
            const TABLE: &'static [ElementDefinition] = #profile::ELEMENTS;
            const PLACE: &'static str = #place;

            fn check(&self, checker: &mut Checker<'_>) {
                checker.extensions::<Self>(&self.extension);
                #(#lines)*
                #quirks
            }
        }
    }
}

fn lines(resolved: &ResolvedField) -> Vec<TokenStream> {
    let (ident, name) = (&resolved.ident, &resolved.field.name);
    let mut lines = vec![match &resolved.moves {
        // An absent field has its default, so it is never missing.
        Move::PrimitiveOr(..) => return Vec::new(),
        Move::Group(_) | Move::Groups(_) | Move::ExtensionGroup { .. } => {
            quote! { checker.groups(element!(#name), self.#ident.iter()); }
        }
        _ if resolved.has_own_list => quote! { checker.codes(element!(#name), self.#ident.iter()); },
        _ if resolved.field.types == ["Resource"] => {
            quote! { checker.references(element!(#name), self.#ident.iter()); }
        }
        _ => match &resolved.standard_list {
            Some(list) => quote! {
                checker.standard_codes(element!(#name), self.#ident.iter().map(#list::as_str), #list::CODES);
            },
            None => quote! { checker.count(element!(#name), self.#ident.iter().len()); },
        },
    }];
    if let (Some(list), Move::One(element)) = (&resolved.quirk_systems, &resolved.moves) {
        let concept = quote! { self.rest.element().and_then(|fhir| fhir.#element.as_ref()) };
        lines.push(quote! { checker.quirk_system::<#list>(element!(#name), #concept); });
    }
    for (part, list) in resolved.field.parts.iter().zip(&resolved.part_lists) {
        let (part_name, part_ident) = (format!("{name}.{}", part.name), names::field_ident(&part.name));
        if part.cardinality.required {
            let counts = quote! { self.#ident.iter().map(|value| value.#part_ident.len()) };
            lines.push(quote! { checker.parts(element!(#name), element!(#part_name), #counts); });
        }
        if let Some(list) = list {
            let codes = quote! { self.#ident.iter().map(|value| value.#part_ident.get().map(#list::as_str)) };
            lines.push(
                quote! { checker.part_codes(element!(#name), element!(#part_name), #codes, #list::CODES); },
            );
        }
    }
    lines
}
