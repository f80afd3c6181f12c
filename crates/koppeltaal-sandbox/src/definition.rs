//! What the sandbox has to know about an activity definition: that it is one, and whether it is archived.
//! Everything else in it belongs to the applications and passes through unread.

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{Reference, ResourceKind};

/// Whether a resource of type `Other` has the code `ActivityDefinition`.
pub(crate) fn is_definition(other: &Other) -> bool {
    ResourceKind::from_other(other) == Some(ResourceKind::ActivityDefinition)
}

/// Whether any resource is an activity definition.
pub(crate) fn is_definition_resource(resource: &Resource) -> bool {
    ResourceKind::from_resource(resource) == Some(ResourceKind::ActivityDefinition)
}

/// Whether a definition is archived; absent means no.
pub(crate) fn is_archived(definition: &Other) -> bool {
    ActivityDefinition::from(definition.clone()).is_archived()
}

/// Makes an archived definition inactive.
pub(crate) fn settle(definition: &mut Other) {
    let mut profile = ActivityDefinition::from(definition.clone());
    if profile.is_archived() {
        profile.is_active = Some(false);
        *definition = profile.into();
    }
}

/// The definition of a game: identifier, name, and the identifier of the application to launch.
pub(crate) fn game(identifier: &str, name: &str, application: &str) -> Other {
    let definition = ActivityDefinition {
        activity_definition_identifier: Some(identifier.to_owned()),
        name: Some(name.to_owned()),
        kind: Some(ActivityKind::Game),
        application: Some(Reference::default().with_display(application)),
        ..ActivityDefinition::default()
    };
    definition.into()
}

#[cfg(test)]
mod tests {
    use koppeltaal_fhir::datatypes::{Extension, ExtensionValue};
    use koppeltaal_messaging::vocabulary::extension::activity_definition::{IS_ACTIVE, IS_ARCHIVED};

    use super::*;

    fn flag(definition: &Other, url: &str) -> Option<bool> {
        match definition.extension.iter().find(|extension| extension.url == url)?.value.as_ref()? {
            ExtensionValue::Boolean(value) => value.value,
            _ => None,
        }
    }

    #[test]
    fn an_archived_definition_becomes_inactive() {
        let mut definition = game("G", "Game", "game");
        settle(&mut definition);
        assert_eq!(flag(&definition, IS_ACTIVE), None, "one that is not archived is left as it is");

        for was_active in [None, Some(true)] {
            let mut definition = game("G", "Game", "game");
            for (url, value) in [(IS_ACTIVE, was_active), (IS_ARCHIVED, Some(true))] {
                definition.extension.extend(value.map(|value| Extension {
                    url: url.into(),
                    value: Some(ExtensionValue::Boolean(value.into())),
                    ..Extension::default()
                }));
            }
            settle(&mut definition);
            assert_eq!(flag(&definition, IS_ACTIVE), Some(false));
        }
    }

    #[test]
    fn another_kind_of_other_is_no_definition() {
        assert!(is_definition(&game("G", "Game", "game")));
        assert!(!is_definition(&Other { code: ResourceKind::CareTeam.usage_concept(), ..Other::default() }));
        assert!(!is_definition(&Other::default()));
    }
}
