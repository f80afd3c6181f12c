//! Publishing the application's activity definitions: each is put by its identifier, and created, updated or
//! left alone.

use koppeltaal_fhir::resources::Other;
use koppeltaal_fhir::{Finding, Resource, Severity};
use koppeltaal_messaging::profiles::{ActivityDefinition, ActivityDefinitionSubActivity};
use koppeltaal_messaging::{Profile as _, ResourceUrl, Rest, Validator};
use koppeltaal_transport::{Error, IncludeArchived, StatusCode};

use super::Connector;
use super::outcome::Rules;
use crate::causes::{causes, causes_and_advice};

/// How often a definition is read and written at most. Only a conflict makes it more than once.
const MAX_ATTEMPTS: u32 = 5;

/// What became of an activity definition that was put. Each has its address with the current version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum DefinitionOutcome {
    /// The application had no definition with this identifier, so the server has created it.
    Created(ResourceUrl),
    /// The definition at the server was different, and is replaced.
    Updated(ResourceUrl),
    /// The definition at the server says the same. Nothing was written.
    Unchanged(ResourceUrl),
}

impl DefinitionOutcome {
    /// The address of the definition with its current version.
    pub fn url(&self) -> &ResourceUrl {
        match self {
            Self::Created(url) | Self::Updated(url) | Self::Unchanged(url) => url,
        }
    }
}

/// Why an activity definition was not put.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// The definition has no identifier. Nothing was requested.
    #[error("the activity definition has no identifier; set `activity_definition_identifier`")]
    NoIdentifier,
    /// The definition names no application. Nothing was requested.
    #[error(
        "the activity definition names no application; set the display of `application` to the client id of \
         the application to launch"
    )]
    NoApplication,
    /// The definition breaks rules of DSTU1 or of Koppeltaal. Nothing was requested.
    #[error("the activity definition breaks {}", Rules(findings))]
    Invalid {
        /// The rules, the places, what was expected and what was found.
        findings: Vec<Finding>,
    },
    /// The application has two definitions with this identifier at the server. Nothing was written. A
    /// definition cannot be deleted, so the one that is too many needs another identifier.
    #[error(
        "the application has two activity definitions {identifier:?}: {} and {}; give one of them another \
         identifier and archive it, with `Client::update_activity_definition`",
        first.id(),
        second.id()
    )]
    Duplicate {
        /// The identifier of the definitions.
        identifier: String,
        /// The address of the first in the server's list.
        first: ResourceUrl,
        /// The address of the next one.
        second: ResourceUrl,
    },
    /// The server lists the definition without an address or without a version. Nothing was written.
    #[error(
        "the server lists the activity definition {identifier:?} without its version, which an update needs; \
         report it to the administrator of the server"
    )]
    NoVersion {
        /// The identifier of the definition.
        identifier: String,
    },
    /// Somebody else changed the definition between each read and the write after it.
    #[error(
        "the activity definition {identifier:?} was changed by somebody else {attempts} times in a row; find \
         out who else puts it, then put it again: {}",
        causes(source.as_ref())
    )]
    Conflict {
        /// The identifier of the definition.
        identifier: String,
        /// How often it was read and written.
        attempts: u32,
        /// The last conflict. The text of this error includes it.
        // With its raw name, `thiserror` does not take it for the source.
        r#source: Box<Error>,
    },
    /// The server cannot be reached, or refuses. When it is unknown whether it wrote the definition, or the
    /// failure is transient, put it again: it is looked for first, so it is not created twice. The text of
    /// this error includes the one inside and says what to do about it, so it has no source.
    #[error("the activity definition was not put: {}", causes_and_advice(.0))]
    Transport(Error),
}

impl From<Error> for DefinitionError {
    fn from(error: Error) -> Self {
        Self::Transport(error)
    }
}

impl Connector {
    /// Publishes an activity definition of the application: creates it, replaces the one that is there, or
    /// leaves it alone when it says the same. Neither id nor version has to be known, so an application can
    /// put all its definitions whenever it starts.
    ///
    /// The one that is there has the same `activityDefinitionIdentifier` and the same application (the
    /// display of `application`), archived or not. Another application's definition is never touched. Where
    /// `isActive`, `isArchived` or `launchType` is absent, its default counts: an archived definition is
    /// taken out of the archive unless `is_archived` is true.
    ///
    /// These are no difference: the id, identifiers that only the server has, the narrative, and, unless this
    /// definition has some too, elements outside the profile. An update replaces everything.
    ///
    /// When somebody else changes the definition meanwhile, it is read and compared again, five times at
    /// most. The last put wins. One connector and its clones put one definition at a time. Two processes that
    /// put a new definition at the same moment may both create it: from then on, putting it is the error
    /// [`Duplicate`](DefinitionError::Duplicate).
    ///
    /// ```no_run
    /// # async fn example(game: koppeltaal::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// use koppeltaal::DefinitionOutcome;
    /// use koppeltaal::messaging::Reference;
    /// use koppeltaal::messaging::profiles::ActivityDefinition;
    /// use koppeltaal::messaging::valuesets::ActivityKind;
    ///
    /// let definition = ActivityDefinition {
    ///     activity_definition_identifier: Some("VUURTOREN".to_owned()),
    ///     name: Some("De vuurtoren".to_owned()),
    ///     kind: Some(ActivityKind::Game),
    ///     application: Some(Reference::default().with_display("game")),
    ///     ..Default::default()
    /// };
    /// match game.put_activity_definition(&definition).await? {
    ///     DefinitionOutcome::Created(url) => println!("created as {url}"),
    ///     DefinitionOutcome::Updated(url) => println!("updated to {url}"),
    ///     DefinitionOutcome::Unchanged(_) => println!("nothing to do"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`DefinitionError`].
    pub async fn put_activity_definition(
        &self,
        definition: &ActivityDefinition,
    ) -> Result<DefinitionOutcome, DefinitionError> {
        let identifier = identifier(definition).ok_or(DefinitionError::NoIdentifier)?;
        application(definition).ok_or(DefinitionError::NoApplication)?;
        let other = definition.clone().into_fhir();
        if self.validates {
            let validator = Validator::default().with_api_version(self.sender().api_version());
            let mut findings = validator.validate_resource(&Resource::from(other.clone()));
            findings.retain(|finding| finding.severity == Severity::Error);
            if !findings.is_empty() {
                return Err(DefinitionError::Invalid { findings });
            }
        }
        // Two at the same time could both find no definition, and create it twice.
        let _turn = self.shared.definition_turn.lock().await;
        let mut attempts = 1;
        loop {
            match self.try_put(definition, identifier, &other).await {
                Err(DefinitionError::Transport(error)) if is_conflict(&error) => {
                    if attempts == MAX_ATTEMPTS {
                        let (identifier, source) = (identifier.to_owned(), Box::new(error));
                        return Err(DefinitionError::Conflict { identifier, attempts, source });
                    }
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    /// Reads what is at the server and writes what differs, once.
    async fn try_put(
        &self,
        definition: &ActivityDefinition,
        identifier: &str,
        other: &Other,
    ) -> Result<DefinitionOutcome, DefinitionError> {
        let Some((current, url)) = self.current_definition(definition, identifier).await? else {
            return Ok(DefinitionOutcome::Created(self.client.create_activity_definition(other).await?));
        };
        if says_the_same(definition, current) {
            return Ok(DefinitionOutcome::Unchanged(url));
        }
        Ok(DefinitionOutcome::Updated(self.client.update_activity_definition(&url, other).await?))
    }

    /// The definition at the server with this identifier and application, and its address with version.
    async fn current_definition(
        &self,
        definition: &ActivityDefinition,
        identifier: &str,
    ) -> Result<Option<(ActivityDefinition, ResourceUrl)>, DefinitionError> {
        let mut current: Option<(ActivityDefinition, ResourceUrl)> = None;
        let mut all = self.client.activity_definitions(IncludeArchived::Yes);
        while let Some(stored) = all.next().await? {
            if !ActivityDefinition::matches(&stored.resource) {
                continue;
            }
            let found = ActivityDefinition::from_fhir(stored.resource);
            if self::identifier(&found) != Some(identifier) || application(&found) != application(definition)
            {
                continue;
            }
            let url = stored
                .url
                .filter(|url| url.version().is_some())
                .ok_or_else(|| DefinitionError::NoVersion { identifier: identifier.to_owned() })?;
            match current {
                // A list in pages that changes meanwhile may hold a definition twice.
                Some((_, first)) if !first.same_resource(&url) => {
                    let identifier = identifier.to_owned();
                    return Err(DefinitionError::Duplicate { identifier, first, second: url });
                }
                _ => current = Some((found, url)),
            }
        }
        Ok(current)
    }
}

fn identifier(definition: &ActivityDefinition) -> Option<&str> {
    definition.activity_definition_identifier.as_deref().filter(|identifier| !identifier.is_empty())
}

/// The client id of the application.
fn application(definition: &ActivityDefinition) -> Option<&str> {
    definition.application.as_ref()?.display.as_deref().filter(|application| !application.is_empty())
}

/// Whether somebody else changed the definition. Servers say so with 409, or with 412 as in HTTP.
fn is_conflict(error: &Error) -> bool {
    match error {
        Error::Conflict { .. } => true,
        Error::Rejected { status, .. } => *status == StatusCode::PRECONDITION_FAILED,
        Error::Protocol(protocol) => protocol.status == StatusCode::PRECONDITION_FAILED,
        _ => false,
    }
}

/// Whether the definition at the server says what this one says, apart from what the server adds.
fn says_the_same(definition: &ActivityDefinition, mut current: ActivityDefinition) -> bool {
    current.identifier.retain(|identifier| definition.identifier.contains(identifier));
    if let (Some(reference), Some(wanted)) = (&mut current.application, &definition.application)
        && wanted.reference.is_none()
    {
        reference.reference = None;
    }
    let is_outside_the_same = definition.rest.is_empty() || outside(definition) == outside(&current);
    is_outside_the_same && comparable(definition.clone()) == comparable(current)
}

/// The elements outside the profile, without the narrative.
fn outside(definition: &ActivityDefinition) -> Other {
    let other = definition.rest.element().cloned().unwrap_or_default();
    Other { text: None, code: None, ..other }
}

/// The definition with its defaults filled in, without its ids and without elements outside the profile. An
/// archived one is not active.
fn comparable(definition: ActivityDefinition) -> ActivityDefinition {
    let is_archived = definition.is_archived();
    let comparable_part = |part: ActivityDefinitionSubActivity| ActivityDefinitionSubActivity {
        id: None,
        is_active: Some(part.is_active()),
        rest: Rest::default(),
        ..part
    };
    ActivityDefinition {
        id: None,
        is_archived: Some(is_archived),
        is_active: Some(definition.is_active() && !is_archived),
        launch_type: Some(definition.launch_type()),
        sub_activity: definition.sub_activity.into_iter().map(comparable_part).collect(),
        rest: Rest::default(),
        ..definition
    }
}
