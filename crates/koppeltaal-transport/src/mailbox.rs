//! The mailbox: send a message, claim the next one, say what became of it.

use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Bundle, Document};
use koppeltaal_messaging::{Acknowledgement, Header, Reply, ReplyError, ResourceUrl};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::headers::{HEADER_SEARCH, MessageFilter, ReceivedMessage};
use crate::outcome::Outcome;
use crate::request::{Operation, Request};
use crate::response::Answer;

impl Client {
    /// Posts a message: a [`Message`](koppeltaal_messaging::Message), or any bundle with a header. The reply says which
    /// versions its resources got.
    ///
    /// # Errors
    ///
    /// Where nothing was stored: [`Conflict`](Error::Conflict) when somebody else changed a resource,
    /// [`Rejected`](Error::Rejected) when the server refuses the content, [`Unreachable`](Error::Unreachable) when it
    /// never saw it. Where the server may have stored it: [`UnknownOutcome`](Error::UnknownOutcome), with the
    /// identifier to look it up by.
    pub async fn send(&self, message: impl Into<Bundle>) -> Result<Reply> {
        let bundle = message.into();
        let header = Header::all_of(&bundle).next().ok_or(Error::NotAMessage)?;
        let document = Document::Bundle(bundle);
        let request = Request::new(Operation::SEND, self.server().fhir("Mailbox", &[]))
            .body(&document)
            .message_identifier(header.identifier());
        self.exchange(request, |answer| read_reply(answer, &header)).await
    }

    /// Claims the oldest new message. `None`: no message waits.
    ///
    /// The claim holds for a time of the server's choosing (some minutes); a message that is not acknowledged by then
    /// is delivered again, five times at most (Koppeltaal spec section 5). So delivery is at least once.
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
        let mut parameters = vec![("_query", "MessageHeader.GetNextNewAndClaim")];
        parameters.extend(filter.parameters());
        let request = Request::new(Operation::CLAIM, self.server().fhir(HEADER_SEARCH, &parameters));
        self.exchange(request, ReceivedMessage::read).await
    }

    /// Says what became of a claimed message: the header as received goes back with the new processing status.
    ///
    /// # Errors
    ///
    /// [`ForeignUrl`](Error::ForeignUrl) for a header that did not come from this server, [`Answered`](Error::Answered)
    /// for one whose status no acknowledgement can change; else those of a write.
    /// Giving the same acknowledgement again after [`UnknownOutcome`](Error::UnknownOutcome) does no harm.
    pub async fn acknowledge(&self, header: &Header, acknowledgement: &Acknowledgement) -> Result<()> {
        let address = header.url().map(ResourceUrl::versionless);
        let foreign = || Error::ForeignUrl { url: address.map(str::to_owned) };
        let url = address.and_then(|address| self.server().localize(address)).ok_or_else(foreign)?;
        let answered = header.acknowledged(acknowledgement, Instant::now()).map_err(Error::Answered)?;
        let document = Document::from(answered.into_fhir());
        let request =
            Request::new(Operation::ACKNOWLEDGE, url).body(&document).message_identifier(header.identifier());
        // Some servers answer with the header, some with nothing; a page of a proxy is neither.
        self.exchange(request, |answer| if answer.is_empty() { Ok(()) } else { answer.document().map(drop) })
            .await
    }
}

fn read_reply(answer: &Answer, header: &Header) -> Result<Reply> {
    let (bundle, _) = answer.bundle()?;
    Reply::read(&bundle, header).map_err(|error| match error {
        ReplyError::NotOk { outcome: Some(outcome), .. } => answer.refused(Outcome::new(*outcome)),
        error => Error::Reply(error),
    })
}
