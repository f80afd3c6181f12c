#![doc = include_str!("../README.md")]

mod arguments;
mod connection;
mod convert;
mod demo;
mod diagnostic;
mod excerpt;
mod failure;
mod ini;
mod input;
mod output;
mod private;
mod profile;
mod remote;
mod sandbox;
mod secret;
mod signals;
mod tokens;
mod validate;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Koppeltaal 1.x on the command line: files, a server to develop against, and a demo.
#[derive(Debug, Parser)]
#[command(name = "koppeltaal", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
enum Command {
    Convert(convert::Convert),
    Demo(demo::Demo),
    Sandbox(sandbox::RunSandbox),
    Validate(validate::Validate),
    #[command(flatten)]
    Remote(remote::Remote),
}

/// How a command went, as scripts see it. Wrong arguments also give 2; that is clap's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The command did what it was asked, and found nothing wrong.
    Success = 0,
    /// What was looked at is not as it should be.
    Findings = 1,
    /// There was nothing to look at: it could not be read, or what was asked for could not be made.
    Unusable = 2,
}

/// What a program that is ended by a closed pipe gives (128 and the number of SIGPIPE).
const CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Convert(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Sandbox(command) => command.run(),
        Command::Validate(command) => command.run(),
        Command::Remote(command) => command.run(),
    };
    match outcome {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(CLOSED_PIPE),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(Outcome::Unusable as u8)
        }
    }
}
