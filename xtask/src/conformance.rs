//! `cargo xtask conformance`: runs the program of that name, which is a package of its own: it needs koppeltaal-fhir,
//! and xtask must build when the generated model does not.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

/// Builds and runs the measurement; its exit code is ours.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--release", "--quiet", "--package", "conformance", "--"]).args(arguments);
    let status = command.status().context("cargo cannot be run")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
