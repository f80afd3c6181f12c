//! `koppeltaal send`: posts a message from a file.

use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Document, ReadOptions};
use koppeltaal_messaging::{Header, domain_of};
use serde::Serialize;

use super::RemoteCommand;
use super::version_file::VersionArguments;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{Printable, or_hyphen};

/// Post a message from a file: a bundle that starts with a `MessageHeader`.
///
/// A resource of the message that has no version gets the newest one that is known from earlier messages;
/// standard error says which. A version that the file names stays.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The file, in JSON or XML; - is standard input.
    file: PathBuf,

    /// Send the file as it stands: fill in no versions.
    #[arg(long)]
    exact: bool,

    #[command(flatten)]
    versions: VersionArguments,
}

#[derive(Serialize)]
struct Sent {
    /// The identifier of the message.
    identifier: Option<String>,
    /// The resources that got a version, starting with the one that the message is about.
    versions: Vec<String>,
}

impl RemoteCommand for Send {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let input = Input::load(&self.file)?;
        let unusable = |problem: &str| Failure::unusable_file(input.name(), problem);
        let read = input.read(ReadOptions::tolerant()).map_err(|error| unusable(&error.to_string()))?;
        let Document::Bundle(bundle) = read.document else {
            return Err(unusable("it is a resource, not a message"));
        };
        let account = connection.connect()?;
        match (&account.domain, domain_of(&bundle)) {
            (Some(ours), Some(domain)) if ours != domain => {
                return Err(unusable(&format!("it is a message of domain {domain:?}, not {ours:?}")));
            }
            _ => {}
        }
        let versions = self.versions.open(account.domain)?;
        let mut bundle = bundle;
        if let Some(versions) = versions.as_ref().filter(|_| !self.exact) {
            let (filled, urls) = versions.fill(bundle).await?;
            bundle = filled;
            for url in urls {
                let version = url.version().unwrap_or_default();
                let resource = url.without_version();
                let resource = resource.versionless().rsplit('/').take(2).collect::<Vec<_>>();
                let resource = resource.into_iter().rev().collect::<Vec<_>>().join("/");
                connection.output.remark(&format!("version {version} of {resource} filled in"));
            }
        }
        let reply = account.client.send(&bundle).await?;
        let identifier = Header::all_from_bundle(&bundle).next();
        let sent = Sent {
            identifier: identifier.and_then(|header| header.identifier().map(str::to_owned)),
            versions: reply.versions().map(|url| url.to_string()).collect(),
        };
        // Printed first: the message is sent, even if its versions cannot be recorded.
        connection.output.print(&sent)?;
        if let Some(versions) = versions {
            versions.record(&bundle, &reply.versions().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}

impl Printable for Sent {
    fn lines(&self) -> Vec<String> {
        let identifier = or_hyphen(self.identifier.as_deref());
        let first = format!("accepted: message {identifier}");
        std::iter::once(first).chain(self.versions.iter().map(|url| format!("  {url}"))).collect()
    }
}
