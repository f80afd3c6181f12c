//! Tokens of the visitor of references: for each type of DSTU1, the fields that hold references at any depth.
//!
//! Generated from the model, so that a field that is added to a type cannot be missed.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::codegen::model::{Content, Field, Model, Module, Type};
use crate::codegen::names;
use crate::schema::Role;

/// `references.rs`.
pub(super) fn module(dstu1: &Model) -> TokenStream {
    let holders = holders(dstu1);
    let implementations = dstu1.modules.iter().flat_map(|module| {
        let types = module.types.iter().filter(|one| holders.contains(&names::type_name(&one.name)));
        types.filter(|one| one.name != "ResourceReference").map(|one| implementation(module, one, &holders))
    });
    let variants = dstu1.resources().filter(|(_, one)| holders.contains(&one.name)).map(|(module, one)| {
        let (name, feature) = (format_ident!("{}", one.name), feature(module));
        quote! { #feature Self::#name(resource) => resource, }
    });
    quote! {
        #![doc = " Where the types of DSTU1 hold references."]
        use koppeltaal_fhir::{Resource, datatypes, resources};

        use crate::references::{References, Visitor};

        #(#implementations)*

        impl References for Resource {
            fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
                let resource: &mut dyn References = match self {
                    #(#variants)*
                    // A resource without references, or of a type that this build does not model.
                    _ => return,
                };
                resource.visit_references(visitor);
            }
        }
    }
}

/// The types that hold references: directly, in a field of such a type, or in an extension of a resource or
/// component. An extension of a data type counts only where the data type is visited anyway.
fn holders(dstu1: &Model) -> BTreeSet<String> {
    let types = || dstu1.modules.iter().flat_map(|module| &module.types);
    let mut holders: BTreeSet<String> = types()
        .filter(|one| matches!(one.role, Role::Resource | Role::Component))
        .map(|one| names::type_name(&one.name))
        .collect();
    holders.extend(["ResourceReference".to_owned(), "Extension".to_owned()]);
    loop {
        let before = holders.len();
        for one in types() {
            let mut fields = one.fields.iter().filter(|field| !is_extension(field));
            if fields.any(|field| holds(&field.content, &holders)) {
                holders.insert(names::type_name(&one.name));
            }
        }
        if holders.len() == before {
            return holders;
        }
    }
}

fn is_extension(field: &Field) -> bool {
    matches!(field.name.as_str(), "extension" | "modifierExtension")
}

fn holds(content: &Content, holders: &BTreeSet<String>) -> bool {
    match content {
        Content::AnyResource => true,
        Content::Structure { name, .. } => holders.contains(name),
        Content::Choice { alternatives, .. } => {
            alternatives.iter().any(|alternative| holds(alternative, holders))
        }
        _ => false,
    }
}

fn implementation(module: &Module, one: &Type, holders: &BTreeSet<String>) -> TokenStream {
    let (name, feature) = (format_ident!("{}", names::type_name(&one.name)), feature(module));
    let place = place(module);
    let fields = one.fields.iter().filter(|field| holds(&field.content, holders)).map(|field| {
        let (name, ident) = (&field.name, names::field_ident(&field.name));
        match &field.content {
            Content::Choice { .. } => quote! { visitor.choice(&mut self.#ident); },
            _ if field.cardinality.repeats => quote! { visitor.list(#name, &mut self.#ident); },
            _ => quote! { visitor.one(#name, &mut self.#ident); },
        }
    });
    let choices = one.fields.iter().filter_map(|field| match &field.content {
        Content::Choice { enumeration, alternatives } if holds(&field.content, holders) => {
            Some(choice(module, field, enumeration, alternatives, holders))
        }
        _ => None,
    });
    quote! {
        #feature
        impl References for #place::#name {
            fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
                #(#fields)*
            }
        }

        #(#choices)*
    }
}

fn choice(
    module: &Module,
    field: &Field,
    enumeration: &str,
    alternatives: &[Content],
    holders: &BTreeSet<String>,
) -> TokenStream {
    let (enumeration, feature, place) = (format_ident!("{enumeration}"), feature(module), place(module));
    let arms = alternatives.iter().filter(|content| holds(content, holders)).map(|content| {
        let type_name =
            if let Content::Structure { standard_name, .. } = content { standard_name } else { "" };
        let name = names::alternative(&field.name, type_name);
        let variant = format_ident!("{}", names::alternative_variant(type_name));
        (quote! { Self::#variant(value) }, quote! { visitor.inside(#name, None, &mut **value); })
    });
    let arms: Vec<_> = arms.collect();
    let body = match arms.as_slice() {
        [(pattern, visit)] => quote! { if let #pattern = self { #visit } },
        several => {
            let arms = several.iter().map(|(pattern, visit)| quote! { #pattern => { #visit } });
            let others = (several.len() < alternatives.len()).then(|| quote! { _ => {} });
            quote! {
                match self {
                    #(#arms)*
                    #others
                }
            }
        }
    };
    quote! {
        #feature
        impl References for #place::#enumeration {
            fn visit_references(&mut self, visitor: &mut Visitor<'_>) {
                #body
            }
        }
    }
}

fn place(module: &Module) -> TokenStream {
    if module.name == "datatypes" {
        quote! { datatypes }
    } else {
        quote! { resources }
    }
}

fn feature(module: &Module) -> Option<TokenStream> {
    (!module.always).then(|| quote! { #[cfg(feature = "all-resources")] })
}
