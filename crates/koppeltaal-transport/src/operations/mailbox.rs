//! The mailbox: sending a message, claiming the next one, acknowledging it.

use koppeltaal_fhir::Bundle;
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_messaging::vocabulary::search;
use koppeltaal_messaging::{Acknowledgement, Header, Reply, ResourceUrl};
use tracing::Span;

use super::messages::{HEADER_SEARCH, MessageFilter, StoredMessage};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::exchange::answer::Answer;
use crate::exchange::request::{Body, Operation, Request};

impl Client {
    /// Posts a message: a [`Message`](koppeltaal_messaging::Message) as a bundle, or any bundle with a
    /// header. The reply has the new versions of its resources.
    ///
    /// # Errors
    ///
    /// If nothing was stored: [`Conflict`](Error::Conflict) when somebody else changed a resource,
    /// [`Rejected`](Error::Rejected) when the server refuses the content, [`Unreachable`](Error::Unreachable)
    /// when the message never got there. If the server may have stored it:
    /// [`UnknownOutcome`](Error::UnknownOutcome), with the identifier to look it up by.
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
    /// The server chooses how long the claim lasts, usually some minutes. A message that is not acknowledged
    /// in that time is delivered again, up to five times (Koppeltaal's public documentation). So delivery is
    /// at least once.
    ///
    /// # Errors
    ///
    /// Those of a write. After [`UnknownOutcome`](Error::UnknownOutcome), the server may have claimed a
    /// message whose answer was lost; it is delivered again when the claim expires. Claiming again is fine.
    pub async fn claim(&self) -> Result<Option<StoredMessage>> {
        self.claim_matching(&MessageFilter::default()).await
    }

    /// Claims the oldest new message that passes the filter.
    ///
    /// # Errors
    ///
    /// Those of [`claim`](Self::claim).
    pub async fn claim_matching(&self, filter: &MessageFilter) -> Result<Option<StoredMessage>> {
        let mut parameters = vec![(search::QUERY, search::CLAIM)];
        parameters.extend(filter.parameters());
        let request = Request::new(Operation::CLAIM, self.server().fhir(HEADER_SEARCH, &parameters));
        self.exchange(request, |answer| {
            let message = StoredMessage::read(answer)?;
            // Only the answer says which message the operation was about.
            if let Some(identifier) = message.as_ref().and_then(|message| message.header.identifier()) {
                Span::current().record("message_identifier", identifier);
            }
            Ok(message)
        })
        .await
    }

    /// Acknowledges a claimed message: the header goes back as it was received, with the new processing
    /// status.
    ///
    /// It goes to the header's address without version. The claim gave the header a new version, which not
    /// every server puts into the self link; and the acknowledgement is meant for whichever version is the
    /// current one.
    ///
    /// # Errors
    ///
    /// [`ForeignUrl`](Error::ForeignUrl) for a header that did not come from this server,
    /// [`Answered`](Error::Answered) for one whose status no acknowledgement can change,
    /// [`ClaimTakenOver`](Error::ClaimTakenOver) when the answer comes too late; else those of a write. After
    /// [`UnknownOutcome`](Error::UnknownOutcome), `Success` and `Failure` may be sent again; the client has
    /// already done so, as often as its [`RetryPolicy`](crate::RetryPolicy) says. It does not repeat
    /// `Release`: somebody else may have claimed the message in the meantime.
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
        // Some servers answer with the header, some with nothing. A proxy's HTML page is neither.
        self.exchange(request, Answer::nothing).await.map_err(Error::for_acknowledgement)
    }
}
