//! The messages that are posted. Each is about a care plan of its own; the people in it are known after the
//! first one.

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Document, Format, ReadOptions};

/// A fixture from which messages are made.
pub(crate) struct Pattern(Bundle);

impl Pattern {
    /// `minimal` or `full`.
    pub(crate) fn read(size: &str) -> Self {
        let path = format!(
            "{}/../../fixtures/messages/CreateOrUpdateCarePlan-{size}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read(&path).expect("the fixture");
        let read = ReadOptions::tolerant().json(&text).expect("a document");
        let mut bundle = read.document.into_bundle().expect("a bundle");
        // Nobody posted these before, so nothing has a version.
        for link in bundle.entry.iter_mut().flat_map(|entry| &mut entry.link) {
            if let Some((url, _)) = link.href.split_once("/_history/") {
                link.href = url.to_owned();
            }
        }
        Self(bundle)
    }

    /// The message with this number, as bytes.
    pub(crate) fn message(&self, number: usize, format: Format) -> String {
        let mut bundle = self.0.clone();
        let url = format!("https://portal.example/fhir/CarePlan/{number}");
        let header: &mut MessageHeader =
            bundle.entry[0].content.as_mut().and_then(|content| content.get_mut()).expect("a header first");
        header.identifier = format!("message-{number}").as_str().into();
        let focal = header.data[0].reference.as_str().and_then(|url| url.split("/_history/").next());
        let focal = focal.expect("a focal resource").to_owned();
        header.data[0].reference = url.as_str().into();
        let entry = bundle.entry.iter_mut().find(|entry| entry.id.as_deref() == Some(&focal));
        let entry = entry.expect("the focal resource");
        entry.id = Some(url.clone());
        entry.link.iter_mut().for_each(|link| link.href.clone_from(&url));
        Document::from(bundle).write(format).expect("it can be written")
    }
}
