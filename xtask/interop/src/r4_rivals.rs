//! Measures koppeltaal-r4 beside other libraries of R4: the clean build of each, and how fast it reads and
//! writes the same documents. The package `xtask/rivals` has the clock and a feature for each library. It is
//! outside the workspace, so that none of them comes with a build of the project.
//!
//! Times depend on the machine and on what else it does; the ratios to `serde_json::Value`, which takes turns
//! with each library, hardly do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use comparison::json_tree;
use koppeltaal_r4::resources::{Bundle, BundleEntry, BundleType, Patient, Task};
use koppeltaal_r4::{ReadOptions, Resource};
use serde_json::Value;

use crate::programs;

/// The features of the package. The first is none of them: the clock with `serde_json` alone.
const LIBRARIES: [&str; 6] = ["", "koppeltaal-r4", "koppeltaal-r4-all", "fhir-sdk", "fhir", "fhirbolt"];

/// The sizes of the documents in bytes of JSON.
const SIZES: [usize; 2] = [15 << 10, 1 << 20];

/// What is measured of a document, as the clock names it.
const TASKS: [&str; 4] = ["JSON parse", "JSON write", "XML parse", "XML write"];

/// Measures these libraries, or all if none is named. One that is not built within the limit is reported.
pub(crate) fn run(only: &[String], limit: Duration) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| !LIBRARIES[1..].contains(&name.as_str())) {
        bail!("there is no library {unknown}; there are: {}", LIBRARIES[1..].join(", "));
    }
    let package = crate::workspace_root().join("xtask/rivals");
    programs::run(programs::cargo(&["fetch", "--quiet"]).current_dir(&package))?;
    let directory = programs::temporary_directory()?;
    let documents = SIZES.map(search_result).map(|bundle| Ok([bundle.to_json()?, bundle.to_xml()?]));
    let documents: Vec<[String; 2]> = documents.into_iter().collect::<Result<_>>()?;
    for (index, [json, xml]) in documents.iter().enumerate() {
        fs::write(directory.path().join(format!("{index}.json")), json)?;
        fs::write(directory.path().join(format!("{index}.xml")), xml)?;
    }
    let mut baseline = None;
    for library in LIBRARIES {
        if !library.is_empty() && !only.is_empty() && only.iter().all(|name| name != library) {
            continue;
        }
        let target = crate::workspace_root().join("target/interop/rivals").join(library);
        let Some(built) = build(&package, library, &target, limit)? else {
            println!("{library}: not built within {} s", limit.as_secs());
            continue;
        };
        let name = if library.is_empty() { "serde_json alone" } else { library };
        println!("{name}: a clean build takes {:.0} s for {} lines of Rust", built.seconds, built.lines);
        match &baseline {
            None => baseline = Some(built),
            Some(base) => {
                let (seconds, lines) = (built.seconds - base.seconds, built.lines.saturating_sub(base.lines));
                println!(
                    "  of which {seconds:.0} s and {lines} lines are the library's and its dependencies'"
                );
            }
        }
        for (index, [json, _]) in documents.iter().enumerate() {
            let file = |extension: &str| directory.path().join(format!("{index}.{extension}"));
            let mut command = Command::new(target.join("release/rivals"));
            match programs::output(command.arg(file("json")).arg(file("xml"))) {
                Ok(said) => print(json, &serde_json::from_str(&said)?),
                Err(error) => println!("  {} KB: {error:#}", json.len() >> 10),
            }
        }
    }
    Ok(())
}

/// Prints what the clock says about a document.
fn print(json: &str, said: &BTreeMap<String, Value>) {
    println!("  {} KB", json.len() >> 10);
    for task in TASKS {
        if let Some([library, floor]) =
            said.get(task).and_then(|times| serde_json::from_value::<[f64; 2]>(times.clone()).ok())
        {
            println!("    {task} {library:9.1} us, ratio {:6.2}", library / floor);
        }
    }
    for format in ["JSON", "XML"] {
        if let Some(error) = said.get(format).and_then(Value::as_str) {
            println!("    {format}: {error}");
        }
    }
    if let Some(written) = said.get("written").and_then(Value::as_str) {
        let trees = json_tree::parse(json).and_then(|json| Ok((json, json_tree::parse(written)?)));
        match trees.map(|(json, written)| json_tree::compare(&json, &written)) {
            Err(error) => println!("    what it writes is no JSON: {error}"),
            Ok(differences) => match differences.first() {
                None => println!("    the JSON comes back as it was"),
                Some(first) => println!("    the JSON comes back otherwise: {first}"),
            },
        }
    }
}

/// A clean build.
struct Build {
    seconds: f64,
    /// The lines of all files that the compiler read.
    lines: usize,
}

/// Builds the package with one library, from nothing. Returns nothing when the limit is over.
fn build(package: &Path, library: &str, target: &Path, limit: Duration) -> Result<Option<Build>> {
    if target.exists() {
        fs::remove_dir_all(target)?;
    }
    let mut cargo = programs::cargo(&["build", "--release", "--quiet", "--offline", "--features", library]);
    cargo.current_dir(package).arg("--target-dir").arg(target).stdin(Stdio::null());
    // A group of its own: cargo's compilers must end with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut cargo, 0);
    let start = Instant::now();
    let mut child = cargo.spawn().context("cargo cannot be run")?;
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            let seconds = start.elapsed().as_secs_f64();
            if !status.success() {
                bail!("{library} cannot be built");
            }
            return Ok(Some(Build { seconds, lines: lines(package, &target.join("release"))? }));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    if cfg!(unix) {
        programs::run(Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]))?;
    } else {
        child.kill()?;
    }
    child.wait()?;
    Ok(None)
}

/// The lines of the files that rustc lists in what it leaves for cargo: beside each crate, a file `NAME.d`.
fn lines(package: &Path, folder: &Path) -> Result<usize> {
    let mut sources = BTreeSet::new();
    for entry in fs::read_dir(folder.join("deps"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "d") {
            continue;
        }
        // A crate of ours is compiled in its own folder.
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
        let name = stem.rsplit_once('-').map_or("", |(name, _)| name);
        let own = crate::workspace_root().join("crates").join(name);
        let folder = if !name.is_empty() && own.exists() { own } else { package.to_owned() };
        let text = fs::read_to_string(&path)?;
        let listed = text.lines().filter_map(|line| line.strip_suffix(".rs:"));
        sources.extend(listed.map(|source| folder.join(format!("{source}.rs"))));
    }
    let count = |source: &PathBuf| {
        let text = fs::read(source).with_context(|| format!("{} cannot be read", source.display()))?;
        Ok(text.iter().filter(|byte| **byte == b'\n').count())
    };
    sources.iter().map(count).sum()
}

/// A search result of Tasks and Patients, of about so many bytes, as the bench `formats` of koppeltaal-r4 has
/// it.
fn search_result(bytes: usize) -> Resource {
    let read =
        |text: &str| ReadOptions::tolerant().json(text.as_bytes()).expect("the fixture is readable").document;
    let patient: Patient = read(include_str!("../../../fixtures/r4/patient.json")).take().expect("a patient");
    let mut task: Task = read(include_str!("../../../fixtures/r4/task.json")).take().expect("a task");
    task.unknown.extract(|_| true);
    let entry = |resource: Resource| BundleEntry { resource: Some(resource), ..BundleEntry::default() };
    let pair = [entry(patient.into()), entry(task.into())];
    let once = Resource::from(Bundle { entry: pair.to_vec(), ..Bundle::default() });
    let size = once.to_json().expect("writable").len();
    let entry = pair.iter().cloned().cycle().take(2 * bytes / size).collect();
    Bundle { r#type: BundleType::Searchset.into(), entry, ..Bundle::default() }.into()
}
