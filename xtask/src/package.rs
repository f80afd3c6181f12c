//! Runs the programs `conformance` and `interop`. They are packages of their own because they need the crates
//! of the workspace, while xtask must build when the generated code does not.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

/// Builds and runs a package, and returns its exit code. With `is_optimised` it is a release build.
pub(crate) fn run(package: &str, is_optimised: bool, arguments: &[OsString]) -> Result<ExitCode> {
    let mut command = crate::cargo();
    command.args(["run", "--quiet", "--package", package]);
    if is_optimised {
        command.arg("--release");
    }
    command.arg("--").args(arguments);
    let status = command.status().context("cargo cannot be run")?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
