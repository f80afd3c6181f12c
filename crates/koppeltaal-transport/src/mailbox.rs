//! The mailbox: send a message, claim the next one, say what became of it.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_messaging::vocabulary::search;
use koppeltaal_messaging::{Acknowledgement, Header, Reply, ResourceUrl};
use tracing::Span;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::headers::{HEADER_SEARCH, MessageFilter, ReceivedMessage};
use crate::request::{Body, Operation, Request};
use crate::response::Answer;

impl Client {
    /// Posts a message: a [`Message`](koppeltaal_messaging::Message) as a bundle, or any bundle with a header. The reply
    /// says which versions its resources got.
    ///
    /// # Errors
    ///
    /// Where nothing was stored: [`Conflict`](Error::Conflict) when somebody else changed a resource,
    /// [`Rejected`](Error::Rejected) when the server refuses the content, [`Unreachable`](Error::Unreachable) when it
    /// never saw it. Where the server may have stored it: [`UnknownOutcome`](Error::UnknownOutcome), with the
    /// identifier to look it up by.
    pub async fn send(&self, message: &Bundle) -> Result<Reply> {
        let mut headers = message.resources().filter_map(|resource| resource.get::<MessageHeader>());
        let header = headers.next().ok_or(Error::NotAMessage)?;
        let request = Request::new(Operation::SEND, self.server().fhir("Mailbox", &[]))
            .body(Body::bundle(self.format(), message)?)
            .message_identifier(header.identifier.as_str().filter(|identifier| !identifier.is_empty()));
        self.exchange(request, |answer| {
            let read = answer.bundle()?;
            Reply::read(read.bundle, header).map_err(|error| answer.not_accepted(error))
        })
        .await
    }

    /// Claims the oldest new message. `None`: no message waits.
    ///
    /// The claim holds for a time of the server's choosing (some minutes); a message that is not acknowledged by then
    /// is delivered again, five times at most (Koppeltaal's public documentation). So delivery is at least once.
    ///
    /// # Errors
    ///
    /// Those of a write: an answer that is lost may have claimed a message, which comes back when the claim's time is
    /// over ([`UnknownOutcome`](Error::UnknownOutcome)). Claiming again is fine.
    pub async fn claim(&self) -> Result<Option<ReceivedMessage>> {
        self.claim_matching(&MessageFilter::default()).await
    }

    /// Claims the oldest new message that passes the filter.
    ///
    /// # Errors
    ///
    /// Those of [`claim`](Self::claim).
    pub async fn claim_matching(&self, filter: &MessageFilter) -> Result<Option<ReceivedMessage>> {
        let mut parameters = vec![(search::QUERY, search::CLAIM)];
        parameters.extend(filter.parameters());
        let request = Request::new(Operation::CLAIM, self.server().fhir(HEADER_SEARCH, &parameters));
        self.exchange(request, |answer| {
            let message = ReceivedMessage::read(answer)?;
            // Only the answer says which message the operation was about.
            if let Some(identifier) = message.as_ref().and_then(|message| message.header.identifier()) {
                Span::current().record("message_identifier", identifier);
            }
            Ok(message)
        })
        .await
    }

    /// Says what became of a claimed message: the header as received goes back with the new processing status.
    ///
    /// It goes to the header's address without version: the claim itself gave the header a new version, which not every
    /// server puts into its self link, and a message is acknowledged in whatever version it is by then.
    ///
    /// # Errors
    ///
    /// [`ForeignUrl`](Error::ForeignUrl) for a header that did not come from this server, [`Answered`](Error::Answered)
    /// for one whose status no acknowledgement can change; else those of a write. Giving
    /// `Success` or `Failed` again after [`UnknownOutcome`](Error::UnknownOutcome) does no harm, and the client has
    /// done so already, as often as its [`RetryPolicy`](crate::RetryPolicy) says. `New` is not given again: by then
    /// somebody else may have claimed the message.
    pub async fn acknowledge(&self, header: &Header, acknowledgement: &Acknowledgement) -> Result<()> {
        let address = header.url().map(ResourceUrl::versionless);
        let foreign = || Error::ForeignUrl { url: address.map(str::to_owned) };
        let url = address.and_then(|address| self.server().localize(address)).ok_or_else(foreign)?;
        let operation = match acknowledgement {
            Acknowledgement::Release => Operation::RELEASE,
            Acknowledgement::Success | Acknowledgement::Failure(_) => Operation::ACKNOWLEDGE,
        };
        let answered = header.acknowledged(acknowledgement, Instant::now()).map_err(Error::Answered)?;
        let request = Request::new(operation, url)
            .body(Body::resource(self.format(), answered.into())?)
            .message_identifier(header.identifier());
        // Some servers answer with the header, some with nothing; a page of a proxy is neither.
        self.exchange(request, Answer::nothing).await
    }
}
