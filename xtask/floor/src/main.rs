//! The floor that `cargo xtask interop speed` holds `validate` and `convert` against: it reads the files of a
//! folder as `serde_json::Value`, on all processors, and checks nothing. With a second folder it writes each
//! value there. So what the commands take beyond this is the price of what they do.

use std::env;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

fn main() -> io::Result<()> {
    let mut folders = env::args_os().skip(1).map(PathBuf::from);
    let Some(from) = folders.next() else { return Err(io::Error::other("usage: floor FROM [TO]")) };
    let to = folders.next();
    if let Some(to) = &to {
        fs::create_dir_all(to)?;
    }
    let mut files = fs::read_dir(from)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    files.sort();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let work = |files: &[PathBuf]| files.iter().try_for_each(|file| pass(file, to.as_deref()));
        let threads: Vec<_> = files.chunks(share).map(|files| scope.spawn(move || work(files))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
    })
}

/// Reads a file, and writes what it holds.
fn pass(file: &Path, to: Option<&Path>) -> io::Result<()> {
    let value: serde_json::Value = serde_json::from_slice(&fs::read(file)?)?;
    match (to, file.file_name()) {
        (Some(to), Some(name)) => fs::write(to.join(name), serde_json::to_vec(&value)?),
        _ => Ok(()),
    }
}
