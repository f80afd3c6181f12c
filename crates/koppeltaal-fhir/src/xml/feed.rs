//! Atom feeds: the XML form of a bundle. By the schema, children come in any order and any number. Each of
//! them is read in `atom`.

use koppeltaal_fhir_base::parts::UnknownContent;
use koppeltaal_fhir_base::primitives::primitive::{AnyPrimitive, Verdict};
use koppeltaal_fhir_base::primitives::scalar::is_xml_space;
use koppeltaal_fhir_base::structure::growth;
use koppeltaal_fhir_base::xml::{Element, Namespace, Result, Token};
use koppeltaal_fhir_base::{Rule, Severity, Unknown, UnknownNode};

use super::FeedReader;
use crate::bundle::{Bundle, Entry};
use crate::primitives::Primitive;

impl<'t> FeedReader<'t> {
    pub(super) fn feed(&mut self, root: &Element<'t>) -> Result<Bundle> {
        let mut bundle = Bundle::default();
        self.atom_attributes(root, &mut bundle.unknown)?;
        let mut children = 0;
        while let Some(child) = self.next_child(root, &mut bundle.unknown)? {
            children += 1;
            if bundle.signature.value.is_some() {
                self.report
                    .finding(Rule::ORDER, child.name, child.tag.offset)
                    .expected("one Signature, at the end")
                    .found("something behind it")?;
            }
            self.feed_child(&mut bundle, &child)?;
        }
        // The schema wants three children, but it counts an optional category even if that is absent. So this
        // is a warning only.
        if children < 3 {
            let found = format_args!("{children}");
            self.report
                .finding(Rule::BUNDLE, "", root.tag.offset)
                .severity(Severity::Warning)
                .expected("at least three elements in a feed")
                .found(found)?;
        }
        Ok(bundle)
    }

    /// One element of a feed.
    pub(super) fn feed_child(&mut self, bundle: &mut Bundle, child: &Element<'t>) -> Result<()> {
        let unknown = &mut bundle.unknown;
        match child.name {
            "title" => self.title(child, &mut bundle.title, unknown),
            "id" => self.atom_id(child, &mut bundle.id, unknown),
            "updated" => self.atom_value(child, &mut bundle.updated, unknown),
            "link" => {
                let link = self.link(child)?;
                self.add(&mut bundle.link, link, child.tag.offset)
            }
            "category" => {
                let category = self.category(child)?;
                self.add(&mut bundle.category, category, child.tag.offset)
            }
            "author" => {
                let author = self.author(child)?;
                self.add(&mut bundle.author, author, child.tag.offset)
            }
            "totalResults" => {
                self.expect_namespace(child, Namespace::OpenSearch)?;
                self.bare_value(child, &mut bundle.total_results, unknown)
            }
            "score" => self.score(child, unknown),
            "entry" | "deleted-entry" => {
                if bundle.entry.len() == self.report.limits().entries {
                    let limit = format!("more than {} entries", self.report.limits().entries);
                    return Err(self.report.limit(limit, child.tag.offset));
                }
                self.report.enter("entry", Some(bundle.entry.len()), child.tag.offset)?;
                let entry =
                    if child.name == "entry" { self.entry(child)? } else { self.deleted_entry(child)? };
                self.add(&mut bundle.entry, entry, child.tag.offset)?;
                self.report.leave();
                Ok(())
            }
            "Signature" if child.namespace == Namespace::Signature && bundle.signature.is_absent() => {
                let markup = self.capture(child, Namespace::None)?;
                bundle.signature = Primitive::new(markup);
                Ok(())
            }
            _ => self.unknown_child(child, unknown),
        }
    }

    /// Adds an item to a list of the feed, and accounts for its memory.
    fn add<T>(&mut self, list: &mut Vec<T>, item: T, offset: usize) -> Result<()> {
        let growth = growth(list);
        self.report.charge_growth(growth * size_of::<T>(), list.is_empty(), offset)?;
        list.reserve_exact(growth);
        list.push(item);
        Ok(())
    }

    fn entry(&mut self, element: &Element<'t>) -> Result<Entry> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut entry = Entry::default();
        self.atom_attributes(element, &mut entry.unknown)?;
        let mut is_empty = true;
        while let Some(child) = self.next_child(element, &mut entry.unknown)? {
            is_empty = false;
            self.entry_child(&mut entry, &child)?;
        }
        if is_empty {
            self.report
                .finding(Rule::BUNDLE, "", element.tag.offset)
                .severity(Severity::Warning)
                .expected("at least one element in an entry")
                .found("none")?;
        }
        Ok(entry)
    }

    /// One element of an entry.
    pub(super) fn entry_child(&mut self, entry: &mut Entry, child: &Element<'t>) -> Result<()> {
        let unknown = &mut entry.unknown;
        match child.name {
            "title" => self.title(child, &mut entry.title, unknown),
            "id" => self.atom_id(child, &mut entry.id, unknown),
            "updated" => self.atom_value(child, &mut entry.updated, unknown),
            "published" => self.atom_value(child, &mut entry.published, unknown),
            "link" => {
                let link = self.link(child)?;
                self.add(&mut entry.link, link, child.tag.offset)
            }
            "category" => {
                let category = self.category(child)?;
                self.add(&mut entry.category, category, child.tag.offset)
            }
            "author" => {
                let author = self.author(child)?;
                self.add(&mut entry.author, author, child.tag.offset)
            }
            "content" => self.content(child, &mut entry.content, unknown),
            "summary" => self.summary(child, &mut entry.summary, unknown),
            _ => self.unknown_child(child, unknown),
        }
    }

    /// `<at:deleted-entry ref=".." when="..">` with one link.
    fn deleted_entry(&mut self, element: &Element<'t>) -> Result<Entry> {
        self.expect_namespace(element, Namespace::Tombstone)?;
        let mut entry = Entry::default();
        let offset = element.tag.offset;
        let (mut reference, mut when) = (None, None);
        for (name, raw) in element.all_attributes() {
            match name {
                "ref" => reference = Some(raw),
                "when" => when = Some(raw),
                _ => self.unknown_attribute(&mut entry.unknown, element, name, raw)?,
            }
        }
        match reference {
            Some(raw) => entry.id = Some(self.value(raw, offset)?.into_owned()),
            None => self.report.missing("ref", offset)?,
        }
        match when {
            Some(raw) => {
                let when = self.value(raw, offset)?;
                match entry.deleted.set(when) {
                    Verdict::Valid => {}
                    verdict => self.report.value("when", &entry.deleted, verdict, offset)?,
                }
            }
            None => self.report.missing("when", offset)?,
        }
        while let Some(child) = self.next_child(element, &mut entry.unknown)? {
            match child.name {
                "link" => {
                    let link = self.tombstone_link(&child)?;
                    self.add(&mut entry.link, link, child.tag.offset)?;
                }
                _ => self.unknown_child(&child, &mut entry.unknown)?,
            }
        }
        if entry.link.len() != 1 {
            let found = format_args!("{}", entry.link.len());
            self.report
                .finding(Rule::BUNDLE, "link", offset)
                .expected("exactly one link in a deleted entry")
                .found(found)?;
        }
        Ok(entry)
    }

    /// The next child element; white space is passed over, other text kept as unknown.
    pub(super) fn next_child(
        &mut self,
        parent: &Element<'t>,
        unknown: &mut Unknown,
    ) -> Result<Option<Element<'t>>> {
        if parent.tag.is_empty {
            return Ok(None);
        }
        loop {
            match self.token()? {
                Token::Start => return self.open(parent.scope).map(Some),
                Token::End => return Ok(None),
                Token::Space(_) => {}
                Token::Text(text) => {
                    let text = text.trim_matches(is_xml_space);
                    if !text.is_empty() {
                        self.text_between_parts(text, unknown)?;
                    }
                }
                Token::Eof => return Err(self.ends_early()),
            }
        }
    }

    #[cold]
    fn text_between_parts(&mut self, text: &str, unknown: &mut Unknown) -> Result<()> {
        let offset = self.tokens.offset();
        let found = format_args!("{text:?}");
        self.report.finding(Rule::STRAY_TEXT, "", offset).expected("no text here").found(found)?;
        self.report.charge(UnknownNode::COST, offset)?;
        let content = UnknownContent::XmlText(text.to_owned());
        unknown.push(UnknownNode { name: String::new(), content, after: 0 });
        Ok(())
    }

    #[cold]
    pub(super) fn unknown_child(&mut self, child: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        self.report
            .finding(Rule::UNKNOWN_ELEMENT, child.name, child.tag.offset)
            .expected("an element of the feed")
            .found(child.name)?;
        self.report.charge(UnknownNode::COST, child.tag.offset)?;
        let content = UnknownContent::XmlElement(self.capture(child, Namespace::Atom)?);
        unknown.push(UnknownNode { name: child.name.to_owned(), content, after: 0 });
        Ok(())
    }
}
