//! Programs that the checks run: finds, installs, starts and stops them.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Runs a command and returns its output, or its error output as the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = if said.trim().is_empty() { String::from_utf8_lossy(&output.stdout) } else { said };
        bail!("{}: {}", command.get_program().display(), said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a command that prints its own progress.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}

/// `cargo test` for the crate koppeltaal of this workspace, with these arguments.
pub(crate) fn cargo_test(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(crate::workspace_root()).args(["test", "--package", "koppeltaal"]).args(arguments);
    command
}

fn works(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Makes sure that a program is there; on Debian and Ubuntu root installs the package that has it.
pub(crate) fn require(program: &str, package: &str) -> Result<()> {
    if works(program) || install(package)? && works(program) {
        return Ok(());
    }
    bail!("{program} is missing; Debian and Ubuntu have it in the package {package}")
}

/// Installs a package, where that can be done: on Debian and Ubuntu, as root.
pub(crate) fn install(package: &str) -> Result<bool> {
    if !is_root() || !works("apt-get") {
        return Ok(false);
    }
    println!("installing {package}");
    output(Command::new("apt-get").args(["update", "-qq"]))?;
    output(
        Command::new("apt-get")
            .args(["install", "-y", "-qq", package])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    Ok(true)
}

pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// A program that runs beside the check. It is stopped when this is dropped.
pub(crate) struct Beside(Child);

impl Beside {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.map(Self).with_context(|| format!("{} cannot be run", command.get_program().display()))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
