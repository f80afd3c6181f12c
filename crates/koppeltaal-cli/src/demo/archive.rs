//! [`Archive`]: the messages of the story as files, to look at or to check with other tools.

use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};

use koppeltaal_fhir::Format;
use koppeltaal_messaging::Message;

use crate::private;

/// Where the messages of all applications go, numbered in the order in which they are posted.
#[derive(Debug)]
pub(super) struct Archive {
    directory: Option<PathBuf>,
    format: Format,
    saved: Cell<usize>,
}

impl Archive {
    /// An archive in this directory, which is made if it is not there; without a directory, one that keeps nothing.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub(super) fn new(directory: Option<&Path>, format: Format) -> io::Result<Self> {
        if let Some(directory) = directory {
            private::folder(directory)?;
        }
        Ok(Self { directory: directory.map(Path::to_owned), format, saved: Cell::new(0) })
    }

    /// Saves a message as `NN-Event.json` or `NN-Event.xml`, in the very text in which it is posted.
    ///
    /// # Errors
    ///
    /// The message or the file cannot be written.
    pub(super) fn save(&self, message: &Message) -> io::Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        self.saved.set(self.saved.get() + 1);
        let name = format!("{:02}-{}.{}", self.saved.get(), message.event(), self.format.name());
        let text = message.clone().into_bundle().write(self.format).map_err(io::Error::other)?;
        private::write(&directory.join(name), text.as_bytes())
    }
}
