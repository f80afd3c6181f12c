//! [`Message`]: a header, the resource it is about, and the resources that come along.

use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Bundle, Category, Entry};
use uuid::Uuid;

use crate::entry::{Index, MessageEntry};
use crate::generated::valuesets::Event;
use crate::header::Header;
use crate::vocabulary::{DOMAIN_TAG_PREFIX, MESSAGE_TAG, SECURITY_TAG_SCHEME, TAG_SCHEME};

/// A message of one of the eight events.
///
/// Made by [`compose`](Self::compose) or [`extract`](Self::extract), turned into a bundle by
/// [`into_bundle`](Self::into_bundle). A message that was read remembers what else its bundle held, so the bundle comes
/// back as it came but for what was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The bundle's id, as a rule `urn:uuid:` and a UUID.
    pub id: Option<String>,
    /// The domain in which the message is sent.
    pub domain: Option<String>,
    /// The header.
    pub header: Header,
    /// The resource that the message is about.
    pub focal: MessageEntry,
    /// The other resources, in their order in the bundle.
    pub related: Vec<MessageEntry>,
    /// The event, for as long as the header does not say another one.
    pub(crate) event: Event,
    /// What the bundle held besides; none for a new message.
    pub(crate) layout: Option<Box<Layout>>,
}

/// How a bundle was laid out that became a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The bundle without its entries.
    pub(crate) bundle: Bundle,
    /// Where the focal resource stood among the resources without the header.
    pub(crate) focal: usize,
    /// Where the header stood among the entries that hold resources.
    pub(crate) header: usize,
    /// The entries without a resource, with their places.
    pub(crate) empty: Vec<(usize, Entry)>,
}

impl Message {
    /// What happened: what the header says.
    pub fn event(&self) -> Event {
        self.header.event().unwrap_or(self.event)
    }

    /// All resources but the header, the focal one first.
    pub fn entries(&self) -> impl Iterator<Item = &MessageEntry> {
        std::iter::once(&self.focal).chain(&self.related)
    }

    /// All resources but the header, to change them. What refers to them does not follow.
    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut MessageEntry> {
        std::iter::once(&mut self.focal).chain(&mut self.related)
    }

    /// The resource in this message that a reference points to: by the id or self link of its entry, by its address
    /// whatever the version, or by type and id alone where that is no matter of doubt.
    pub fn resolve(&self, reference: &str) -> Option<&MessageEntry> {
        let position = Index::of(self.entries().map(|entry| &entry.names)).resolve(reference)?;
        self.entries().nth(position)
    }

    /// The patient whom the message is about, if the message holds the resource.
    pub fn patient(&self) -> Option<&MessageEntry> {
        self.resolve(self.header.patient()?)
    }

    /// The message as a bundle.
    ///
    /// A composed one: the header first, then the focal resource; each entry's id is the address without version, its
    /// self link the address with version when one is known. One that was read: as it came, with what was changed. The
    /// one thing that differs is what [`Header`] puts in its place, a reference that lost the `data` round it.
    pub fn into_bundle(self) -> Bundle {
        let mut entries: Vec<Entry> = self.related.into_iter().map(MessageEntry::into_entry).collect();
        let mut insert = |at: usize, entry| entries.insert(at.min(entries.len()), entry);
        let Some(layout) = self.layout else {
            insert(0, self.focal.into_entry());
            insert(0, self.header.into_entry());
            let bundle = envelope(self.domain.as_deref());
            return Bundle { id: self.id.or_else(|| Some(fresh_id())), entry: entries, ..bundle };
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
pub(crate) fn envelope(domain: Option<&str>) -> Bundle {
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

/// The tag of a bundle that names the domain: every bundle that is exchanged has it.
pub fn domain_tag(domain: &str) -> Category {
    let term = format!("{DOMAIN_TAG_PREFIX}{domain}");
    Category { label: domain.to_owned(), ..Category::new(SECURITY_TAG_SCHEME, term) }
}

/// The tag that says that a bundle is a message.
pub fn message_tag() -> Category {
    Category::new(TAG_SCHEME, MESSAGE_TAG)
}

fn is_domain_tag(category: &Category) -> bool {
    category.scheme == SECURITY_TAG_SCHEME && category.term.starts_with(DOMAIN_TAG_PREFIX)
}

/// The name of the domain that a bundle's security tag says, if it has one.
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
