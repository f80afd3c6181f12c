//! The commands that speak to a Koppeltaal server.
//!
//! A new command takes four steps:
//!
//! 1. A file `remote/NAME.rs` with a struct of arguments: `#[derive(Debug, Args)]`. The docs of the struct
//!    and its fields are the help text. Server, account and output are arguments of all commands.
//! 2. In that file, `impl RemoteCommand`. `connection.connect()?` gives the client. What the command prints
//!    implements `Printable` and goes to `connection.output.print`. `metadata.rs` is the shortest example.
//! 3. Here, `mod NAME;` and a line in `commands!`.
//! 4. A line in the README, and a test in `tests/command/remote.rs`.
//!
//! Exit codes are the same for all: 0 done, 1 the server said no or has no such thing, 2 everything else.

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
mod version_file;
mod versions;
mod watch;

use std::io;

use clap::Subcommand;
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::log;
use crate::outcome::Outcome;

/// A command that speaks to a server.
trait RemoteCommand {
    /// Runs the command. `connection` has the arguments about the server, the account and the output.
    async fn run(self, connection: &Connection) -> Result<(), Failure>;
}

/// Makes the enum of all commands from one line for each.
macro_rules! commands {
    ($($name:ident: $command:ty,)+) => {
        #[derive(Debug, Subcommand)]
        #[allow(clippy::large_enum_variant, reason = "only one is ever made")]
        pub(crate) enum Remote {
            $($name($command),)+
        }

        impl Remote {
            async fn act(self, connection: &Connection) -> Result<(), Failure> {
                match self {
                    $(Self::$name(command) => command.run(connection).await,)+
                }
            }
        }
    };
}

// In the order of the help text, which shows the first line of each type's docs.
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
    Versions: versions::Versions,
}

impl Remote {
    pub(crate) fn run(self, connection: &Connection) -> io::Result<Outcome> {
        log::start(connection.verbose);
        match Runtime::new()?.block_on(self.act(connection)) {
            Ok(()) => Ok(Outcome::Success),
            Err(failure) => failure.print(connection.output),
        }
    }
}
