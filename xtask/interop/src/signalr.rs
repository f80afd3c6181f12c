//! Connects the official JavaScript client of classic SignalR (npm package `signalr`) to the sandbox's hub.
//! `signalr.js` runs it in Node, with the parts of a browser that it needs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use koppeltaal_sandbox::SandboxConfig;

use crate::environments;
use crate::programs::{run as run_aloud, script};

/// The packages: the client, its dependencies, and the parts of a browser that Node lacks.
const PACKAGES: [&str; 4] = ["signalr@2.4.3", "jquery@3.8.0", "jsdom@29.1.1", "eventsource@4.1.1"];

/// Runs the client over each transport.
pub(crate) fn run(directory: &Path) -> Result<usize> {
    let directory = environments::npm(directory, &PACKAGES)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let sandbox = runtime.block_on(SandboxConfig::new().portal_and_game().start())?;
    let mut command = Command::new("node");
    run_aloud(
        command.env("NODE_PATH", directory.join("node_modules")).arg(script("signalr.js")).arg(sandbox.url()),
    )
    .context("the client is not notified over each transport")?;
    Ok(0)
}
