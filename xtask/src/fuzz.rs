//! `cargo xtask fuzz` runs the fuzz tests of koppeltaal-fhir in a release build, for any number of cases.
//! `crates/koppeltaal-fhir/tests/fuzz.rs` says what they test.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

/// Tests this number of texts, half of them in each format. The seed determines all of them.
pub(crate) fn run(cases: u64, seed: u64) -> Result<ExitCode> {
    let mut command = crate::cargo();
    command.args(["test", "--quiet", "--release", "--package", "koppeltaal-fhir", "--test", "fuzz"]);
    command.args(["--", "--nocapture"]);
    command.env("KOPPELTAAL_FUZZ_CASES", cases.div_ceil(2).to_string());
    command.env("KOPPELTAAL_FUZZ_SEED", seed.to_string());
    let status = command.status().context("cargo cannot be run")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
