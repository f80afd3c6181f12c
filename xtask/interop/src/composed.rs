//! Messages composed from the fixtures: for every event a minimal and a full one, in both formats and for
//! both api-versions.

use std::fs;

use anyhow::{Context as _, Result, anyhow};
use koppeltaal_fhir::{Bundle, Format, ReadOptions};
use koppeltaal_messaging::{ApiVersion, Draft, Event, Message, Sender, Source};

/// A composed message, named after its fixture.
pub(crate) struct Composed {
    pub(crate) name: String,
    pub(crate) message: Message,
}

/// All composed messages.
pub(crate) fn all() -> Result<Vec<Composed>> {
    let mut all = Vec::new();
    for event in Event::ALL {
        for variant in ["minimal", "full"] {
            for format in Format::ALL {
                for api_version in [ApiVersion::V1_3_3, ApiVersion::V1_3_5] {
                    let file = format!("{event}-{variant}.{format}");
                    let message = compose(&file, format, api_version).with_context(|| file.clone())?;
                    all.push(Composed { name: format!("{file} for {api_version}"), message });
                }
            }
        }
    }
    Ok(all)
}

fn compose(file: &str, format: Format, api_version: ApiVersion) -> Result<Message> {
    let path = crate::workspace_root().join("fixtures/messages").join(file);
    let read = ReadOptions::tolerant().read(format, &fs::read(path)?)?;
    let read = read.document.into_bundle().map_err(|_| anyhow!("no bundle"))?;
    let received = Message::extract(read)?;
    let endpoint = received.header.source_endpoint().context("no endpoint")?.to_owned();
    let url = received.focal.url().context("the focal resource has no URL")?.clone();
    let mut draft = Draft::new(received.event(), url, received.focal.resource().clone());
    if let Some(patient) = received.header.patient() {
        draft = draft.with_patient(&patient.parse()?);
    }
    for entry in received.related {
        let url = entry.url().context("a resource has no URL")?.clone();
        draft = draft.with_resource(url, entry.into_resource());
    }
    let source = Source {
        name: "Zonnedauw".to_owned(),
        software: "Interop".to_owned(),
        version: "1.0".to_owned(),
        endpoint,
    };
    let sender = Sender::new(source, "Zonnedauw").with_api_version(api_version);
    Ok(Message::compose(&sender, draft)?)
}

/// The bundle of a message.
pub(crate) fn bundle(message: &Message) -> Bundle {
    message.clone().into_bundle()
}
