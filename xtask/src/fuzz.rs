//! `cargo xtask fuzz`: the fuzz tests of koppeltaal-fhir for a number of cases, optimised. What they promise is told in
//! `crates/koppeltaal-fhir/tests/fuzz.rs`.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

/// Runs `cases` in all, half of them per format, from a start that tells everything.
pub(crate) fn run(cases: u64, seed: u64) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--quiet", "--release", "--package", "koppeltaal-fhir", "--test", "fuzz"]);
    command.args(["--", "--nocapture"]);
    command.env("KOPPELTAAL_FUZZ_CASES", cases.div_ceil(2).to_string());
    command.env("KOPPELTAAL_FUZZ_SEED", seed.to_string());
    let status = command.status().context("cargo cannot be run")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
