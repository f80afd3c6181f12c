//! Tests what the command shows only on a terminal: its password prompt and its progress. `terminal.py` plays
//! the person, because Python's standard library can make a pseudo-terminal the controlling one.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Builds the command and runs it. Returns the number of failures.
pub(crate) fn run(python: &str) -> Result<usize> {
    let root = crate::workspace_root();
    let built =
        Command::new(env!("CARGO")).args(["build", "-p", "koppeltaal-cli"]).current_dir(&root).status();
    if !built.context("cargo does not run")?.success() {
        bail!("the command cannot be built");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let ran = Command::new(python)
        .arg(root.join("xtask/interop/src/terminal.py"))
        .arg(target.join("debug/koppeltaal"))
        .arg(root.join("fixtures/messages/CreateOrUpdateCarePlan-minimal.json"))
        .status();
    let code = ran.with_context(|| format!("`{python}` does not run: Python 3.9 is needed"))?.code();
    let wrong = code.context("the checks were interrupted")?;
    println!("{wrong} things are wrong");
    Ok(usize::try_from(wrong)?)
}
