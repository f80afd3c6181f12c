//! The doc comments of profiles: name, cardinality, type, binding and extension, from the schema.

use super::resolve::{Fhir, Module, Type};
use super::{Event, Field, PatientPresence, Place};
use crate::schema::Cardinality;

/// The comment at the top of a file.
pub(super) fn of_module(module: &Module) -> String {
    format!(" Koppeltaal's profile `{}`.", module.profile.name)
}

/// The comment above a struct.
pub(super) fn of_type(ty: &Type) -> String {
    let carrier = match &ty.fhir {
        Fhir::Resource(name) => format!("the DSTU1 resource [`{name}`](resources::{name})"),
        Fhir::Component(name) => format!("the DSTU1 component [`{name}`](resources::{name})"),
        Fhir::Extension(_) => "an extension".to_owned(),
    };
    let mut text = match ty.structure.is_component {
        true => format!(" A value of `{}`, carried by {carrier}.", ty.path),
        false => format!(" Koppeltaal's `{}`, carried by {carrier}", ty.path),
    };
    if !ty.structure.is_component {
        match &ty.fixed {
            Some((element, list, code)) => {
                // The name of the element in the standard: the field's may have Rust's escape for keywords.
                let element = element.to_string();
                let element = element.trim_start_matches("r#");
                text.push_str(&format!(" with [`{code}`](valuesets::{list}::{code}) as its `{element}`."));
            }
            None => text.push('.'),
        }
    }
    for field in ty.structure.fields.iter().filter(|field| field.place == Place::Kept) {
        text.push_str(&format!("\n\n {} It stays in `extension`.", facts(field)));
    }
    text
}

/// The lines of an event's comment below the first one: its focal resource, its patient, its other resources.
pub(super) fn of_event(event: &Event) -> Vec<String> {
    let kinds = |kinds: &[String], word: &str| format!("`{}`", kinds.join(&format!("` {word} `")));
    let patient = match event.patient {
        PatientPresence::None => "The header names none.",
        PatientPresence::Required => {
            "The header names it; when the sender owns the resource, the message holds it."
        }
        PatientPresence::Referenced => "The header names it; the message need not hold the resource.",
    };
    let with =
        if event.with.is_empty() { "Nothing.".to_owned() } else { format!("{}.", kinds(&event.with, "and")) };
    vec![
        String::new(),
        format!(" - Focal resource: {}.", kinds(&event.focal, "or")),
        format!(" - Patient: {patient}"),
        format!(" - Other resources, as far as the message refers to them: {with}"),
    ]
}

/// The comment above a field. `stricter` is its cardinality in DSTU1, if only DSTU1 requires it.
pub(super) fn of_field(field: &Field, stricter: Option<&Cardinality>) -> String {
    let mut text = format!(" {}", facts(field));
    if let Some(stricter) = stricter {
        let own = field.cardinality;
        text.push_str(&format!("\n\n {own} in Koppeltaal, {stricter} in DSTU1: required."));
    }
    if let Place::Extension { url, .. } = &field.place {
        text.push_str(&format!("\n\n Extension `{url}`."));
    }
    text
}

/// The comment above the method that fills in what an absent field means.
pub(super) fn of_default(field: &Field) -> String {
    let default = field.default.as_deref().unwrap_or_default();
    format!(" `{}` as it applies: when absent it means `{default}`.", field.name)
}

/// A field in one line: name, cardinality, type, binding, note.
pub(super) fn facts(field: &Field) -> String {
    let type_text = match (field.types.first().map(String::as_str), field.targets.as_slice()) {
        (Some("Resource"), [any]) if any == "Any" => "reference to any resource".to_owned(),
        (Some("Resource"), targets) => format!("reference to `{}`", targets.join("` or `")),
        _ if field.types.len() > 1 => format!("`{}`", field.types.join("` or `")),
        (name, _) => format!("`{}`", name.unwrap_or_default()),
    };
    let mut text = format!("`{}`, {} {type_text}", field.name, field.cardinality);
    if let Some(binding) = &field.binding {
        let how = if binding.open { "with codes such as those of" } else { "of" };
        text.push_str(&format!(" {how} `{}`", binding.list));
    }
    if let (Some(default), true) = (&field.default, field.cardinality.required) {
        text.push_str(&format!(" (absent means `{default}`)"));
    }
    if let Some(note) = &field.note {
        text.push_str(&format!(": {note}"));
    }
    text.push('.');
    text
}
