//! [`Bundle`]: an Atom feed in XML, an object of `resourceType` Bundle in JSON.
//!
//! DSTU1 has no Bundle resource with elements and extensions; it borrows Atom. The JSON form looks like any
//! other type, so bundles describe themselves as structures and JSON needs no code for them. Atom does:
//! `xml::feed`.

use koppeltaal_fhir_base::findings::{Failure, Report};
use koppeltaal_fhir_base::{Rule, Unknown, Xhtml, describe};

use crate::primitives::{Instant, Primitive};
use crate::resource::Resource;

/// A list of resources: a message, a document, a search result, a history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bundle {
    /// The bundle's own identity, usually `urn:uuid:` and a UUID.
    pub id: Option<String>,
    /// A title for people. Koppeltaal messages have none.
    pub title: Primitive<String>,
    /// When the bundle was made or last changed.
    pub updated: Primitive<Instant>,
    /// Links, such as `self`, `next` and `fhir-base`. The same relation may occur again.
    pub link: Vec<Link>,
    /// Tags: what kind of bundle it is, and in Koppeltaal the domain.
    pub category: Vec<Category>,
    /// Who made it.
    pub author: Vec<Author>,
    /// How many results a search has on all pages.
    pub total_results: Primitive<i32>,
    /// The resources, in order; in a message the `MessageHeader` comes first.
    pub entry: Vec<Entry>,
    /// An XML signature, as markup.
    pub signature: Primitive<String>,
    /// What the bundle schema does not have.
    pub unknown: Unknown,
}

/// One resource of a [`Bundle`], or the note that it was deleted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry {
    /// The resource's URL without version.
    pub id: Option<String>,
    /// When the resource was deleted; then there is no content.
    pub deleted: Primitive<Instant>,
    /// A title for people.
    pub title: Primitive<String>,
    /// When the resource last changed.
    pub updated: Primitive<Instant>,
    /// When the resource was put into the bundle.
    pub published: Primitive<Instant>,
    /// Links; relation `self` is the resource's URL with version.
    pub link: Vec<Link>,
    /// Tags of the resource.
    pub category: Vec<Category>,
    /// Who is responsible for the resource.
    pub author: Vec<Author>,
    /// The resource.
    pub content: Option<Resource>,
    /// A summary for people.
    pub summary: Xhtml,
    /// What the entry schema does not have.
    pub unknown: Unknown,
}

/// A link of a bundle or an entry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Link {
    /// What the target is to the source: `self`, `next`, ...
    pub rel: String,
    /// The target.
    pub href: String,
    /// Attributes beyond `rel` and `href`.
    pub unknown: Unknown,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Category {
    /// The tag itself, a URI. Koppeltaal's domain tags hold blanks.
    pub term: String,
    /// Its text for people.
    pub label: String,
    /// What kind of tag it is.
    pub scheme: String,
    /// Attributes beyond these three.
    pub unknown: Unknown,
}

/// Who made a bundle or an entry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Author {
    /// Name.
    pub name: Primitive<String>,
    /// Address of a page or resource about them.
    pub uri: Primitive<String>,
    /// What else was there.
    pub unknown: Unknown,
}

impl Bundle {
    /// The target of the first link with relation `rel`.
    pub fn link(&self, rel: &str) -> Option<&str> {
        href(&self.link, rel)
    }

    /// The resources of the entries, in order.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.entry.iter().filter_map(|entry| entry.content.as_ref())
    }
}

impl Entry {
    /// The target of the first link with relation `rel`; `self` gives the version-specific URL.
    pub fn link(&self, rel: &str) -> Option<&str> {
        href(&self.link, rel)
    }
}

impl Bundle {
    /// Reports what is wrong with the deleted entries.
    pub(crate) fn check_entries(&self, report: &mut Report<'_>, offset: usize) -> Result<(), Failure> {
        for (index, entry) in self.entry.iter().enumerate() {
            for (name, expected, found) in entry.tombstone_problems() {
                report.enter("entry", Some(index), offset)?;
                report.finding(Rule::BUNDLE, name, offset).expected(expected).found(found)?;
                report.leave();
            }
        }
        Ok(())
    }
}

impl Entry {
    /// The problems of a deleted entry (a tombstone in Atom): where, what is expected, what is there.
    pub(crate) fn tombstone_problems(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut problems = Vec::new();
        if self.deleted.is_absent() {
            return problems;
        }
        if self.id.is_none() {
            problems.push(("id", "the id of what was deleted", "nothing".to_owned()));
        }
        match self.link.as_slice() {
            [link] if matches!(link.rel.as_str(), "" | "self") => {}
            [link] => problems.push(("link", "a link with the relation self", link.rel.clone())),
            links => problems.push(("link", "exactly one link in a deleted entry", links.len().to_string())),
        }
        let others = [
            ("title", !self.title.is_absent()),
            ("updated", !self.updated.is_absent()),
            ("published", !self.published.is_absent()),
            ("category", !self.category.is_empty()),
            ("author", !self.author.is_empty()),
            ("content", self.content.is_some()),
            ("summary", !self.summary.is_empty()),
        ];
        let others = others.into_iter().filter(|(_, is_there)| *is_there);
        problems.extend(
            others.map(|(name, _)| (name, "nothing but id and link in a deleted entry", "it".to_owned())),
        );
        problems
    }
}

impl Link {
    /// A link.
    pub fn new(rel: impl Into<String>, href: impl Into<String>) -> Self {
        Self { rel: rel.into(), href: href.into(), unknown: Unknown::default() }
    }
}

impl Category {
    /// A tag without a label.
    pub fn new(scheme: impl Into<String>, term: impl Into<String>) -> Self {
        Self { scheme: scheme.into(), term: term.into(), ..Self::default() }
    }
}

fn href<'a>(links: &'a [Link], rel: &str) -> Option<&'a str> {
    links.iter().find(|link| link.rel == rel).map(|link| link.href.as_str())
}

describe! { Bundle "Bundle" feed id:
    0 "title" title Primitive optional,
    1 "updated" updated Primitive optional,
    2 "link" link Structure list,
    3 "category" category Structure list,
    4 "author" author Structure list,
    5 "totalResults" total_results Count optional,
    6 "entry" entry Structure list,
    7 "signature" signature Signature optional,
}

describe! { Entry "Entry" feed_part id:
    0 "deleted" deleted Primitive optional,
    1 "title" title Primitive optional,
    2 "updated" updated Primitive optional,
    3 "published" published Primitive optional,
    4 "link" link Structure list,
    5 "category" category Structure list,
    6 "author" author Structure list,
    7 "content" content Resource optional,
    8 "summary" summary Xhtml optional,
}

describe! { Link "Link" feed_part:
    0 "rel" rel Attribute optional,
    1 "href" href Attribute mandatory,
}

describe! { Category "Category" feed_part:
    0 "term" term Attribute mandatory,
    1 "label" label Attribute optional,
    2 "scheme" scheme Attribute mandatory,
}

describe! { Author "Author" feed_part:
    0 "name" name Primitive optional,
    1 "uri" uri Primitive optional,
}
