//! Runs the binary, finds the fixtures, makes folders, and reads output for programs.

use std::fs;
use std::io::Write as _;
use std::ops::Deref;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Child;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// The folder of the fixtures. Commands run in it, so that what they print names no folder of this machine.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koppeltaal"));
    command.args(arguments).current_dir(fixtures());
    command
}

/// A new folder for a test, which is removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Self::reserve(name);
        fs::create_dir_all(&folder.0).expect("a folder");
        folder
    }

    /// The folder's path. The folder is not there yet.
    pub(crate) fn reserve(name: &str) -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{name}-{}-{number}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    /// The path of a file in it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The JSON objects in a text, one on each line.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("an object on each line")).collect()
}

/// Asks a process to end, as Ctrl-C does.
#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    let killed = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
}

/// Runs the binary with nothing on standard input.
pub(crate) fn koppeltaal(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

/// Runs the binary with `text` on standard input.
pub(crate) fn koppeltaal_reading(text: &[u8], arguments: &[&str]) -> Output {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    let text = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(&text));
    let output = child.wait_with_output().expect("the binary ends");
    // A program that refuses early need not have read everything.
    let _ = writer.join().expect("the writer does not panic");
    output
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Everything there is to see of a run, for snapshots.
pub(crate) fn shown(output: &Output) -> String {
    let code = output.status.code();
    format!(
        "exit code: {code:?}\n--- standard output\n{}--- standard error\n{}",
        stdout(output),
        stderr(output)
    )
}

/// A text without what differs from run to run: addresses with ports, versions, and the beginnings of ids.
pub(crate) fn same_every_time(text: &str) -> String {
    let same = |line: &str| match (line.split_once("http://127"), line.split_once(", version ")) {
        (Some((before, _)), _) => format!("{}(address)\n", without_ids(before)),
        (_, Some((before, version))) if version.len() > 2 => {
            format!("{}, version (version)\n", without_ids(before))
        }
        _ => format!("{}\n", without_ids(line)),
    };
    text.lines().map(same).collect()
}

/// `Task/c508be47...` as `Task/(id)...`.
fn without_ids(line: &str) -> String {
    let is_id = |end: &str| end.len() == 8 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    let part = |part: &str| match part.len().checked_sub(8).and_then(|at| part.split_at_checked(at)) {
        Some((before, end)) if is_id(end) => format!("{before}(id)"),
        _ => part.to_owned(),
    };
    line.split("...").map(part).collect::<Vec<_>>().join("...")
}
