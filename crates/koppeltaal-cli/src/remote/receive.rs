//! `koppeltaal receive`: claims messages, prints or saves them, and says what became of them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use koppeltaal_messaging::Acknowledgement;
use koppeltaal_transport::{Client, ReceivedMessage};

use super::RemoteCommand;
use super::follow::Follow;
use super::message::{Filter, Folder, Summary, print_whole};
use super::versions::{KeepVersions, Versions};
use crate::connection::Connection;
use crate::failure::Failure;

/// Claim the next message, print it whole, and acknowledge it.
///
/// A message is printed or saved before it is acknowledged, so that none is lost when the command is interrupted; it may
/// then come twice.
#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// What to say about each message.
    #[arg(long, value_enum)]
    ack: Ack,

    /// Why messages fail, with --ack fail. Other people may read it.
    #[arg(long, value_name = "TEXT", default_value = "refused by hand")]
    reason: String,

    /// All messages that wait, not only the next one.
    #[arg(long, conflicts_with = "follow")]
    all: bool,

    /// All messages that wait and that come, until Ctrl-C.
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    looks: Follow,

    /// Write each message into this folder instead, as NUMBER.json or NUMBER.xml, for the user alone, and print a line.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    #[command(flatten)]
    versions: KeepVersions,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What to say about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ack {
    /// It is processed.
    Success,
    /// Its content is permanently wrong.
    Fail,
    /// Back into the queue, at once.
    Release,
    /// Nothing: it comes again when the claim runs out.
    None,
}

impl RemoteCommand for Receive {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn run(self) -> Result<(), Failure> {
        if self.all && self.ack == Ack::Release {
            return Err(Failure::Usage("--all with --ack release would never end".to_owned()));
        }
        let connected = self.connection.connect()?;
        let client = connected.client;
        let versions = self.versions.open(connected.domain)?;
        let folder = match &self.save {
            Some(folder) => Some(Folder::create(folder, client.format())?),
            None => None,
        };
        let one = || self.one(&client, folder.as_ref(), versions.as_ref());
        if !self.follow {
            while one().await? && self.all {}
            return Ok(());
        }
        let mut following = self.looks.start(&client)?;
        while following.look().await? {
            // A message that is claimed is dealt with to the end, whatever is pressed meanwhile.
            let mut is_over = false;
            while !is_over && one().await? {
                is_over = following.is_over();
            }
            if is_over {
                break;
            }
        }
        following.stop().await;
        Ok(())
    }
}

impl Receive {
    /// Deals with the next message; false when none waits.
    async fn one(
        &self,
        client: &Client,
        folder: Option<&Folder>,
        versions: Option<&Versions>,
    ) -> Result<bool, Failure> {
        let Some(message) = client.claim_matching(&self.filter.build()).await? else { return Ok(false) };
        let ReceivedMessage { header, bundle, .. } = &message;
        let mut summary = Summary::of(header);
        match folder {
            Some(folder) => summary.file = Some(folder.save(header, bundle)?.display().to_string()),
            None => print_whole(self.connection.output, &summary, bundle, client.format())?,
        }
        if let Some(versions) = versions {
            versions.keep_all_of(bundle).await?;
        }
        let (said, acknowledgement) = match self.ack {
            Ack::Success => ("success", Some(Acknowledgement::Success)),
            Ack::Fail => ("fail", Some(Acknowledgement::Failure(self.reason.clone()))),
            Ack::Release => ("release", Some(Acknowledgement::Release)),
            Ack::None => ("none", None),
        };
        if let Some(acknowledgement) = acknowledgement {
            client.acknowledge(header, &acknowledgement).await?;
        }
        if folder.is_some() {
            summary.acknowledged = Some(said);
            self.connection.output.print(&summary)?;
        }
        Ok(true)
    }
}
