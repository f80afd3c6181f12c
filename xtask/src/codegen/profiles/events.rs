//! Tokens of the events: the table that composing, extracting and validating read, and the enum of their contents.

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
    }
    let rows = events.iter().map(|event| row(event));
    let contents = events.iter().map(|event| {
        let (code, profile) = (format_ident!("{}", event.code), format_ident!("{}", event.profile));
        quote! { #code #profile, }
    });
    let count = events.len();
    Ok(quote! {
        #![doc = " The events of Koppeltaal: what each is about, and what belongs into its message."]
        use crate::content::contents;
        use crate::event::{EventRules, PatientRule};
        use crate::kind::ResourceKind;

        /// In the order of [`Event`](super::valuesets::Event).
        pub(crate) static EVENTS: [EventRules; #count] = [#(#rows),*];

        contents! { #(#contents)* }
    })
}

fn row(event: &Event) -> TokenStream {
    let kinds = |kinds: &[String]| {
        let kinds = kinds.iter().map(|kind| format_ident!("{kind}"));
        quote! { &[#(ResourceKind::#kinds),*] }
    };
    let (focal, with) = (kinds(&event.focal), kinds(&event.with));
    let patient = format_ident!(
        "{}",
        match event.patient {
            None => "Absent",
            Some(true) => "Inside",
            Some(false) => "Outside",
        }
    );
    quote! { EventRules { focal: #focal, patient: PatientRule::#patient, with: #with } }
}
