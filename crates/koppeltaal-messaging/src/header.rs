//! [`Header`]: typed access to a `MessageHeader`, which keeps everything that the access does not know.

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::{MessageHeader, MessageHeaderResponse, MessageHeaderSource};
use koppeltaal_fhir::{Bundle, Entry, Primitive, Resource};
use uuid::Uuid;

use crate::entry::Names;
use crate::event::{Event, UnknownEvent};
use crate::repair;
use crate::status::{ProcessingState, ProcessingStatus};
use crate::url::ResourceUrl;
use crate::vocabulary::extension::message_header::{IS_EXPIRED, PATIENT, PROCESSING_STATUS};

/// The header of a message: what happened, to which resource, about whom, and who says so.
///
/// The getters read what deployed senders write (Koppeltaal spec section 12); texts that are present but empty count as
/// absent. The DSTU1 resource itself is at [`fhir`](Self::fhir).
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    fhir: Box<MessageHeader>,
    names: Names,
}

/// What a receiver says about a message that it claimed (Koppeltaal spec section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It is processed.
    Success,
    /// Its content is wrong for good; the text says why. It may be shown to people: no data of patients in it.
    Failed(String),
    /// Trouble that will pass: the message goes back into the queue.
    New,
}

impl Acknowledgement {
    /// The status that the message gets.
    pub fn status(&self) -> ProcessingStatus {
        match self {
            Self::Success => ProcessingStatus::Success,
            Self::Failed(_) => ProcessingStatus::Failed,
            Self::New => ProcessingStatus::New,
        }
    }
}

impl From<MessageHeader> for Header {
    /// Takes the header as it is, but for `reference` elements without `data` round them, which get one.
    fn from(mut fhir: MessageHeader) -> Self {
        repair::wrap_references(&mut fhir);
        Self { fhir: Box::new(fhir), names: Names::default() }
    }
}

impl Header {
    /// The header of a new message: a fresh identifier, the current time.
    pub fn new(event: Event, source: MessageHeaderSource) -> Self {
        let identifier = Uuid::new_v4().to_string();
        Self::from(MessageHeader {
            identifier: identifier.as_str().into(),
            timestamp: Instant::now().into(),
            event: Some(event.coding()),
            source: Some(source),
            ..MessageHeader::default()
        })
    }

    /// The header in an entry of a bundle, if the entry holds one.
    pub fn of_entry(entry: &Entry) -> Option<Self> {
        let fhir: &MessageHeader = entry.content.as_ref()?.get()?;
        Some(Self { names: Names::of(entry), ..Self::from(fhir.clone()) })
    }

    /// The headers in a bundle: one for a message, any number for a search.
    pub fn all_of(bundle: &Bundle) -> impl Iterator<Item = Self> {
        bundle.entry.iter().filter_map(Self::of_entry)
    }

    /// The DSTU1 resource.
    pub fn fhir(&self) -> &MessageHeader {
        &self.fhir
    }

    /// The DSTU1 resource, to change what has no method here.
    pub fn fhir_mut(&mut self) -> &mut MessageHeader {
        &mut self.fhir
    }

    /// The DSTU1 resource.
    pub fn into_fhir(self) -> MessageHeader {
        *self.fhir
    }

    /// The address of the header at the server, with version when it came with one: the place to acknowledge the
    /// message. A new message has none.
    pub fn url(&self) -> Option<&ResourceUrl> {
        self.names.url.as_ref()
    }

    /// Gives the header an address; a server does.
    pub fn set_url(&mut self, url: ResourceUrl) {
        self.names = Names::from(url);
    }

    /// The identifier of the message, by which replies refer to it. Not the id of the header at the server.
    pub fn identifier(&self) -> Option<&str> {
        filled(self.fhir.identifier.as_str())
    }

    /// Replaces the identifier. Sending the same message again takes the same identifier.
    pub fn set_identifier(&mut self, identifier: &str) {
        self.fhir.identifier = identifier.into();
    }

    /// When the message was made. `None` too for a time without offset, which is no instant; the text of it is at
    /// `fhir().timestamp.text()`.
    pub fn timestamp(&self) -> Option<&Instant> {
        self.fhir.timestamp.get()
    }

    /// Replaces the time.
    pub fn set_timestamp(&mut self, timestamp: Instant) {
        self.fhir.timestamp = timestamp.into();
    }

    /// The code of the event, one of the eight or not.
    pub fn event_code(&self) -> Option<&str> {
        filled(self.fhir.event.as_ref()?.code.as_str())
    }

    /// The event.
    ///
    /// # Errors
    ///
    /// A code that is none of the eight; an empty one if there is none.
    pub fn event(&self) -> Result<Event, UnknownEvent> {
        self.event_code().unwrap_or_default().parse()
    }

    /// Replaces the event.
    pub fn set_event(&mut self, event: Event) {
        self.fhir.event = Some(event.coding());
    }

    /// The name of the sending installation.
    pub fn source_name(&self) -> Option<&str> {
        filled(self.fhir.source.as_ref()?.name.as_str())
    }

    /// The sending software: connector and application, separated by "; ".
    pub fn source_software(&self) -> Option<&str> {
        filled(self.fhir.source.as_ref()?.software.as_str())
    }

    /// The versions of connector and application, separated by "; ".
    pub fn source_version(&self) -> Option<&str> {
        filled(self.fhir.source.as_ref()?.version.as_str())
    }

    /// The sender's endpoint, which for a connector is its FHIR base. A receiver knows its own messages by it.
    pub fn source_endpoint(&self) -> Option<&str> {
        filled(self.fhir.source.as_ref()?.endpoint.as_str())
    }

    /// Replaces the source.
    pub fn set_source(&mut self, source: MessageHeaderSource) {
        self.fhir.source = Some(source);
    }

    /// What the message is about, the focal resource first. With version when the resource has one.
    pub fn data(&self) -> impl Iterator<Item = &str> {
        self.fhir.data.iter().filter_map(|data| filled(data.reference.as_str()))
    }

    /// The first of [`data`](Self::data) as the address of a resource.
    pub fn focal(&self) -> Option<ResourceUrl> {
        self.data().next()?.parse().ok()
    }

    /// Replaces the data. Versions stay: this is the one place where a reference has one.
    pub fn set_data<'a>(&mut self, urls: impl IntoIterator<Item = &'a ResourceUrl>) {
        let reference = |url: &ResourceUrl| ResourceReference {
            reference: url.as_str().into(),
            ..ResourceReference::default()
        };
        self.fhir.data = urls.into_iter().map(reference).collect();
    }

    /// The patient whom the message is about: a reference, as a rule the URL of the patient.
    pub fn patient(&self) -> Option<&str> {
        match self.extension(PATIENT)?.value.as_ref()? {
            ExtensionValue::Resource(reference) => filled(reference.reference.as_str()),
            _ => None,
        }
    }

    /// Replaces or removes the patient. The reference is written without version.
    pub fn set_patient(&mut self, patient: Option<&ResourceUrl>) {
        let value = patient.map(|url| ExtensionValue::Resource(Box::new(url.into())));
        self.replace_extension(
            PATIENT,
            value.map(|value| Extension {
                url: PATIENT.to_owned(),
                value: Some(value),
                ..Extension::default()
            }),
        );
    }

    /// Whether the sender marked the message as expired; nothing said means no.
    pub fn is_expired(&self) -> bool {
        match self.extension(IS_EXPIRED).and_then(|extension| extension.value.as_ref()) {
            Some(ExtensionValue::Boolean(expired)) => expired.value == Some(true),
            _ => false,
        }
    }

    /// Marks the message as expired or not.
    pub fn set_expired(&mut self, expired: bool) {
        self.replace_extension(
            IS_EXPIRED,
            Some(Extension {
                url: IS_EXPIRED.to_owned(),
                value: Some(ExtensionValue::Boolean(Primitive::new(expired))),
                ..Extension::default()
            }),
        );
    }

    /// What became of the message in the queue that it was read from.
    pub fn processing(&self) -> Option<ProcessingState> {
        self.fhir.extension.iter().find_map(ProcessingState::from_extension)
    }

    /// Replaces or removes the processing status.
    pub fn set_processing(&mut self, state: Option<&ProcessingState>) {
        self.replace_extension(PROCESSING_STATUS, state.map(ProcessingState::to_extension));
    }

    /// The header to send back for an acknowledgement: as received, with another processing status, which changed at
    /// `at` (Koppeltaal spec section 5).
    #[must_use]
    pub fn acknowledged(&self, acknowledgement: &Acknowledgement, at: Instant) -> Self {
        let mut state = ProcessingState::new(acknowledgement.status(), at);
        if let Acknowledgement::Failed(why) = acknowledgement {
            state = state.with_exception(why.as_str());
        }
        let mut header = self.clone();
        header.set_processing(Some(&state));
        header
    }

    /// The response part, which only replies have.
    pub fn response(&self) -> Option<&MessageHeaderResponse> {
        self.fhir.response.as_ref()
    }

    fn extension(&self, url: &str) -> Option<&Extension> {
        self.fhir.extension.iter().find(|extension| extension.url == url)
    }

    /// Puts `new` where the first extension with this URL stands, or at the end, and removes the others.
    fn replace_extension(&mut self, url: &str, new: Option<Extension>) {
        let extensions = &mut self.fhir.extension;
        let place = extensions.iter().position(|extension| extension.url == url).unwrap_or(extensions.len());
        extensions.retain(|extension| extension.url != url);
        if let Some(new) = new {
            extensions.insert(place, new);
        }
    }

    /// The header as an entry of a bundle. A new one gets a `urn:uuid:` id and no self link.
    pub(crate) fn into_entry(self) -> Entry {
        let Self { fhir, names } = self;
        let fresh = || format!("urn:uuid:{}", Uuid::new_v4());
        let mut entry = names.into_entry(Resource::MessageHeader(fhir));
        entry.id.get_or_insert_with(fresh);
        entry
    }
}

/// A text, unless it is empty: several senders fill mandatory elements with nothing.
pub(crate) fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant() -> Instant {
        "2023-03-31T09:31:00+00:00".parse().expect("an instant")
    }

    fn note() -> Extension {
        Extension {
            url: "https://a.example/note".to_owned(),
            value: Some(ExtensionValue::String("keep me".into())),
            ..Extension::default()
        }
    }

    fn header() -> Header {
        let mut header = Header::new(Event::CreateOrUpdatePatient, MessageHeaderSource::default());
        header.fhir_mut().extension.push(note());
        header
    }

    #[test]
    fn new_headers_have_identifiers_of_their_own() {
        let (one, other) = (header(), header());
        assert_eq!(one.identifier().map(str::len), Some(36));
        assert_ne!(one.identifier(), other.identifier());
    }

    #[test]
    fn the_patient_is_named_without_version() -> Result<(), Box<dyn std::error::Error>> {
        let mut header = header();
        header.set_patient(Some(&"https://a.example/Patient/1/_history/2".parse()?));
        assert_eq!(header.patient(), Some("https://a.example/Patient/1"));
        header.set_patient(None);
        assert_eq!(header.patient(), None);
        assert_eq!(header.fhir().extension, [note()]);
        Ok(())
    }

    #[test]
    fn an_acknowledgement_changes_the_processing_status_and_nothing_else() {
        let mut claimed = header();
        claimed.set_processing(Some(&ProcessingState::new(ProcessingStatus::Claimed, Instant::now())));
        claimed.set_expired(true);
        let failed = claimed.acknowledged(&Acknowledgement::Failed("No such activity".to_owned()), instant());
        let state = failed.processing().expect("a status");
        assert_eq!(state.status(), Some(ProcessingStatus::Failed));
        assert_eq!(state.last_changed(), Some(&instant()));
        assert_eq!(state.exception(), Some("No such activity"));
        let urls =
            |header: &Header| header.fhir().extension.iter().map(|e| e.url.clone()).collect::<Vec<_>>();
        assert_eq!(urls(&failed), urls(&claimed));
        let without = |mut header: Header| {
            header.set_processing(None);
            header
        };
        assert_eq!(without(failed), without(claimed));
    }

    #[test]
    fn empty_texts_count_as_absent() {
        let mut header = header();
        header.set_source(MessageHeaderSource { software: "".into(), ..MessageHeaderSource::default() });
        assert_eq!(header.source_software(), None);
    }
}
