//! `koppeltaal send`: posts a message from a file.

use std::path::PathBuf;

use clap::Args;
use koppeltaal_fhir::{Document, ReadOptions};
use koppeltaal_messaging::{Header, domain_of};
use serde::Serialize;

use super::RemoteCommand;
use super::versions::KeepVersions;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input::Input;
use crate::output::Shown;

/// Post a message: a bundle with a `MessageHeader` first, as it stands in the file.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The file, in JSON or XML; - is standard input.
    file: PathBuf,

    #[command(flatten)]
    versions: KeepVersions,

    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Serialize)]
struct Sent {
    /// The identifier of the message.
    identifier: Option<String>,
    /// The resources that got a version, the one that the message is about first.
    versions: Vec<String>,
}

impl RemoteCommand for Send {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn run(self) -> Result<(), Failure> {
        let input = Input::load(&self.file);
        let input = input.map_err(|none| Failure::Usage(format!("{}: {}", none.name, none.problem)))?;
        let unusable = |problem: &str| Failure::Usage(format!("{}: {problem}", input.name()));
        let read = input.read(ReadOptions::tolerant()).map_err(|error| unusable(&error.to_string()))?;
        let Document::Bundle(bundle) = read.document else {
            return Err(unusable("it is a resource, not a message"));
        };
        let connected = self.connection.connect()?;
        match (&connected.domain, domain_of(&bundle)) {
            (Some(ours), Some(domain)) if ours != domain => {
                return Err(unusable(&format!("it is a message of domain {domain:?}, not {ours:?}")));
            }
            _ => {}
        }
        let kept = self.versions.open(connected.domain)?;
        let reply = connected.client.send(&bundle).await?;
        let identifier = Header::all_from_bundle(&bundle).next();
        let sent = Sent {
            identifier: identifier.and_then(|header| header.identifier().map(str::to_owned)),
            versions: reply.versions().map(|url| url.to_string()).collect(),
        };
        // Told first: the message is sent, whatever becomes of the file.
        self.connection.output.print(&sent)?;
        if let Some(kept) = kept {
            kept.keep(&bundle, &reply.versions().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}

impl Shown for Sent {
    fn lines(&self) -> Vec<String> {
        let identifier = self.identifier.as_deref().unwrap_or("-");
        let first = format!("accepted: message {identifier}");
        std::iter::once(first).chain(self.versions.iter().map(|url| format!("  {url}"))).collect()
    }
}
