//! Kills sender and receiver at random moments, more often than an ordinary run of the tests does.
//! `tests/kill/main.rs` of the crate koppeltaal says what must hold.

use std::process::Command;

use anyhow::Result;

use crate::programs;

/// Runs the test with this many kills and messages. The test prints its failures.
pub(crate) fn run(kills: u32, messages: u32) -> Result<()> {
    let mut test = cargo_test(&["--features", "sqlite", "--test", "kill"]);
    test.env("KOPPELTAAL_KILLS", kills.to_string()).env("KOPPELTAAL_KILL_MESSAGES", messages.to_string());
    programs::run(&mut test)
}

/// `cargo test` for the crate koppeltaal of this workspace, with these arguments.
pub(crate) fn cargo_test(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(crate::workspace_root()).args(["test", "--package", "koppeltaal"]).args(arguments);
    command
}
