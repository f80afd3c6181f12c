//! [`Files`]: the files that arguments name, and those in the folders that they name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::{slice, vec};

use koppeltaal_fhir::Format;

use crate::input::InputError;

/// What stands for standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// One step of the search for files.
#[derive(Debug)]
pub(crate) enum Found {
    File(FoundFile),
    /// In a folder, something that is no file, or whose name ends neither in `.json` nor in `.xml`.
    Skipped,
    /// A folder that cannot be listed.
    Unreadable(InputError),
}

/// A file to read.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// The file; `-` is standard input.
    pub(crate) path: PathBuf,
    /// Its path in the folder that was named, or the name of the file if that was named itself.
    pub(crate) relative: PathBuf,
    /// Whether a folder was named and not this file.
    pub(crate) is_in_folder: bool,
    /// How long it is, in bytes, as far as that is known.
    length: u64,
}

impl Found {
    /// How long the file is, in bytes, as far as that is known.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::File(file) => file.length,
            _ => 0,
        }
    }
}

/// The files that arguments name, in the order of the arguments. Those of a folder come in the order of their
/// names. Hidden files and folders are left out, links to folders are not followed. The names of one folder
/// at each level are in memory at a time.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    arguments: slice::Iter<'a, PathBuf>,
    /// The folder that was named last.
    base: PathBuf,
    /// What is left of that folder and of those in it, the innermost last.
    folders: Vec<vec::IntoIter<PathBuf>>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(arguments: &'a [PathBuf]) -> Self {
        Self { arguments: arguments.iter(), base: PathBuf::new(), folders: Vec::new() }
    }

    fn enter(&mut self, folder: &Path) -> Option<Found> {
        match names(folder) {
            Ok(names) => {
                self.folders.push(names.into_iter());
                None
            }
            Err(error) => Some(Found::Unreadable(InputError {
                name: folder.display().to_string(),
                problem: format!("the folder cannot be listed: {error}"),
            })),
        }
    }

    /// An argument; `None` if it is a folder, which is now entered.
    fn argument(&mut self, path: &Path) -> Option<Found> {
        if path.as_os_str() != STANDARD_INPUT && path.is_dir() {
            path.clone_into(&mut self.base);
            return self.enter(path);
        }
        let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
        Some(Found::File(FoundFile { path: path.to_owned(), relative, is_in_folder: false, length: 0 }))
    }

    /// An entry of a folder; `None` if it is hidden, or a folder, which is now entered.
    fn entry(&mut self, path: PathBuf) -> Option<Found> {
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden {
            return None;
        }
        let is_named = |format: Format| {
            path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(format.name()))
        };
        let is_named = Format::ALL.into_iter().any(is_named);
        let Ok(found) = fs::symlink_metadata(&path) else { return Some(Found::Skipped) };
        if found.is_dir() {
            return self.enter(&path);
        }
        let found = if found.is_symlink() { fs::metadata(&path).ok() } else { Some(found) };
        // A link to nothing is reported when it is read.
        if !is_named || found.as_ref().is_some_and(|found| !found.is_file()) {
            return Some(Found::Skipped);
        }
        let relative = path.strip_prefix(&self.base).unwrap_or(&path).to_owned();
        let length = found.map_or(0, |found| found.len());
        Some(Found::File(FoundFile { path, relative, is_in_folder: true, length }))
    }
}

impl Iterator for Files<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let found = match self.folders.last_mut().map(Iterator::next) {
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
            if found.is_some() {
                return found;
            }
        }
    }
}

/// Whether a command is to work on more than one file.
pub(crate) fn are_many(arguments: &[PathBuf]) -> bool {
    match arguments {
        [one] => one.as_os_str() != STANDARD_INPUT && one.is_dir(),
        _ => true,
    }
}

fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}
