//! `koppeltaal activities`, and `koppeltaal activity put` and `archive`: what the applications of a domain
//! offer.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use koppeltaal::{Connector, DefinitionOutcome, MemoryVersionStore};
use koppeltaal_fhir::ReadOptions;
use koppeltaal_fhir::resources::Other;
use koppeltaal_messaging::profiles::ActivityDefinition;
use koppeltaal_messaging::{CodeSystem as _, Sender, Source};
use koppeltaal_transport::{Client, IncludeArchived, StoredActivityDefinition};
use serde::Serialize;

use super::RemoteCommand;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{Printable, or_hyphen};

/// List the activity definitions of the domain.
#[derive(Debug, Args)]
pub(crate) struct Activities {
    /// List archived ones too.
    #[arg(long)]
    archived: bool,
}

/// Change the activity definitions of the domain.
#[derive(Debug, Args)]
pub(crate) struct Activity {
    #[command(subcommand)]
    change: Change,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Create an activity definition, or replace the one of the same application with the same identifier.
    ///
    /// When the server has one that says the same, nothing is written. So a script can put all definitions
    /// whenever an application is deployed.
    Put {
        /// An `Other` with code `ActivityDefinition`, in JSON or XML; - is standard input.
        file: PathBuf,
    },
    /// Archive an activity definition, which is then no longer offered.
    Archive {
        /// Its identifier.
        id: String,
    },
}

#[derive(Serialize)]
struct Definition {
    identifier: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    application: Option<String>,
    active: Option<bool>,
    archived: Option<bool>,
    /// The address with its version.
    url: Option<String>,
    /// What a change did: `created`, `updated`, `unchanged` or `archived`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

impl RemoteCommand for Activities {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let archived = if self.archived { IncludeArchived::Yes } else { IncludeArchived::No };
        let mut definitions = client.activity_definitions(archived);
        while let Some(stored) = definitions.next().await? {
            let url = stored.url.as_ref().map(ToString::to_string);
            connection.output.print(&Definition::new(ActivityDefinition::from(stored.resource), url))?;
        }
        Ok(())
    }
}

impl RemoteCommand for Activity {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let (definition, url, outcome) = match &self.change {
            Change::Put { file } => {
                let definition = definition_in(file)?;
                // A definition belongs to no domain that a client could name, and its sender is the account.
                let sender = Sender::new(Source::new("koppeltaal", "https://localhost"), "");
                let connector = Connector::new(client, sender, MemoryVersionStore::new());
                let outcome = connector.put_activity_definition(&definition).await?;
                let word = match &outcome {
                    DefinitionOutcome::Created(_) => "created",
                    DefinitionOutcome::Updated(_) => "updated",
                    DefinitionOutcome::Unchanged(_) => "unchanged",
                };
                (definition, outcome.url().clone(), word)
            }
            Change::Archive { id } => {
                let stored = find(&client, id).await?;
                let stored =
                    stored.ok_or_else(|| Failure::NotFound(format!("there is no activity {id:?}")))?;
                let url = stored.url.ok_or(Failure::Protocol("the activity definition has no address"))?;
                let mut definition = ActivityDefinition::from(stored.resource);
                definition.is_archived = Some(true);
                definition.is_active = Some(false);
                let url = client.update_activity_definition(&url, &definition.clone().into()).await?;
                (definition, url, "archived")
            }
        };
        let printed = Definition::new(definition, Some(url.to_string()));
        Ok(connection.output.print(&Definition { outcome: Some(outcome), ..printed })?)
    }
}

async fn find(client: &Client, identifier: &str) -> Result<Option<StoredActivityDefinition>, Failure> {
    let mut all = client.activity_definitions(IncludeArchived::Yes);
    while let Some(stored) = all.next().await? {
        let definition = ActivityDefinition::from(stored.resource.clone());
        if definition.activity_definition_identifier.as_deref() == Some(identifier) {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}

fn definition_in(file: &std::path::Path) -> Result<ActivityDefinition, Failure> {
    let input = Input::load(file)?;
    let unusable = |problem: &str| Failure::unusable_file(input.name(), problem);
    let read = input.read(ReadOptions::tolerant()).map_err(|error| unusable(&error.to_string()))?;
    let other = read.document.into_resource().ok().and_then(|resource| resource.take::<Other>().ok());
    other.map(Into::into).ok_or_else(|| unusable("it is no Other with an activity definition"))
}

impl Definition {
    fn new(definition: ActivityDefinition, url: Option<String>) -> Self {
        Self {
            identifier: definition.activity_definition_identifier,
            name: definition.name,
            kind: definition.kind.map(|kind| kind.code().to_owned()),
            application: definition.application.and_then(|application| application.display),
            active: definition.is_active,
            archived: definition.is_archived,
            url,
            outcome: None,
        }
    }
}

impl Printable for Definition {
    fn lines(&self) -> Vec<String> {
        let state = match (self.archived, self.active) {
            (Some(true), _) => ", archived",
            (_, Some(false)) => ", inactive",
            _ => "",
        };
        let outcome = self.outcome.map(|outcome| format!("{outcome}: ")).unwrap_or_default();
        vec![format!(
            "{outcome}{}  {} ({}{state})  {}",
            or_hyphen(self.identifier.as_deref()),
            or_hyphen(self.name.as_deref()),
            or_hyphen(self.kind.as_deref()),
            or_hyphen(self.url.as_deref())
        )]
    }
}
