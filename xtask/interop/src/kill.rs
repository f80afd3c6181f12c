//! Runs the test `kill` of the crate koppeltaal with more kills than usual: it kills sender and receiver at
//! random moments. `tests/kill/main.rs` says what must hold.

use anyhow::Result;

use crate::programs::{self, cargo_test};

/// Runs the test with this many kills and messages. The test prints its failures.
pub(crate) fn run(kills: u32, messages: u32) -> Result<()> {
    let mut test = cargo_test(&["--features", "sqlite", "--test", "kill"]);
    test.env("KOPPELTAAL_KILLS", kills.to_string()).env("KOPPELTAAL_KILL_MESSAGES", messages.to_string());
    programs::run(&mut test)
}
