//! The commands that speak to a Koppeltaal server.
//!
//! Exit codes are the same for all: 0 done; 1 the server said no, or has no such thing; 2 it could not be asked, or not be
//! understood.

mod activities;
mod follow;
mod launch;
mod message;
mod messages;
mod metadata;
mod receive;
mod send;
mod storage;
mod token;
mod versions;
mod watch;

use std::io;

use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::Outcome;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub(crate) enum Remote {
    Metadata(metadata::Metadata),
    Activities(activities::Activities),
    Activity(activities::Activity),
    Messages(messages::Messages),
    Message(message::Message),
    Send(send::Send),
    Receive(receive::Receive),
    Watch(watch::Watch),
    Launch(launch::Launch),
    MobileLaunch(launch::MobileLaunch),
    AuthorizeUrl(launch::AuthorizeUrl),
    Token(token::Token),
    Refresh(token::Refresh),
    Storage(storage::Storage),
}

impl Remote {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        let output = self.output();
        match Runtime::new()?.block_on(self.act()) {
            Ok(()) => Ok(Outcome::Success),
            Err(failure) => failure.tell(output),
        }
    }

    async fn act(self) -> Result<(), Failure> {
        match self {
            Self::Metadata(command) => command.act().await,
            Self::Activities(command) => command.act().await,
            Self::Activity(command) => command.act().await,
            Self::Messages(command) => command.act().await,
            Self::Message(command) => command.act().await,
            Self::Send(command) => command.act().await,
            Self::Receive(command) => command.act().await,
            Self::Watch(command) => command.act().await,
            Self::Launch(command) => command.act().await,
            Self::MobileLaunch(command) => command.act().await,
            Self::AuthorizeUrl(command) => command.act().await,
            Self::Token(command) => command.act().await,
            Self::Refresh(command) => command.act().await,
            Self::Storage(command) => command.act().await,
        }
    }

    fn output(&self) -> Output {
        let connection = match self {
            Self::Metadata(command) => &command.connection,
            Self::Activities(command) => &command.connection,
            Self::Activity(command) => command.connection(),
            Self::Messages(command) => &command.connection,
            Self::Message(command) => &command.connection,
            Self::Send(command) => &command.connection,
            Self::Receive(command) => &command.connection,
            Self::Watch(command) => &command.connection,
            Self::Launch(command) => &command.launch.connection,
            Self::MobileLaunch(command) => &command.launch.connection,
            Self::AuthorizeUrl(command) => &command.connection,
            Self::Token(command) => &command.connection,
            Self::Refresh(command) => &command.connection,
            Self::Storage(command) => command.connection(),
        };
        connection.output
    }
}
