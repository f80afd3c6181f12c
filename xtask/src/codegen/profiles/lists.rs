//! Tokens of the value sets and of the constants: systems and extension URLs.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::resolve::{self, Module};
use super::{BASE, List, Place, Schema, constant_name, documentation};
use crate::codegen::names;

/// `valuesets.rs`: an enum per list, and a table for the lists whose enum is written by hand.
pub(super) fn valuesets(schema: &Schema) -> Result<TokenStream> {
    let mut items = Vec::new();
    for list in &schema.lists {
        items.push(if list.by_hand { table(list) } else { enumeration(list)? });
    }
    Ok(quote! {
        #![doc = " The lists of codes of Koppeltaal 1.3.x, as enums that keep what is on no list."]
        use super::vocabulary::system;
        use crate::profile::{UnlistedCode, code_system};

        #(#items)*
    })
}

fn enumeration(list: &List) -> Result<TokenStream> {
    let name = format_ident!("{}", list.name);
    let doc = format!(" Codes of `{}`.", list.systems[0]);
    let (system, also) = (constant(&list.systems[0]), &list.systems[1..]);
    let variants: Vec<_> = variants(list)?.iter().map(|variant| format_ident!("{variant}")).collect();
    let docs = list.codes.iter().map(|listed| match listed.code == listed.display {
        true => format!(" `{}`", listed.code),
        false => format!(" `{}`: {}", listed.code, listed.display),
    });
    let codes = list.codes.iter().map(|listed| &listed.code);
    let displays = list.codes.iter().map(|listed| &listed.display);
    Ok(quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum #name {
            #(#[doc = #docs] #variants,)*
            /// A code that is not on the list.
            Unlisted(Box<UnlistedCode>),
        }

        code_system! {
            #name: system::#system, [#(#also),*];
            #(#variants #codes #displays,)*
        }
    })
}

/// The codes and displays alone.
fn table(list: &List) -> TokenStream {
    let name = format_ident!("{}", constant_name(&list.name));
    let doc = format!(" Codes of `{}`, each with its display.", list.systems[0]);
    let rows = list.codes.iter().map(|listed| {
        let (code, display) = (&listed.code, &listed.display);
        quote! { (#code, #display) }
    });
    quote! {
        #[doc = #doc]
        pub const #name: &[(&str, &str)] = &[#(#rows),*];
    }
}

/// The variants of a list, in order.
pub(super) fn variants(list: &List) -> Result<Vec<String>> {
    let texts: Vec<String> = list
        .codes
        .iter()
        .map(|listed| listed.variant.clone().unwrap_or_else(|| listed.code.clone()))
        .collect();
    names::variants(&list.name, &texts)
}

/// `vocabulary.rs`: the systems and the extension URLs.
pub(super) fn vocabulary(schema: &Schema, modules: &[Module]) -> Result<TokenStream> {
    let mut systems = BTreeMap::new();
    for list in &schema.lists {
        add(&mut systems, &list.systems[0], format!(" The codes `{}`.", list.name))?;
    }
    for system in &schema.systems {
        let doc = match (&system.dstu1, &system.note) {
            (Some(list), _) => format!(" The codes of DSTU1's closed list `{list}`."),
            (None, Some(note)) => format!(" {}.", names::upper_first(note)),
            (None, None) => String::new(),
        };
        add(&mut systems, &system.url, doc)?;
    }
    let systems = systems.iter().map(|(name, (url, doc))| {
        let name = format_ident!("{name}");
        quote! { #[doc = #doc] pub const #name: &str = #url; }
    });
    let extensions = extension_modules(modules)?;
    Ok(quote! {
        #![doc = " The URIs of Koppeltaal: code systems, identifier systems, extensions."]

        /// What the URIs of Koppeltaal itself start with.
        pub const BASE: &str = #BASE;

        /// Code systems and identifier systems.
        pub mod system {
            #(#systems)*
        }

        /// URLs of extensions, by the resource that their URL names.
        pub mod extension {
            #(#extensions)*
        }
    })
}

/// A module of constants per resource.
fn extension_modules(modules: &[Module]) -> Result<Vec<TokenStream>> {
    let mut by_module: BTreeMap<String, BTreeMap<String, (String, String)>> = BTreeMap::new();
    for (path, structure) in modules.iter().flat_map(|module| &module.structures) {
        for field in &structure.fields {
            if let Place::Extension { url, .. } = &field.place {
                let (module, name) = resolve::url_names(url);
                let doc = format!(" Of `{path}`: {}", documentation::facts(field));
                let constants = by_module.entry(module).or_default();
                let (known, _) = constants.entry(name.clone()).or_insert_with(|| (url.clone(), doc));
                ensure!(known == url, "two extension URLs make the constant {name}: {known} and {url}");
            }
        }
    }
    let modules = by_module.iter().map(|(module, constants)| {
        let name = format_ident!("{module}");
        let doc = format!(" Extensions of `{module}`.");
        let constants = constants.iter().map(|(name, (url, doc))| {
            let name = format_ident!("{name}");
            quote! { #[doc = #doc] pub const #name: &str = #url; }
        });
        quote! {
            #[doc = #doc]
            pub mod #name {
                #(#constants)*
            }
        }
    });
    Ok(modules.collect())
}

fn add(systems: &mut BTreeMap<String, (String, String)>, url: &str, doc: String) -> Result<()> {
    let name = constant(url).to_string();
    let clash = systems.insert(name.clone(), (url.to_owned(), doc));
    ensure!(clash.is_none(), "two systems make the constant {name}");
    Ok(())
}

/// The constant of a system: its last segment.
fn constant(url: &str) -> proc_macro2::Ident {
    format_ident!("{}", constant_name(url.rsplit('/').next().unwrap_or(url)))
}
