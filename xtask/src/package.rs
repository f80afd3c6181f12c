//! `cargo xtask conformance` and `cargo xtask interop` run the programs of these names. They are packages of
//! their own because they need the crates of the workspace, and xtask must build when generated code does
//! not.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

/// Builds and runs a package, and returns its exit code. Programs that measure are optimised.
pub(crate) fn run(package: &str, is_optimised: bool, arguments: &[OsString]) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", package]);
    if is_optimised {
        command.arg("--release");
    }
    command.arg("--").args(arguments);
    let status = command.status().context("cargo cannot be run")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
