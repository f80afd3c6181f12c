//! Measures how fast `koppeltaal validate` and `convert` go through a folder of messages, and how fast the
//! Python connector reads the same files. `speed.py` measures. The times depend on the machine and its load;
//! the ratio of the work hardly does.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::composed;
use crate::programs;
use crate::python::{install, run_script};

/// Measures, and prints the figures.
pub(crate) fn run(python: &str, environment: &Path, files: usize) -> Result<()> {
    let python = install(python, environment)?;
    let command = programs::build_koppeltaal("release")?;
    let directory = programs::temporary_directory()?;
    let (messages, converted) = (directory.path().join("messages"), directory.path().join("converted"));
    fs::create_dir(&messages)?;
    let composed = composed::all()?;
    for number in 0..files {
        let message = &composed[number % composed.len()];
        let text = composed::bundle(&message.message).to_json().with_context(|| message.name.clone())?;
        fs::write(messages.join(format!("{number:06}.json")), text)?;
    }
    let clock = |arguments: &[&Path]| -> Result<Vec<f64>> {
        let text = run_script(&python, "speed.py", arguments)?;
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
