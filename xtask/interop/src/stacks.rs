//! Tests applications that use another database crate, such as sqlx, diesel or bb8, beside those of the
//! connector. Each is a package in `stacks/`, outside the workspace, so that its dependencies are resolved as
//! in an application.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{postgresql, programs};

/// The folders in `stacks/`, and whether their tests need a `PostgreSQL` server.
const STACKS: [(&str, bool); 5] = [
    ("sqlx-sqlite", false),
    ("sqlx-0.9-sqlite", false),
    ("diesel-sqlite", false),
    ("sqlx-postgresql", true),
    ("bb8-postgresql", true),
];

/// Tests these stacks, or all if none is named. The tests print their own failures. Where `PostgreSQL` is not
/// installed, the stacks that need it are only built.
pub(crate) fn run(only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| STACKS.iter().all(|(known, _)| known != name)) {
        bail!("there is no stack {unknown}; there are: {}", STACKS.map(|(name, _)| name).join(", "));
    }
    for (name, needs_postgresql) in STACKS {
        if !only.is_empty() && only.iter().all(|wanted| wanted != name) {
            continue;
        }
        println!("{name}");
        let mut test = cargo_test(name);
        if !needs_postgresql {
            programs::run(&mut test)?;
        } else if let Some(server) = postgresql::start_if_installed()? {
            test.args(["--", "--include-ignored"]).env(postgresql::VARIABLE, server.address());
            programs::run(&mut test)?;
        } else {
            println!("PostgreSQL is not installed, so {name} is only built");
            programs::run(test.arg("--no-run"))?;
        }
    }
    Ok(())
}

/// The tests of a stack. All stacks share a target folder, so that what they have in common is built once.
fn cargo_test(name: &str) -> Command {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks").join(name).join("Cargo.toml");
    let mut command = programs::cargo(&["test", "--quiet", "--tests", "--manifest-path"]);
    command.arg(manifest).args(["--target-dir", "target/interop/stacks"]);
    command
}
