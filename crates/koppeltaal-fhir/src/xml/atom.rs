//! The elements of an Atom feed that hold values: dates, links, categories, authors, content. Those that hold
//! text for people are read in `text_construct`.
//!
//! The model has fields for what a FHIR bundle means. Whatever else the schema allows (a type of text,
//! languages, text beside a resource, an element once more) is kept as an [`AtomPart`]: it is written back,
//! and it is not a finding.

use koppeltaal_fhir_base::parts::{AtomPart, UnknownContent};
use koppeltaal_fhir_base::primitives::primitive::{AnyPrimitive, Verdict};
use koppeltaal_fhir_base::primitives::scalar::{Scalar, ScalarKind, is_xml_space};
use koppeltaal_fhir_base::xml::{Element, Namespace, RawValue, Result, Token, is_language, is_name_token};
use koppeltaal_fhir_base::{Rule, Severity, Unknown, UnknownNode};

use super::FeedReader;
use super::content_form::content_form;
use crate::bundle::{Author, Category, Link};
use crate::primitives::{Decimal, Primitive};
use crate::resource::Resource;

/// Attributes that Atom allows everywhere.
pub(super) const COMMON: &[&str] = &["xml:base", "xml:lang"];
/// Attributes of a link that have no field.
pub(super) const LINK: &[&str] = &["xml:base", "xml:lang", "type", "hreflang", "title", "length"];

impl<'t> FeedReader<'t> {
    /// Keeps a piece of Atom without a field: the markup of an element that has been read to its end.
    #[cold]
    pub(super) fn keep_part(
        &mut self,
        part: AtomPart,
        element: &Element<'t>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        if self.discards {
            return Ok(());
        }
        self.report.charge(UnknownNode::COST, element.tag.offset)?;
        let content = UnknownContent::Atom(part, self.recapture(element)?);
        unknown.push(UnknownNode { name: element.name.to_owned(), content, after: 0 });
        Ok(())
    }

    /// Keeps an element that repeats an earlier one. That is legal, because the schema repeats its choice,
    /// but meaningless.
    #[cold]
    pub(super) fn keep_more(&mut self, element: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        let offset = element.tag.offset;
        self.report
            .finding(Rule::MAXIMUM, element.name, offset)
            .severity(Severity::Warning)
            .expected("it once")
            .found("another one")?;
        self.keep_part(AtomPart::More, element, unknown)
    }

    /// Keeps an attribute for which there is no field. It is a finding unless it is one of `allowed`.
    #[cold]
    fn atom_attribute(
        &mut self,
        element: &Element<'t>,
        unknown: &mut Unknown,
        (name, raw): (&str, RawValue<'t>),
        allowed: &[&str],
    ) -> Result<()> {
        if !allowed.contains(&name) {
            return self.unknown_attribute(unknown, element, name, raw);
        }
        let offset = element.tag.offset;
        let value = self.value(raw, offset)?;
        self.report.charge(UnknownNode::COST, offset)?;
        let content = match check_attribute(name, &value) {
            Ok(()) => UnknownContent::Atom(AtomPart::Attribute, value.into_owned()),
            Err(expected) => {
                let found = format_args!("{value:?}");
                let place = format!("{}.{name}", element.name);
                self.report.finding(Rule::FORMAT, &place, offset).expected(expected).found(found)?;
                UnknownContent::XmlAttribute { value: value.into_owned(), namespace: None }
            }
        };
        unknown.push(UnknownNode { name: name.to_owned(), content, after: 0 });
        Ok(())
    }

    /// Reads the attributes of an element that may have only those of every Atom element.
    pub(super) fn atom_attributes(&mut self, element: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        for attribute in element.all_attributes() {
            self.atom_attribute(element, unknown, attribute, COMMON)?;
        }
        Ok(())
    }

    /// Looks at the attributes of an element that becomes a plain value; returns whether any is worth
    /// keeping.
    pub(super) fn value_attributes(&mut self, element: &Element<'t>, allowed: &[&str]) -> Result<bool> {
        if element.tag.first_other.is_none() && element.value().is_none() {
            return Ok(false);
        }
        let mut unknown = Unknown::default();
        for attribute in element.all_attributes() {
            self.atom_attribute(element, &mut unknown, attribute, allowed)?;
        }
        Ok(unknown
            .iter()
            .any(|node| matches!(node.content, UnknownContent::Atom(..)) && node.name() != "type"))
    }

    /// The text of an element that has no other content.
    pub(super) fn text(&mut self, element: &Element<'t>) -> Result<String> {
        let mut whole = String::new();
        if element.tag.is_empty {
            return Ok(whole);
        }
        loop {
            match self.any_token()? {
                None => {}
                Some(Token::Text(text)) => whole.push_str(&text),
                Some(Token::Space(text)) => whole.push_str(text),
                Some(Token::End) => return Ok(whole),
                Some(Token::Start) => {
                    let child = self.open(element.scope)?;
                    self.no_element(element, &child)?;
                }
                Some(Token::Eof) => return Err(self.ends_early()),
            }
        }
    }

    /// The next token, white space too: it may stand between two references. `None` for a remark.
    pub(super) fn any_token(&mut self) -> Result<Option<Token<'t>>> {
        let token = self.tokens.next_or_remark();
        token.map_err(|error| self.report.malformed(error.problem, error.offset))
    }

    #[cold]
    pub(super) fn no_element(&mut self, element: &Element<'t>, child: &Element<'t>) -> Result<()> {
        let offset = child.tag.offset;
        self.report
            .finding(Rule::UNKNOWN_ELEMENT, element.name, offset)
            .expected("text")
            .found(child.name)?;
        self.pass_over(child)
    }

    /// An Atom element whose text is the value of a field.
    pub(super) fn atom_value<T: Scalar>(
        &mut self,
        element: &Element<'t>,
        value: &mut Primitive<T>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        self.expect_namespace(element, Namespace::Atom)?;
        self.value_with(COMMON, element, value, unknown)
    }

    /// The same without attributes, of any namespace.
    pub(super) fn bare_value<T: Scalar>(
        &mut self,
        element: &Element<'t>,
        value: &mut Primitive<T>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        self.value_with(&[], element, value, unknown)
    }

    fn value_with<T: Scalar>(
        &mut self,
        allowed: &[&str],
        element: &Element<'t>,
        value: &mut Primitive<T>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        let has_form = self.value_attributes(element, allowed)?;
        let text = self.text(element)?;
        let mut read = Primitive::<T>::default();
        let is_empty_text = T::KIND == ScalarKind::String && text.is_empty();
        if is_empty_text {
            read.companions_mut();
        } else {
            match read.set(text.into()) {
                Verdict::Valid => {}
                verdict => self.report.value(element.name, &read, verdict, element.tag.offset)?,
            }
        }
        if !value.is_absent() {
            return self.keep_more(element, unknown);
        }
        *value = read;
        if has_form { self.keep_part(AtomPart::Form, element, unknown) } else { Ok(()) }
    }

    pub(super) fn atom_id(
        &mut self,
        element: &Element<'t>,
        id: &mut Option<String>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        self.expect_namespace(element, Namespace::Atom)?;
        let has_form = self.value_attributes(element, COMMON)?;
        let mut text = self.text(element)?;
        if id.is_some() {
            return self.keep_more(element, unknown);
        }
        if text.is_empty() {
            let offset = element.tag.offset;
            self.report
                .finding(Rule::EMPTY, element.name, offset)
                .severity(Severity::Warning)
                .expected("a value")
                .found("an empty one")?;
        }
        // An id is a URI; blanks at its ends are not part of it.
        if text.starts_with(is_xml_space) || text.ends_with(is_xml_space) {
            text = text.trim_matches(is_xml_space).to_owned();
        }
        *id = Some(text);
        if has_form { self.keep_part(AtomPart::Form, element, unknown) } else { Ok(()) }
    }

    /// The score of a search result. There is no field for it.
    pub(super) fn score(&mut self, element: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        self.expect_namespace(element, Namespace::Relevance)?;
        self.value_attributes(element, &[])?;
        let text = self.text(element)?;
        let mut value = Primitive::<Decimal>::default();
        let has_exponent = text.contains(['e', 'E']);
        match value.set(text.into()) {
            Verdict::Valid if !has_exponent => {}
            Verdict::Valid => self.report.value("score", &value, Verdict::Invalid, element.tag.offset)?,
            verdict => self.report.value("score", &value, verdict, element.tag.offset)?,
        }
        self.keep_part(AtomPart::More, element, unknown)
    }

    /// Keeps text that means nothing, in an element without child elements.
    fn leaf_text(&mut self, element: &Element<'t>, unknown: &mut Unknown) -> Result<()> {
        let text = self.text(element)?;
        if text.trim_matches(is_xml_space).is_empty() {
            return Ok(());
        }
        let offset = element.tag.offset;
        let found = format_args!("{text:?}");
        self.report
            .finding(Rule::STRAY_TEXT, element.name, offset)
            .severity(Severity::Warning)
            .expected("no text here")
            .found(found)?;
        self.report.charge(UnknownNode::COST, offset)?;
        let content = UnknownContent::Atom(AtomPart::Text, text);
        unknown.push(UnknownNode { name: String::new(), content, after: 0 });
        Ok(())
    }

    pub(super) fn link(&mut self, element: &Element<'t>) -> Result<Link> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut link = Link::default();
        let fields = [("rel", &mut link.rel), ("href", &mut link.href)];
        self.string_attributes(element, fields, &["href"], LINK, &mut link.unknown)?;
        self.leaf_text(element, &mut link.unknown)?;
        Ok(link)
    }

    /// Reads the link of a tombstone, which has no other content. The schema puts the link in the namespace
    /// of tombstones, the standard's example in Atom's.
    pub(super) fn tombstone_link(&mut self, element: &Element<'t>) -> Result<Link> {
        let offset = element.tag.offset;
        if element.namespace == Namespace::Atom {
            let expected = "the tombstones namespace";
            self.report.finding(Rule::NAMESPACE, "link", offset).expected(expected).found("Atom's")?;
        } else {
            self.expect_namespace(element, Namespace::Tombstone)?;
        }
        let mut link = Link::default();
        let fields = [("rel", &mut link.rel), ("href", &mut link.href)];
        self.string_attributes(element, fields, &["href"], &[], &mut link.unknown)?;
        let is_there = element.attribute("rel").is_some();
        if is_there && link.rel != "self" {
            let found = format_args!("{:?}", link.rel);
            self.report.finding(Rule::BUNDLE, "link.rel", offset).expected("self").found(found)?;
        }
        while let Some(child) = self.next_child(element, &mut link.unknown)? {
            self.no_element(element, &child)?;
        }
        Ok(link)
    }

    pub(super) fn category(&mut self, element: &Element<'t>) -> Result<Category> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut category = Category::default();
        let fields =
            [("term", &mut category.term), ("scheme", &mut category.scheme), ("label", &mut category.label)];
        self.string_attributes(element, fields, &["term", "scheme"], COMMON, &mut category.unknown)?;
        while let Some(child) = self.next_child(element, &mut category.unknown)? {
            self.no_element(element, &child)?;
        }
        Ok(category)
    }

    pub(super) fn author(&mut self, element: &Element<'t>) -> Result<Author> {
        self.expect_namespace(element, Namespace::Atom)?;
        let mut author = Author::default();
        self.atom_attributes(element, &mut author.unknown)?;
        while let Some(child) = self.next_child(element, &mut author.unknown)? {
            self.author_child(&mut author, &child)?;
        }
        Ok(author)
    }

    pub(super) fn author_child(&mut self, author: &mut Author, child: &Element<'t>) -> Result<()> {
        match child.name {
            "name" => {
                self.expect_namespace(child, Namespace::Atom)?;
                self.bare_value(child, &mut author.name, &mut author.unknown)
            }
            "uri" => self.atom_value(child, &mut author.uri, &mut author.unknown),
            _ => self.unknown_child(child, &mut author.unknown),
        }
    }

    /// The content of an entry: a resource, or another feed, which the model cannot hold.
    pub(super) fn content(
        &mut self,
        element: &Element<'t>,
        value: &mut Option<Resource>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        let offset = element.tag.offset;
        self.expect_namespace(element, Namespace::Atom)?;
        let is_first = value.is_none() && !unknown.iter().any(|node| node.name() == "content");
        let mut attributes = Unknown::default();
        for attribute in element.all_attributes() {
            if attribute.0 != "type" {
                self.atom_attribute(element, &mut attributes, attribute, COMMON)?;
            }
        }
        self.report.enter("content", None, offset)?;
        let discarded = self.discards;
        let mut resources = 0;
        let mut is_feed = false;
        let mut texts = [String::new(), String::new()];
        loop {
            if element.tag.is_empty {
                break;
            }
            match self.token()? {
                Token::Start => {
                    let child = self.open(element.scope)?;
                    resources += 1;
                    if resources > 1 {
                        self.one_resource("another one", child.tag.offset)?;
                    }
                    if child.name == "feed" && child.namespace == Namespace::Atom {
                        is_feed = true;
                        self.discards = true;
                        self.feed(&child)?;
                    } else if is_first {
                        let mut resource = None;
                        self.resource(&child, &mut resource)?;
                        *value = value.take().or(resource);
                    } else {
                        self.discards = true;
                        self.resource(&child, &mut None::<Resource>)?;
                    }
                    self.discards = discarded;
                }
                Token::End => break,
                Token::Space(_) => {}
                Token::Text(text) => texts[usize::from(resources > 0)].push_str(&text),
                Token::Eof => return Err(self.ends_early()),
            }
        }
        if resources == 0 {
            self.one_resource("none", offset)?;
        }
        let has_text = texts.iter().any(|text| !text.trim_matches(is_xml_space).is_empty());
        if has_text {
            self.report
                .finding(Rule::STRAY_TEXT, "", offset)
                .severity(Severity::Warning)
                .expected("a resource")
                .found("text beside it")?;
        }
        self.report.leave();
        if !is_first {
            return self.keep_more(element, unknown);
        }
        if is_feed || resources != 1 {
            return self.keep_part(AtomPart::More, element, unknown);
        }
        if has_text || !attributes.is_empty() {
            self.report.charge(UnknownNode::COST, offset)?;
            let content = UnknownContent::Atom(AtomPart::Form, content_form(&attributes, &texts));
            unknown.push(UnknownNode { name: "content".to_owned(), content, after: 0 });
        }
        Ok(())
    }

    /// Reads attributes into the fields of these names, some of them mandatory; those that are `allowed` are
    /// kept.
    fn string_attributes<const N: usize>(
        &mut self,
        element: &Element<'t>,
        fields: [(&str, &mut String); N],
        mandatory: &[&str],
        allowed: &[&str],
        unknown: &mut Unknown,
    ) -> Result<()> {
        let offset = element.tag.offset;
        let mut fields = fields;
        for attribute in element.all_attributes() {
            match fields.iter_mut().find(|(field, _)| *field == attribute.0) {
                Some((_, value)) => **value = self.value(attribute.1, offset)?.into_owned(),
                None => self.atom_attribute(element, unknown, attribute, allowed)?,
            }
        }
        for (name, value) in fields {
            // "Attributes can never be empty", says FHIR; to the model an empty one is absent.
            if value.is_empty() && mandatory.contains(&name) {
                let place = format!("{}.{name}", element.name);
                self.report.missing(&place, offset)?;
            }
        }
        Ok(())
    }
}

/// Sets a text; an empty one, which the schema allows, is an element that holds nothing.
pub(super) fn set_text(value: &mut Primitive<String>, text: String) {
    if text.is_empty() {
        value.companions_mut();
    } else {
        value.set(text.into());
    }
}

/// What is expected of an attribute, if its value does not fit.
pub(super) fn check_attribute(name: &str, value: &str) -> std::result::Result<(), &'static str> {
    let token = value.trim_matches(is_xml_space);
    let digits = token.strip_prefix('+').unwrap_or(token);
    let is_positive =
        || digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.bytes().any(|byte| byte != b'0');
    match name {
        "xml:lang" if !token.is_empty() && !is_language(token) => Err("a language tag such as nl or en-GB"),
        "hreflang" if !is_name_token(token) => Err("a word of letters, digits and - _ . :"),
        "length" if !is_positive() => Err("a number above 0"),
        _ => Ok(()),
    }
}
