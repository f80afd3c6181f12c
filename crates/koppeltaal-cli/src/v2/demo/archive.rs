//! [`Archive`]: the resources of the story as files, to look at or to check with other tools.

use std::io;
use std::path::{Path, PathBuf};

use koppeltaal2::{Profile, StoredResource};

use super::error::{DemoError, Result};
use crate::private;

/// A directory for the resources that the applications wrote, numbered in the order of the story.
#[derive(Debug)]
pub(super) struct Archive {
    directory: Option<PathBuf>,
    saved: usize,
}

impl Archive {
    /// An archive in this directory, which is made if it is not there. Without a directory it saves nothing.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub(super) fn new(directory: Option<&Path>) -> io::Result<Self> {
        if let Some(directory) = directory {
            private::folder(directory)?;
        }
        Ok(Self { directory: directory.map(Path::to_owned), saved: 0 })
    }

    /// Saves a resource as the server stored it, as `NN-Type.json`.
    ///
    /// # Errors
    ///
    /// The resource or the file cannot be written.
    pub(super) fn save<P: Profile>(&mut self, stored: &StoredResource<P>) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        self.saved += 1;
        let name = format!("{:02}-{}.json", self.saved, P::NAME);
        let text = stored.clone().into_resource().to_json_pretty()?;
        private::write_beside(&directory.join(name), text.as_bytes()).map(drop).map_err(DemoError::Save)
    }
}
