//! Atom feeds: the XML form of a bundle. Children come in any order; the schema asks for little else.

use super::element::Element;
use super::names::Namespace;
use super::read::{ERROR, Reader, Result, WARNING};
use super::tag::RawValue;
use super::tokens::Token;
use crate::bundle::{Author, Bundle, Category, Entry, Link};
use crate::finding::Rule;
use crate::primitive::{AnyPrimitive, Primitive, ScalarKind, Verdict};
use crate::primitives::is_xml_space;
use crate::structure::growth;
use crate::unknown::{Unknown, UnknownContent, UnknownNode};
use crate::xhtml::Xhtml;

impl<'t> Reader<'t> {
    pub(super) fn feed(&mut self, root: &Element<'t>) -> Result<Bundle> {
        let mut bundle = Bundle::default();
        self.atom_attributes(root, &mut bundle.unknown, &[])?;
        let mut children = 0;
        let mut signed = false;
        while let Some(child) = self.next_child(root, &mut bundle.unknown)? {
            children += 1;
            if signed {
                self.report.find(
                    (ERROR, Rule::ORDER),
                    child.name,
                    child.tag.offset,
                    "the Signature last",
                    "it before",
                )?;
            }
            match child.name {
                "title" => self.atom_text("title", &child, &mut bundle.title)?,
                "id" => bundle.id = Some(self.atom_id(&child)?),
                "updated" => self.atom_text("updated", &child, &mut bundle.updated)?,
                "link" => {
                    let link = self.link(&child, Namespace::Atom)?;
                    self.add(&mut bundle.link, link, child.tag.offset)?;
                }
                "category" => {
                    let category = self.category(&child)?;
                    self.add(&mut bundle.category, category, child.tag.offset)?;
                }
                "author" => {
                    let author = self.author(&child)?;
                    self.add(&mut bundle.author, author, child.tag.offset)?;
                }
                "totalResults" => {
                    self.expect_namespace(&child, Namespace::OpenSearch)?;
                    self.text_value("totalResults", &child, &mut bundle.total_results)?;
                }
                "entry" | "deleted-entry" => {
                    if bundle.entry.len() == self.report.limits().entries {
                        let limit = format!("more than {} entries", self.report.limits().entries);
                        return Err(self.report.limit(limit, child.tag.offset));
                    }
                    self.report.enter("entry", Some(bundle.entry.len()), child.tag.offset)?;
                    let entry =
                        if child.name == "entry" { self.entry(&child)? } else { self.deleted_entry(&child)? };
                    self.add(&mut bundle.entry, entry, child.tag.offset)?;
                    self.report.leave();
                }
                "Signature" => {
                    signed = true;
                    let markup = self.capture(&child, Namespace::None)?;
                    bundle.signature = Primitive::new(markup);
                }
                _ => self.unknown_child(&child, &mut bundle.unknown)?,
            }
        }
        // The schema wants three, but counts a category that is not there.
        if children < 3 {
            let found = format_args!("{children}");
            self.report.find(
                (WARNING, Rule::BUNDLE),
                "",
                root.tag.offset,
                "at least three elements in a feed",
                found,
            )?;
        }
        Ok(bundle)
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
        self.atom_attributes(element, &mut entry.unknown, &[])?;
        let mut is_empty = true;
        while let Some(child) = self.next_child(element, &mut entry.unknown)? {
            is_empty = false;
            match child.name {
                "title" => self.atom_text("title", &child, &mut entry.title)?,
                "id" => entry.id = Some(self.atom_id(&child)?),
                "updated" => self.atom_text("updated", &child, &mut entry.updated)?,
                "published" => self.atom_text("published", &child, &mut entry.published)?,
                "link" => {
                    let link = self.link(&child, Namespace::Atom)?;
                    self.add(&mut entry.link, link, child.tag.offset)?;
                }
                "category" => {
                    let category = self.category(&child)?;
                    self.add(&mut entry.category, category, child.tag.offset)?;
                }
                "author" => {
                    let author = self.author(&child)?;
                    self.add(&mut entry.author, author, child.tag.offset)?;
                }
                "content" if entry.content.is_none() => {
                    self.expect_namespace(&child, Namespace::Atom)?;
                    self.atom_attributes(&child, &mut entry.unknown, &["type"])?;
                    self.report.enter("content", None, child.tag.offset)?;
                    let mut resources = Vec::new();
                    self.contained(&mut resources, &child)?;
                    entry.content = resources.into_iter().next();
                    self.report.leave();
                }
                "summary" if entry.summary.is_empty() => {
                    entry.summary = self.summary(&child, &mut entry.unknown)?;
                }
                "content" | "summary" => {
                    // Legal by the schema's repeating choice, meaningless all the same.
                    let found = "another one";
                    self.report.find(
                        (WARNING, Rule::MAXIMUM),
                        child.name,
                        child.tag.offset,
                        "it once",
                        found,
                    )?;
                    self.keep_child(&child, &mut entry.unknown)?;
                }
                _ => self.unknown_child(&child, &mut entry.unknown)?,
            }
        }
        if is_empty {
            self.report.find(
                (WARNING, Rule::BUNDLE),
                "",
                element.tag.offset,
                "at least one element in an entry",
                "none",
            )?;
        }
        Ok(entry)
    }

    /// `<at:deleted-entry ref=".." when="..">` with one link.
    fn deleted_entry(&mut self, element: &Element<'t>) -> Result<Entry> {
        self.expect_namespace(element, Namespace::Tombstone)?;
        let mut entry = Entry::default();
        self.atom_attributes(element, &mut entry.unknown, &["ref", "when"])?;
        let offset = element.tag.offset;
        match element.attribute("ref") {
            Some(raw) => entry.id = Some(self.value(raw, offset)?.into_owned()),
            None => self.report.find((ERROR, Rule::MINIMUM), "ref", offset, "a value", "nothing")?,
        }
        match element.attribute("when") {
            Some(raw) => {
                let when = self.value(raw, offset)?;
                match entry.deleted.set(when) {
                    Verdict::Valid => {}
                    verdict => self.report.value("when", &entry.deleted, verdict, offset)?,
                }
            }
            None => self.report.find((ERROR, Rule::MINIMUM), "when", offset, "a value", "nothing")?,
        }
        while let Some(child) = self.next_child(element, &mut entry.unknown)? {
            match child.name {
                "link" => {
                    let link = self.link(&child, Namespace::Tombstone)?;
                    if !matches!(&*link.rel, "" | "self") {
                        let found = format_args!("{:?}", link.rel);
                        self.report.find(
                            (ERROR, Rule::BUNDLE),
                            "link.rel",
                            child.tag.offset,
                            "self",
                            found,
                        )?;
                    }
                    self.add(&mut entry.link, link, child.tag.offset)?;
                }
                _ => self.unknown_child(&child, &mut entry.unknown)?,
            }
        }
        if entry.link.len() != 1 {
            let found = format_args!("{}", entry.link.len());
            self.report.find(
                (ERROR, Rule::BUNDLE),
                "link",
                offset,
                "exactly one link in a deleted entry",
                found,
            )?;
        }
        Ok(entry)
    }

    /// The next child element; white space is passed over, other text kept as unknown.
    fn next_child(&mut self, parent: &Element<'t>, unknown: &mut Unknown) -> Result<Option<Element<'t>>> {
        if parent.tag.is_empty {
            return Ok(None);
        }
        loop {
            match self.token()? {
                Token::Start => return self.open(parent.scope).map(Some),
                Token::End => return Ok(None),
                Token::Space(_) => {}
                Token::Text(text) => {
                    let found = format_args!("{text:?}");
                    self.report.find(
                        (ERROR, Rule::STRAY_TEXT),
                        "",
                        self.tokens.offset(),
                        "no text here",
                        found,
                    )?;
                    self.report.charge(UnknownNode::COST, self.tokens.offset())?;
                    let content = UnknownContent::XmlText(text.trim_matches(is_xml_space).to_owned());
                    unknown.push(UnknownNode { name: String::new(), content, after: 0 });
                }
                Token::Eof => return Err(self.ends_early()),
            }
        }
    }

    #[cold]
    fn unknown_child(&mut self, child: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        self.report.find(
            (ERROR, Rule::UNKNOWN_ELEMENT),
            "",
            child.tag.offset,
            "an element of the feed",
            child.name,
        )?;
        self.keep_child(child, unknown)
    }

    /// Keeps a child as it is.
    fn keep_child(&mut self, child: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        self.report.charge(UnknownNode::COST, child.tag.offset)?;
        let content = UnknownContent::XmlElement(self.capture(child, Namespace::Atom)?);
        unknown.push(UnknownNode { name: child.name.to_owned(), content, after: 0 });
        Ok(())
    }

    /// Keeps the attributes that are not in `known`. Atom allows `xml:base` and `xml:lang` everywhere.
    fn atom_attributes(
        &mut self,
        element: &Element<'t>,
        unknown: &mut Unknown,
        known: &[&str],
    ) -> Result<()> {
        for (name, raw) in all_attributes(element) {
            if !known.contains(&name) {
                self.atom_attribute(element, unknown, name, raw)?;
            }
        }
        Ok(())
    }

    #[cold]
    fn atom_attribute(
        &mut self,
        element: &Element<'t>,
        unknown: &mut Unknown,
        name: &str,
        raw: RawValue<'t>,
    ) -> Result<()> {
        if !matches!(name, "xml:base" | "xml:lang") {
            return self.unknown_attribute(unknown, element, name, raw);
        }
        let value = self.value(raw, element.tag.offset)?.into_owned();
        let content = UnknownContent::XmlAttribute { value, namespace: None };
        unknown.push(UnknownNode { name: name.to_owned(), content, after: 0 });
        Ok(())
    }

    /// Checks the attributes of an element that becomes a plain value, which has no place for them.
    fn unkept_attributes(&mut self, name: &str, element: &Element<'t>, known: &[&str]) -> Result<()> {
        let offset = element.tag.offset;
        if element.tag.first_other.is_none() && element.value().is_none() {
            return Ok(());
        }
        let mut unknown = Unknown::default();
        self.atom_attributes(element, &mut unknown, known)?;
        for node in &unknown {
            let expected = "no attribute, or one that may be dropped";
            self.report.find((WARNING, Rule::UNKNOWN_ATTRIBUTE), name, offset, expected, node.name())?;
        }
        if let Some(raw) = element.attribute("type") {
            let text_type = self.value(raw, offset)?;
            if known.contains(&"type") && !matches!(text_type.trim(), "text" | "html" | "xhtml") {
                let found = format_args!("{text_type:?}");
                self.report.find((ERROR, Rule::BUNDLE), name, offset, "type text, html or xhtml", found)?;
            }
        }
        Ok(())
    }

    /// The text of an element that has nothing else.
    fn text(&mut self, element: &Element<'t>) -> Result<String> {
        let mut whole = String::new();
        if element.tag.is_empty {
            return Ok(whole);
        }
        loop {
            // White space counts here: it may stand between two references.
            let token = self.tokens.next_or_remark();
            let Some(token) = token.map_err(|error| self.report.malformed(error.problem, error.offset))?
            else {
                continue;
            };
            match token {
                Token::Text(text) => whole.push_str(&text),
                Token::Space(text) => whole.push_str(text),
                Token::End => return Ok(whole),
                Token::Start => {
                    let child = self.open(element.scope)?;
                    self.report.find(
                        (ERROR, Rule::UNKNOWN_ELEMENT),
                        element.name,
                        child.tag.offset,
                        "text",
                        child.name,
                    )?;
                    self.pass_over(&child)?;
                }
                Token::Eof => return Err(self.ends_early()),
            }
        }
    }

    /// An Atom element whose text is the value of a field.
    fn atom_text(&mut self, name: &str, element: &Element<'t>, value: &mut dyn AnyPrimitive) -> Result<()> {
        self.expect_namespace(element, Namespace::Atom)?;
        self.text_value(name, element, value)
    }

    fn text_value(&mut self, name: &str, element: &Element<'t>, value: &mut dyn AnyPrimitive) -> Result<()> {
        let offset = element.tag.offset;
        let known: &[&str] = if name == "title" { &["type"] } else { &[] };
        self.unkept_attributes(name, element, known)?;
        if !value.is_absent() {
            // Legal by the schema's repeating choice, meaningless all the same.
            self.report.find(
                (WARNING, Rule::MAXIMUM),
                name,
                offset,
                "it once",
                "another one, which counts",
            )?;
        }
        let text = self.text(element)?;
        let is_text = value.kind() == ScalarKind::String;
        match value.set(text.into()) {
            Verdict::Valid => Ok(()),
            // The schema lets titles and ids be empty.
            Verdict::Invalid if is_text && name == "title" => Ok(()),
            Verdict::Invalid if is_text => {
                self.report.find((WARNING, Rule::EMPTY), name, offset, "a value", "an empty one")
            }
            verdict => self.report.value(name, value, verdict, offset),
        }
    }

    fn atom_id(&mut self, element: &Element<'t>) -> Result<String> {
        let mut value = Primitive::<String>::default();
        self.atom_text("id", element, &mut value)?;
        // An id is a URI, of which blanks at the ends are no part.
        Ok(value.value.unwrap_or_default().trim_matches(is_xml_space).to_owned())
    }

    fn link(&mut self, element: &Element<'t>, namespace: Namespace) -> Result<Link> {
        // Tombstones have links in their own namespace by the schema, in Atom's by the standard's example.
        if namespace == Namespace::Atom || element.namespace != Namespace::Atom {
            self.expect_namespace(element, namespace)?;
        } else {
            self.report.find(
                (ERROR, Rule::NAMESPACE),
                "link",
                element.tag.offset,
                "the tombstones namespace",
                "Atom's",
            )?;
        }
        let mut link = Link::default();
        let fields = [("rel", &mut link.rel), ("href", &mut link.href)];
        self.string_attributes(element, fields, &["href"], &mut link.unknown)?;
        self.no_children(element)?;
        Ok(link)
    }

    fn category(&mut self, element: &Element<'t>) -> Result<Category> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut category = Category::default();
        let fields =
            [("term", &mut category.term), ("scheme", &mut category.scheme), ("label", &mut category.label)];
        self.string_attributes(element, fields, &["term", "scheme"], &mut category.unknown)?;
        self.no_children(element)?;
        Ok(category)
    }

    fn author(&mut self, element: &Element<'t>) -> Result<Author> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut author = Author::default();
        self.atom_attributes(element, &mut author.unknown, &[])?;
        while let Some(child) = self.next_child(element, &mut author.unknown)? {
            let known: &mut dyn AnyPrimitive = match child.name {
                "name" => &mut author.name,
                "uri" => &mut author.uri,
                _ => {
                    self.unknown_child(&child, &mut author.unknown)?;
                    continue;
                }
            };
            if !known.is_absent() {
                self.report.find(
                    (WARNING, Rule::MAXIMUM),
                    child.name,
                    child.tag.offset,
                    "it once",
                    "another one",
                )?;
            }
            self.expect_namespace(&child, Namespace::Atom)?;
            let text = self.text(&child)?;
            known.set(text.into());
        }
        Ok(author)
    }

    fn summary(&mut self, element: &Element<'t>, unknown: &mut Unknown) -> Result<Xhtml> {
        self.unkept_attributes("summary", element, &["type"])?;
        let mut summary = Xhtml::default();
        while let Some(child) = self.next_child(element, unknown)? {
            if child.name == "div" && summary.is_empty() {
                summary = self.capture_narrative(&child, "summary")?;
            } else {
                self.report.find(
                    (ERROR, Rule::NARRATIVE),
                    "summary",
                    child.tag.offset,
                    "one div",
                    child.name,
                )?;
                self.keep_child(&child, unknown)?;
            }
        }
        Ok(summary)
    }

    /// Reads attributes into the fields of these names, some of them mandatory; others are kept.
    fn string_attributes<const N: usize>(
        &mut self,
        element: &Element<'t>,
        fields: [(&str, &mut String); N],
        mandatory: &[&str],
        unknown: &mut Unknown,
    ) -> Result<()> {
        let offset = element.tag.offset;
        let mut fields = fields.map(|(name, value)| (name, value, false));
        for (name, raw) in all_attributes(element) {
            match fields.iter_mut().find(|(field, ..)| *field == name) {
                Some((_, value, is_there)) => {
                    **value = self.value(raw, offset)?.into_owned();
                    *is_there = true;
                }
                None => self.atom_attribute(element, unknown, name, raw)?,
            }
        }
        for (name, _, is_there) in fields {
            if !is_there && mandatory.contains(&name) {
                let place = format!("{}.{name}", element.name);
                self.report.find((ERROR, Rule::MINIMUM), &place, offset, "a value", "nothing")?;
            }
        }
        Ok(())
    }

    /// Reads to the end of an element that has only attributes.
    fn no_children(&mut self, element: &Element<'t>) -> Result<()> {
        let mut unknown = Unknown::default();
        while let Some(child) = self.next_child(element, &mut unknown)? {
            self.report.find(
                (ERROR, Rule::UNKNOWN_ELEMENT),
                element.name,
                child.tag.offset,
                "no elements",
                child.name,
            )?;
            self.pass_over(&child)?;
        }
        Ok(())
    }
}

/// The attributes of an element but namespace declarations; those that FHIR lives on have no meaning in Atom.
fn all_attributes<'t>(element: &Element<'t>) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
    let common = [("id", element.id), ("value", element.value())];
    common.into_iter().filter_map(|(name, raw)| Some((name, raw?))).chain(element.attributes())
}
