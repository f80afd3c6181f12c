//! Generates the code of the events: the table for composing, extracting and validating, and the enum of what
//! messages contain.

use anyhow::{Context as _, Result, ensure};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{Event, Schema};

/// `events.rs`, in the order of the list of codes.
pub(super) fn module(schema: &Schema) -> Result<TokenStream> {
    let codes = schema.lists.iter().filter(|list| list.name == "Event").flat_map(|list| &list.codes);
    let mut events = Vec::new();
    for listed in codes {
        let event = schema.events.iter().find(|event| event.code == listed.code);
        events.push(event.with_context(|| format!("nothing is said about the event {}", listed.code))?);
    }
    for event in &schema.events {
        ensure!(events.iter().any(|known| known.code == event.code), "{} is not listed", event.code);
        let known = schema.structures.iter().any(|structure| structure.name == event.profile);
        ensure!(known, "event {}: no profile `{}`", event.code, event.profile);
        for name in event.focal.iter().chain(&event.with) {
            let known = schema.kinds.iter().any(|kind| kind.name == *name);
            ensure!(known, "event {}: no kind `{name}`", event.code);
        }
    }
    let rows = events.iter().map(|event| row(event));
    let count = events.len();
    let content = content(&events);
    Ok(quote! {
        #![doc = " The events of Koppeltaal: what each message is about, and what it contains."]
        use koppeltaal_fhir::{Bundle, Resource};

        use super::kinds::ResourceKind;
        use super::profiles::*;
        use super::valuesets::Event;
        use crate::event::{EventDefinition, Focal, PatientPresence};
        use crate::profile::Profile;

        /// In the order of [`Event`].
        pub(crate) static EVENTS: [EventDefinition; #count] = [#(#rows),*];

        #content
    })
}

fn row(event: &Event) -> TokenStream {
    let kinds = |kinds: &[String]| {
        let kinds = kinds.iter().map(|kind| format_ident!("{kind}"));
        quote! { &[#(ResourceKind::#kinds),*] }
    };
    let (focal, related) = (kinds(&event.focal), kinds(&event.with));
    let patient = format_ident!("{}", format!("{:?}", event.patient));
    quote! { EventDefinition { focal: #focal, patient: PatientPresence::#patient, related: #related } }
}

/// The enum `Content`, its constructor, and the event of each profile.
fn content(events: &[&Event]) -> TokenStream {
    let codes: Vec<_> = events.iter().map(|event| format_ident!("{}", event.code)).collect();
    let profiles: Vec<_> = events.iter().map(|event| format_ident!("{}", event.profile)).collect();
    let docs = events.iter().map(|event| format!(" The focal resource of `{}`.", event.code));
    quote! {
        #[doc = include_str!("../content.md")]
        #[derive(Debug, Clone, PartialEq)]
        pub enum Content {
            #(#[doc = #docs] #profiles(Box<#profiles>),)*
            /// Anything else: a bundle that is not a message of these events, or a message whose focal
            /// resource is in a form that the profile of the event does not cover, such as a result that
            /// comes as `Other` instead of `DiagnosticReport`. The bundle is as it was received.
            Unknown(Box<Bundle>),
        }

        impl Content {
            /// The focal resource by the profile of the event. Gives it back when it is not of that profile.
            pub(crate) fn new(event: Event, resource: Resource) -> Result<Self, Resource> {
                match event {
                    #(Event::#codes => #profiles::from_resource(resource).map(|profile| Self::#profiles(Box::new(profile))),)*
                }
            }
        }

        #(
            impl Focal for #profiles {
                const EVENT: Event = Event::#codes;
            }
        )*
    }
}
