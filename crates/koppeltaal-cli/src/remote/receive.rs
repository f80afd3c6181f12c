//! `koppeltaal receive`: claims messages, prints or saves them, and acknowledges them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use koppeltaal_messaging::Acknowledgement;
use koppeltaal_transport::{Client, StoredMessage};

use super::RemoteCommand;
use super::follow::FollowArguments;
use super::message::{Filter, MessageFolder, Summary, print_whole};
use super::version_file::{VersionArguments, VersionFile};
use crate::connection::Connection;
use crate::failure::Failure;

/// The reason that --ack fail gives by default.
const DEFAULT_REASON: &str = "refused by hand";

/// Claim the next message, print it whole, and acknowledge it.
///
/// A message is printed or saved before it is acknowledged. So an interruption loses no message, but the same
/// message may come twice.
#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// How to acknowledge each message.
    #[arg(long, value_enum)]
    ack: Ack,

    /// The reason that --ack fail gives, and no other takes. Other people may read it [default: refused by
    /// hand].
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Receive all messages that wait, not only the next one.
    #[arg(long, conflicts_with = "follow")]
    all: bool,

    /// Receive all messages that wait and those that come later, until Ctrl-C. After an error that passes,
    /// the command warns and goes on.
    #[arg(long)]
    follow: bool,

    #[command(flatten)]
    follow_arguments: FollowArguments,

    /// Write each message into this folder, as NUMBER.json or NUMBER.xml, or as NUMBER-2.json if another file
    /// has that name, and print a line instead. Only the user may read the files.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    #[command(flatten)]
    versions: VersionArguments,

    #[command(flatten)]
    filter: Filter,
}

/// How to acknowledge a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Ack {
    /// It is processed.
    Success,
    /// Its content is permanently wrong.
    Fail,
    /// It goes back into the queue at once.
    Release,
    /// It is not acknowledged, and comes again when the claim expires.
    None,
}

impl RemoteCommand for Receive {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        if (self.all || self.follow) && self.ack == Ack::Release {
            let problem = "with --ack release, --all and --follow would receive the same message for ever";
            return Err(Failure::Usage(problem.to_owned()));
        }
        if self.reason.is_some() && self.ack != Ack::Fail {
            return Err(Failure::Usage("--reason goes with --ack fail: leave it out".to_owned()));
        }
        let account = connection.connect()?;
        let client = account.client;
        let versions = self.versions.open(account.domain)?;
        let folder = match &self.save {
            Some(folder) => Some(MessageFolder::create(folder, client.format())?),
            None => None,
        };
        let one = || self.one(connection, &client, folder.as_ref(), versions.as_ref());
        if !self.follow {
            if !one().await? {
                connection.output.remark("no message waits");
                return Ok(());
            }
            while self.all && one().await? {}
            return Ok(());
        }
        self.follow_arguments.start(&client)?.run(one).await
    }
}

impl Receive {
    /// Receives the next message; `false` if none waits.
    async fn one(
        &self,
        connection: &Connection,
        client: &Client,
        folder: Option<&MessageFolder>,
        versions: Option<&VersionFile>,
    ) -> Result<bool, Failure> {
        let Some(message) = client.claim_matching(&self.filter.build()).await? else { return Ok(false) };
        let StoredMessage { header, bundle, .. } = &message;
        let mut summary = Summary::of(header);
        match folder {
            Some(folder) => summary.file = Some(folder.save(header, bundle)?.display().to_string()),
            None => print_whole(connection.output, &summary, bundle, client.format())?,
        }
        if let Some(versions) = versions {
            versions.record_all_of(bundle).await?;
        }
        let (said, acknowledgement) = match self.ack {
            Ack::Success => ("success", Some(Acknowledgement::Success)),
            Ack::Fail => (
                "fail",
                Some(Acknowledgement::Failure(
                    self.reason.clone().unwrap_or_else(|| DEFAULT_REASON.to_owned()),
                )),
            ),
            Ack::Release => ("release", Some(Acknowledgement::Release)),
            Ack::None => ("none", None),
        };
        if let Some(acknowledgement) = acknowledgement {
            client.acknowledge(header, &acknowledgement).await?;
        }
        if folder.is_some() {
            summary.acknowledged = Some(said);
            connection.output.print(&summary)?;
        }
        Ok(true)
    }
}
