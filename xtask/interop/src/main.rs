//! `cargo xtask interop`: the project against what is not this project's: real messages, the official schema, deployed
//! clients and a browser. A package of its own, because xtask must build when the generated code does not.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod browser;
mod composed;
mod examples;
mod programs;
mod python;
mod schema;
mod signalr;
mod webdriver;

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
    /// Drive the sandbox's page in Chromium, by keyboard and mouse. Root installs that where it is missing.
    Browser {
        /// Leave pictures of the page here.
        #[arg(long)]
        screenshots: Option<PathBuf>,
    },
    /// Have the official JavaScript client of SignalR told over each transport. Installs it from npm.
    Signalr {
        /// Where its packages are; made when it is not there.
        #[arg(long, default_value = "target/interop/node")]
        directory: PathBuf,
    },
    /// Exchange messages with the Python connector, in both directions and through the sandbox. Installs it into a virtual
    /// environment.
    Python {
        /// The interpreter to make the environment with.
        #[arg(long, default_value = "python3")]
        python: String,
        /// The environment; made when it is not there.
        #[arg(long, default_value = "target/interop/venv")]
        environment: PathBuf,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let differences = match Arguments::parse().command {
        Command::Examples { examples } => examples::run(&examples)?,
        Command::Schema { schema } => schema::run(&schema)?,
        Command::Signalr { directory } => signalr::run(&directory)?,
        Command::Browser { screenshots } => browser::run(screenshots.as_deref())?,
        Command::Python { python, environment } => python::run(&python, &environment)?,
    };
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The root of the workspace.
fn workspace_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
