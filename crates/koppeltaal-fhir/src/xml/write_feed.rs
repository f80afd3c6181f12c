//! From a bundle to an Atom feed.

use koppeltaal_fhir_base::markup::check_signature;
use koppeltaal_fhir_base::parts::{AtomPart, UnknownContent};
use koppeltaal_fhir_base::primitives::primitive::AnyPrimitive;
use koppeltaal_fhir_base::primitives::scalar::{Scalar, is_xml_space};
use koppeltaal_fhir_base::xml::escape_text;
use koppeltaal_fhir_base::{Limits, Unknown, WriteError};

use super::FeedWriter;
use super::atom_parts::form_says;
use super::content_form::RESOURCE;
use crate::bundle::{Author, Bundle, Category, Entry, Link};
use crate::primitives::Primitive;

impl FeedWriter<'_> {
    pub(super) fn feed(&mut self, bundle: &Bundle) {
        self.open("feed");
        self.raw(" xmlns=\"http://www.w3.org/2005/Atom\"");
        self.unknown_attributes(&bundle.unknown);
        self.value_element("title", &bundle.title, &bundle.unknown);
        self.id_element(bundle.id.as_deref(), &bundle.unknown);
        self.value_element("updated", &bundle.updated, &bundle.unknown);
        self.links("link", &bundle.link);
        self.categories(&bundle.category);
        self.authors(&bundle.author);
        if let Some(total) = bundle.total_results.text() {
            self.open("totalResults");
            self.raw(" xmlns=\"http://a9.com/-/spec/opensearch/1.1/\"");
            self.inline_text("totalResults", &total);
        }
        for node in &bundle.unknown {
            self.unknown_node(node);
        }
        for (index, entry) in bundle.entry.iter().enumerate() {
            self.path.push(("entry", Some(index)));
            if entry.deleted.is_absent() {
                self.entry(entry);
            } else {
                self.deleted_entry(entry);
            }
            self.path.pop();
        }
        if let Some(signature) = &bundle.signature.value {
            match check_signature(signature, Limits::default()) {
                Ok(()) => self.markup(signature.trim_matches(is_xml_space)),
                Err(refusal) => self.fail(|_| WriteError::Signature { problem: refusal.into_problem() }),
            }
        }
        self.close("feed");
    }

    fn entry(&mut self, entry: &Entry) {
        self.open("entry");
        self.unknown_attributes(&entry.unknown);
        self.value_element("title", &entry.title, &entry.unknown);
        self.id_element(entry.id.as_deref(), &entry.unknown);
        self.entry_content(entry, "link");
        self.close("entry");
    }

    /// A tombstone. Its namespace has a prefix, so that other elements in it stay in Atom's namespace.
    fn deleted_entry(&mut self, entry: &Entry) {
        let prefix = free_prefix("at", &entry.unknown);
        let name = format!("{prefix}:deleted-entry");
        self.open(&name);
        self.raw(&format!(" xmlns:{prefix}=\"http://purl.org/atompub/tombstones/1.0\""));
        if let Some(id) = &entry.id {
            self.attribute_value("ref", id);
        }
        if let Some(when) = entry.deleted.text() {
            self.attribute_value("when", &when);
        }
        self.unknown_attributes(&entry.unknown);
        self.value_element("title", &entry.title, &entry.unknown);
        self.entry_content(entry, &format!("{prefix}:link"));
        self.close(&name);
    }

    /// What follows title and id.
    fn entry_content(&mut self, entry: &Entry, link: &str) {
        self.value_element("updated", &entry.updated, &entry.unknown);
        self.value_element("published", &entry.published, &entry.unknown);
        self.links(link, &entry.link);
        self.categories(&entry.category);
        self.authors(&entry.author);
        if let Some(resource) = &entry.content {
            self.path.push(("content", None));
            match form(&entry.unknown, "content").and_then(|form| form.split_once(RESOURCE)) {
                Some((before, behind)) => {
                    self.markup(before);
                    self.level += 1;
                    self.any_resource(resource);
                    self.level -= 1;
                    self.raw(behind);
                }
                None => {
                    self.open("content");
                    self.raw(" type=\"text/xml\"");
                    self.any_resource(resource);
                    self.close("content");
                }
            }
            self.path.pop();
        }
        match self.form_of("summary", entry.summary.as_str(), &entry.unknown) {
            Some(form) => self.markup(form),
            None if entry.summary.is_empty() => {}
            None => {
                self.open("summary");
                self.raw(" type=\"xhtml\"");
                self.narrative("summary", &entry.summary);
                self.close("summary");
            }
        }
        // Behind the content: a second content is among them.
        for node in &entry.unknown {
            self.unknown_node(node);
        }
    }

    fn links(&mut self, name: &str, links: &[Link]) {
        for link in links {
            self.open(name);
            if !link.rel.is_empty() {
                self.attribute_value("rel", &link.rel);
            }
            self.attribute_value("href", &link.href);
            self.unknown_attributes(&link.unknown);
            let text = link.unknown.iter().find_map(|node| match &node.content {
                UnknownContent::Atom(AtomPart::Text, text) => Some(text),
                _ => None,
            });
            match text {
                Some(text) => self.inline_text(name, text),
                None => self.close(name),
            }
        }
    }

    fn categories(&mut self, categories: &[Category]) {
        for category in categories {
            self.open("category");
            self.attribute_value("term", &category.term);
            if !category.label.is_empty() {
                self.attribute_value("label", &category.label);
            }
            self.attribute_value("scheme", &category.scheme);
            self.unknown_attributes(&category.unknown);
            self.close("category");
        }
    }

    fn authors(&mut self, authors: &[Author]) {
        for author in authors {
            self.open("author");
            self.unknown_attributes(&author.unknown);
            self.value_element("name", &author.name, &author.unknown);
            self.value_element("uri", &author.uri, &author.unknown);
            for node in &author.unknown {
                self.unknown_node(node);
            }
            self.close("author");
        }
    }

    /// A value as the text of an element; an element that holds nothing is there all the same.
    fn value_element<T: Scalar>(&mut self, name: &str, value: &Primitive<T>, unknown: &Unknown) {
        if value.is_absent() {
            return;
        }
        match self.form_of(name, &value.wire_text().unwrap_or_default(), unknown) {
            Some(form) => self.markup(form),
            None => self.text_element(name, &value.text().unwrap_or_default()),
        }
    }

    fn id_element(&mut self, id: Option<&str>, unknown: &Unknown) {
        let Some(id) = id else { return };
        match self.form_of("id", id, unknown) {
            Some(form) => self.markup(form),
            None => self.text_element("id", id),
        }
    }

    fn text_element(&mut self, name: &str, text: &str) {
        self.open(name);
        if text.is_empty() { self.close(name) } else { self.inline_text(name, text) }
    }

    /// The form in which an element was read, if it still says the same as its field.
    fn form_of<'u>(&self, name: &str, text: &str, unknown: &'u Unknown) -> Option<&'u str> {
        form(unknown, name).filter(|form| form_says(name, form).as_deref() == Some(text))
    }

    /// The text of an open element, and its end, without line breaks that would become part of the text.
    fn inline_text(&mut self, name: &str, text: &str) {
        self.content();
        if let Err(character) = escape_text(self.out, text) {
            self.fail(|path| WriteError::Character { path, character });
        }
        self.level -= 1;
        self.end_tag(name);
    }
}

/// The form of the element `name`, among the parts without a field.
fn form<'u>(unknown: &'u Unknown, name: &str) -> Option<&'u str> {
    unknown.iter().filter(|node| node.name() == name).find_map(|node| match &node.content {
        UnknownContent::Atom(AtomPart::Form, markup) => Some(markup.as_str()),
        _ => None,
    })
}

/// A prefix that no unknown attribute has: `wanted`, or one that starts like it.
fn free_prefix(wanted: &str, unknown: &Unknown) -> String {
    let mut prefix = wanted.to_owned();
    while unknown.iter().any(|node| node.name().split_once(':').is_some_and(|(other, _)| other == prefix)) {
        prefix.push('_');
    }
    prefix
}
