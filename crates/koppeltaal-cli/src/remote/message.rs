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
use crate::output::{DocumentText, Output, Printable, or_hyphen};
use crate::private;

/// Show one whole message, whatever its status, without claiming it.
#[derive(Debug, Args)]
pub(crate) struct Message {
    /// Its number at the server, its URL, or the identifier that its sender gave it.
    id: String,

    /// Write it into this file, which only the user may read, instead of printing it. A file that is there is
    /// not replaced.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl RemoteCommand for Message {
    async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let client = connection.connect()?.client;
        let message = client.message(&self.id).await?;
        let message =
            message.ok_or_else(|| Failure::NotFound(format!("there is no message {:?}", self.id)))?;
        let Some(file) = &self.save else {
            let summary = Summary::of(&message.header);
            return print_whole(connection.output, &summary, &message.bundle, client.format());
        };
        let text = pretty(&message.bundle, client.format())?;
        private::write_new(file, text.as_bytes()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::unusable_file(
                file.display(),
                "it is there already, and is not replaced: choose another name",
            ),
            _ => Failure::File { path: file.clone(), source: error },
        })
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

    /// Saves a message as `NUMBER.json` or `NUMBER.xml`, or beside a file of that name as `NUMBER-2.json`.
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
        private::write_beside(&file, pretty(bundle, self.format)?.as_bytes()).map_err(Failure::file(&file))
    }
}

/// A message as text for people.
pub(super) fn pretty(bundle: &Bundle, format: Format) -> Result<String, Failure> {
    let text = bundle.write_pretty(format)?;
    Ok(text.trim_end().to_owned() + "\n")
}

fn print_text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A whole message for programs: its summary and itself.
#[derive(Serialize)]
struct WholeMessage<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    /// In the format of the connection.
    message: DocumentText,
}

/// Prints a whole message.
pub(super) fn print_whole(
    output: Output,
    summary: &Summary,
    bundle: &Bundle,
    format: Format,
) -> Result<(), Failure> {
    match output {
        Output::Text => print_text(&pretty(bundle, format)?)?,
        Output::Json => {
            let text = match format {
                // In one line, since it becomes a part of one.
                Format::Json => bundle.write(format)?,
                Format::Xml => pretty(bundle, format)?,
            };
            let message = DocumentText::new(format, text).map_err(io::Error::from)?;
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &WholeMessage { summary, message }).map_err(io::Error::from)?;
            writeln!(out)?;
            out.flush()?;
        }
    }
    Ok(())
}
