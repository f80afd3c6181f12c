//! [`ConfiguredActivityDefinition`]: an activity definition that a sandbox starts with.

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{CodeSystem as _, Reference};
use serde::Deserialize;

/// An activity definition that a sandbox starts with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "ActivityDefinitionTable")]
pub(crate) struct ConfiguredActivityDefinition {
    /// Name of the domain.
    pub(crate) domain: String,
    /// An `Other` with code `ActivityDefinition`.
    pub(crate) definition: Other,
}

/// The form of a definition in a configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActivityDefinitionTable {
    domain: String,
    identifier: String,
    name: String,
    kind: String,
    application: String,
    description: Option<String>,
}

impl From<ActivityDefinitionTable> for ConfiguredActivityDefinition {
    fn from(table: ActivityDefinitionTable) -> Self {
        let definition = ActivityDefinition {
            activity_definition_identifier: Some(table.identifier),
            name: Some(table.name),
            kind: Some(ActivityKind::from_code(&table.kind)),
            application: Some(Reference::default().with_display(table.application)),
            description: table.description,
            ..ActivityDefinition::default()
        };
        Self { domain: table.domain, definition: definition.into() }
    }
}
