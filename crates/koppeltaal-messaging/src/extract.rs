//! Reads the bundle that a server or another connector sent as a [`Message`], with the quirks of deployed
//! senders.

use std::fmt;

use koppeltaal_fhir::resources::MessageHeader;
use koppeltaal_fhir::{Bundle, Entry, Resource};

use crate::entry::{Index, MessageEntry, Names, address};
use crate::event::UnknownEvent;
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::message::{Layout, Message, domain_of};
use crate::url::ResourceUrl;

/// A bundle that is not a message about an event of Koppeltaal, and the reason.
///
/// An application can still read, archive or answer the bundle; [`Header::all_from_bundle`] finds its
/// headers. `Debug` and `Display` show nothing of it.
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

/// Why a bundle is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractReason {
    /// The bundle has no entries: the answer to a claim when no message waits.
    #[error("the bundle is empty")]
    Empty,
    /// No entry holds a header.
    #[error("the bundle has no MessageHeader")]
    NoHeader,
    /// Several entries hold headers: a list of messages, not one message.
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

/// The versions in a message from the server: those of its resources, and those that its header names. In a
/// bundle that is not a message of Koppeltaal, only the header counts.
pub fn versions_in(content: &Result<Message, ExtractError>) -> Vec<ResourceUrl> {
    let mut versions: Vec<ResourceUrl> = Vec::new();
    let mut add = |url: ResourceUrl| {
        if url.version().is_some() && !versions.contains(&url) {
            versions.push(url);
        }
    };
    let named_by = |header: &Header| -> Vec<ResourceUrl> {
        header.data().filter_map(|data| data.parse().ok()).collect()
    };
    match content {
        Ok(message) => {
            message.entries().filter_map(|entry| entry.url()).cloned().for_each(&mut add);
            named_by(&message.header).into_iter().for_each(add);
        }
        Err(error) => {
            let headers = Header::all_from_bundle(&error.bundle);
            headers.flat_map(|header| named_by(&header)).for_each(add);
        }
    }
    versions
}

impl Message {
    /// Reads a bundle as a message, with the quirks of deployed senders: a header that is not the first
    /// entry, has no source, or has references outside of `data`; entries without id, or with the version in
    /// the id; an `Other` whose `coding` stands outside of its `code`.
    ///
    /// The focal resource is the first in `MessageHeader.data` that is of the event's kind, else the first
    /// such resource in the bundle. Entries without a resource are not part of the message, but they are in
    /// the bundle that it becomes.
    ///
    /// # Errors
    ///
    /// See [`ExtractReason`]. The error returns the bundle.
    pub fn extract(bundle: Bundle) -> Result<Self, ExtractError> {
        match plan(&bundle) {
            Ok(plan) => Ok(take_apart(bundle, plan)),
            Err(reason) => Err(ExtractError { reason, bundle: Box::new(bundle) }),
        }
    }
}

/// The header, event and focal resource that were found in a bundle.
pub(crate) struct Plan {
    pub(crate) header: Header,
    pub(crate) event: Event,
    /// The position of the focal resource among the entries that hold a resource other than the header.
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
    let Some(header) = Header::all_from_bundle(bundle).next() else {
        return Err(if bundle.entry.is_empty() { ExtractReason::Empty } else { ExtractReason::NoHeader });
    };
    let event = header.event()?;
    let entries: Vec<(&Entry, &Resource)> = bundle
        .entry
        .iter()
        .filter_map(|entry| Some((entry, entry.content.as_ref()?)))
        .filter(|(_, resource)| !is_header(resource))
        .collect();
    let urls: Vec<Option<ResourceUrl>> = entries.iter().map(|(entry, _)| address(entry)).collect();
    let index = Index::new(urls.iter().zip(&entries).map(|(url, (entry, _))| (url.as_ref(), Some(*entry))));
    let named: Vec<usize> = header.data().filter_map(|data| index.resolve(data)).collect();
    let takes = |index: &usize| event.takes_as_focal(entries[*index].1);
    // An `Other` without a code is what the header says it is: a quirk.
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
            Some(resource) => {
                related.push(MessageEntry { names: Names::from_entry_without_resource(entry), resource });
            }
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
