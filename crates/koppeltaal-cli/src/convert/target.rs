//! [`Target`]: the folder into which files are converted.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::Format;

use crate::failure::with_room;
use crate::private;

/// A folder for converted files.
#[derive(Debug)]
pub(super) struct Target {
    folder: PathBuf,
    format: Format,
    replaces: bool,
    /// The folder that was last written into. It is there.
    last: PathBuf,
    /// What this run has written. It is never replaced, not even with --force: two files would become one.
    written: HashSet<PathBuf>,
}

impl Target {
    pub(super) fn new(folder: &Path, format: Format, replaces: bool) -> Self {
        Self { folder: folder.to_owned(), format, replaces, last: PathBuf::new(), written: HashSet::new() }
    }

    /// Writes a file under its relative name, with the ending of the format, and returns its path.
    ///
    /// # Errors
    ///
    /// There is a file of that name that must not be replaced, or the file cannot be written. The text names
    /// the file and says what to do.
    pub(super) fn write(&mut self, relative: &Path, text: &str) -> Result<PathBuf, String> {
        let file = self.folder.join(relative).with_extension(self.format.name());
        let name = file.display();
        if self.written.contains(&file) {
            return Err(format!(
                "{name} was just written for another file of that name: convert them separately"
            ));
        }
        let folder = file.parent().unwrap_or(&self.folder);
        let made = if folder == self.last { Ok(()) } else { private::folder(folder) };
        let result = made.and_then(|()| match self.replaces {
            true => private::write(&file, text.as_bytes()),
            false => private::write_new(&file, text.as_bytes()),
        });
        match result {
            Ok(()) => {
                folder.clone_into(&mut self.last);
                self.written.insert(file.clone());
                Ok(file)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(format!("{name} is there already: --force replaces it"))
            }
            Err(error) => Err(format!("{name} cannot be written: {}", with_room(&error))),
        }
    }
}
