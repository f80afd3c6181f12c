//! Reads back the parts of Atom that have no field: forms, to compare them with their fields, and strings
//! from JSON.

use koppeltaal_fhir_base::findings::Report;
use koppeltaal_fhir_base::model::Model;
use koppeltaal_fhir_base::parts::{AtomPart, UnknownContent};
use koppeltaal_fhir_base::primitives::scalar::is_xml_space;
use koppeltaal_fhir_base::xml::{Element, Reader, Scopes, Token, Tokens, forbidden_character};
use koppeltaal_fhir_base::{Limits, UnknownNode};

use super::FeedReader;
use super::atom::{COMMON, LINK, check_attribute};
use super::content_form::RESOURCE;
use super::text_construct::TextConstruct;
use crate::bundle::{Author, Bundle, Entry};

/// A reader of a piece of a feed, which stops at the first error, and the piece's element.
fn piece<'m>(model: &'static Model, markup: &'m str) -> Option<(FeedReader<'m>, Element<'m>)> {
    let report = Report::reading(model, markup.as_bytes(), true, Limits::default());
    let reader = Reader::new(Tokens::of_fragment(markup), report);
    let mut reader = FeedReader { reader, discards: true };
    let Ok(Token::Start) = reader.token() else { return None };
    let element = reader.open(Scopes::FEED).ok()?;
    Some((reader, element))
}

/// What the form of an element says, to be compared with its field: a text, or the div of a summary.
pub(super) fn form_says(name: &str, markup: &str) -> Option<String> {
    let (mut reader, element) = piece(Model::MARKUP, markup)?;
    match name {
        "title" => reader.text_construct(&element).ok().map(TextConstruct::into_text),
        "summary" => {
            let xhtml = reader.text_construct(&element).ok()?.into_xhtml();
            Some(xhtml.as_str().to_owned())
        }
        "id" | "uri" => reader.text(&element).ok().map(|text| text.trim_matches(is_xml_space).to_owned()),
        _ => reader.text(&element).ok(),
    }
}

/// The part that a string of JSON's member `_atom` holds. `None` if Atom does not allow it in the type of
/// this name.
pub(crate) fn part_from_json(model: &'static Model, type_name: &str, text: &str) -> Option<UnknownNode> {
    let (part, source) = AtomPart::split(text)?;
    let node = |name: &str, source: &str| UnknownNode {
        name: name.to_owned(),
        content: UnknownContent::Atom(part, source.to_owned()),
        after: 0,
    };
    match part {
        AtomPart::Attribute => {
            let (name, value) = source.split_once('=')?;
            let allowed = if type_name == "Link" { LINK } else { COMMON };
            let is_right = allowed.contains(&name) && check_attribute(name, value).is_ok();
            let is_text = forbidden_character(value).is_none();
            (is_right && is_text).then(|| node(name, value))
        }
        AtomPart::Text => {
            (type_name == "Link" && forbidden_character(source).is_none()).then(|| node("", source))
        }
        AtomPart::Form | AtomPart::More => {
            let (mut reader, element) = piece(model, source)?;
            let name = element.name;
            if name == "content" && part == AtomPart::Form {
                return is_content_form(&mut reader, &element)?.then(|| node(name, source));
            }
            match (type_name, name) {
                ("Bundle", "title" | "id" | "updated" | "totalResults" | "score") => {
                    reader.feed_child(&mut Bundle::default(), &element).ok()?;
                }
                ("Entry", "title" | "id" | "updated" | "published" | "summary" | "content") => {
                    reader.entry_child(&mut Entry::default(), &element).ok()?;
                }
                ("Author", "name" | "uri") => {
                    reader.author_child(&mut Author::default(), &element).ok()?;
                }
                _ => return None,
            }
            matches!(reader.token(), Ok(Token::Eof)).then(|| node(name, source))
        }
    }
}

/// Whether this is the form of a content, as `content_form` makes it.
fn is_content_form(reader: &mut FeedReader<'_>, element: &Element<'_>) -> Option<bool> {
    for (name, raw) in element.all_attributes() {
        let is_allowed = name == "type" || COMMON.contains(&name);
        if !is_allowed || check_attribute(name, &raw.value().ok()?).is_err() {
            return None;
        }
    }
    let mut places = 0;
    loop {
        match reader.any_token().ok()? {
            None if reader.tokens.source() == RESOURCE => places += 1,
            Some(Token::Text(_) | Token::Space(_)) => {}
            Some(Token::End) => break,
            _ => return None,
        }
    }
    Some(places == 1 && matches!(reader.token(), Ok(Token::Eof)))
}
