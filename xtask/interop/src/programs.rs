//! Finds, installs, starts and stops the programs that the checks run.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

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

/// The cargo that started us, in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::workspace_root()).args(arguments);
    command
}

/// `cargo test` for the crate koppeltaal of this workspace, with these arguments.
pub(crate) fn cargo_test(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "--package", "koppeltaal"]);
    command.args(arguments);
    command
}

/// Builds a program of the workspace, and returns its path.
pub(crate) fn build(package: &str, program: &str, profile: &str) -> Result<PathBuf> {
    run(&mut cargo(&["build", "--package", package, "--profile", profile]))
        .with_context(|| format!("the program {program} cannot be built"))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    // The profile `dev` has a folder of another name.
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(crate::workspace_root().join(target).join(folder).join(program))
}

/// The path of a script that is beside the Rust files here.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name)
}

/// A folder that is removed when it is dropped.
pub(crate) fn temporary_directory() -> Result<TempDir> {
    tempfile::tempdir().context("no temporary directory")
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

/// Installs a package on Debian or Ubuntu. Returns `false` if this is another system, or we are not root.
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
