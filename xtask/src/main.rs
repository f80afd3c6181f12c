//! Chores of this workspace, run as `cargo xtask COMMAND`. Each command lives in a module of its own, with
//! one `run` function; this file only lists them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod circles;
mod codegen;
mod fuzz;
mod import;
mod import_r4;
mod package;
mod schema;
mod specification;

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
    /// Read the official definitions of R4 and write their structure to schemas/r4.
    ImportR4 {
        /// The directory that holds primitive-types, complex-types, resources and required-codes.tsv.
        directory: PathBuf,
    },
    /// Write the generated code of the models and of koppeltaal-messaging from the schemas.
    Codegen {
        /// Change nothing; fail when a generated file is stale.
        #[arg(long)]
        check: bool,
    },
    /// Compare schemas/koppeltaal with tables of Koppeltaal's profiles and value sets, row by row.
    Specification {
        /// The directory that holds profile.tsv and valuesets.tsv.
        directory: PathBuf,
    },
    /// Test the project together with real messages, the official schema, deployed clients, databases and a
    /// browser (see `--help`).
    #[command(disable_help_flag = true)]
    Interop {
        /// The arguments of the program `interop`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Damage fixtures at random and test the promises of koppeltaal-fhir. A failing text is left in the
    /// temporary folder.
    Fuzz {
        /// How many texts to try, half of them JSON and half XML.
        #[arg(long, default_value_t = 2_000_000)]
        cases: u64,
        /// The seed of the random changes: the same seed gives the same texts.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Find files that import each other in a circle; fail unless ARCHITECTURE.md lists exactly those.
    Circles,
    /// Run everything that must hold before a change lands: `.ci/run`.
    Ci,
    /// Compare koppeltaal-fhir with a corpus of real files and the official schemas (see `--help`).
    #[command(disable_help_flag = true)]
    Conformance {
        /// The arguments of the program `conformance`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().command {
        Command::Import { directory } => import::run(&directory)?,
        Command::ImportR4 { directory } => import_r4::run(&directory)?,
        Command::Codegen { check } => codegen::run(check)?,
        Command::Specification { directory } => specification::run(&directory)?,
        Command::Interop { arguments } => return package::run("interop", false, &arguments),
        Command::Fuzz { cases, seed } => return fuzz::run(cases, seed),
        Command::Circles => circles::run()?,
        Command::Ci => return ci(),
        Command::Conformance { arguments } => return package::run("conformance", true, &arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `.ci/run`. It is a script because it must work where nothing is built yet.
fn ci() -> anyhow::Result<ExitCode> {
    let status = std::process::Command::new(workspace_root()?.join(".ci/run")).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cargo that started us.
fn cargo() -> std::process::Command {
    std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The root of the workspace, wherever the command was started.
pub(crate) fn workspace_root() -> anyhow::Result<PathBuf> {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().ok_or_else(|| anyhow::anyhow!("{} has no parent", manifest.display()))?;
    Ok(root.to_owned())
}
