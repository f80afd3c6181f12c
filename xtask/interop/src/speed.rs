//! Measures how fast `koppeltaal validate` and `convert` go through a folder of messages, beside the reader
//! of the Python connector on the same files (`speed.py` has the clock). The figures depend on the machine
//! and on what else it does; the ratio of the work hardly does.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::composed;
use crate::programs::output;
use crate::python::install;

/// Measures, and prints the figures.
pub(crate) fn run(python: &str, environment: &Path, files: usize) -> Result<()> {
    let python = install(python, environment)?;
    let root = crate::workspace_root();
    let build = ["build", "--release", "-p", "koppeltaal-cli"];
    let built = Command::new(env!("CARGO")).args(build).current_dir(&root).status();
    if !built.context("cargo does not run")?.success() {
        bail!("koppeltaal-cli cannot be built");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let command = target.join("release/koppeltaal");

    let directory = tempfile::tempdir().context("no temporary directory")?;
    let (messages, converted) = (directory.path().join("messages"), directory.path().join("converted"));
    fs::create_dir(&messages)?;
    let composed = composed::all()?;
    for number in 0..files {
        let message = &composed[number % composed.len()];
        let text = composed::bundle(&message.message).to_json().with_context(|| message.name.clone())?;
        fs::write(messages.join(format!("{number:06}.json")), text)?;
    }
    let clock = |arguments: &[&Path]| -> Result<Vec<f64>> {
        let script = root.join("xtask/interop/src/speed.py");
        let text = output(Command::new(&python).args(["-W", "ignore"]).arg(script).args(arguments))?;
        serde_json::from_str(&text).context("speed.py did not print a list of numbers")
    };
    let python_figures = clock(&["read".as_ref(), &messages])?;
    let [seconds, work] = python_figures[..] else { bail!("speed.py printed another number of figures") };
    println!("the Python connector reads {files} messages in {seconds:.2} s, of which it works {work:.2} s");
    let validate: [&Path; 5] = ["run".as_ref(), &command, "validate".as_ref(), "--quiet".as_ref(), &messages];
    let convert: [&Path; 9] = [
        "run".as_ref(),
        &command,
        "convert".as_ref(),
        "--quiet".as_ref(),
        "--to".as_ref(),
        "xml".as_ref(),
        "--out-dir".as_ref(),
        &converted,
        &messages,
    ];
    for (name, arguments) in [("validate", &validate[..]), ("convert", &convert)] {
        let figures = clock(arguments)?;
        let [command_seconds, command_work, memory] = figures[..] else {
            bail!("speed.py printed another number of figures")
        };
        println!(
            "koppeltaal {name} takes {command_seconds:.2} s ({:.0} times as fast), works {command_work:.2} s \
             (1/{:.0} of the work), and holds {memory:.0} MiB",
            seconds / command_seconds,
            work / command_work
        );
    }
    Ok(())
}
