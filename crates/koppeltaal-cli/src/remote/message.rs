//! `koppeltaal message`, and what all commands about messages share: the filter, the summary, printing and
//! saving.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use koppeltaal_fhir::{Bundle, Format};
use koppeltaal_messaging::{Event, Header, ResourceUrl};
use koppeltaal_transport::MessageFilter;
use serde::Serialize;

use super::RemoteCommand;
use crate::arguments::event;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Output, Printable, or_hyphen};
use crate::private;

/// Show one whole message, whatever its status, without claiming it.
#[derive(Debug, Args)]
pub(crate) struct Message {
    /// Its number at the server, its URL, or the identifier that its sender gave it.
    id: String,

    /// Write it into this file, which only the user may read, instead of printing it.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    #[command(flatten)]
    pub(super) connection: Connection,
}

impl RemoteCommand for Message {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    async fn run(self) -> Result<(), Failure> {
        let client = self.connection.connect()?.client;
        let message = client.message(&self.id).await?;
        let message =
            message.ok_or_else(|| Failure::NotFound(format!("there is no message {:?}", self.id)))?;
        let text = pretty(&message.bundle, client.format())?;
        match &self.save {
            Some(file) => private::write(file, text.as_bytes()).map_err(Failure::file(file)),
            None => Ok(print_text(&text)?),
        }
    }
}

/// Which messages.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only messages about this patient.
    #[arg(long, value_name = "URL")]
    patient: Option<ResourceUrl>,

    /// Only messages of this event.
    #[arg(long, value_parser = event())]
    event: Option<Event>,
}

impl Filter {
    pub(super) fn build(&self) -> MessageFilter {
        let mut filter = MessageFilter::default();
        if let Some(patient) = &self.patient {
            filter = filter.patient(patient.clone());
        }
        if let Some(event) = self.event {
            filter = filter.event(event);
        }
        filter
    }
}

/// The summary of a message, printed as one line.
#[derive(Serialize)]
pub(super) struct Summary {
    /// Its number at the server.
    number: Option<String>,
    identifier: Option<String>,
    event: Option<String>,
    status: Option<String>,
    exception: Option<String>,
    timestamp: Option<String>,
    patient: Option<String>,
    source: Option<String>,
    url: Option<String>,
    /// Where it was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// How it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acknowledged: Option<&'static str>,
}

impl Summary {
    pub(super) fn of(header: &Header) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let processing = header.processing();
        Self {
            number: header.url().map(|url| url.id().to_owned()),
            identifier: owned(header.identifier()),
            event: owned(header.event_code()),
            status: processing.as_ref().and_then(|state| owned(state.code())),
            exception: processing.as_ref().and_then(|state| owned(state.exception())),
            timestamp: header.timestamp().map(ToString::to_string),
            patient: owned(header.patient()),
            source: owned(header.source_endpoint()),
            url: header.url().map(ToString::to_string),
            file: None,
            acknowledged: None,
        }
    }
}

impl Printable for Summary {
    fn lines(&self) -> Vec<String> {
        let mut line = format!(
            "{}  {}  {}  {}  {}",
            or_hyphen(self.number.as_deref()),
            or_hyphen(self.timestamp.as_deref()),
            or_hyphen(self.event.as_deref()),
            or_hyphen(self.status.as_deref()),
            or_hyphen(self.identifier.as_deref())
        );
        for (name, value) in [("in", self.file.as_deref()), ("acknowledged:", self.acknowledged)] {
            if let Some(value) = value {
                line += &format!("  {name} {value}");
            }
        }
        let exception = self.exception.iter().map(|exception| format!("    {exception}"));
        std::iter::once(line).chain(exception).collect()
    }
}

/// A folder with one file per message, named by its number. Only the user may read the files.
pub(super) struct MessageFolder {
    path: PathBuf,
    format: Format,
}

impl MessageFolder {
    pub(super) fn create(path: &Path, format: Format) -> Result<Self, Failure> {
        private::folder(path).map_err(Failure::file(path))?;
        Ok(Self { path: path.to_owned(), format })
    }

    /// Saves a message as `NUMBER.json` or `NUMBER.xml`.
    pub(super) fn save(&self, header: &Header, bundle: &Bundle) -> Result<PathBuf, Failure> {
        let number = header.url().map(|url| url.id().to_owned());
        // The number comes from the server. As a file name it must not lead out of the folder.
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let number = number.filter(is_name);
        let number =
            number.ok_or_else(|| Failure::Protocol("a message has no number that can be a file name"))?;
        let file = self.path.join(format!("{number}.{}", self.format));
        private::write(&file, pretty(bundle, self.format)?.as_bytes()).map_err(Failure::file(&file))?;
        Ok(file)
    }
}

/// A message as text for people.
pub(super) fn pretty(bundle: &Bundle, format: Format) -> Result<String, Failure> {
    let text = bundle.write_pretty(format)?;
    Ok(text.trim_end().to_owned() + "\n")
}

pub(super) fn print_text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A whole message for programs: its summary and its text.
#[derive(Serialize)]
struct WholeMessage<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    /// In the format of the connection.
    message: &'a str,
}

/// Prints a whole message.
pub(super) fn print_whole(
    output: Output,
    summary: &Summary,
    bundle: &Bundle,
    format: Format,
) -> Result<(), Failure> {
    let text = pretty(bundle, format)?;
    match output {
        Output::Text => print_text(&text)?,
        Output::Json => {
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &WholeMessage { summary, message: &text })
                .map_err(io::Error::from)?;
            writeln!(out)?;
            out.flush()?;
        }
    }
    Ok(())
}
