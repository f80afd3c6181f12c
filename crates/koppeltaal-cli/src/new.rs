//! `koppeltaal new message`: writes a message with invented people, to try things out with.

use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Document, Format, ReadOptions};
use koppeltaal_messaging::{Event, domain_tag};
use uuid::Uuid;

use crate::arguments::{event, format};
use crate::outcome::Outcome;

/// Write something new to work with.
#[derive(Debug, Args)]
pub(crate) struct New {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Message(NewMessage),
}

/// Write a message with invented people, which `koppeltaal sandbox` takes: pipe it into `koppeltaal send -`.
///
/// Each message is about new resources, so a server takes any number of them.
///
/// Exit code: 0 written, 2 could not be written.
#[derive(Debug, Args)]
struct NewMessage {
    /// The event.
    #[arg(value_parser = event())]
    event: Event,

    /// The domain of the message.
    #[arg(long, value_name = "NAME", env = "KOPPELTAAL_DOMAIN", default_value = "Sandbox")]
    domain: Option<String>,

    /// The format to write.
    #[arg(long, value_parser = format(), default_value = "json")]
    format: Option<Format>,
}

/// A message of each event. `{n}` stands for a number that makes the ids of its resources new.
const TEMPLATES: &[(Event, &str)] = &[
    (Event::CreateOrUpdateActivityDefinition, include_str!("new/CreateOrUpdateActivityDefinition.json")),
    (Event::CreateOrUpdateCarePlan, include_str!("new/CreateOrUpdateCarePlan.json")),
    (
        Event::CreateOrUpdateCarePlanActivityResult,
        include_str!("new/CreateOrUpdateCarePlanActivityResult.json"),
    ),
    (Event::CreateOrUpdatePatient, include_str!("new/CreateOrUpdatePatient.json")),
    (Event::CreateOrUpdatePractitioner, include_str!("new/CreateOrUpdatePractitioner.json")),
    (Event::CreateOrUpdateRelatedPerson, include_str!("new/CreateOrUpdateRelatedPerson.json")),
    (Event::CreateOrUpdateUserMessage, include_str!("new/CreateOrUpdateUserMessage.json")),
    (Event::UpdateCarePlanActivityStatus, include_str!("new/UpdateCarePlanActivityStatus.json")),
];

impl New {
    pub(crate) fn run(self) -> io::Result<Outcome> {
        let What::Message(message) = self.what;
        let text = message.text()?;
        let mut out = io::stdout().lock();
        out.write_all(text.trim_end().as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(Outcome::Success)
    }
}

impl NewMessage {
    fn text(&self) -> io::Result<String> {
        let identifier = Uuid::new_v4();
        let number = identifier.simple().to_string();
        let template =
            TEMPLATES.iter().find(|(event, _)| *event == self.event).map(|(_, template)| *template);
        let text = template
            .ok_or_else(|| io::Error::other("there is no message of this event to start from"))?
            .replace("{n}", &number[..8])
            .replace("{identifier}", &identifier.to_string())
            .replace("{bundle}", &Uuid::new_v4().to_string())
            .replace("{timestamp}", Instant::now().as_ref());
        let mut document = ReadOptions::tolerant().json(text.as_bytes()).map_err(io::Error::other)?.document;
        let domain = self.domain.as_deref().filter(|domain| !domain.is_empty());
        if let (Document::Bundle(bundle), Some(domain)) = (&mut document, domain) {
            // The first tag is that of the domain.
            bundle.category.splice(..1, [domain_tag(domain)]);
        }
        document.write_pretty(self.format.unwrap_or_default()).map_err(io::Error::other)
    }
}
