//! `koppeltaal send`: posts a message from a file.

use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Document, ReadOptions};
use koppeltaal_messaging::{Header, domain_of};
use serde::Serialize;

use super::RemoteCommand;
use super::versions::VersionArguments;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::{Printable, or_hyphen};

/// Post a message as it is in a file: a bundle that starts with a `MessageHeader`.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The file, in JSON or XML; - is standard input.
    file: PathBuf,

    #[command(flatten)]
    versions: VersionArguments,

    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct Sent {
    /// The identifier of the message.
    identifier: Option<String>,
    /// The resources that got a version, starting with the one that the message is about.
    versions: Vec<String>,
}

impl RemoteCommand for Send {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn run(self) -> Result<(), Failure> {
        let input = Input::load(&self.file)?;
        let unusable = |problem: &str| Failure::unusable_file(input.name(), problem);
        let read = input.read(ReadOptions::tolerant()).map_err(|error| unusable(&error.to_string()))?;
        let Document::Bundle(bundle) = read.document else {
            return Err(unusable("it is a resource, not a message"));
        };
        let account = self.connection.connect()?;
        match (&account.domain, domain_of(&bundle)) {
            (Some(ours), Some(domain)) if ours != domain => {
                return Err(unusable(&format!("it is a message of domain {domain:?}, not {ours:?}")));
            }
            _ => {}
        }
        let versions = self.versions.open(account.domain)?;
        let reply = account.client.send(&bundle).await?;
        let identifier = Header::all_from_bundle(&bundle).next();
        let sent = Sent {
            identifier: identifier.and_then(|header| header.identifier().map(str::to_owned)),
            versions: reply.versions().map(|url| url.to_string()).collect(),
        };
        // Printed first: the message is sent, even if its versions cannot be recorded.
        self.connection.output.print(&sent)?;
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
