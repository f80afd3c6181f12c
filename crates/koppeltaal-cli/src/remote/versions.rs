//! The file in which `receive` and `send` keep the versions of resources, for the application that goes on from there.

use std::env;
use std::path::PathBuf;

use clap::Args;
use koppeltaal::{SqliteVersionStore, VersionStore as _};
use koppeltaal_fhir::Bundle;
use koppeltaal_messaging::{Message, ResourceUrl, domain_of};

use crate::failure::Failure;
use crate::private;

/// Where versions are kept, if at all.
#[derive(Debug, Args)]
pub(super) struct KeepVersions {
    /// Keep the versions of the resources in this `SQLite` file, made when it is not there [default:
    /// koppeltaal/versions.db in the user's data directory]. An application that opens it as its version store knows them.
    #[arg(long, value_name = "FILE", env = "KOPPELTAAL_VERSIONS")]
    versions: Option<PathBuf>,

    /// Keep no versions.
    #[arg(long, conflicts_with = "versions")]
    no_versions: bool,
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
        if self.no_versions {
            return Ok(None);
        }
        let file = match &self.versions {
            Some(file) => file.clone(),
            None => usual_file()?,
        };
        // They name patients. SQLite gives the files beside it the same rights.
        private::create(&file).map_err(Failure::file(&file))?;
        let store = SqliteVersionStore::open(&file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
        Ok(Some(Versions { store, domain }))
    }
}

/// The file in the user's data directory, as the XDG base directories have it. Its folder is for the user alone.
fn usual_file() -> Result<PathBuf, Failure> {
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(env::home_dir()?.join(".local").join("share")));
    let instead = "name a file by --versions, or give --no-versions";
    let Some(data) = data else {
        return Err(Failure::Usage(format!("there is no home directory to keep versions in: {instead}")));
    };
    let folder = data.join("koppeltaal");
    private::folder(&folder)
        .map_err(|error| Failure::Usage(format!("{}: {error}; {instead}", folder.display())))?;
    Ok(folder.join("versions.db"))
}

impl Versions {
    /// Keeps the versions that a received message tells.
    pub(super) async fn keep_all_of(&self, bundle: &Bundle) -> Result<(), Failure> {
        let Ok(message) = Message::extract(bundle.clone()) else { return Ok(()) };
        let urls: Vec<_> = message.entries().filter_map(|entry| entry.url().cloned()).collect();
        self.keep(bundle, &urls).await
    }

    /// Keeps versions in the domain of a message. One that names none is no reason to leave it unanswered.
    pub(super) async fn keep(&self, message: &Bundle, versions: &[ResourceUrl]) -> Result<(), Failure> {
        let Some(domain) = domain_of(message).or(self.domain.as_deref()) else {
            anstream::eprintln!(
                "warning: versions are kept per domain, and the message names none: give it by --domain"
            );
            return Ok(());
        };
        Ok(self.store.record(domain, versions).await?)
    }
}
