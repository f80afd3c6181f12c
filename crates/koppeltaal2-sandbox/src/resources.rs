//! The resource types that a domain serves, and the parts that all of them have.

use std::sync::Arc;

use koppeltaal_r4::Primitive;
use koppeltaal_r4::Resource;
use koppeltaal_r4::datatypes::{Extension, ExtensionValue, Meta, Reference};
use koppeltaal_r4::primitives::Id;

/// The extension with the Device of the application that created a resource.
pub(crate) const RESOURCE_ORIGIN: &str = "http://koppeltaal.nl/fhir/StructureDefinition/resource-origin";

/// Where the profiles of Koppeltaal 2.0 stand, without the name of the type.
const PROFILE: &str = "http://koppeltaal.nl/fhir/StructureDefinition/KT2";

/// What every served resource has.
pub(crate) struct Parts<'a> {
    pub(crate) id: &'a Primitive<Id>,
    pub(crate) extension: &'a [Extension],
}

/// The same, to change it.
pub(crate) struct PartsMut<'a> {
    pub(crate) id: &'a mut Primitive<Id>,
    pub(crate) meta: &'a mut Option<Meta>,
    pub(crate) extension: &'a mut Vec<Extension>,
}

macro_rules! served {
    ($($type:ident)*) => {
        /// The resource types of a Koppeltaal 2.0 domain.
        pub(crate) const SERVED: &[&str] = &[$(stringify!($type),)*];

        /// The parts of a resource; `None` for one of a type that is not served.
        pub(crate) fn parts(resource: &Resource) -> Option<Parts<'_>> {
            match resource {
                $(Resource::$type(resource) => Some(Parts {
                    id: &resource.id,
                    extension: &resource.extension,
                }),)*
                _ => None,
            }
        }

        /// The same, to change them.
        pub(crate) fn parts_mut(resource: &mut Resource) -> Option<PartsMut<'_>> {
            match resource {
                $(Resource::$type(resource) => {
                    let resource = Arc::make_mut(resource);
                    Some(PartsMut {
                        id: &mut resource.id,
                        meta: &mut resource.meta,
                        extension: &mut resource.extension,
                    })
                })*
                _ => None,
            }
        }
    };
}

served! {
    ActivityDefinition AuditEvent CareTeam Device Endpoint Organization Patient Practitioner RelatedPerson
    Subscription Task
}

/// The name of a served type, if this is one.
pub(crate) fn served(name: &str) -> Option<&'static str> {
    SERVED.iter().find(|known| **known == name).copied()
}

/// The URL of the profile that a resource of a type must name.
pub(crate) fn profile_url(resource_type: &str) -> String {
    format!("{PROFILE}{resource_type}")
}

/// The Device in the extension resource-origin: `Device/...`.
pub(crate) fn origin(resource: &Resource) -> Option<&str> {
    let extensions = parts(resource)?.extension;
    extensions
        .iter()
        .find(|extension| extension.url == RESOURCE_ORIGIN)
        .and_then(reference_in)?
        .reference
        .as_str()
}

/// Whether there is an extension resource-origin, whatever it holds.
pub(crate) fn has_origin(resource: &Resource) -> bool {
    parts(resource)
        .is_some_and(|parts| parts.extension.iter().any(|extension| extension.url == RESOURCE_ORIGIN))
}

/// Adds the extension resource-origin.
pub(crate) fn set_origin(resource: &mut Resource, device: &str) {
    if let Some(parts) = parts_mut(resource) {
        parts.extension.retain(|extension| extension.url != RESOURCE_ORIGIN);
        parts.extension.push(reference_extension(RESOURCE_ORIGIN, device));
    }
}

/// An extension with a reference to a resource.
pub(crate) fn reference_extension(url: &str, reference: &str) -> Extension {
    Extension {
        url: url.to_owned(),
        value: Some(ExtensionValue::Reference(Box::new(reference_to(reference)))),
        ..Default::default()
    }
}

/// A literal reference, with its type: `Device/1`.
pub(crate) fn reference_to(reference: &str) -> Reference {
    let resource_type = reference.split_once('/').map(|(name, _)| name);
    Reference {
        reference: reference.into(),
        r#type: resource_type.map(Into::into).into(),
        ..Default::default()
    }
}

fn reference_in(extension: &Extension) -> Option<&Reference> {
    match &extension.value {
        Some(ExtensionValue::Reference(reference)) => Some(reference),
        _ => None,
    }
}

/// The parts of a literal relative reference: type and id of `Task/1` and of `Task/1/_history/2`.
pub(crate) fn relative(reference: &str) -> Option<(&str, &str)> {
    let mut parts = reference.split('/');
    let (resource_type, id) = (parts.next()?, parts.next()?);
    let is_plain =
        matches!((parts.next(), parts.next(), parts.next()), (None, ..) | (Some("_history"), Some(_), None));
    let is_type = resource_type.starts_with(|first: char| first.is_ascii_uppercase());
    (is_plain && is_type && !id.is_empty()).then_some((resource_type, id))
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::resources::Task;

    use super::*;

    #[test]
    fn the_origin_is_replaced_and_found() {
        let mut task = Resource::from(Task::default());
        assert!(!has_origin(&task));
        set_origin(&mut task, "Device/a");
        set_origin(&mut task, "Device/b");
        assert_eq!(origin(&task), Some("Device/b"));
        assert_eq!(parts(&task).map(|parts| parts.extension.len()), Some(1));
    }

    #[test]
    fn only_literal_relative_references_have_a_type_and_an_id() {
        assert_eq!(relative("Task/1"), Some(("Task", "1")));
        assert_eq!(relative("Task/1/_history/2"), Some(("Task", "1")));
        for other in ["#1", "urn:uuid:1", "https://x.example/Task/1", "Task", "Task/", "Task/1/2"] {
            assert_eq!(relative(other), None, "{other}");
        }
    }
}
