//! A piece of markup that is to stand in a document: from a JSON string, or made by an application. The
//! reader of documents reads it, so both formats agree on what is well-formed and what a narrative may hold.

use std::ops::Range;

use super::element::{Element, Problem};
use super::names::{Namespace, Scope, Scopes};
use super::read::{Reader, Result};
use super::tokens::{Token, Tokens};
use crate::bytes;
use crate::error::ReadError;
use crate::findings::{FindingList, Report};
use crate::limits::Limits;
use crate::model::Model;
use crate::primitives::is_xml_space;
use crate::xhtml::Refusal;

/// What a piece of markup has to be.
#[derive(Clone, Copy)]
pub struct Expected {
    name: &'static str,
    namespace: Namespace,
    /// Whether it may leave out the declaration of its namespace.
    may_be_bare: bool,
}

/// The div of a narrative. Java's reference implementation leaves out the declaration.
pub const NARRATIVE: Expected = Expected { name: "div", namespace: Namespace::Xhtml, may_be_bare: true };

/// The signature of a bundle.
pub const SIGNATURE: Expected =
    Expected { name: "Signature", namespace: Namespace::Signature, may_be_bare: false };

/// A well-formed element.
pub struct Fragment {
    /// Its place in the piece, without what stands around it.
    pub place: Range<usize>,
    /// Whether it does not declare its namespace.
    pub is_bare: bool,
    /// The violations of its schema. Positions are counted in the piece.
    pub findings: FindingList,
}

/// Reads one element, with nothing but white space and remarks around it.
pub fn read(markup: &str, expected: Expected, limits: Limits) -> std::result::Result<Fragment, Refusal> {
    let report = Report::reading(Model::MARKUP, markup.as_bytes(), false, limits);
    let mut reader = Reader::new(Tokens::of_fragment(markup), report);
    match reader.fragment(expected) {
        Ok((place, is_bare)) => Ok(Fragment { place, is_bare, findings: reader.report.into_findings() }),
        Err(error) => Err(match *error {
            ReadError::Malformed { problem, position, .. } | ReadError::NotFhir { problem, position } => {
                Refusal::Malformed(format!("{problem} ({position} of the markup)"))
            }
            ReadError::Limit { limit, .. } => Refusal::Limit(limit),
            ReadError::Invalid(finding) => Refusal::Malformed(finding.with_content().to_string()),
        }),
    }
}

/// Fails unless a start tag that was put together, without its `>`, is well-formed by itself.
pub fn check_tag(tag: &str) -> std::result::Result<(), String> {
    let tag = format!("{tag}/>");
    let mut tokens = Tokens::of_fragment(&tag);
    match tokens.next() {
        Ok(Token::Start) => match Element::open(&mut Scopes::default(), *tokens.tag(), Scopes::ROOT) {
            Ok(_) => Ok(()),
            Err(Problem::Malformed(problem) | Problem::Limit(problem)) => Err(problem),
        },
        Ok(_) => Err("no tag".to_owned()),
        Err(error) => Err(error.problem),
    }
}

impl Reader<'_> {
    /// The place of the element in the text, and whether it does not declare its namespace.
    fn fragment(&mut self, expected: Expected) -> Result<(Range<usize>, bool)> {
        let Token::Start = self.token()? else {
            return Err(self.report.malformed("text where an element should start", self.tokens.offset()));
        };
        // A bare element is in the namespace of the place where it will stand.
        let outer = if expected.may_be_bare {
            Scope { default: expected.namespace, ..Scopes::ROOT }
        } else {
            Scopes::ROOT
        };
        let element = self.open(outer)?;
        let offset = element.tag.offset;
        if (element.name, element.namespace) != (expected.name, expected.namespace) {
            let uri = self.scopes.uri(expected.namespace);
            let problem = format!("it is not a <{} xmlns=\"{uri}\">", expected.name);
            return Err(self.report.malformed(problem, offset));
        }
        if expected.namespace == Namespace::Xhtml {
            self.pass_over_narrative(&element)?;
        } else {
            self.pass_over(&element)?;
        }
        let place = offset..self.tokens.position();
        let is_bare = !element.declares_default && !element.tag.is_prefixed;
        match self.token()? {
            Token::Eof => Ok((place, is_bare)),
            Token::Text(text) if text.trim_matches(is_xml_space).is_empty() => Ok((place, is_bare)),
            Token::Text(_) => Err(self.report.malformed("text behind the element", self.tokens.offset())),
            _ => Err(self.report.malformed("more than one element", self.tokens.offset())),
        }
    }
}

/// How many bytes the attributes and texts in an element have, without white space. Counting stops at
/// `enough`. The element has been checked before.
pub fn values_length(markup: &str, enough: usize) -> usize {
    let mut tokens = Tokens::of_fragment(markup);
    let mut length = 0;
    while length < enough {
        match tokens.next() {
            Ok(Token::Start) => {
                let values = tokens.tag().attributes().filter_map(|(_, raw)| raw.value().ok());
                length += values.map(|value| bytes::length_without_space(&value)).sum::<usize>();
            }
            Ok(Token::Text(text)) => length += bytes::length_without_space(&text),
            Ok(Token::End | Token::Space(_)) => {}
            Ok(Token::Eof) | Err(_) => break,
        }
    }
    length
}

/// How many elements, attributes and texts there are in an element, which has been checked before.
pub fn count_values(markup: &str) -> usize {
    let mut tokens = Tokens::of_fragment(markup);
    let mut count = 0;
    loop {
        match tokens.next() {
            Ok(Token::Start) => count += 1 + tokens.tag().attributes().count(),
            Ok(Token::Text(_)) => count += 1,
            Ok(Token::End | Token::Space(_)) => {}
            Ok(Token::Eof) | Err(_) => return count,
        }
    }
}
