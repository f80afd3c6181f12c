//! [`Delivery`]: a message that was claimed and has to be answered.

use std::fmt;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::Arc;

use koppeltaal_fhir::{Bundle, Finding};
use koppeltaal_messaging::{
    Acknowledgement, Content, Event, ExtractError, ExtractReason, Focal, Header, Message, Profile,
    ResourceUrl, versions_in,
};
use koppeltaal_transport::{Client, Error, StoredMessage};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::{Instrument as _, debug};

use super::in_hand::{Precedence, Ticket};
use crate::causes::causes_and_advice;

/// A message that was claimed and has to be answered, in the words of [`Acknowledgement`]:
/// [`success`](Self::success), [`failure`](Self::failure) or [`release`](Self::release). When it is dropped
/// without an answer, it is released. It derefs to [`ReceivedMessage`], which has the content.
///
/// An answer is given even if its future is dropped before it is ready.
///
/// Messages are delivered at least once: a message comes again when its answer gets lost, even if it was
/// processed. So processing a message twice must do no harm.
///
/// `Debug` names the event and the identifier, and shows nothing of what is in the message.
#[must_use = "a delivery that is dropped goes back into the queue"]
pub struct Delivery {
    received: ReceivedMessage,
    /// `None` after the answer.
    claim: Option<OpenClaim>,
}

/// The parts that an answer needs.
struct OpenClaim {
    client: Client,
    runtime: Handle,
    /// Its place among the messages of all workers, if a worker claimed it.
    ticket: Option<Ticket>,
}

impl OpenClaim {
    /// Answers in a task of its own, which finishes even if nobody waits for it any more. The message keeps
    /// its place until then.
    ///
    /// A runtime that shuts down drops the task. Then the message comes again when its claim expires.
    fn answer(
        self,
        received: ReceivedMessage,
        acknowledgement: Acknowledgement,
    ) -> JoinHandle<Result<(), Error>> {
        let Self { client, runtime, ticket } = self;
        let is_release = acknowledgement == Acknowledgement::Release;
        if is_release {
            ticket.iter().for_each(Ticket::hold_back);
        }
        let answer = async move {
            let result = client.acknowledge(received.header(), &acknowledgement).await;
            if let Some(ticket) = ticket
                && !is_release
            {
                ticket.answer();
            }
            result
        };
        runtime.spawn(answer.in_current_span())
    }
}

/// What was delivered: a message to look at. Cheap to clone.
///
/// `Debug` names the event and the identifier, and shows nothing of what is in the message.
#[derive(Clone)]
pub struct ReceivedMessage(Arc<Parts>);

struct Parts {
    header: Header,
    content: Result<Message, ExtractError>,
    findings: Vec<Finding>,
}

impl ReceivedMessage {
    /// The header of the message.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The `MessageHeader.identifier`. A message that comes again has the same.
    pub fn identifier(&self) -> Option<&str> {
        self.0.header.identifier()
    }

    /// The event; `None` if Koppeltaal does not have it.
    pub fn event(&self) -> Option<Event> {
        self.0.header.event().ok()
    }

    /// The patient whom the message is about.
    pub fn patient(&self) -> Option<ResourceUrl> {
        self.0.header.patient()?.parse().ok()
    }

    /// The address of the resource that the message is about, with its version. A draft with this address is
    /// a change of this very version.
    pub fn url(&self) -> Option<&ResourceUrl> {
        self.message().ok()?.focal.url()
    }

    /// The resource that the message is about, if it is of this profile and the event is the profile's.
    pub fn get<P: Focal>(&self) -> Option<P> {
        let message = self.message().ok().filter(|message| message.event() == P::EVENT)?;
        <P as Profile>::from_resource_ref(message.focal.resource())
    }

    /// The resource that the message is about, as one type per event to match on.
    pub fn content(&self) -> Content {
        match &self.0.content {
            Ok(message) => Content::from_message(message),
            Err(error) => Content::Unknown(error.bundle.clone()),
        }
    }

    /// The whole message.
    ///
    /// # Errors
    ///
    /// The bundle is not a message about an event of Koppeltaal. It is still available as
    /// [`bundle`](Self::bundle).
    pub fn message(&self) -> Result<&Message, ExtractReason> {
        self.0.content.as_ref().map_err(|error| error.reason.clone())
    }

    /// A message that was received before; `None` for a bundle without a header.
    #[cfg(any(feature = "sqlite", feature = "postgresql"))]
    pub(crate) fn from_bundle(bundle: Bundle) -> Option<Self> {
        let header = Header::all_from_bundle(&bundle).next()?;
        let content = Message::extract(bundle);
        Some(Self(Arc::new(Parts { header, content, findings: Vec::new() })))
    }

    /// The whole message as it was received.
    pub fn bundle(&self) -> Bundle {
        match &self.0.content {
            Ok(message) => message.clone().into_bundle(),
            Err(error) => error.bundle.as_ref().clone(),
        }
    }

    /// The findings of the reader in the text of the message.
    pub fn findings(&self) -> &[Finding] {
        &self.0.findings
    }
}

impl Delivery {
    /// Must be called in a runtime.
    pub(super) fn new(client: Client, received: StoredMessage, ticket: Option<Ticket>) -> Self {
        let parts = Parts {
            header: received.header,
            content: Message::extract(received.bundle),
            findings: received.findings,
        };
        let claim = Some(OpenClaim { client, runtime: Handle::current(), ticket });
        Self { received: ReceivedMessage(Arc::new(parts)), claim }
    }

    /// The versions in the message.
    pub(super) fn versions(&self) -> Vec<ResourceUrl> {
        versions_in(&self.received.0.content)
    }

    /// The message, for use after the delivery is answered.
    pub fn received(&self) -> &ReceivedMessage {
        &self.received
    }

    /// Acknowledges that the message was processed. It does not come again.
    ///
    /// # Errors
    ///
    /// [`Error::ClaimTakenOver`] when the claim ended before, and somebody else has claimed and answered the
    /// message since. Else those of [`Client::acknowledge`]: the message may come again when its claim
    /// expires.
    pub async fn success(self) -> Result<(), Error> {
        self.acknowledge(Acknowledgement::Success).await
    }

    /// Acknowledges the message as permanently wrong, with the reason. It does not come again.
    ///
    /// People at the server see the reason: it must not contain data of patients.
    ///
    /// A server takes the answer even when the claim has expired and somebody else has claimed the message
    /// since: a late failure ends a message that another process may have done. Answer while the claim lasts.
    ///
    /// # Errors
    ///
    /// Those of [`Client::acknowledge`]: the message may come again when its claim expires.
    pub async fn failure(self, reason: impl Into<String>) -> Result<(), Error> {
        self.acknowledge(Acknowledgement::Failure(reason.into())).await
    }

    /// Gives the message back. It comes again at once, before all younger ones.
    ///
    /// # Errors
    ///
    /// Those of [`Client::acknowledge`]: the message comes again when its claim expires.
    pub async fn release(self) -> Result<(), Error> {
        self.acknowledge(Acknowledgement::Release).await
    }

    async fn acknowledge(mut self, acknowledgement: Acknowledgement) -> Result<(), Error> {
        // An answer that fails may have arrived all the same, so it is not repeated.
        let Some(claim) = self.claim.take() else { return Ok(()) };
        match claim.answer(self.received.clone(), acknowledgement).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(error) => Err(Error::UnknownOutcome {
                    message_identifier: self.identifier().map(str::to_owned),
                    source: Box::new(Error::Interrupted { source: Arc::new(error) }),
                }),
            },
        }
    }

    /// Waits for older messages of the same patient that other workers are handling, and says what to do with
    /// this one.
    pub(crate) async fn precedence(&self) -> Precedence {
        match self.ticket() {
            Some(ticket) => ticket.precedence().await,
            None => Precedence::Handle,
        }
    }

    /// What to do with this message at present.
    pub(crate) fn precedence_now(&self) -> Precedence {
        self.ticket().map_or(Precedence::Handle, Ticket::precedence_now)
    }

    /// Where the message stands among those of its patient.
    pub(crate) fn order(&self) -> Option<u64> {
        self.ticket().map(Ticket::order)
    }

    /// Notes that the message will be given back unhandled. Its content is dropped: the header is enough to
    /// give it back.
    pub(crate) fn hold_back(&mut self) {
        if let Some(ticket) = self.ticket() {
            ticket.hold_back();
        }
        let header = self.header().clone();
        let content = Err(ExtractError { reason: ExtractReason::Empty, bundle: Box::default() });
        self.received = ReceivedMessage(Arc::new(Parts { header, content, findings: Vec::new() }));
    }

    fn ticket(&self) -> Option<&Ticket> {
        self.claim.as_ref()?.ticket.as_ref()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        claim.ticket.iter().for_each(Ticket::disown);
        let (received, runtime) = (self.received.clone(), claim.runtime.clone());
        let answer = claim.answer(self.received.clone(), Acknowledgement::Release);
        runtime.spawn(async move {
            if let Ok(Err(error)) = answer.await {
                received.log_failed_release(&error);
            }
        });
    }
}

impl Deref for Delivery {
    type Target = ReceivedMessage;

    fn deref(&self) -> &ReceivedMessage {
        &self.received
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.received.describe("Delivery", f)
    }
}

impl fmt::Debug for ReceivedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe("ReceivedMessage", f)
    }
}

impl ReceivedMessage {
    /// Logs why the message could not be given back.
    pub(super) fn log_failed_release(&self, error: &Error) {
        let message_identifier = self.identifier();
        let error = causes_and_advice(error);
        debug!(message_identifier, error, "a message could not be given back; it comes again later");
    }

    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("identifier", &self.identifier())
            .field("event", &self.event())
            .finish_non_exhaustive()
    }
}
