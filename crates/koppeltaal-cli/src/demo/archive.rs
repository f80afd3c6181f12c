//! [`Archive`]: the messages of the story as files, to look at or to check with other tools.

use std::io;
use std::path::{Path, PathBuf};

use koppeltaal::{Connector, PreparedMessage};
use koppeltaal_fhir::Format;
use koppeltaal_messaging::Message;

use super::error::{DemoError, Result};
use crate::private;

/// A directory for the messages of all applications, numbered in the order in which they are posted.
#[derive(Debug)]
pub(super) struct Archive {
    directory: Option<PathBuf>,
    format: Format,
    saved: usize,
}

impl Archive {
    /// An archive in this directory, which is made if it is not there. Without a directory it saves nothing.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub(super) fn new(directory: Option<&Path>, format: Format) -> io::Result<Self> {
        if let Some(directory) = directory {
            private::folder(directory)?;
        }
        Ok(Self { directory: directory.map(Path::to_owned), format, saved: 0 })
    }

    /// Saves a message that the connector is about to post, as `NN-Event.json` or `NN-Event.xml`.
    ///
    /// # Errors
    ///
    /// The message or the file cannot be written.
    pub(super) async fn save(&mut self, connector: &Connector, prepared: &PreparedMessage) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        self.saved += 1;
        let message = with_versions(connector, prepared).await?;
        let name = format!("{:02}-{}.{}", self.saved, message.event(), self.format.name());
        let text = message.into_bundle().write(self.format)?;
        private::write_beside(&directory.join(name), text.as_bytes()).map(drop).map_err(DemoError::Save)
    }
}

/// The message as the connector posts it: resources without a version have the newest one that it knows.
async fn with_versions(connector: &Connector, prepared: &PreparedMessage) -> Result<Message> {
    let mut message = prepared.message().clone();
    let urls = message.entries().filter_map(|entry| entry.url());
    let urls: Vec<_> = urls.filter(|url| url.version().is_none()).cloned().collect();
    let known = connector.versions().versions(connector.sender().domain(), &urls).await?;
    for url in known.iter().flatten() {
        message.set_version(url);
    }
    Ok(message)
}
