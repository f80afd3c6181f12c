//! Text constructs of Atom, the elements that hold text for people: titles and summaries.

use koppeltaal_fhir_base::parts::AtomPart;
use koppeltaal_fhir_base::primitives::scalar::is_xml_space;
use koppeltaal_fhir_base::xml::{Element, Namespace, Result, Token, Tokens};
use koppeltaal_fhir_base::{Rule, Unknown, Xhtml};

use super::FeedReader;
use super::atom::set_text;
use crate::primitives::Primitive;

/// What a text construct of Atom holds.
pub(super) struct TextConstruct {
    /// The text, with that of the markup.
    text: String,
    /// The one element of XHTML, as markup, and whether it is a div with nothing but blanks around it.
    markup: Option<(String, bool)>,
    /// The attribute `type`, by default `text`.
    text_type: &'static str,
    /// Whether it has attributes that no field holds.
    has_attributes: bool,
}

impl TextConstruct {
    /// What a title says.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// What a summary says: its div, or a div with its text.
    pub(super) fn into_xhtml(self) -> Xhtml {
        match self.markup {
            Some((markup, true)) => Xhtml::from_xml(markup),
            _ if self.text.trim_matches(is_xml_space).is_empty() => Xhtml::default(),
            _ => Xhtml::from_text(&self.text),
        }
    }
}

impl<'t> FeedReader<'t> {
    /// A text construct: text, or escaped HTML, or an element of XHTML.
    pub(super) fn text_construct(&mut self, element: &Element<'t>) -> Result<TextConstruct> {
        self.expect_namespace(element, Namespace::Atom)?;
        let has_attributes = self.value_attributes(element, &["xml:base", "xml:lang", "type"])?;
        let mut text_type = "text";
        if let Some(raw) = element.attribute("type") {
            let value = self.value(raw, element.tag.offset)?;
            let value = value.trim_matches(is_xml_space);
            match ["text", "html", "xhtml"].iter().find(|known| **known == value) {
                Some(known) => text_type = known,
                None => {
                    let found = format_args!("{value:?}");
                    let (name, offset) = (element.name, element.tag.offset);
                    self.report
                        .finding(Rule::BUNDLE, name, offset)
                        .expected("type text, html or xhtml")
                        .found(found)?;
                }
            }
        }
        let mut construct = TextConstruct { text: String::new(), markup: None, text_type, has_attributes };
        if element.tag.is_empty {
            return Ok(construct);
        }
        let mut has_text = false;
        loop {
            match self.any_token()? {
                None => {}
                Some(Token::Text(text)) => {
                    has_text |= !text.trim_matches(is_xml_space).is_empty();
                    construct.text.push_str(&text);
                }
                Some(Token::Space(text)) => construct.text.push_str(text),
                Some(Token::Start) => {
                    let child = self.open(element.scope)?;
                    if child.namespace == Namespace::Xhtml && construct.markup.is_none() {
                        let markup = self.capture_xhtml(&child, element.name)?;
                        push_text(&markup, &mut construct.text);
                        construct.markup = Some((markup, child.name == "div"));
                    } else {
                        self.no_element(element, &child)?;
                    }
                }
                Some(Token::End) => break,
                Some(Token::Eof) => return Err(self.ends_early()),
            }
        }
        if let Some((_, is_alone)) = &mut construct.markup {
            *is_alone &= !has_text;
        }
        Ok(construct)
    }

    pub(super) fn title(
        &mut self,
        element: &Element<'t>,
        value: &mut Primitive<String>,
        unknown: &mut Unknown,
    ) -> Result<()> {
        let construct = self.text_construct(element)?;
        if !value.is_absent() {
            return self.keep_more(element, unknown);
        }
        let has_form =
            construct.has_attributes || construct.markup.is_some() || construct.text_type != "text";
        set_text(value, construct.into_text());
        if has_form { self.keep_part(AtomPart::Form, element, unknown) } else { Ok(()) }
    }

    pub(super) fn summary(
        &mut self,
        element: &Element<'t>,
        value: &mut Xhtml,
        unknown: &mut Unknown,
    ) -> Result<()> {
        let construct = self.text_construct(element)?;
        if !value.is_empty() || unknown.iter().any(|node| node.name() == "summary") {
            return self.keep_more(element, unknown);
        }
        let is_div = matches!(construct.markup, Some((_, true)));
        let has_form = construct.has_attributes || !is_div || construct.text_type == "html";
        *value = construct.into_xhtml();
        if has_form { self.keep_part(AtomPart::Form, element, unknown) } else { Ok(()) }
    }
}

/// Adds the text that is in some markup.
fn push_text(markup: &str, out: &mut String) {
    let mut tokens = Tokens::of_fragment(markup);
    loop {
        match tokens.next_or_remark() {
            Ok(Some(Token::Text(text))) => out.push_str(&text),
            Ok(Some(Token::Space(text))) => out.push_str(text),
            Ok(Some(Token::Eof)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
