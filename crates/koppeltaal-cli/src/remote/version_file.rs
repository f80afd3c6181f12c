//! The file in which `receive` and `send` keep the versions of resources. An application can use the same
//! file.

use std::env;
use std::path::PathBuf;

use clap::Args;
use koppeltaal::{SqliteVersionStore, VersionStore as _};
use koppeltaal_fhir::Bundle;
use koppeltaal_messaging::{Message, ResourceUrl, domain_of, versions_in};

use crate::failure::Failure;
use crate::output;
use crate::private;

/// Where versions are kept.
#[derive(Debug, Args)]
pub(super) struct VersionArguments {
    /// Keep the versions of the resources in this SQLite file. It is created if it does not exist [default:
    /// koppeltaal/versions.db in the user's data directory]. An application can open it as its version store.
    #[arg(long, value_name = "FILE", env = "KOPPELTAAL_VERSIONS")]
    versions: Option<PathBuf>,

    /// Know and keep no versions.
    #[arg(long, conflicts_with = "versions")]
    no_versions: bool,
}

/// An open file of versions.
pub(super) struct VersionFile {
    store: SqliteVersionStore,
    /// For messages that do not name their domain.
    domain: Option<String>,
}

impl VersionArguments {
    /// Opens the file, or nothing with --no-versions.
    pub(super) fn open(&self, domain: Option<String>) -> Result<Option<VersionFile>, Failure> {
        if self.no_versions {
            return Ok(None);
        }
        let file = match &self.versions {
            Some(file) => file.clone(),
            None => default_file()?,
        };
        // SQLite takes these for other things than files, and the versions would be lost.
        let is_special = file.as_os_str().is_empty()
            || file.to_str().is_some_and(|name| name == ":memory:" || name.starts_with("file:"));
        if is_special {
            return Err(Failure::Usage(format!("--versions has to name a file, not {:?}", file.display())));
        }
        let store =
            SqliteVersionStore::open(&file).map_err(|error| Failure::unusable_file(file.display(), error))?;
        Ok(Some(VersionFile { store, domain }))
    }
}

/// The default file, in the user's data directory (XDG Base Directory Specification). A new folder is for the
/// user alone.
pub(super) fn default_file() -> Result<PathBuf, Failure> {
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
        .map_err(|error| Failure::unusable_file(folder.display(), format_args!("{error}; {instead}")))?;
    Ok(folder.join("versions.db"))
}

impl VersionFile {
    /// Gives each resource of a message that has no version the newest one that is known. Returns the
    /// message, and the versions that were filled in. A bundle that is no message comes back as it was: the
    /// server says what is wrong.
    pub(super) async fn fill(&self, bundle: Bundle) -> Result<(Bundle, Vec<ResourceUrl>), Failure> {
        let Some(domain) = domain_of(&bundle).or(self.domain.as_deref()).map(str::to_owned) else {
            return Ok((bundle, Vec::new()));
        };
        let mut message = match Message::extract(bundle) {
            Ok(message) => message,
            Err(error) => return Ok((*error.bundle, Vec::new())),
        };
        let lacks_version = |url: &&ResourceUrl| url.version().is_none();
        let lacking: Vec<_> =
            message.entries().filter_map(|entry| entry.url()).filter(lacks_version).cloned().collect();
        let known: Vec<_> = self.store.versions(&domain, &lacking).await?.into_iter().flatten().collect();
        for url in &known {
            message.set_version(url);
        }
        Ok((message.into_bundle(), known))
    }

    /// Records the versions in a received message.
    pub(super) async fn record_all_of(&self, bundle: &Bundle) -> Result<(), Failure> {
        self.record(bundle, &versions_in(&Message::extract(bundle.clone()))).await
    }

    /// Records versions in the domain of a message. If the message names none, this only warns: it must still
    /// be acknowledged.
    pub(super) async fn record(&self, message: &Bundle, versions: &[ResourceUrl]) -> Result<(), Failure> {
        let Some(domain) = domain_of(message).or(self.domain.as_deref()) else {
            output::warn("the versions are not kept, since the message names no domain: give it by --domain");
            return Ok(());
        };
        Ok(self.store.record(domain, versions).await?)
    }
}
