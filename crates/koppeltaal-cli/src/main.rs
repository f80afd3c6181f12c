#![doc = include_str!("../README.md")]

mod arguments;
mod batch;
mod command_line;
mod connection;
mod convert;
mod database;
mod demo;
mod diagnostic;
mod each_file;
mod excerpt;
mod facts;
mod failure;
mod files;
mod generate;
mod input;
mod log;
mod narrator;
mod new;
mod outbox;
mod outcome;
mod output;
mod private;
mod progress;
mod remote;
mod report;
mod sandbox;
mod secret;
mod signals;
mod summary;
mod terminal;
mod token_file;
mod validate;

use std::io;
use std::process::ExitCode;

use clap::{FromArgMatches as _, Parser, Subcommand};

use connection::Connection;
use outcome::Outcome;

/// Koppeltaal 1.x on the command line: a client, a server to develop against, tools for files, and a demo.
#[derive(Debug, Parser)]
#[command(name = "koppeltaal", version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    connection: Connection,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "only one is ever made")]
enum Command {
    Convert(convert::Convert),
    Demo(demo::Demo),
    New(new::New),
    Sandbox(sandbox::RunSandbox),
    Validate(validate::Validate),
    #[command(flatten)]
    Remote(remote::Remote),
    Outbox(outbox::OutboxCommand),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// Reading and checking a message takes some hundred small pieces of memory, on all processors at once. This
/// is a fifth less work than with glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a program that a closed pipe ends: 128 plus the number of SIGPIPE.
const CLOSED_PIPE: u8 = 141;

fn main() -> ExitCode {
    let matches = command_line::command().get_matches();
    command_line::check(&matches);
    let Arguments { connection, command } =
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = match command {
        Command::Convert(command) => command.run(connection.output),
        Command::Demo(command) => command.run(),
        Command::New(command) => command.run(),
        Command::Sandbox(command) => command.run(),
        Command::Validate(command) => command.run(connection.output),
        Command::Remote(command) => command.run(&connection),
        Command::Outbox(command) => command.run(connection.output),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    match outcome {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(CLOSED_PIPE),
        Err(error) => ExitCode::from(Outcome::unusable(failure::Failure::from(error)) as u8),
    }
}
