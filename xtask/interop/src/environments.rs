//! The environments that packages of npm and Python are installed into, each for one command.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::programs::{output, require};

/// Installs packages of npm, such as `jose@6.2.18`, into a folder of the workspace. Returns the folder.
pub(crate) fn npm(directory: &Path, packages: &[&str]) -> Result<PathBuf> {
    require("node", "nodejs")?;
    let directory = crate::workspace_root().join(directory);
    if packages.iter().all(|package| is_installed(&directory, package)) {
        return Ok(directory);
    }
    require("npm", "npm")?;
    let packages_text = packages.join(", ");
    println!("installing {packages_text} into {}", directory.display());
    fs::create_dir_all(&directory)?;
    let mut npm = Command::new("npm");
    output(npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&directory).args(packages))
        .with_context(|| {
            format!("npm cannot install {packages_text}: the npm registry must be within reach")
        })?;
    Ok(directory)
}

/// Whether a package of npm is there in this version. A name may begin with a scope: `@scope/name@1.0.0`.
fn is_installed(directory: &Path, package: &str) -> bool {
    let (name, version) = package.rsplit_once('@').unwrap_or((package, ""));
    let manifest =
        fs::read(directory.join("node_modules").join(name).join("package.json")).unwrap_or_default();
    serde_json::from_slice::<Value>(&manifest).is_ok_and(|manifest| manifest["version"] == version)
}

/// The interpreter of a Python environment in the workspace with these packages. The environment is ready
/// when the modules can be imported (`jwt, cryptography`); else it is made, with the interpreter `python`.
pub(crate) fn python(python: &str, environment: &Path, packages: &[&str], modules: &str) -> Result<PathBuf> {
    let environment = crate::workspace_root().join(environment);
    let interpreter = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let import = || output(Command::new(&interpreter).args(["-c", &format!("import {modules}")]));
    if import().is_ok() {
        return Ok(interpreter);
    }
    println!("installing {} into {}", packages.join(", "), environment.display());
    output(Command::new(python).args(["-m", "venv"]).arg(&environment)).with_context(|| {
        format!("`{python} -m venv` makes no environment: Python 3 with the module venv is needed (Debian and Ubuntu: python3-venv)")
    })?;
    output(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(packages))
        .with_context(|| {
            format!("pip cannot install {}: the Python registry must be within reach", packages.join(", "))
        })?;
    import().with_context(|| format!("{modules} cannot be imported after the installation"))?;
    Ok(interpreter)
}

/// Runs a command, gives it this input, and returns what it prints. Its errors go to ours.
pub(crate) fn answer(command: &mut Command, input: &str) -> Result<String> {
    let program = command.get_program().display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} cannot be run"))?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "a script that {program} ran has failed");
    Ok(String::from_utf8(output.stdout)?)
}
