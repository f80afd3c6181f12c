//! [`Draft`]: what an application says about a message before it is composed.

use koppeltaal_fhir::Resource;
use koppeltaal_fhir::primitives::Instant;

use crate::entry::MessageEntry;
use crate::generated::valuesets::Event;
use crate::url::ResourceUrl;

/// The resources of a message and what an application says about it.
/// [`Message::compose`](crate::Message::compose) checks the draft and completes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub(crate) event: Event,
    pub(crate) focal: MessageEntry,
    pub(crate) patient: Option<ResourceUrl>,
    pub(crate) related: Vec<MessageEntry>,
    pub(crate) identifier: Option<String>,
    pub(crate) timestamp: Option<Instant>,
}

impl Draft {
    /// A message about a resource. Its address has the version that the application knows, if any.
    pub fn new(event: Event, url: ResourceUrl, focal: impl Into<Resource>) -> Self {
        let focal = MessageEntry::new(url, focal);
        Self { event, focal, patient: None, related: Vec::new(), identifier: None, timestamp: None }
    }

    /// Names the patient. Required unless the focal resource is a patient or refers to exactly one.
    #[must_use]
    pub fn with_patient(mut self, patient: &ResourceUrl) -> Self {
        self.patient = Some(patient.without_version());
        self
    }

    /// Adds a resource that another one in the message refers to.
    #[must_use]
    pub fn with_resource(mut self, url: ResourceUrl, resource: impl Into<Resource>) -> Self {
        self.related.push(MessageEntry::new(url, resource));
        self
    }

    /// Marks the draft's copy of a resource as a change of this version. Does nothing if the draft already
    /// has a version of it, or does not hold the resource.
    #[must_use]
    pub fn based_on(mut self, version: &ResourceUrl) -> Self {
        for entry in std::iter::once(&mut self.focal).chain(&mut self.related) {
            let lacks = |url: &&mut ResourceUrl| url.version().is_none() && url.same_resource(version);
            if let Some(url) = entry.names.url.as_mut().filter(lacks) {
                url.clone_from(version);
            }
        }
        self
    }

    /// Sets the identifier, to send the same message again. Default: a new one.
    #[must_use]
    pub fn with_identifier(mut self, identifier: impl Into<String>) -> Self {
        self.identifier = Some(identifier.into());
        self
    }

    /// Sets the time. Default: the current one.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: Instant) -> Self {
        self.timestamp = Some(timestamp);
        self
    }
}
