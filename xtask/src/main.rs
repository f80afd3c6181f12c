//! Chores of this workspace, run as `cargo xtask COMMAND`. Each command lives in a module of its own, with
//! one `run` function; this file only lists them.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

mod codegen;
mod import;
mod schema;

/// Chores of the koppeltaal workspace.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read the official DSTU1 XSD files and write their structure to schemas/dstu1.
    Import {
        /// The directory that holds fhir-base.xsd and the files it includes.
        directory: PathBuf,
    },
    /// Write the generated code of koppeltaal-fhir from schemas/dstu1.
    Codegen {
        /// Change nothing; fail when a generated file is stale.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Import { directory } => import::run(&directory),
        Command::Codegen { check } => codegen::run(check),
    }
}

/// The root of the workspace, wherever the command was started.
pub(crate) fn workspace_root() -> anyhow::Result<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().ok_or_else(|| anyhow::anyhow!("{} has no parent", manifest.display()))?;
    Ok(root.to_owned())
}
