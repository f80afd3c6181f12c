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
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;

/// A command that speaks to a server.
trait RemoteCommand {
    /// Which server, as whom, and for whom the output is.
    fn connection(&self) -> &Connection;

    /// Does what the command is for.
    async fn run(self) -> Result<(), Failure>;
}

/// The enum of all commands, from one line for each.
macro_rules! commands {
    ($($name:ident: $command:ty,)+) => {
        #[derive(Debug, Subcommand)]
        #[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
        pub(crate) enum Remote {
            $($name($command),)+
        }

        impl Remote {
            fn output(&self) -> Output {
                match self {
                    $(Self::$name(command) => command.connection().output,)+
                }
            }

            async fn act(self) -> Result<(), Failure> {
                match self {
                    $(Self::$name(command) => command.run().await,)+
                }
            }
        }
    };
}

// In the order of the help text. Its lines are the docs of the types.
commands! {
    Metadata: metadata::Metadata,
    Activities: activities::Activities,
    Activity: activities::Activity,
    Messages: messages::Messages,
    Message: message::Message,
    Send: send::Send,
    Receive: receive::Receive,
    Watch: watch::Watch,
    Launch: launch::Launch,
    MobileLaunch: launch::MobileLaunch,
    AuthorizeUrl: launch::AuthorizeUrl,
    Token: token::Token,
    Refresh: token::Refresh,
    Storage: storage::Storage,
}

impl Remote {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        let output = self.output();
        match Runtime::new()?.block_on(self.act()) {
            Ok(()) => Ok(Outcome::Success),
            Err(failure) => failure.tell(output),
        }
    }
}
