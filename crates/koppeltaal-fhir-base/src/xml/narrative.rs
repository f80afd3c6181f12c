//! Whether a narrative is the XHTML that FHIR allows: which elements stand in which, which attributes they
//! have, and what those hold.
//!
//! The markup itself is kept as it came, whatever is found here. Unknown content is reported once and not
//! looked into.

mod grammar;
mod value;

use std::collections::HashSet;
use std::fmt::Write as _;

use grammar::{Element, Names};
pub use value::is_language;

use super::tag::Tag;
use crate::primitives::is_xml_space;

/// What is wrong at a place in a narrative.
pub(super) struct Problem {
    pub expected: String,
    pub found: String,
}

/// Follows the tags of one narrative.
#[derive(Default)]
pub(super) struct Narrative {
    open: Vec<Open>,
    ids: HashSet<String>,
    problems: Vec<Problem>,
    /// Whether it may be any element of XHTML, as in a text of Atom, and not only a div.
    any_root: bool,
}

/// An element that is open.
struct Open {
    /// `None`: an unknown element.
    element: Option<&'static Element>,
    /// Where in the order of children the last child was.
    step: usize,
    /// The set that the children of the step are of.
    chosen: Option<Names>,
}

impl Narrative {
    /// For the XHTML in a text of Atom, which may be any element.
    pub(super) fn of_atom() -> Self {
        Self { any_root: true, ..Self::default() }
    }

    /// Looks at a start tag. `name` is without prefix, `None` if it is in another namespace.
    pub(super) fn start(&mut self, name: Option<&str>, tag: &Tag<'_>) {
        let known = name.and_then(grammar::element);
        let is_welcome = match self.open.last_mut() {
            // Inside an unknown element anything goes.
            Some(Open { element: None, .. }) => {
                self.open.push(Open::unknown());
                return;
            }
            Some(parent) => known.is_some_and(|(index, _)| parent.accept(1 << index)),
            None => name == Some("div") || self.any_root && known.is_some(),
        };
        if !is_welcome {
            let expected = self.open.last().map_or_else(|| "a div".to_owned(), Open::expected);
            self.problem(expected, format!("<{}>", tag.name));
        }
        match known {
            Some((_, element)) => {
                self.attributes(element, tag);
                self.open.push(Open { element: Some(element), step: 0, chosen: None });
            }
            None => self.open.push(Open::unknown()),
        }
    }

    /// Looks at text; white space may stand anywhere, also as references.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(Open { element: Some((name, content, _)), .. }) = self.open.last()
            && !content.text
            && !text.chars().all(is_xml_space)
        {
            self.problem(format!("no text in <{name}>"), "text".to_owned());
        }
    }

    /// Looks at the end of an element.
    pub(super) fn end(&mut self) {
        if let Some(open) = self.open.pop()
            && let Some((name, ..)) = open.element
            && open.lacks_children()
        {
            let mut expected = open.expected();
            let _ = write!(expected, " in <{name}>");
            self.problem(expected, "nothing more".to_owned());
        }
    }

    /// The problems found since the last call.
    pub(super) fn problems(&mut self) -> std::vec::Drain<'_, Problem> {
        self.problems.drain(..)
    }

    fn problem(&mut self, expected: String, found: String) {
        self.problems.push(Problem { expected, found });
    }

    fn attributes(&mut self, element: &Element, tag: &Tag<'_>) {
        let (name, _, groups) = element;
        let find = |wanted: &str| groups.iter().copied().flatten().find(|(known, ..)| *known == wanted);
        for (attribute, raw) in tag.attributes() {
            // The locations of schemas may stand on any element (XML Schema, section 2.6.3).
            let is_hint = |local| matches!(local, "schemaLocation" | "noNamespaceSchemaLocation");
            if attribute == "xmlns"
                || attribute.starts_with("xmlns:")
                || attribute.split_once(':').is_some_and(|(_, local)| is_hint(local))
            {
                continue;
            }
            let Some((_, kind, _)) = find(attribute) else {
                self.problem(format!("an attribute of <{name}>"), attribute.to_owned());
                continue;
            };
            let Ok(value) = raw.value() else { continue };
            if !kind.accepts(&value) {
                self.problem(format!("{attribute}: {}", kind.describe()), format!("{value:?}"));
            } else if *kind == value::Value::Id && !self.ids.insert(value.trim().to_owned()) {
                self.problem("an id that is not there yet".to_owned(), format!("{value:?}"));
            }
        }
        for (mandatory, ..) in groups.iter().copied().flatten().filter(|(_, _, mandatory)| *mandatory) {
            if !tag.attributes().any(|(attribute, _)| attribute == *mandatory) {
                self.problem(format!("the attribute {mandatory} of <{name}>"), "nothing".to_owned());
            }
        }
    }
}

impl Open {
    fn unknown() -> Self {
        Self { element: None, step: 0, chosen: None }
    }

    fn steps(&self) -> &'static [grammar::Step] {
        self.element.map_or(&[], |(_, content, _)| content.steps)
    }

    /// Whether a child may come next. If so, it counts as the last child.
    fn accept(&mut self, child: Names) -> bool {
        let steps = self.steps();
        let (mut at, mut chosen) = (self.step, self.chosen);
        while let Some(step) = steps.get(at) {
            let may_go_on = match chosen {
                Some(set) => step.repeats && set & child != 0,
                None => false,
            };
            let alternative = step.alternatives.iter().find(|set| **set & child != 0);
            if may_go_on || chosen.is_none() && alternative.is_some() {
                self.step = at;
                self.chosen = chosen.or(alternative.copied());
                return true;
            }
            if step.mandatory && chosen.is_none() {
                return false;
            }
            at += 1;
            chosen = None;
        }
        false
    }

    /// Whether a mandatory child is missing.
    fn lacks_children(&self) -> bool {
        let after = if self.chosen.is_some() { self.step + 1 } else { self.step };
        self.steps().iter().skip(after).any(|step| step.mandatory)
    }

    /// What may come next, for messages.
    fn expected(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for (index, step) in self.steps().iter().enumerate().skip(self.step) {
            let is_current = index == self.step && self.chosen.is_some();
            match self.chosen.filter(|_| is_current) {
                Some(set) if step.repeats => names.extend(grammar::names(set)),
                Some(_) => {}
                None => names.extend(step.alternatives.iter().flat_map(|set| grammar::names(*set))),
            }
            if step.mandatory && !is_current {
                break;
            }
        }
        match names.len() {
            0 => "no element here".to_owned(),
            1..=12 => format!("one of {}", names.join(", ")),
            _ => format!("one of {}, ...", names[..12].join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::tokens::{Token, Tokens};

    /// The problems of a narrative, which is well-formed XML. All its elements count as XHTML.
    fn problems_of(markup: &str) -> Vec<Problem> {
        let mut narrative = Narrative::default();
        let mut tokens = Tokens::new(markup);
        loop {
            match tokens.next() {
                Ok(Token::Start) => {
                    let tag = tokens.tag();
                    // A prefix is rare, and what it stands for is not looked up here: the name behind it
                    // counts.
                    let name = tag.name.rsplit(':').next();
                    narrative.start(name, tag);
                    if tag.is_empty {
                        narrative.end();
                    }
                }
                Ok(Token::End) => narrative.end(),
                Ok(Token::Text(text)) => narrative.text(&text),
                Ok(Token::Space(_)) => {}
                Ok(Token::Eof) | Err(_) => return narrative.problems().collect(),
            }
        }
    }

    fn problems(markup: &str) -> Vec<String> {
        problems_of(markup)
            .iter()
            .map(|problem| format!("{}; found {}", problem.expected, problem.found))
            .collect()
    }

    #[test]
    fn what_dstu1_allows_passes() {
        for markup in [
            "<div/>",
            "<div xmlns='http://www.w3.org/1999/xhtml'>a <b class='x'>b</b><p>c<br/></p></div>",
            "<div><table><caption/><col/><thead><tr><th/></tr></thead><tbody><tr><td>1</td></tr></tbody></table></div>",
            "<div><ul><li><p/>text</li></ul><dl><dt/><dd/></dl><img src='#a' alt=''/></div>",
            "<div><map id='m'><area alt='a'/></map><map id='n'><p/><div/></map></div>",
        ] {
            assert_eq!(problems(markup), Vec::<String>::new(), "{markup}");
        }
    }

    #[test]
    fn what_it_does_not_allow_is_named() {
        for (markup, problem) in [
            ("<p/>", "a div; found <p>"),
            (
                "<div><script/></div>",
                "one of a, abbr, acronym, b, bdo, big, blockquote, br, cite, code, dfn, div, ...; found <script>",
            ),
            ("<div><ul/></div>", "one of li in <ul>; found nothing more"),
            ("<div><ul>x<li/></ul></div>", "no text in <ul>; found text"),
            (
                "<div><a><a/></a></div>",
                "one of abbr, acronym, b, bdo, big, br, cite, code, dfn, em, i, img, ...; found <a>",
            ),
            ("<div><table><tr><td/></tr><tbody/></table></div>", "one of tr; found <tbody>"),
            (
                "<div><table><tbody><tr><td/></tr></tbody><thead/></table></div>",
                "one of tbody; found <thead>",
            ),
            ("<div><img src='a'/></div>", "the attribute alt of <img>; found nothing"),
            ("<div onclick='x'/>", "an attribute of <div>; found onclick"),
            ("<div dir='up'/>", "dir: ltr | rtl; found \"up\""),
            ("<div id='a'><p id='a'/></div>", "an id that is not there yet; found \"a\""),
        ] {
            assert_eq!(problems(markup).first().map(String::as_str), Some(problem), "{markup}");
        }
    }
}
