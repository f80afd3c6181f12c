//! The file in which `receive` and `send` keep the versions of resources, for the application that goes on from there.

use std::path::PathBuf;

use clap::Args;
use koppeltaal::{SqliteVersionStore, VersionStore as _};
use koppeltaal_fhir::Bundle;
use koppeltaal_messaging::{Message, ResourceUrl, domain_of};

use crate::failure::Failure;

/// Where versions are kept, if at all.
#[derive(Debug, Args)]
pub(super) struct KeepVersions {
    /// Keep the versions of the resources in this `SQLite` file, made when it is not there. An application that opens it as
    /// its version store knows them.
    #[arg(long, value_name = "FILE")]
    versions: Option<PathBuf>,
}

/// The open file.
pub(super) struct Versions {
    store: SqliteVersionStore,
    /// For messages that do not name their domain.
    domain: Option<String>,
}

impl KeepVersions {
    /// Opens the file, if there is to be one.
    pub(super) fn open(&self, domain: Option<String>) -> Result<Option<Versions>, Failure> {
        let Some(file) = &self.versions else { return Ok(None) };
        let store = SqliteVersionStore::open(file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        Ok(Some(Versions { store, domain }))
    }
}

impl Versions {
    /// Keeps the versions that a received message tells.
    pub(super) async fn keep_all_of(&self, bundle: &Bundle) -> Result<(), Failure> {
        let Ok(message) = Message::extract(bundle.clone()) else { return Ok(()) };
        let urls: Vec<_> = message.entries().filter_map(|entry| entry.url().cloned()).collect();
        self.keep(bundle, &urls).await
    }

    /// Keeps versions in the domain of a message.
    pub(super) async fn keep(&self, message: &Bundle, versions: &[ResourceUrl]) -> Result<(), Failure> {
        let domain = domain_of(message).or(self.domain.as_deref());
        let unknown = || "versions are kept per domain, and the message names none: give it by --domain";
        let domain = domain.ok_or_else(|| Failure::Usage(unknown().to_owned()))?;
        Ok(self.store.record(domain, versions).await?)
    }
}
