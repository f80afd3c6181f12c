//! [`Header`]: typed access to a `MessageHeader`. It keeps elements that have no method here.

use std::sync::Arc;

use koppeltaal_fhir::datatypes::{Extension, ExtensionValue, ResourceReference};
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::{MessageHeader, MessageHeaderResponse, MessageHeaderSource};
use koppeltaal_fhir::{Bundle, Entry, Primitive, Resource};
use uuid::Uuid;

use crate::entry::Names;
use crate::event::UnknownEvent;
use crate::generated::valuesets::Event;
use crate::misplaced;
use crate::status::{Acknowledgement, IllegalTransition, ProcessingState, TRANSITIONS};
use crate::url::ResourceUrl;
use crate::vocabulary::extension::message_header::{IS_EXPIRED, PATIENT, PROCESSING_STATUS};

/// The header of a message: what happened, to which resource, about which patient, and who sends it.
///
/// A text that is present but empty counts as absent. [`fhir`](Self::fhir) is the DSTU1 resource itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Shared with the bundle that the header was read from, until one of them changes.
    pub(crate) fhir: Arc<MessageHeader>,
    names: Names,
}

mod check;

impl From<MessageHeader> for Header {
    /// Takes the header unchanged, except that a `reference` outside `data` (a quirk) is moved into `data`.
    fn from(fhir: MessageHeader) -> Self {
        Self::from(Arc::new(fhir))
    }
}

impl From<Arc<MessageHeader>> for Header {
    /// Takes a header that others may share.
    fn from(fhir: Arc<MessageHeader>) -> Self {
        Self::shared(fhir, Names::default())
    }
}

impl From<Header> for Resource {
    /// The header as a resource, without its address.
    fn from(header: Header) -> Self {
        Self::MessageHeader(header.fhir)
    }
}

impl Header {
    fn shared(mut fhir: Arc<MessageHeader>, names: Names) -> Self {
        if misplaced::has_references(&fhir) {
            misplaced::wrap_references(Arc::make_mut(&mut fhir));
        }
        Self { fhir, names }
    }

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

    /// The header in an entry of a bundle, if the entry holds one. The two share the resource.
    pub fn from_entry_ref(entry: &Entry) -> Option<Self> {
        let Some(Resource::MessageHeader(fhir)) = &entry.content else { return None };
        Some(Self::shared(Arc::clone(fhir), Names::from_entry(entry)))
    }

    /// The header in an entry of a bundle, if the entry holds one. Takes the entry.
    pub fn from_entry(mut entry: Entry) -> Option<Self> {
        let Some(Resource::MessageHeader(fhir)) = entry.content.take() else { return None };
        Some(Self::shared(fhir, Names::from_entry_without_resource(entry)))
    }

    /// The headers in a bundle: one in a message, any number in a search result.
    pub fn all_from_bundle(bundle: &Bundle) -> impl Iterator<Item = Self> {
        bundle.entry.iter().filter_map(Self::from_entry_ref)
    }

    /// The DSTU1 resource.
    pub fn fhir(&self) -> &MessageHeader {
        &self.fhir
    }

    /// The DSTU1 resource, to change elements without a method here.
    pub fn fhir_mut(&mut self) -> &mut MessageHeader {
        Arc::make_mut(&mut self.fhir)
    }

    /// The DSTU1 resource. It is copied if the bundle that it was read from still exists.
    pub fn into_fhir(self) -> MessageHeader {
        Arc::unwrap_or_clone(self.fhir)
    }

    /// The address of the header at the server, where the message is acknowledged. It has a version if it was
    /// read with one. A new message has no address.
    pub fn url(&self) -> Option<&ResourceUrl> {
        self.names.url.as_ref()
    }

    /// Gives the header an address. Only servers do.
    pub fn set_url(&mut self, url: ResourceUrl) {
        self.names = Names::from(url);
    }

    /// The identifier of the message, by which replies refer to it. Not the id of the header at the server.
    pub fn identifier(&self) -> Option<&str> {
        filled(self.fhir.identifier.as_str())
    }

    /// Replaces the identifier. A message that is sent again keeps its identifier.
    pub fn set_identifier(&mut self, identifier: &str) {
        self.fhir_mut().identifier = identifier.into();
    }

    /// When the message was made, as written: some senders leave out the offset. `None` also if the text is
    /// not a time; `fhir().timestamp.text()` has the text.
    pub fn timestamp(&self) -> Option<&Instant> {
        self.fhir.timestamp.get()
    }

    /// Replaces the time.
    pub fn set_timestamp(&mut self, timestamp: Instant) {
        self.fhir_mut().timestamp = timestamp.into();
    }

    /// The code of the event, whether Koppeltaal has it or not.
    pub fn event_code(&self) -> Option<&str> {
        event_code(&self.fhir)
    }

    /// The event.
    ///
    /// # Errors
    ///
    /// A code that is not an event of Koppeltaal; an empty one if the header has none.
    pub fn event(&self) -> Result<Event, UnknownEvent> {
        self.event_code().unwrap_or_default().parse()
    }

    /// Replaces the event.
    pub fn set_event(&mut self, event: Event) {
        self.fhir_mut().event = Some(event.coding());
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

    /// The sender's endpoint. A connector gives its FHIR base here. A receiver recognises its own messages by
    /// it.
    pub fn source_endpoint(&self) -> Option<&str> {
        filled(self.fhir.source.as_ref()?.endpoint.as_str())
    }

    /// Replaces the source.
    pub fn set_source(&mut self, source: MessageHeaderSource) {
        self.fhir_mut().source = Some(source);
    }

    /// The resources that the message is about, the focal one first, with their versions if they have one.
    pub fn data(&self) -> impl Iterator<Item = &str> {
        self.fhir.data.iter().filter_map(|data| filled(data.reference.as_str()))
    }

    /// The first of [`data`](Self::data) as the address of a resource; `None` also if it is not an address.
    pub fn focal(&self) -> Option<ResourceUrl> {
        self.data().next()?.parse().ok()
    }

    /// Replaces the data. Versions stay: this is the one place where a reference has one.
    pub fn set_data<'a>(&mut self, urls: impl IntoIterator<Item = &'a ResourceUrl>) {
        let reference = |url: &ResourceUrl| ResourceReference {
            reference: url.as_str().into(),
            ..ResourceReference::default()
        };
        self.fhir_mut().data = urls.into_iter().map(reference).collect();
    }

    /// Gives the references to this resource in the data its version.
    pub(crate) fn set_data_version(&mut self, versioned: &ResourceUrl) {
        let is_same = |data: &str| data.parse::<ResourceUrl>().is_ok_and(|url| url.same_resource(versioned));
        // Nothing to change: the header may stay shared.
        if !self.data().any(is_same) {
            return;
        }
        for data in &mut self.fhir_mut().data {
            if data.reference.as_str().is_some_and(is_same) {
                data.reference.value = Some(versioned.as_str().to_owned());
            }
        }
    }

    /// A reference to the patient whom the message is about, usually the patient's URL.
    pub fn patient(&self) -> Option<&str> {
        match self.extension(PATIENT)?.value.as_ref()? {
            ExtensionValue::Resource(reference) => filled(reference.reference.as_str()),
            _ => None,
        }
    }

    /// Replaces or removes the patient. The reference is written without its version.
    pub fn set_patient(&mut self, patient: Option<&ResourceUrl>) {
        let value = patient.map(|url| ExtensionValue::Resource(Box::new(url.into())));
        self.replace_extension(PATIENT, value.map(|value| extension_with_value(PATIENT, value)));
    }

    /// Whether the sender marked the message as expired. Absent means no.
    pub fn is_expired(&self) -> bool {
        match self.extension(IS_EXPIRED).and_then(|extension| extension.value.as_ref()) {
            Some(ExtensionValue::Boolean(expired)) => expired.value == Some(true),
            _ => false,
        }
    }

    /// Marks the message as expired or not.
    pub fn set_expired(&mut self, expired: bool) {
        let value = ExtensionValue::Boolean(Primitive::new(expired));
        self.replace_extension(IS_EXPIRED, Some(extension_with_value(IS_EXPIRED, value)));
    }

    /// The processing status of the message in the queue that it was read from.
    pub fn processing(&self) -> Option<ProcessingState> {
        self.fhir.extension.iter().find_map(ProcessingState::from_extension)
    }

    /// Gives the message another processing status. Only servers do; a connector calls
    /// [`acknowledged`](Self::acknowledged). A header without a known status accepts any.
    ///
    /// # Errors
    ///
    /// A step that the protocol does not have for any cause, such as `Success` back to `New`.
    pub fn set_processing(&mut self, state: &ProcessingState) -> Result<(), IllegalTransition> {
        let from = self.processing().and_then(|state| state.status());
        if let (Some(from), Some(to)) = (from, state.status())
            && from != to
            && !TRANSITIONS.iter().any(|step| (step.from, step.to) == (from, to))
        {
            return Err(IllegalTransition { from, to });
        }
        self.replace_extension(PROCESSING_STATUS, Some(state.to_extension()));
        Ok(())
    }

    /// Removes the processing status. Only a message in a receiver's queue has one.
    pub fn clear_processing(&mut self) {
        self.replace_extension(PROCESSING_STATUS, None);
    }

    /// The header to send back as an acknowledgement: this one with another processing status, as of `at`. A
    /// header without a processing status counts as claimed.
    ///
    /// # Errors
    ///
    /// A step that no acknowledgement can cause (see [`Cause`](crate::Cause)), such as `Success` back to
    /// `New`.
    pub fn acknowledged(
        &self,
        acknowledgement: &Acknowledgement,
        at: Instant,
    ) -> Result<Self, IllegalTransition> {
        let state = match self.processing() {
            Some(state) => state.acknowledged(acknowledgement, at)?,
            None => ProcessingState::new(crate::ProcessingStatus::Claimed, at.clone())
                .acknowledged(acknowledgement, at)?,
        };
        let mut header = self.clone();
        header.replace_extension(PROCESSING_STATUS, Some(state.to_extension()));
        Ok(header)
    }

    /// The response part, which only replies have.
    pub fn response(&self) -> Option<&MessageHeaderResponse> {
        self.fhir.response.as_ref()
    }

    fn extension(&self, url: &str) -> Option<&Extension> {
        self.fhir.extension.iter().find(|extension| extension.url == url)
    }

    /// Puts `new` in the place of the first extension with this URL, or at the end, and removes the others.
    fn replace_extension(&mut self, url: &str, new: Option<Extension>) {
        let extensions = &mut self.fhir_mut().extension;
        let place = extensions.iter().position(|extension| extension.url == url).unwrap_or(extensions.len());
        extensions.retain(|extension| extension.url != url);
        if let Some(new) = new {
            extensions.insert(place, new);
        }
    }

    /// The header as an entry of a bundle. A new header gets a `urn:uuid:` id and no self link; a received
    /// one keeps its entry.
    pub(crate) fn into_entry(self) -> Entry {
        let Self { fhir, names } = self;
        let is_new = names.is_empty();
        let mut entry = names.into_entry(Resource::MessageHeader(fhir));
        if is_new {
            entry.id = Some(format!("urn:uuid:{}", Uuid::new_v4()));
        }
        entry
    }
}

fn extension_with_value(url: &str, value: ExtensionValue) -> Extension {
    Extension { url: url.to_owned(), value: Some(value), ..Extension::default() }
}

/// The code of the event of a header.
pub(crate) fn event_code(header: &MessageHeader) -> Option<&str> {
    filled(header.event.as_ref()?.code.as_str())
}

/// A text, unless it is empty. Several senders fill mandatory elements with empty texts.
pub(crate) fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProcessingStatus;

    fn instant() -> Instant {
        "2023-03-31T09:31:00+00:00".parse().expect("an instant")
    }

    fn note() -> Extension {
        extension_with_value("https://a.example/note", ExtensionValue::String("keep me".into()))
    }

    fn header() -> Header {
        let mut header = Header::new(Event::CreateOrUpdatePatient, MessageHeaderSource::default());
        header.fhir_mut().extension.push(note());
        header
    }

    #[test]
    fn new_headers_have_identifiers_of_their_own() {
        let (first, second) = (header(), header());
        assert_eq!(first.identifier().map(str::len), Some(36));
        assert_ne!(first.identifier(), second.identifier());
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
        let state = ProcessingState::new(ProcessingStatus::Claimed, Instant::now());
        claimed.set_processing(&state).expect("the first status");
        claimed.set_expired(true);
        let why = Acknowledgement::Failure("No such activity".to_owned());
        let failed = claimed.acknowledged(&why, instant()).expect("a step of the protocol");
        let state = failed.processing().expect("a status");
        assert_eq!(state.status(), Some(ProcessingStatus::Failed));
        assert_eq!(state.last_changed(), Some(&instant()));
        assert_eq!(state.exception(), Some("No such activity"));
        let urls =
            |header: &Header| header.fhir().extension.iter().map(|e| e.url.clone()).collect::<Vec<_>>();
        assert_eq!(urls(&failed), urls(&claimed));
        let without = |mut header: Header| {
            header.clear_processing();
            header
        };
        assert_eq!(without(failed), without(claimed));
    }

    #[test]
    fn an_illegal_status_cannot_be_written() {
        let mut done = header();
        let state = |status| ProcessingState::new(status, instant());
        done.set_processing(&state(ProcessingStatus::Success)).expect("the first status");
        let refused = IllegalTransition { from: ProcessingStatus::Success, to: ProcessingStatus::New };
        assert_eq!(done.acknowledged(&Acknowledgement::Release, instant()), Err(refused));
        assert_eq!(done.set_processing(&state(ProcessingStatus::New)), Err(refused));
        assert_eq!(done.processing(), Some(state(ProcessingStatus::Success)));
        done.set_processing(&state(ProcessingStatus::Archived)).expect("the server's step");
    }

    #[test]
    fn changing_a_header_does_not_change_the_bundle_that_it_was_read_from() {
        let bundle = Bundle { entry: vec![header().into_entry()], ..Bundle::default() };
        let mut changed = Header::all_from_bundle(&bundle).next().expect("a header");
        changed.set_identifier("another");
        let original = Header::all_from_bundle(&bundle).next().expect("a header");
        assert_ne!(original.identifier(), Some("another"));
        assert_eq!(changed.identifier(), Some("another"));
    }

    #[test]
    fn a_reference_outside_data_is_moved_in_the_header_and_not_in_the_entry() {
        let text = br#"{"resourceType": "MessageHeader", "reference": "https://a.example/Patient/1"}"#;
        let read = koppeltaal_fhir::ReadOptions::tolerant().json(text).expect("a header");
        let entry = Entry { content: read.document.into_resource().ok(), ..Entry::default() };
        let header = Header::from_entry_ref(&entry).expect("a header");
        assert_eq!(header.data().collect::<Vec<_>>(), ["https://a.example/Patient/1"]);
        let original: Option<&MessageHeader> = entry.content.as_ref().and_then(Resource::get);
        let counts = original.map(|fhir| (fhir.data.len(), fhir.unknown.iter().count()));
        assert_eq!(counts, Some((0, 1)));
    }

    #[test]
    fn empty_texts_count_as_absent() {
        let mut header = header();
        header.set_source(MessageHeaderSource { software: "".into(), ..MessageHeaderSource::default() });
        assert_eq!(header.source_software(), None);
    }
}
