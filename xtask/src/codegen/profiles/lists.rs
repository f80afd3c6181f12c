//! Generates the code of the value sets, and the constants for systems and extension URLs.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::resolve::{self, Module};
use super::{BASE, List, Place, Schema, constant_name, documentation};
use crate::codegen::names;

/// `valuesets.rs`: an enum per list.
pub(super) fn valuesets(schema: &Schema) -> Result<TokenStream> {
    let mut items = Vec::new();
    for list in &schema.lists {
        let is_taken = schema.structures.iter().any(|structure| structure.name.replace('.', "") == list.name);
        ensure!(
            !is_taken,
            "the list `{0}` is called like the profile `{0}`, and programs use both",
            list.name
        );
        items.push(if list.is_closed { closed(schema, list)? } else { enumeration(list)? });
    }
    Ok(quote! {
        #![doc = " The lists of codes of Koppeltaal 1.3.x, as enums that keep what is on no list."]
        use super::vocabulary::system;
        use crate::profile::{UnlistedCode, closed_codes, code_system};

        #(#items)*
    })
}

fn enumeration(list: &List) -> Result<TokenStream> {
    let name = format_ident!("{}", list.name);
    let doc = format!(" Codes of `{}`.", list.systems[0]);
    let (system, quirk_systems) = (constant(&list.systems[0]), &list.systems[1..]);
    let variants: Vec<_> = list.variants()?.iter().map(|variant| format_ident!("{variant}")).collect();
    let docs = list.codes.iter().map(|listed| match (&listed.note, listed.code == listed.display) {
        (Some(note), _) => format!(" {}.", names::upper_first(note)),
        (None, true) => format!(" `{}`", listed.code),
        (None, false) => format!(" `{}`: {}", listed.code, listed.display),
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
            #name: system::#system, [#(#quirk_systems),*];
            #(#variants #codes #displays,)*
        }
    })
}

/// An enum without a variant for unlisted codes. The docs of an event's variant also say what belongs to the
/// event.
fn closed(schema: &Schema, list: &List) -> Result<TokenStream> {
    let name = format_ident!("{}", list.name);
    let doc = format!(" Codes of `{}`. Each means something of its own to this crate.", list.systems[0]);
    let system = constant(&list.systems[0]);
    let variants: Vec<_> = list.variants()?.iter().map(|variant| format_ident!("{variant}")).collect();
    let docs = list.codes.iter().map(|listed| {
        let note = listed.note.as_deref().unwrap_or(&listed.display);
        let first = format!(" {}.", names::upper_first(note));
        let event = schema.events.iter().find(|event| event.code == listed.code && list.name == "Event");
        let lines = std::iter::once(first).chain(event.into_iter().flat_map(documentation::of_event));
        quote! { #(#[doc = #lines])* }
    });
    let (codes, displays): (Vec<_>, Vec<_>) =
        list.codes.iter().map(|listed| (&listed.code, &listed.display)).unzip();
    let count = list.codes.len();
    Ok(quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum #name {
            #(#docs #variants,)*
        }

        closed_codes! {
            #name #count: system::#system;
            #(#variants #codes #displays,)*
        }
    })
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
