//! Messages, looked at without claiming them: a search of their headers, and one whole message.

use std::fmt;

use koppeltaal_fhir::{Bundle, Finding};
use koppeltaal_messaging::vocabulary::search;
use koppeltaal_messaging::{Event, Header, ProcessingStatus, ResourceUrl};

use super::or_none;
use super::search::Search;
use crate::client::Client;
use crate::error::Result;
use crate::exchange::answer::{Answer, ReadBundle};
use crate::exchange::request::{Operation, Request};

/// The path of all searches for messages, claims included.
pub(crate) const HEADER_SEARCH: &str = "MessageHeader/_search";

/// Which messages a search or claim is about: of one patient, of one event, or both. The default is all.
#[derive(Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct MessageFilter {
    patient: Option<ResourceUrl>,
    event: Option<Event>,
}

/// Which headers a search gives. The default is all, in pages of the size that the server chooses.
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
pub struct StoredMessage {
    /// The header, with the address to acknowledge the message at.
    pub header: Header,
    /// The whole message, header included.
    pub bundle: Bundle,
    /// What the reader found odd in its text.
    pub findings: Vec<Finding>,
    /// How many findings there were beyond those ([`Limits::findings`](koppeltaal_fhir::Limits::findings)).
    pub suppressed: usize,
}

impl MessageFilter {
    /// Only messages about this patient. With Basic credentials, a server may require it for messages with a
    /// patient. A bearer token implies it.
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

    /// How many headers per page, from 1 to [`MAX_PAGE_SIZE`](Self::MAX_PAGE_SIZE). Numbers outside are
    /// replaced by the nearer end.
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
    /// Searches headers of messages in the application instance's queue, claimed or not, in the server's
    /// order; newest first is not promised. Nothing is requested until results are asked for.
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
        // With a small limit and no page size, a page of the server's size would be too large.
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
    /// `id` is the header's id at the server, or its URL with or without version. Servers since 1.1 also take
    /// the `MessageHeader.identifier`.
    ///
    /// # Errors
    ///
    /// Those of a read.
    pub async fn message(&self, id: &str) -> Result<Option<StoredMessage>> {
        let request =
            Request::new(Operation::MESSAGE, self.server().fhir(HEADER_SEARCH, &[(search::ID, id)]));
        or_none(self.exchange(request, StoredMessage::read).await)
    }
}

impl StoredMessage {
    /// The message that the answer's bundle holds; `None` if the bundle is empty.
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
            // A log must not tell which patient.
            .field("has_patient", &self.patient.is_some())
            .field("event", &self.event)
            .finish()
    }
}

impl fmt::Debug for StoredMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredMessage")
            .field("identifier", &self.header.identifier())
            .field("event", &self.header.event().ok())
            .field("entries", &self.bundle.entry.len())
            .field("findings", &self.findings.len())
            .finish_non_exhaustive()
    }
}
