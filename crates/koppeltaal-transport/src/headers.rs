//! Looking at messages without claiming them: the header search, and one whole message.

use std::fmt;

use koppeltaal_fhir::{Bundle, Finding};
use koppeltaal_messaging::vocabulary::search;
use koppeltaal_messaging::{Event, Header, ProcessingStatus, ResourceUrl};

use crate::client::Client;
use crate::error::Result;
use crate::request::{Operation, Request};
use crate::response::{Answer, ReadBundle};
use crate::search::Search;
use crate::storage::or_none;

/// Where all searches for messages go.
pub(crate) const HEADER_SEARCH: &str = "MessageHeader/_search";

/// Which messages: of one patient, of one event. The default is all.
#[derive(Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct MessageFilter {
    patient: Option<ResourceUrl>,
    event: Option<Event>,
}

/// Which headers a search gives. The default is all, in pages of the server's size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct HeaderQuery {
    filter: MessageFilter,
    status: Option<ProcessingStatus>,
    page_size: Option<u16>,
    limit: Option<usize>,
}

/// A message as the server has it.
///
/// `Debug` names the event and the identifier, and shows nothing of what is in the message.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedMessage {
    /// Its header, with the address at which it is acknowledged.
    pub header: Header,
    /// All of it, header included.
    pub bundle: Bundle,
    /// What was odd about its text.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those ([`Limits::findings`](koppeltaal_fhir::Limits::findings)).
    pub suppressed: usize,
}

impl MessageFilter {
    /// Only messages about this patient. With Basic credentials a server may demand it for messages with a patient; a
    /// bearer token implies it.
    pub fn patient(mut self, patient: ResourceUrl) -> Self {
        self.patient = Some(patient);
        self
    }

    /// Only messages of this event.
    pub fn event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let patient = self.patient.as_ref().map(|url| (search::PATIENT, url.versionless()));
        let event = self.event.map(|event| (search::EVENT, event.code()));
        patient.into_iter().chain(event)
    }
}

impl HeaderQuery {
    /// The largest page that a server gives (Koppeltaal's public documentation).
    pub const MAX_PAGE_SIZE: u16 = 1000;

    /// Only headers of messages that pass the filter.
    pub fn filter(mut self, filter: MessageFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Only headers of messages with this processing status.
    pub fn status(mut self, status: ProcessingStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// How many headers per page, 1 to [`MAX_PAGE_SIZE`](Self::MAX_PAGE_SIZE); other numbers are moved there.
    pub fn page_size(mut self, headers: u16) -> Self {
        self.page_size = Some(headers.clamp(1, Self::MAX_PAGE_SIZE));
        self
    }

    /// How many headers at most, on all pages together.
    pub fn limit(mut self, headers: usize) -> Self {
        self.limit = Some(headers);
        self
    }
}

impl Client {
    /// Searches headers of messages in the application instance's queue, claimed or not, in the server's order; newest
    /// first is not promised. Nothing is requested until results are asked for.
    ///
    /// ```no_run
    /// # async fn example(client: &koppeltaal_transport::Client) -> koppeltaal_transport::Result<()> {
    /// use koppeltaal_messaging::ProcessingStatus;
    /// use koppeltaal_transport::HeaderQuery;
    ///
    /// let mut failed = client.message_headers(&HeaderQuery::default().status(ProcessingStatus::Failed));
    /// while let Some(header) = failed.next().await? {
    ///     println!("{:?} {:?}", header.identifier(), header.event_code());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn message_headers(&self, query: &HeaderQuery) -> Search<Header> {
        let limit = query.limit.and_then(|limit| u16::try_from(limit).ok());
        // A small limit without a page size is no reason to fetch a large page.
        let count =
            query.page_size.or(limit.filter(|limit| (1..100).contains(limit))).map(|count| count.to_string());
        let mut parameters = vec![(search::SUMMARY, "true")];
        parameters.extend(count.as_deref().map(|count| (search::COUNT, count)));
        parameters.extend(query.status.map(|status| (search::PROCESSING_STATUS, status.code())));
        parameters.extend(query.filter.parameters());
        let first = self.server().fhir(HEADER_SEARCH, &parameters);
        Search::new(self, Operation::HEADERS, first, query.limit, |entry| Header::from_entry_ref(&entry))
    }

    /// One whole message, whatever its status, without claiming it. `None` if the server has no such message.
    ///
    /// `id` is the number of the header at the server, its URL with or without version, or, for servers since 1.1, the
    /// `MessageHeader.identifier`.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub async fn message(&self, id: &str) -> Result<Option<ReceivedMessage>> {
        let request =
            Request::new(Operation::MESSAGE, self.server().fhir(HEADER_SEARCH, &[(search::ID, id)]));
        or_none(self.exchange(request, ReceivedMessage::read).await)
    }
}

impl ReceivedMessage {
    /// The message in a bundle; none in an empty one.
    pub(crate) fn read(answer: &Answer) -> Result<Option<Self>> {
        let ReadBundle { bundle, findings, suppressed } = answer.bundle()?;
        if bundle.entry.is_empty() {
            return Ok(None);
        }
        let mut headers = Header::all_from_bundle(&bundle);
        let header = headers.next().ok_or_else(|| answer.unexpected("a bundle without a MessageHeader"))?;
        if headers.next().is_some() {
            return Err(answer.unexpected("several MessageHeaders where one is due"));
        }
        drop(headers);
        Ok(Some(Self { header, bundle, findings, suppressed }))
    }
}

impl fmt::Debug for MessageFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFilter")
            // Which patient is nobody's business who reads a log.
            .field("has_patient", &self.patient.is_some())
            .field("event", &self.event)
            .finish()
    }
}

impl fmt::Debug for ReceivedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedMessage")
            .field("identifier", &self.header.identifier())
            .field("event", &self.header.event().ok())
            .field("entries", &self.bundle.entry.len())
            .field("findings", &self.findings.len())
            .finish_non_exhaustive()
    }
}
