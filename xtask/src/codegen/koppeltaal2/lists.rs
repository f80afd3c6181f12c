//! Writes the value sets and the constants for URLs.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::emit::constant;
use super::{Code, List, Schema, Url};
use crate::codegen::names;

/// `valuesets.rs`: an enum per list.
pub(super) fn valuesets(schema: &Schema) -> Result<TokenStream> {
    let lists = schema
        .lists
        .iter()
        .map(|list| enumeration(schema, list).with_context(|| format!("list {}", list.name)));
    let lists = lists.collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        #![doc = " The lists of codes of Koppeltaal 2.0, as enums that keep what is on no list."]
        use koppeltaal_r4::datatypes::{CodeableConcept, Coding};

        use super::vocabulary::code_system;
        use crate::valueset::{ListedCode, ValueSet};

        #(#lists)*
    })
}

fn enumeration(schema: &Schema, list: &List) -> Result<TokenStream> {
    let (name, url) = (format_ident!("{}", list.name), &list.url);
    let doc = format!(" Codes of the value set `{url}`, as far as Koppeltaal uses it.");
    let variant = |code: &Code| code.variant.clone().unwrap_or_else(|| code.code.clone());
    let variants = names::variants(&list.name, &list.codes.iter().map(variant).collect::<Vec<_>>())?;
    let variants: Vec<_> = variants.iter().map(|variant| format_ident!("{variant}")).collect();
    let docs = list.codes.iter().map(|code| match &code.note {
        Some(note) => format!(" `{}` (`{}`): {note}.", code.code, code.display),
        None => format!(" `{}` (`{}`).", code.code, code.display),
    });
    let codes = list.codes.iter().zip(&variants).map(|(listed, variant)| {
        let Code { system, code, display, .. } = listed;
        let known = schema.systems.iter().any(|known| known.name == *system);
        let system = known.then(|| constant(system)).with_context(|| format!("no system `{system}`"))?;
        Ok(quote! {
            ListedCode { value: Self::#variant, system: code_system::#system, code: #code, display: #display }
        })
    });
    let codes = codes.collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq)]
        pub enum #name {
            #(#[doc = #docs] #variants,)*
            /// A code that is not on the list.
            Other(Box<Coding>),
        }

        impl ValueSet for #name {
            const URL: &'static str = #url;
            const CODES: &'static [ListedCode<Self>] = &[#(#codes),*];

            fn from_other(coding: Box<Coding>) -> Self {
                Self::Other(coding)
            }

            fn as_other(&self) -> Option<&Coding> {
                if let Self::Other(coding) = self { Some(coding) } else { None }
            }
        }

        impl From<#name> for Coding {
            fn from(code: #name) -> Self {
                code.to_coding()
            }
        }

        impl From<#name> for CodeableConcept {
            fn from(code: #name) -> Self {
                code.to_coding().into()
            }
        }
    })
}

/// `vocabulary.rs`: the URLs.
pub(super) fn vocabulary(schema: &Schema) -> TokenStream {
    let of_fields =
        schema.extensions.iter().map(|extension| (&extension.name, &extension.urls[0], &extension.note));
    let others = schema.urls.iter().map(|url| (&url.name, &url.url, &url.note));
    let urls: BTreeMap<_, _> = of_fields.chain(others).map(|(name, url, note)| (name, (url, note))).collect();
    let extensions = urls.into_iter().map(|(name, (url, note))| {
        let constant = constant(name);
        let note = note.as_deref().unwrap_or(name);
        let doc = format!(" {}.", names::upper_first(note));
        quote! { #[doc = #doc] pub const #constant: &str = #url; }
    });
    let profiles = schema.profiles.iter().map(|profile| {
        let (constant, url) = (constant(&profile.name), &profile.url);
        let doc = format!(" [`{0}`](crate::profiles::{0}).", profile.name);
        quote! { #[doc = #doc] pub const #constant: &str = #url; }
    });
    let systems = urls_of(&schema.systems);
    let namings = urls_of(&schema.namings);
    quote! {
        #![doc = " URLs of Koppeltaal 2.0, as constants."]

        /// URLs of extensions.
        pub mod extension {
            #(#extensions)*
        }

        /// URLs of code systems.
        pub mod code_system {
            #(#systems)*
        }

        /// Systems of identifiers.
        pub mod naming_system {
            #(#namings)*
        }

        /// URLs of profiles.
        pub mod profile {
            #(#profiles)*
        }
    }
}

fn urls_of(urls: &[Url]) -> impl Iterator<Item = TokenStream> {
    urls.iter().map(|Url { name, url, note }| {
        let constant = constant(name);
        let doc = format!(" {}.", names::upper_first(note.as_deref().unwrap_or(name)));
        quote! { #[doc = #doc] pub const #constant: &str = #url; }
    })
}
