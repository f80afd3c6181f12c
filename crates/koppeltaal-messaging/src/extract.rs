//! Extracting a [`Message`]: from the bundle that a server or another connector sent, however it was written.

use std::fmt;

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Resource};

use crate::entry::{Index, MessageEntry, Names};
use crate::event::UnknownEvent;
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::message::{Layout, Message, domain_of};

/// A bundle that is no message of one of the eight events, and why.
///
/// The bundle is still there, so that an application can look into it, archive it, or answer it: its headers are at
/// [`Header::all_of`]. `Debug` and `Display` show nothing of it.
#[derive(Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct ExtractError {
    /// What is wrong.
    pub reason: ExtractReason,
    /// The bundle.
    pub bundle: Box<Bundle>,
}

impl fmt::Debug for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

/// Why a bundle is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractReason {
    /// There is no entry at all: the answer to a claim when no message waits.
    #[error("the bundle is empty")]
    Empty,
    /// No entry holds a header.
    #[error("the bundle has no MessageHeader")]
    NoHeader,
    /// Several entries hold headers: a list of messages, not a message.
    #[error("the bundle has {0} MessageHeaders")]
    SeveralHeaders(usize),
    /// The header names no event, or one that this connector does not know.
    #[error(transparent)]
    UnknownEvent(#[from] UnknownEvent),
    /// No resource in the bundle is of the kind that the event is about.
    #[error("the message has no {}, which {event} is about", event.focal())]
    NoFocal {
        /// The event.
        event: Event,
    },
}

impl Message {
    /// Reads a bundle as a message, with the quirks of deployed senders: the header at any place, without source, with
    /// bare references; entries without id, with the version in the id or in the self link; an `Other` with a bare
    /// coding.
    ///
    /// The focal resource is the first in `MessageHeader.data` that is of the event's kind; if none is, the first such
    /// resource of the bundle. Entries without resource are no part of the message, but of the bundle that it becomes
    /// again.
    ///
    /// # Errors
    ///
    /// See [`ExtractReason`]. The error gives the bundle back.
    pub fn extract(bundle: Bundle) -> Result<Self, ExtractError> {
        match plan(&bundle) {
            Ok(plan) => Ok(take_apart(bundle, plan)),
            Err(reason) => Err(ExtractError { reason, bundle: Box::new(bundle) }),
        }
    }
}

/// What goes where.
pub(crate) struct Plan {
    pub(crate) header: Header,
    pub(crate) event: Event,
    /// The position of the focal resource among the entries with a resource that is no header.
    pub(crate) focal: usize,
}

fn is_header(resource: &Resource) -> bool {
    resource.get::<MessageHeader>().is_some()
}

/// Finds header, event and focal resource.
pub(crate) fn plan(bundle: &Bundle) -> Result<Plan, ExtractReason> {
    let count = bundle.resources().filter(|resource| is_header(resource)).count();
    if count > 1 {
        return Err(ExtractReason::SeveralHeaders(count));
    }
    let Some(header) = Header::all_of(bundle).next() else {
        return Err(if bundle.entry.is_empty() { ExtractReason::Empty } else { ExtractReason::NoHeader });
    };
    let event = header.event()?;
    let entries: Vec<(Names, &Resource)> = bundle
        .entry
        .iter()
        .filter_map(|entry| Some((Names::of(entry), entry.content.as_ref()?)))
        .filter(|(_, resource)| !is_header(resource))
        .collect();
    let index = Index::of(entries.iter().map(|(names, _)| names));
    let named: Vec<usize> = header.data().filter_map(|data| index.resolve(data)).collect();
    let takes = |index: &usize| event.takes_as_focal(entries[*index].1);
    // An `Other` whose code got lost is still what the header says it is.
    let same_type = |index: &usize| entries[*index].1.resource_type() == event.focal().resource_type();
    let focal = (named.iter().copied().find(takes))
        .or_else(|| (0..entries.len()).find(takes))
        .or_else(|| named.iter().copied().find(same_type))
        .ok_or(ExtractReason::NoFocal { event })?;
    Ok(Plan { header, event, focal })
}

fn take_apart(mut bundle: Bundle, Plan { header, event, focal: focal_at }: Plan) -> Message {
    let domain = domain_of(&bundle).map(str::to_owned);
    let mut related: Vec<MessageEntry> = Vec::with_capacity(bundle.entry.len());
    let (mut header_at, mut empty) = (0, Vec::new());
    for (at, mut entry) in std::mem::take(&mut bundle.entry).into_iter().enumerate() {
        match entry.content.take() {
            Some(resource) if is_header(&resource) => header_at = related.len(),
            Some(resource) => related.push(MessageEntry { names: Names::of_bare(entry), resource }),
            None => empty.push((at, entry)),
        }
    }
    let mut focal = related.remove(focal_at);
    adopt_version(&mut focal, &header);
    let id = bundle.id.take();
    let layout = Some(Box::new(Layout { bundle, focal: focal_at, header: header_at, empty }));
    Message { id, domain, header, focal, related, event, layout }
}

/// Takes the version of the focal resource from `MessageHeader.data` when the entry has none.
fn adopt_version(focal: &mut MessageEntry, header: &Header) {
    let Some(url) = focal.url().filter(|url| url.version().is_none()) else { return };
    let mut named = header.data().filter_map(|data| data.parse::<crate::ResourceUrl>().ok());
    if let Some(versioned) = named.find(|named| named.same_resource(url) && named.version().is_some()) {
        focal.names.url = Some(versioned);
    }
}
