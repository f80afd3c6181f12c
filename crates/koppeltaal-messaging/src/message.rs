//! [`Message`]: a header, the resource that it is about, and the other resources.

use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Bundle, Category, Entry};
use uuid::Uuid;

use crate::entry::{Index, MessageEntry};
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::url::ResourceUrl;
use crate::vocabulary::{DOMAIN_TAG_PREFIX, MESSAGE_TAG, SECURITY_TAG_SCHEME, TAG_SCHEME};

/// A message about an [event](Event).
///
/// [`compose`](Self::compose) and [`extract`](Self::extract) make one; [`into_bundle`](Self::into_bundle)
/// turns it into a bundle. A message that was read keeps everything else that its bundle held, so only what
/// was changed differs in the bundle that it becomes.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The bundle's id, usually `urn:uuid:` and a UUID.
    pub id: Option<String>,
    /// The domain in which the message is sent.
    pub domain: Option<String>,
    /// The header.
    pub header: Header,
    /// The resource that the message is about.
    pub focal: MessageEntry,
    /// The other resources, in the order of the bundle.
    pub related: Vec<MessageEntry>,
    /// The event, unless the header has been changed to another one.
    pub(crate) event: Event,
    /// Everything else that the bundle held; `None` for a new message.
    pub(crate) layout: Option<Box<Layout>>,
}

/// The layout of the bundle that a message was read from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The bundle without its entries.
    pub(crate) bundle: Bundle,
    /// The position of the focal resource among the resources without the header.
    pub(crate) focal: usize,
    /// The position of the header among the entries that hold resources.
    pub(crate) header: usize,
    /// The entries without a resource, with their positions.
    pub(crate) empty: Vec<(usize, Entry)>,
}

impl Message {
    /// The event in the header.
    pub fn event(&self) -> Event {
        self.header.event().unwrap_or(self.event)
    }

    /// All resources but the header, the focal one first.
    pub fn entries(&self) -> impl Iterator<Item = &MessageEntry> {
        std::iter::once(&self.focal).chain(&self.related)
    }

    /// All resources but the header, to change them. References to them are not changed.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut MessageEntry> {
        std::iter::once(&mut self.focal).chain(&mut self.related)
    }

    /// The resource in this message that a reference leads to: by the id or self link of its entry, by its
    /// address in any version, or by type and id alone where only one resource has them.
    pub fn resolve(&self, reference: &str) -> Option<&MessageEntry> {
        let position = Index::new(self.entries().map(|entry| entry.names.for_index())).resolve(reference)?;
        self.entries().nth(position)
    }

    /// Gives a resource of the message the version in this address: in its entry, and in the header where
    /// that names it. A posted message names the versions that it changes, and these are known only when it
    /// is posted.
    ///
    /// Does nothing if the message does not hold the resource.
    ///
    /// ```
    /// use koppeltaal_fhir::resources::Patient;
    /// use koppeltaal_messaging::{Draft, Event, Message, ResourceKind, Sender, Source};
    ///
    /// let sender = Sender::new(Source::new("EPD", "https://epd.example/fhir"), "Zonnedauw");
    /// let url = sender.url(ResourceKind::Patient, "3007")?;
    /// let draft = Draft::new(Event::CreateOrUpdatePatient, url.clone(), Patient::default());
    /// let mut message = Message::compose(&sender, draft)?;
    /// let current = url.with_version("2020-08-15T07:33:55:708.2583")?;
    /// message.set_version(&current);
    /// assert_eq!(message.focal.url(), Some(&current));
    /// assert_eq!(message.header.focal(), Some(current));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_version(&mut self, versioned: &ResourceUrl) {
        let is_same = |url: &ResourceUrl| url.same_resource(versioned);
        let Some(entry) = self.entries_mut().find(|entry| entry.url().is_some_and(is_same)) else { return };
        entry.names.set_version(versioned);
        self.header.set_data_version(versioned);
    }

    /// The patient whom the message is about, if the message holds the resource.
    pub fn patient(&self) -> Option<&MessageEntry> {
        self.resolve(self.header.patient()?)
    }

    /// The message as a bundle.
    ///
    /// The bundle of a composed message starts with the header and the focal resource. The id of an entry is
    /// its address without version, and its self link is the address with the version, if that is known. The
    /// bundle of a message that was read is the same as before, with the changes. One quirk is corrected:
    /// [`Header`] moves a `reference` that stands outside `data` into it.
    pub fn into_bundle(self) -> Bundle {
        let mut entries: Vec<Entry> = self.related.into_iter().map(MessageEntry::into_entry).collect();
        let mut insert = |at: usize, entry| entries.insert(at.min(entries.len()), entry);
        let Some(layout) = self.layout else {
            insert(0, self.focal.into_entry());
            insert(0, self.header.into_entry());
            let bundle = envelope(self.domain.as_deref());
            return Bundle { id: self.id.or(bundle.id), entry: entries, ..bundle };
        };
        insert(layout.focal, self.focal.into_entry());
        insert(layout.header, self.header.into_entry());
        for (at, entry) in layout.empty {
            insert(at, entry);
        }
        let mut bundle = Bundle { id: self.id, entry: entries, ..layout.bundle };
        if domain_of(&bundle) != self.domain.as_deref() {
            bundle.category.retain(|category| !is_domain_tag(category));
            bundle.category.splice(0..0, self.domain.as_deref().map(domain_tag));
        }
        bundle
    }
}

impl From<Message> for Bundle {
    fn from(message: Message) -> Self {
        message.into_bundle()
    }
}

/// An empty bundle with a fresh id, the current time, and the tags of a message in this domain.
fn envelope(domain: Option<&str>) -> Bundle {
    Bundle {
        id: Some(fresh_id()),
        updated: Instant::now().into(),
        category: domain.map(domain_tag).into_iter().chain([message_tag()]).collect(),
        ..Bundle::default()
    }
}

pub(crate) fn fresh_id() -> String {
    Uuid::new_v4().urn().to_string()
}

/// The tag that names the domain. Every bundle that is exchanged has it.
pub fn domain_tag(domain: &str) -> Category {
    let term = format!("{DOMAIN_TAG_PREFIX}{domain}");
    Category { label: domain.to_owned(), ..Category::new(SECURITY_TAG_SCHEME, term) }
}

/// The tag that marks a bundle as a message.
pub fn message_tag() -> Category {
    Category::new(TAG_SCHEME, MESSAGE_TAG)
}

fn is_domain_tag(category: &Category) -> bool {
    category.scheme == SECURITY_TAG_SCHEME && category.term.starts_with(DOMAIN_TAG_PREFIX)
}

/// The name of the domain in the security tag of a bundle, if it has one.
///
/// ```
/// use koppeltaal_fhir::Bundle;
/// use koppeltaal_messaging::{domain_of, domain_tag};
///
/// let bundle = Bundle { category: vec![domain_tag("Zonnedauw")], ..Bundle::default() };
/// assert_eq!(domain_of(&bundle), Some("Zonnedauw"));
/// ```
pub fn domain_of(bundle: &Bundle) -> Option<&str> {
    let mut tags = bundle.category.iter().filter(|category| is_domain_tag(category));
    tags.find_map(|category| category.term.strip_prefix(DOMAIN_TAG_PREFIX)).filter(|name| !name.is_empty())
}
