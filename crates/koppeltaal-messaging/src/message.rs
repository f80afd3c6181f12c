//! [`Message`]: a header, the resource it is about, and the resources that come along.

use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Bundle, Category};
use uuid::Uuid;

use crate::entry::{MessageEntry, resolve};
use crate::event::Event;
use crate::header::Header;
use crate::vocabulary::{DOMAIN_TAG_PREFIX, MESSAGE_TAG, SECURITY_TAG_SCHEME, TAG_SCHEME};

/// A message of one of the eight events.
///
/// Made by [`compose`](Self::compose) or [`extract`](Self::extract), turned into a bundle by
/// [`into_bundle`](Self::into_bundle). What Atom says about a bundle beyond Koppeltaal's use of it (titles, authors,
/// times of entries, deleted entries) is not part of a message.
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
    pub(crate) event: Event,
}

impl Message {
    /// What happened.
    pub fn event(&self) -> Event {
        self.event
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
        let index = resolve(self.entries().map(|entry| &entry.names), reference)?;
        self.entries().nth(index)
    }

    /// The patient whom the message is about, if the message holds the resource.
    pub fn patient(&self) -> Option<&MessageEntry> {
        self.resolve(self.header.patient()?)
    }

    /// The message as a bundle (Koppeltaal spec section 4): the header first, then the focal resource; each entry's
    /// id is the address without version, its self link the address with version when one is known.
    pub fn into_bundle(self) -> Bundle {
        let mut bundle = envelope(self.domain.as_deref());
        if self.id.is_some() {
            bundle.id = self.id;
        }
        bundle.entry.push(self.header.into_entry());
        bundle.entry.push(self.focal.into_entry());
        bundle.entry.extend(self.related.into_iter().map(MessageEntry::into_entry));
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
    let domain_tag = |name: &str| Category {
        label: name.to_owned(),
        ..Category::new(SECURITY_TAG_SCHEME, format!("{DOMAIN_TAG_PREFIX}{name}"))
    };
    Bundle {
        id: Some(fresh_id()),
        updated: Instant::now().into(),
        category: domain
            .map(domain_tag)
            .into_iter()
            .chain([Category::new(TAG_SCHEME, MESSAGE_TAG)])
            .collect(),
        ..Bundle::default()
    }
}

pub(crate) fn fresh_id() -> String {
    format!("urn:uuid:{}", Uuid::new_v4())
}

/// The name of the domain that a bundle's security tag says, if it has one.
///
/// ```
/// use koppeltaal_fhir::{Bundle, Category};
/// use koppeltaal_messaging::domain_of;
///
/// let tag = Category::new("http://hl7.org/fhir/tag/security", "http://ggz.koppeltaal.nl/fhir/Koppeltaal/Domain#Zonnedauw");
/// let bundle = Bundle { category: vec![tag], ..Bundle::default() };
/// assert_eq!(domain_of(&bundle), Some("Zonnedauw"));
/// ```
pub fn domain_of(bundle: &Bundle) -> Option<&str> {
    let mut security_tags = bundle.category.iter().filter(|category| category.scheme == SECURITY_TAG_SCHEME);
    security_tags
        .find_map(|category| category.term.strip_prefix(DOMAIN_TAG_PREFIX))
        .filter(|name| !name.is_empty())
}
