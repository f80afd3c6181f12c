//! Takes out of a resource what only the server may say, before it is created.

use std::sync::Arc;

use koppeltaal_r4::Resource;
use koppeltaal_r4::primitives::Primitive;

use crate::vocabulary::extension::RESOURCE_ORIGIN;

/// Takes out the elements that the server sets: id, version, time, origin. A create with an origin is
/// refused.
macro_rules! take_out {
    ($resource:expr, $($variant:ident)*) => {
        match $resource {
            $(Resource::$variant(resource) => {
                let resource = Arc::make_mut(resource);
                resource.id = Primitive::default();
                if let Some(meta) = &mut resource.meta {
                    meta.version_id = Primitive::default();
                    meta.last_updated = Primitive::default();
                }
                resource.extension.retain(|extension| extension.url != RESOURCE_ORIGIN);
            })*
            _ => {}
        }
    };
}

/// The resource as it may be created: a copy of one that was read, for instance.
pub(crate) fn without_server_elements(mut resource: Resource) -> Resource {
    take_out!(
        &mut resource,
        ActivityDefinition AuditEvent CareTeam Device Endpoint Organization Patient Practitioner RelatedPerson
        Subscription Task
    );
    resource
}

#[cfg(test)]
mod tests {
    use koppeltaal_r4::ReadOptions;

    use super::*;

    #[test]
    fn what_the_server_said_of_another_resource_is_not_sent() {
        let read = |text: &str| ReadOptions::tolerant().json(text.as_bytes()).expect("a resource").document;
        let stored = read(
            r#"{"resourceType":"Task","id":"7","meta":{"versionId":"3","lastUpdated":"2026-01-01T00:00:00Z","profile":["x"]},
                "extension":[{"url":"http://koppeltaal.nl/fhir/StructureDefinition/resource-origin",
                "valueReference":{"reference":"Device/1"}},{"url":"https://a.example"}],"status":"ready"}"#,
        );
        let expected = read(
            r#"{"resourceType":"Task","meta":{"profile":["x"]},"extension":[{"url":"https://a.example"}],"status":"ready"}"#,
        );
        assert_eq!(without_server_elements(stored), expected);
    }
}
