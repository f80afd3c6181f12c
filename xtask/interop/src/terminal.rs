//! Tests what the command shows only on a terminal: its password prompt and its progress. `terminal.py` plays
//! the person. It is in Python, whose standard library can start a program on a pseudo-terminal.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::programs;

/// Builds the command and runs it. Returns the number of failures.
pub(crate) fn run(python: &str) -> Result<usize> {
    let ran = Command::new(python)
        .arg(programs::script("terminal.py"))
        .arg(programs::build("koppeltaal-cli", "koppeltaal", "dev")?)
        .arg(crate::workspace_root().join("fixtures/messages/CreateOrUpdateCarePlan-minimal.json"))
        .status();
    let code = ran.with_context(|| format!("`{python}` does not run: Python 3.9 is needed"))?.code();
    let wrong = code.context("the checks were interrupted")?;
    println!("{wrong} things are wrong");
    Ok(usize::try_from(wrong)?)
}
