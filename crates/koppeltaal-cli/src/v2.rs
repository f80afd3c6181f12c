//! `koppeltaal v2`: the commands for Koppeltaal 2.0, which speaks FHIR R4 over REST.

mod demo;
mod document;
mod domain;
mod get;
mod profiles;
mod sandbox;
mod search;
mod validate;

use std::io;

use clap::{Args, Subcommand};
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::failure::Failure;
use crate::log;
use crate::outcome::Outcome;

/// Koppeltaal 2.0: a demo, a domain to develop against, and resources at a server and in files.
///
/// The other commands are about Koppeltaal 1.x.
#[derive(Debug, Args)]
pub(crate) struct Version2 {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Sandbox(sandbox::RunSandbox),
    Get(get::Get),
    Search(search::SearchDomain),
    Validate(validate::Validate),
}

impl Version2 {
    pub(crate) fn run(self, connection: &Connection) -> io::Result<Outcome> {
        let output = connection.output;
        let remote = |command: std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>>>>| {
            log::start(connection.verbose);
            match Runtime::new()?.block_on(command) {
                Ok(()) => Ok(Outcome::Success),
                Err(failure) => failure.print(output),
            }
        };
        match self.command {
            Command::Demo(command) => command.run(),
            Command::Sandbox(command) => command.run(),
            Command::Get(command) => remote(Box::pin(command.run(output))),
            Command::Search(command) => remote(Box::pin(command.run(output))),
            Command::Validate(command) => command.run(output),
        }
    }
}
