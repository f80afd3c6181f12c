//! Measures how fast `koppeltaal validate` and `convert` go through a folder of messages, beside two others
//! on the same files. The reader of the Python connector checks nothing, and has one thread. The floor, the
//! package of that name, reads the files as `serde_json::Value` on all processors. The figures depend on the
//! machine and on what else it does; the ratios of the work hardly do. `speed.py` has the clock.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::python::{install, run_script};
use crate::{composed, programs};

/// Measures, and prints the figures.
pub(crate) fn run(python: &str, environment: &Path, files: usize) -> Result<()> {
    let python = install(python, environment)?;
    let command = programs::build("koppeltaal-cli", "koppeltaal", "dist")?;
    let floor = programs::build("floor", "floor", "dist")?;
    let directory = programs::temporary_directory()?;
    let (messages, converted) = (directory.path().join("messages"), directory.path().join("converted"));
    fs::create_dir(&messages)?;
    let composed = composed::all()?;
    for number in 0..files {
        let message = &composed[number % composed.len()];
        let text = composed::bundle(&message.message).to_json().with_context(|| message.name.clone())?;
        fs::write(messages.join(format!("{number:06}.json")), text)?;
    }
    let clock = |arguments: &[&Path]| -> Result<[f64; 3]> {
        let text = run_script(&python, "speed.py", arguments)?;
        serde_json::from_str(&text).context("speed.py did not print three numbers")
    };
    let [seconds, work, _] = clock(&["read".as_ref(), &messages])?;
    println!("the Python connector reads {files} messages in {seconds:.2} s, of which it works {work:.2} s");
    let copies = directory.path().join("copies");
    let run = Path::new("run");
    let [validate, convert] = ["validate --quiet", "convert --quiet --to xml --out-dir"]
        .map(|arguments| arguments.split(' ').map(Path::new).collect::<Vec<_>>());
    for (name, arguments, folders, floor_folders) in [
        ("validate", validate, &[&*messages][..], &[&*messages][..]),
        ("convert", convert, &[&*converted, &*messages], &[&*messages, &*copies]),
    ] {
        let [command_seconds, command_work, memory] =
            clock(&[&[run, &command], &arguments[..], folders].concat())?;
        let [floor_seconds, floor_work, _] = clock(&[&[run, &floor], floor_folders].concat())?;
        println!(
            "koppeltaal {name} takes {command_seconds:.2} s ({:.0} times as fast as Python, {:.1} times the floor's \
             {floor_seconds:.2} s), works {command_work:.2} s (1/{:.0} of Python's work, {:.1} times the floor's), \
             and holds {memory:.0} MiB",
            seconds / command_seconds,
            command_seconds / floor_seconds,
            work / command_work,
            command_work / floor_work
        );
    }
    Ok(())
}
