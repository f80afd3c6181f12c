//! `koppeltaal versions`: the versions of resources that an application knows, and how it learns them again.

use clap::{Args, Subcommand, value_parser};
use koppeltaal::{Connector, RelearnError};
use koppeltaal_messaging::{ResourceUrl, Sender, Source};
use serde::Serialize;

use super::RemoteCommand;
use super::version_file::default_file;
use crate::connection::Connection;
use crate::database::DatabaseArgument;
use crate::failure::Failure;
use crate::output::Printable;

/// See the versions of resources that an application knows, or learn them again from the server.
///
/// The server takes a change of a resource only with its newest version. A database that was lost or restored
/// lacks it, and every change is a conflict.
///
/// Without --database, it is the file of `send` and `receive`.
#[derive(Debug, Args)]
pub(crate) struct Versions {
    #[command(flatten)]
    database: DatabaseArgument,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the versions in the database, of all domains or of --domain. Needs no server.
    List {
        /// List no more than this many.
        #[arg(long, value_name = "COUNT", default_value_t = 1000, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Look for the newest versions of resources in the messages at the server, and keep them in the
    /// database.
    Relearn {
        /// The resources. With the patient among them, only messages about that patient are looked at.
        #[arg(required = true, value_name = "URL")]
        resources: Vec<ResourceUrl>,
    },
}

#[derive(Serialize)]
struct LearnedVersion {
    url: String,
}

impl RemoteCommand for Versions {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let database = self.database.find_or(default_file)?;
        match self.action {
            Action::List { limit } => {
                // A `usize` holds every `u32` on the supported platforms.
                let limit = limit as usize;
                let known = database.known_versions(connection.domain(), limit).await?;
                for version in &known {
                    connection.output.print(version)?;
                }
                if known.is_empty() {
                    connection.output.remark("no versions");
                }
                connection.output.remark_limit(known.len(), limit);
                Ok(())
            }
            Action::Relearn { resources } => {
                let account = connection.connect()?;
                let domain = account.domain.ok_or_else(|| {
                    Failure::Usage(
                        "no domain: versions are kept by domain, so give --domain or a profile".to_owned(),
                    )
                })?;
                // Nothing is sent, so the source does not matter.
                let sender = Sender::new(Source::new("koppeltaal", "https://localhost"), domain);
                let connector = Connector::new(account.client, sender, database.version_store().await?);
                for url in connector.relearn(&resources).await.map_err(failure)? {
                    connection.output.print(&LearnedVersion { url: url.to_string() })?;
                }
                Ok(())
            }
        }
    }
}

fn failure(error: RelearnError) -> Failure {
    match error {
        RelearnError::Transport(error) => error.into(),
        RelearnError::Versions(error) => error.into(),
        RelearnError::NotFound { missing, .. } => {
            let missing: Vec<_> = missing.iter().map(ResourceUrl::versionless).collect();
            Failure::NotFound(format!(
                "no message at the server has the version of {}; what was found of the others is kept. An application \
                 finds its own changes only when it subscribes to them",
                missing.join(", ")
            ))
        }
        error => Failure::NotFound(error.to_string()),
    }
}

impl Printable for LearnedVersion {
    fn lines(&self) -> Vec<String> {
        vec![self.url.clone()]
    }
}
