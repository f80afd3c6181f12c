//! Markup kept as it came: narratives and unknown elements.
//!
//! What is kept must stand on its own, so namespaces that an ancestor declares are written into it. Where
//! none are (nearly always) the markup is a plain copy of the source.

use super::element::Element;
use super::names::{Namespace, Scope};
use super::narrative::{Narrative, Problem};
use super::read::{Reader, Result};
use super::text::{escape_attribute, escape_text, unix_lines};
use super::tokens::Token;
use crate::findings::Rule;
use crate::xhtml::Xhtml;

/// Memory for each byte by which rewriting lengthens markup: the text doubles when it is full, and takes its
/// old place too while it moves.
const REWRITTEN: usize = 3;

impl<'t> Reader<'t> {
    /// The markup of `element`, which has just been opened, to stand where `outside` is the default
    /// namespace.
    pub fn capture(&mut self, element: &Element<'t>, outside: Namespace) -> Result<String> {
        self.capture_checked(element, outside, &mut None)
    }

    /// The markup of a narrative, whose problems are reported under `name`.
    pub fn capture_narrative(&mut self, element: &Element<'t>, name: &str) -> Result<Xhtml> {
        let mut narrative = Some((name, Narrative::default()));
        let markup = self.capture_checked(element, Namespace::None, &mut narrative)?;
        // A narrative in no namespace would get that of the place where it is written. It is taken for XHTML,
        // as in JSON.
        let is_bare = element.namespace == Namespace::None;
        Ok(if is_bare { Xhtml::from_markup(markup) } else { Xhtml::from_xml(markup) })
    }

    /// The markup of `element`, which has been read to its end, to stand in a feed.
    pub fn recapture(&mut self, element: &Element<'t>) -> Result<String> {
        self.tokens.rewind(element.tag.offset);
        self.token()?;
        let element = self.open(element.outer)?;
        self.capture(&element, Namespace::Atom)
    }

    /// The markup of an XHTML element in a text of Atom, whose problems are reported under `name`.
    pub fn capture_xhtml(&mut self, element: &Element<'t>, name: &str) -> Result<String> {
        self.capture_checked(element, Namespace::None, &mut Some((name, Narrative::of_atom())))
    }

    fn capture_checked(
        &mut self,
        element: &Element<'t>,
        outside: Namespace,
        narrative: &mut Option<(&str, Narrative)>,
    ) -> Result<String> {
        let same_default = element.outer.default == outside || element.declares_default;
        let start = self.tokens.clone();
        self.narrative_start(element, narrative)?;
        let uses_outer_prefix = self.pass_over_checked(element, narrative)?;
        if same_default && !uses_outer_prefix {
            return Ok(self.tokens.source_from(element.tag.offset).to_owned());
        }
        self.tokens = start;
        let mut markup = Vec::new();
        self.rewrite(element, outside, &mut markup)?;
        Ok(String::from_utf8(markup).unwrap_or_default())
    }

    /// Reads to the end of `element`, checking that it is well-formed.
    pub fn pass_over(&mut self, element: &Element<'t>) -> Result<()> {
        self.pass_over_checked(element, &mut None).map(drop)
    }

    /// The same for a narrative, whose problems are reported.
    pub fn pass_over_narrative(&mut self, element: &Element<'t>) -> Result<()> {
        let mut narrative = Some(("", Narrative::default()));
        self.narrative_start(element, &mut narrative)?;
        self.pass_over_checked(element, &mut narrative).map(drop)
    }

    /// The same. Returns whether the element uses a prefix that is declared around it.
    fn pass_over_checked(
        &mut self,
        element: &Element<'t>,
        narrative: &mut Option<(&str, Narrative)>,
    ) -> Result<bool> {
        let outer = element.outer;
        let mut uses_outer_prefix = self.uses_prefix_of(outer, element);
        if element.tag.is_empty {
            return Ok(uses_outer_prefix);
        }
        // An element is at least four bytes long, so the stack stays below the size of the input.
        let mut open = vec![element.scope];
        while let Some(scope) = open.last().copied() {
            match self.token()? {
                Token::Start => {
                    let child = self.open(scope)?;
                    self.narrative_start(&child, narrative)?;
                    uses_outer_prefix = uses_outer_prefix || self.uses_prefix_of(outer, &child);
                    // An empty element with attributes is an object in JSON, so a level.
                    if !child.tag.is_empty || child.tag.others > 0 {
                        self.check_depth(open.len(), child.tag.offset)?;
                    }
                    if !child.tag.is_empty {
                        open.push(child.scope);
                    }
                }
                Token::End => {
                    open.pop();
                    self.narrative_step(narrative, Narrative::end)?;
                }
                Token::Text(text) => self.narrative_step(narrative, |narrative| narrative.text(&text))?,
                Token::Space(_) => {}
                Token::Eof => return Err(self.ends_early()),
            }
        }
        Ok(uses_outer_prefix)
    }

    /// Shows a start tag to the check of a narrative, if there is one.
    #[inline]
    fn narrative_start(
        &mut self,
        element: &Element<'t>,
        narrative: &mut Option<(&str, Narrative)>,
    ) -> Result<()> {
        self.narrative_step(narrative, |narrative| {
            let name = (element.namespace == Namespace::Xhtml).then_some(element.name);
            narrative.start(name, &element.tag);
            if element.tag.is_empty {
                narrative.end();
            }
        })
    }

    /// Shows a step to the check of a narrative, and reports what it says.
    #[inline]
    fn narrative_step(
        &mut self,
        narrative: &mut Option<(&str, Narrative)>,
        step: impl FnOnce(&mut Narrative),
    ) -> Result<()> {
        let Some((name, narrative)) = narrative else { return Ok(()) };
        step(narrative);
        for Problem { expected, found } in narrative.problems() {
            self.report
                .finding(Rule::NARRATIVE, name, self.tokens.offset())
                .expected(expected)
                .found(found)?;
        }
        Ok(())
    }

    /// Whether the element's name or an attribute has a prefix, and `outer` declares any.
    fn uses_prefix_of(&self, outer: Scope, element: &Element<'t>) -> bool {
        let is_prefixed = |name: &str| name.contains(':') && !name.starts_with("xml:");
        outer.prefixes > 0
            && (is_prefixed(element.tag.name) || element.attributes().any(|(name, _)| is_prefixed(name)))
    }

    /// Writes `element` and all in it without prefixes.
    fn rewrite(&mut self, element: &Element<'t>, outside: Namespace, out: &mut Vec<u8>) -> Result<()> {
        let (name, default) = self.rewrite_start(element, outside, out)?;
        if element.tag.is_empty {
            return Ok(());
        }
        let mut open: Vec<(&'t str, Namespace, Scope)> = vec![(name, default, element.scope)];
        while let Some((name, default, scope)) = open.last().copied() {
            let token = self.tokens.next_or_remark();
            let Some(token) = token.map_err(|error| self.report.malformed(error.problem, error.offset))?
            else {
                // Comments in a narrative are kept.
                out.extend_from_slice(self.tokens.source().as_bytes());
                continue;
            };
            match token {
                Token::Start => {
                    let child = self.open(scope)?;
                    let (name, default) = self.rewrite_start(&child, default, out)?;
                    if !child.tag.is_empty {
                        self.check_depth(open.len(), child.tag.offset)?;
                        open.push((name, default, child.scope));
                    }
                }
                Token::End => {
                    out.extend_from_slice(b"</");
                    out.extend_from_slice(name.as_bytes());
                    out.push(b'>');
                    open.pop();
                }
                // A carriage return would become a reference, which counts as text.
                Token::Space(text) => {
                    let _ = escape_text(out, &unix_lines(text));
                }
                // The text was read as XML, so it holds no character that XML cannot.
                Token::Text(text) => {
                    let before = out.len();
                    let _ = escape_text(out, &text);
                    let longer = (out.len() - before).saturating_sub(self.tokens.source().len());
                    self.report.charge(REWRITTEN * longer, self.tokens.offset())?;
                }
                Token::Eof => return Err(self.ends_early()),
            }
        }
        Ok(())
    }

    /// Writes a start tag; returns its name as written, and the default namespace inside.
    fn rewrite_start(
        &mut self,
        element: &Element<'t>,
        outside: Namespace,
        out: &mut Vec<u8>,
    ) -> Result<(&'t str, Namespace)> {
        // The prefix `xml` is the only one that its namespace can have.
        let (name, default) = match element.namespace {
            Namespace::Xml => (element.tag.name, outside),
            namespace => (element.name, namespace),
        };
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        if default != outside {
            let uri = self.scopes.uri(default);
            self.report.charge(REWRITTEN * uri.len(), element.tag.offset)?;
            out.extend_from_slice(b" xmlns=\"");
            let _ = escape_attribute(out, uri);
            out.push(b'"');
        }
        let mut declared: Vec<&str> = Vec::new();
        for (name, raw) in element.tag.attributes() {
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            // An attribute keeps its prefix, which has to be declared beside it.
            if let Some((prefix, _)) = name.split_once(':').filter(|(prefix, _)| *prefix != "xml")
                && let Some(namespace) = self.scopes.resolve(element.scope, prefix)
                && !declared.contains(&prefix)
            {
                declared.push(prefix);
                let uri = self.scopes.uri(namespace);
                self.report.charge(REWRITTEN * uri.len(), element.tag.offset)?;
                out.extend_from_slice(format!(" xmlns:{prefix}=\"").as_bytes());
                let _ = escape_attribute(out, uri);
                out.push(b'"');
            }
            let value = self.value(raw, element.tag.offset)?;
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"=\"");
            let before = out.len();
            let _ = escape_attribute(out, &value);
            let longer = (out.len() - before).saturating_sub(raw.source().len());
            self.report.charge(REWRITTEN * longer, element.tag.offset)?;
            out.push(b'"');
        }
        out.extend_from_slice(if element.tag.is_empty { b"/>" } else { b">" });
        Ok((name, default))
    }
}
