//! `cargo xtask interop`: the crates against what is not this project's: real messages, the official schema, another
//! connector, a database server, and whoever kills processes. A package of its own, because xtask must build when the generated code does not.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

mod composed;
mod examples;
mod kill;
mod postgresql;
mod python;
mod schema;

/// Hold messages against those of others.
#[derive(Parser)]
#[command(name = "cargo xtask interop")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Extract real messages to typed events, and compare what is found in them with the list of their defects.
    Examples {
        /// The directory with the messages; they are not part of this project.
        #[arg(long)]
        examples: PathBuf,
    },
    /// Validate every message that the fixtures compose to with xmllint.
    Schema {
        /// The official schema, fhir-atom-single.xsd.
        #[arg(long)]
        schema: PathBuf,
    },
    /// Exchange messages with the Python connector, in both directions. Installs it into a virtual environment.
    Python {
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment; made when it is not there.
        #[arg(long, default_value = "target/interop/venv")]
        environment: PathBuf,
    },
    /// Run the tests of the version store and the outbox that need a `PostgreSQL` server. Starts one for them.
    Postgresql {
        /// Say what is missing instead of installing the server by apt-get.
        #[arg(long)]
        no_install: bool,
    },
    /// Kill a sender and a receiver at random moments while messages flow, and see that none is lost or sent twice.
    Kill {
        /// How often.
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// How many messages flow meanwhile.
        #[arg(long, default_value_t = 2000)]
        messages: u32,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let differences = match Arguments::parse().command {
        Command::Examples { examples } => examples::run(&examples)?,
        Command::Schema { schema } => schema::run(&schema)?,
        Command::Python { python, environment } => python::run(&python, &environment)?,
        Command::Postgresql { no_install } => postgresql::run(!no_install)?,
        Command::Kill { kills, messages } => kill::run(kills, messages)?,
    };
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a command and gives its output; what it complains about is the error.
fn run_quietly(command: &mut std::process::Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{:?} cannot be run", command.get_program()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The root of the workspace.
fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
