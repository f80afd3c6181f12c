//! [`QueuedMessage`]: a message in the queue of an instance, as tests see it.

use koppeltaal_fhir::{Bundle, Link};
use koppeltaal_messaging::{Event, ProcessingStatus};

use crate::clock::Timestamp;
use crate::http::entries;
use crate::links::Links;
use crate::mailbox::Delivery;

/// A message in the queue of an application instance; see [`Sandbox::messages`](crate::Sandbox::messages).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QueuedMessage {
    /// The number in the URL of its header.
    pub number: u64,
    /// `MessageHeader.identifier`.
    pub identifier: String,
    /// What it is about.
    pub event: Event,
    /// Where it is in its processing.
    pub status: ProcessingStatus,
    /// Why processing failed, in the words of the receiver.
    pub exception: Option<String>,
    /// URL, without version, of the patient whom it is about.
    pub patient: Option<String>,
    /// The whole message, as the receiver gets it.
    pub bundle: Bundle,
}

impl QueuedMessage {
    pub(crate) fn new(delivery: &Delivery, links: &Links, now: Timestamp) -> Self {
        let message = &delivery.message;
        let link = Link::new("self", links.header(delivery.number));
        let entries = entries::delivery(delivery, links);
        Self {
            number: delivery.number,
            identifier: message.identifier.clone(),
            event: message.event,
            status: delivery.status,
            exception: delivery.exception.clone(),
            patient: message.patient.clone(),
            bundle: entries::one_result(&message.domain, entries, link, links, now.instant()),
        }
    }
}
