//! Generates the code of the kinds of resources: their enum and table, and the enum of all profiles.

use anyhow::{Context as _, Result, ensure};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::resolve::Module;
use super::{Kind, Schema, Structure};
use crate::codegen::names;

/// The DSTU1 resource that carries the kinds for which DSTU1 has no type.
const CARRIER: &str = "Other";
/// The list with the codes that tell those kinds apart.
const USAGES: &str = "OtherResourceUsage";

/// `kinds.rs`, in the order of the schema.
pub(super) fn module(schema: &Schema, modules: &[Module]) -> Result<TokenStream> {
    for kind in &schema.kinds {
        check(schema, kind)?;
    }
    for profile in schema.structures.iter().filter(|structure| !structure.is_component) {
        let name = kind_of(profile);
        let is_known = schema.kinds.iter().any(|kind| kind.name == name && kind.base == profile.base);
        ensure!(
            is_known != profile.without_kind,
            "profile {}: expected the line `kind {name} : {}`, or `without kind`, and not both",
            profile.name,
            profile.base
        );
    }
    let names: Vec<_> = schema.kinds.iter().map(|kind| format_ident!("{}", kind.name)).collect();
    let docs = schema.kinds.iter().map(|kind| {
        let note = kind.note.as_deref().unwrap_or(&kind.name);
        format!(" {}.", names::upper_first(note))
    });
    let rows = schema.kinds.iter().map(|kind| {
        let Kind { name, base, segment, .. } = kind;
        match base == CARRIER {
            true => quote! { KindDefinition::other(#name, #segment) },
            false => quote! { KindDefinition::type_of_its_own(#name) },
        }
    });
    let count = schema.kinds.len();
    let any_profile = any_profile(modules);
    Ok(quote! {
        #![doc = " The kinds of resources of Koppeltaal."]
        use std::iter;

        use koppeltaal_fhir::Resource;

        use super::profiles::*;
        use crate::Profile;
        use crate::kind::KindDefinition;
        use crate::profile::{CheckElements, Checker, is_of};

        /// A kind of resource in Koppeltaal: a FHIR type or, for the kinds of `Other`, the usage code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceKind {
            #(#[doc = #docs] #names,)*
        }

        impl ResourceKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[#(Self::#names),*];
        }

        /// In the order of [`ResourceKind`].
        pub(crate) const KINDS: [KindDefinition; #count] = [#(#rows),*];

        #any_profile
    })
}

/// Refuses a kind that the crate could not tell from others.
fn check(schema: &Schema, kind: &Kind) -> Result<()> {
    let Kind { name, base, segment, .. } = kind;
    if base == CARRIER {
        let usages = schema.lists.iter().find(|list| list.name == USAGES);
        let usages = usages.with_context(|| format!("no list `{USAGES}`"))?;
        let is_listed = usages.codes.iter().any(|listed| listed.code == *name);
        ensure!(is_listed, "kind {name}: {USAGES} has no such code");
    } else {
        ensure!(name == base, "kind {name}: a kind that is a type of its own is called {base}, as the type");
        ensure!(segment == name, "kind {name}: only the URLs of an {CARRIER} can have another type segment");
    }
    Ok(())
}

/// The name of a profile's kind: for an `Other` the code that makes it this profile, else the name of the
/// DSTU1 resource.
fn kind_of(profile: &Structure) -> &str {
    let bindings = profile.fields.iter().filter_map(|field| field.binding.as_ref());
    let code = bindings.filter_map(|binding| binding.fixed.as_deref()).next();
    code.filter(|_| profile.base == CARRIER).unwrap_or(&profile.base)
}

/// An enum of all profiles, for code that takes resources of any kind.
fn any_profile(modules: &[Module]) -> TokenStream {
    let generated = modules.iter().filter(|module| !module.types.is_empty());
    let names: Vec<_> = generated.map(|module| format_ident!("{}", module.profile.name)).collect();
    quote! {
        type Reader<P> = (fn(&Resource) -> bool, fn(Resource) -> Option<P>);

        /// A resource by its profile: one variant for each profile that is not written by hand.
        pub(crate) enum AnyProfile {
            #(#names(Box<#names>),)*
        }

        impl AnyProfile {
            /// For each profile, whether a resource matches it, and the resource by it.
            const READERS: &[Reader<Self>] = &[
                #((is_of::<#names>, |resource| {
                    #names::from_resource(resource).ok().map(|profile| Self::#names(Box::new(profile)))
                })),*
            ];

            /// The resource by each profile that it matches. An `Other` with several codes can match several.
            /// The last one takes the resource, so that it is rarely copied.
            pub(crate) fn all_from_resource(resource: Resource) -> impl Iterator<Item = Self> {
                let matching = Self::READERS.iter().filter(|(matches, _)| matches(&resource));
                let readers: Vec<_> = matching.map(|(_, read)| read).collect();
                let copies = readers.len().saturating_sub(1);
                let resources = iter::repeat_n(resource, copies + 1);
                readers.into_iter().zip(resources).filter_map(|(read, resource)| read(resource))
            }

            /// Compares the resource with the table of its profile.
            pub(crate) fn check(&self, checker: &mut Checker<'_>) {
                match self {
                    #(Self::#names(profile) => profile.check(checker),)*
                }
            }
        }
    }
}
