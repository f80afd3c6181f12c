//! [`Files`]: the files that arguments name, and those in the folders that arguments name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::{slice, vec};

use koppeltaal_fhir::Format;

use crate::input::InputError;

/// The argument that stands for standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// What an argument names, or what is in a folder.
#[derive(Debug)]
pub(crate) enum Entry {
    File(InputFile),
    /// In a folder, something that is no file, or whose name ends neither in `.json` nor in `.xml`.
    Skipped,
    /// A folder that cannot be listed.
    Unreadable(InputError),
}

/// A file to read.
#[derive(Debug)]
pub(crate) struct InputFile {
    /// The file; `-` is standard input.
    pub(crate) path: PathBuf,
    /// Its path in the folder that an argument names; only its name if an argument names the file.
    pub(crate) relative: PathBuf,
    /// Whether an argument names a folder that it is in, and not the file itself.
    pub(crate) is_in_folder: bool,
    /// How long it is, in bytes, as far as that is known.
    length: u64,
}

impl Entry {
    /// How long the file is, in bytes, as far as that is known.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.length,
            _ => 0,
        }
    }
}

/// The files that arguments name, in the order of the arguments. Those of a folder come in the order of their
/// names. Hidden files and folders are left out, links to folders are not followed. Only the names in the
/// current folder and in those around it are in memory.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    arguments: slice::Iter<'a, PathBuf>,
    /// The last folder that an argument named.
    base: PathBuf,
    /// The names that are left in that folder and in the folders below it that are open, the innermost last.
    folders: Vec<vec::IntoIter<PathBuf>>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(arguments: &'a [PathBuf]) -> Self {
        Self { arguments: arguments.iter(), base: PathBuf::new(), folders: Vec::new() }
    }

    fn enter(&mut self, folder: &Path) -> Option<Entry> {
        match names(folder) {
            Ok(names) => {
                self.folders.push(names.into_iter());
                None
            }
            Err(error) => Some(Entry::Unreadable(InputError {
                name: folder.display().to_string(),
                problem: format!("the folder cannot be listed: {error}"),
            })),
        }
    }

    /// An argument; `None` if it is a folder, which is now entered.
    fn argument(&mut self, path: &Path) -> Option<Entry> {
        if path.as_os_str() != STANDARD_INPUT && path.is_dir() {
            path.clone_into(&mut self.base);
            return self.enter(path);
        }
        let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
        Some(Entry::File(InputFile { path: path.to_owned(), relative, is_in_folder: false, length: 0 }))
    }

    /// An entry of a folder; `None` if it is hidden, or a folder, which is now entered.
    fn entry(&mut self, path: PathBuf) -> Option<Entry> {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden {
            return None;
        }
        let has_ending_of = |format: Format| {
            path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(format.name()))
        };
        let has_ending = Format::ALL.into_iter().any(has_ending_of);
        let Ok(metadata) = fs::symlink_metadata(&path) else { return Some(Entry::Skipped) };
        if metadata.is_dir() {
            return self.enter(&path);
        }
        let metadata = if metadata.is_symlink() { fs::metadata(&path).ok() } else { Some(metadata) };
        // A link to nothing is reported when it is read.
        if !has_ending || metadata.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            return Some(Entry::Skipped);
        }
        let relative = path.strip_prefix(&self.base).unwrap_or(&path).to_owned();
        let length = metadata.map_or(0, |metadata| metadata.len());
        Some(Entry::File(InputFile { path, relative, is_in_folder: true, length }))
    }
}

impl Iterator for Files<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            let entry = match self.folders.last_mut().map(Iterator::next) {
                Some(Some(path)) => self.entry(path),
                Some(None) => {
                    self.folders.pop();
                    None
                }
                None => {
                    let path = self.arguments.next()?;
                    self.argument(path)
                }
            };
            if entry.is_some() {
                return entry;
            }
        }
    }
}

/// Whether the arguments may name more than one file: there are several arguments, or one that is a folder.
pub(crate) fn are_many(arguments: &[PathBuf]) -> bool {
    match arguments {
        [path] => path.as_os_str() != STANDARD_INPUT && path.is_dir(),
        _ => true,
    }
}

/// The paths of what is in a folder, sorted.
fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
