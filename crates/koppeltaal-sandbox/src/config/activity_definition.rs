//! [`ConfiguredActivityDefinition`]: an activity definition that a sandbox starts with.

use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::valuesets::ActivityKind;
use koppeltaal_messaging::{CodeSystem as _, Reference};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

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
    #[serde(deserialize_with = "kind")]
    kind: ActivityKind,
    application: String,
    description: Option<String>,
}

/// A kind of the list. In code, others are possible.
fn kind<'de, D: Deserializer<'de>>(from: D) -> Result<ActivityKind, D::Error> {
    let code = String::deserialize(from)?;
    ActivityKind::listed(&code).ok_or_else(|| {
        let kinds = ActivityKind::CODES.iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
        D::Error::custom(format!("{code:?} is not a kind of activity; these are: {kinds}"))
    })
}

impl From<ActivityDefinitionTable> for ConfiguredActivityDefinition {
    fn from(table: ActivityDefinitionTable) -> Self {
        let definition = ActivityDefinition {
            activity_definition_identifier: Some(table.identifier),
            name: Some(table.name),
            kind: Some(table.kind),
            application: Some(Reference::default().with_display(table.application)),
            description: table.description,
            ..ActivityDefinition::default()
        };
        Self { domain: table.domain, definition: definition.into() }
    }
}
