//! XML text as FHIR needs it: start tags, end tags, text. Comments and processing instructions carry no data
//! and are passed over; a DOCTYPE is refused, so no entity is ever expanded.
//!
//! The tokens are well-formed, except for rules about several attributes or about the elements around them.
//! Module `element` checks those.
//!
//! The tokens are our own and not quick-xml's, so that each byte is looked at only once. A general reader
//! looks for the end of a tag, then for the end of its name, then for its attributes. It checks each piece
//! for UTF-8, and hands out the white space between elements, which is half of all events of an indented
//! message. That alone takes more time than a whole read may. This reader still checks that the text is
//! well-formed; a test compares its verdict with that of quick-xml.

use std::borrow::Cow;

use super::tag::{Attributes, Tag, is_unprefixed_name};
use super::text;
use crate::bytes;
use crate::findings::excerpt;
use crate::primitives::is_xml_space;

/// One piece of the document.
#[derive(Debug)]
pub enum Token<'t> {
    /// A start tag, which [`Tokens::tag`] gives because it is too large to return by value.
    Start,
    End,
    /// Text, references resolved.
    Text(Cow<'t, str>),
    /// Text that is white space only.
    Space(&'t str),
    /// The end of the document.
    Eof,
}

/// Why the document is not well-formed.
#[derive(Debug)]
pub struct TokenError {
    pub problem: String,
    pub offset: usize,
}

type Result<T> = std::result::Result<T, Box<TokenError>>;

#[derive(Clone)]
pub struct Tokens<'t> {
    text: &'t str,
    /// Where the next token starts.
    position: usize,
    /// Where the last token started.
    offset: usize,
    /// The start tag read last.
    tag: Tag<'t>,
    /// The names of the elements that are open.
    open: Vec<&'t str>,
    /// Whether the text is a part of a document, where no XML declaration may stand.
    is_fragment: bool,
    /// The encoding that the XML declaration names.
    encoding: Option<&'t str>,
    /// The first character that XML does not allow, and where it is. The text is read up to there.
    forbidden: Option<(usize, char)>,
}

impl<'t> Tokens<'t> {
    /// The tokens of a whole document.
    pub fn new(text: &'t str) -> Self {
        let forbidden = text::forbidden_character(text);
        Self {
            text: forbidden.map_or(text, |(end, _)| &text[..end]),
            position: 0,
            offset: 0,
            tag: Tag::default(),
            open: Vec::new(),
            is_fragment: false,
            encoding: None,
            forbidden,
        }
    }

    /// The tokens of a piece that is to stand inside a document.
    pub fn of_fragment(text: &'t str) -> Self {
        Self { is_fragment: true, ..Self::new(text) }
    }

    /// The encoding that the XML declaration names, if there is one and it has been passed.
    pub fn encoding(&self) -> Option<&'t str> {
        self.encoding
    }

    /// Where the last token started.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Where the next token starts.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Goes back to the start of the element that ended last, so that it is read again.
    pub fn rewind(&mut self, start: usize) {
        self.position = start;
    }

    /// The start tag read last.
    #[inline]
    pub fn tag(&self) -> &Tag<'t> {
        &self.tag
    }

    /// The source text of the token just read.
    pub fn source(&self) -> &'t str {
        self.source_from(self.offset)
    }

    /// The source text from `start` to the end of the token just read.
    pub fn source_from(&self, start: usize) -> &'t str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    /// The next token that carries data: not the white space between elements.
    #[inline]
    #[allow(clippy::should_implement_trait, reason = "the end is a token, not `None`")]
    pub fn next(&mut self) -> Result<Token<'t>> {
        loop {
            // Most text is line breaks and indentation.
            let rest = &self.text.as_bytes()[self.position..];
            let space = bytes::space_length(rest);
            match rest[space..] {
                // Nearly all tokens are tags.
                [b'<', next, ..] if next != b'!' && next != b'?' => {
                    self.position += space;
                    self.offset = self.position;
                    return if next == b'/' { self.end_tag() } else { self.start_tag() };
                }
                [b'<', ..] => self.position += space,
                _ => {}
            }
            match self.next_or_remark()? {
                None | Some(Token::Space(_)) => {}
                Some(token) => return Ok(token),
            }
        }
    }

    /// The next token, or `None` for a comment or processing instruction, whose source
    /// [`source`](Self::source) gives.
    #[inline]
    pub fn next_or_remark(&mut self) -> Result<Option<Token<'t>>> {
        self.offset = self.position;
        match self.text.as_bytes()[self.position..] {
            [] => self.end().map(Some),
            [b'<'] => self.start_tag().map(Some),
            [b'<', b'/', ..] => self.end_tag().map(Some),
            [b'<', b'?', ..] => self.instruction(),
            [b'<', b'!', ..] if !self.at_section() => self.comment(),
            [b'<', next, ..] if next != b'!' => self.start_tag().map(Some),
            _ => self.character_data().map(Some),
        }
    }

    #[cold]
    fn error(&self, problem: impl Into<String>) -> Box<TokenError> {
        // The token may be wrong only because the text was cut there.
        let (offset, problem) = match self.forbidden {
            Some((offset, character)) => {
                (offset, format!("the character U+{:04X}, which XML does not allow", u32::from(character)))
            }
            None => (self.offset, problem.into()),
        };
        Box::new(TokenError { problem, offset })
    }

    fn end(&self) -> Result<Token<'t>> {
        if self.forbidden.is_some() { Err(self.error("")) } else { Ok(Token::Eof) }
    }

    #[inline]
    fn start_tag(&mut self) -> Result<Token<'t>> {
        match self.tag.read(&self.text[self.offset..], self.offset) {
            Ok(length) => self.position += length,
            Err(problem) => return Err(self.error(problem)),
        }
        if !self.tag.is_empty {
            self.open.push(self.tag.name);
        }
        Ok(Token::Start)
    }

    #[inline]
    fn end_tag(&mut self) -> Result<Token<'t>> {
        let after = &self.text.as_bytes()[self.position + "</".len()..];
        if let Some(name) = self.open.last()
            && let Some(after) = after.strip_prefix(name.as_bytes())
            && let space = if after.first() == Some(&b'>') { 0 } else { bytes::space_length(after) }
            && after.get(space) == Some(&b'>')
        {
            self.position += "</".len() + name.len() + space + ">".len();
            self.open.pop();
            return Ok(Token::End);
        }
        Err(self.wrong_end_tag())
    }

    #[cold]
    fn wrong_end_tag(&self) -> Box<TokenError> {
        let found = self.text[self.offset..].split_inclusive('>').next().unwrap_or_default();
        let found = excerpt(&found);
        match self.open.last() {
            Some(name) => self.error(format!("expected `</{name}>`, found `{found}`")),
            None => self.error(format!("`{found}` ends an element that was not started")),
        }
    }

    /// The length up to and including `end`. The search starts at byte `start`.
    fn length_to(&self, start: usize, end: &str) -> Option<usize> {
        let rest = self.text.as_bytes().get(self.offset + start..)?;
        memchr::memmem::find(rest, end.as_bytes()).map(|length| start + length + end.len())
    }

    #[cold]
    fn comment(&mut self) -> Result<Option<Token<'t>>> {
        let rest = &self.text[self.offset..];
        if !rest.starts_with("<!--") {
            let is_doctype = rest.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!DOCTYPE"));
            return Err(self.error(if is_doctype {
                "a DOCTYPE, which is refused"
            } else {
                "`<!` that starts neither a comment nor a CDATA section"
            }));
        }
        let length =
            self.length_to("<!--".len(), "-->").ok_or_else(|| self.error("a comment without its end"))?;
        if rest["<!--".len()..length - ">".len()].find("--") != Some(length - "<!---->".len()) {
            return Err(self.error("`--` inside a comment"));
        }
        self.position += length;
        Ok(None)
    }

    #[cold]
    fn instruction(&mut self) -> Result<Option<Token<'t>>> {
        let length = self
            .length_to("<?".len(), "?>")
            .ok_or_else(|| self.error("a processing instruction without its end"))?;
        let content = &self.text[self.offset + "<?".len()..self.offset + length - "?>".len()];
        let name_length = content.find(is_xml_space).unwrap_or(content.len());
        let (target, rest) = content.split_at(name_length);
        if !is_unprefixed_name(target) {
            return Err(self.error("a processing instruction without a proper name"));
        }
        if target.eq_ignore_ascii_case("xml") {
            self.declaration(target, rest)?;
        }
        self.position += length;
        Ok(None)
    }

    /// `version`, then perhaps `encoding`, then perhaps `standalone`, none with references.
    fn declaration(&mut self, target: &str, rest: &'t str) -> Result<()> {
        if self.offset != 0 || target != "xml" || self.is_fragment {
            return Err(self.error("an XML declaration that is not at the start"));
        }
        let mut fields = ["version", "encoding", "standalone"].as_slice();
        let mut attributes = Attributes::new(rest);
        for attribute in attributes.by_ref() {
            let (name, raw) = attribute.map_err(|problem| self.error(problem))?;
            let value = raw.source();
            let is_right = match name {
                "version" => value.strip_prefix("1.").is_some_and(|minor| {
                    !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
                }),
                "encoding" => is_encoding_name(value),
                _ => matches!(value, "yes" | "no"),
            };
            let place = fields.iter().position(|field| *field == name);
            let is_in_order = place.is_some_and(|place| place == 0 || fields.len() < 3);
            if !is_right || !is_in_order {
                return Err(self.error(format!("an XML declaration with {name} `{value}`")));
            }
            fields = &fields[place.map_or(0, |place| place + 1)..];
            if name == "encoding" {
                self.encoding = Some(value);
            }
        }
        if fields.len() == 3 || !attributes.is_at_end() {
            return Err(self.error("a malformed XML declaration"));
        }
        Ok(())
    }

    fn at_section(&self) -> bool {
        self.text.as_bytes()[self.position..].starts_with(SECTION.as_bytes())
    }

    /// Text up to the next tag, comment or instruction; CDATA sections are part of it.
    fn character_data(&mut self) -> Result<Token<'t>> {
        let raw = self.plain_source();
        if !self.at_section() {
            if bytes::is_blank(raw.as_bytes()) {
                return Ok(Token::Space(raw));
            }
            return self.plain_text(raw).map(Token::Text);
        }
        let start = self.offset;
        let mut whole = self.plain_text(raw)?.into_owned();
        while self.at_section() {
            self.offset = self.position;
            let length = self
                .length_to(SECTION.len(), "]]>")
                .ok_or_else(|| self.error("a CDATA section without its end"))?;
            let content = &self.text[self.offset + SECTION.len()..self.offset + length - "]]>".len()];
            whole.push_str(&text::unix_lines(content));
            self.position += length;
            self.offset = self.position;
            let raw = self.plain_source();
            whole.push_str(&self.plain_text(raw)?);
        }
        self.offset = start;
        Ok(Token::Text(Cow::Owned(whole)))
    }

    /// The source text up to the next `<`, which becomes the position.
    fn plain_source(&mut self) -> &'t str {
        let rest = &self.text[self.position..];
        let length = memchr::memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        self.position += length;
        &rest[..length]
    }

    fn plain_text(&self, raw: &'t str) -> Result<Cow<'t, str>> {
        // Looking for one byte takes no preparation, and few texts have it.
        if let Some(start) = memchr::memchr(b']', raw.as_bytes())
            && raw[start..].contains("]]>")
        {
            return Err(self.error("`]]>` in text"));
        }
        text::text_content(raw).map_err(|problem| self.error(problem))
    }
}

const SECTION: &str = "<![CDATA[";

/// Whether a text can be the name of an encoding (XML 1.0, production 81).
fn is_encoding_name(text: &str) -> bool {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
    starts_well && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a text on one line each, or the error at the end.
    fn read(text: &str) -> Vec<String> {
        let mut tokens = Tokens::new(text);
        let mut read = Vec::new();
        loop {
            read.push(match tokens.next_or_remark() {
                Ok(None) => format!("remark {}", tokens.source()),
                Ok(Some(Token::Start)) => format!("start {} {}", tokens.tag.name, tokens.tag.is_empty),
                Ok(Some(Token::End)) => "end".to_owned(),
                Ok(Some(Token::Text(text))) => format!("text {text}"),
                Ok(Some(Token::Space(text))) => format!("space {text:?}"),
                Ok(Some(Token::Eof)) => return read,
                Err(error) => {
                    read.push(format!("error at {}: {}", error.offset, error.problem));
                    return read;
                }
            });
        }
    }

    #[test]
    fn a_document_falls_into_tags_text_and_remarks() {
        let text = "<?xml version='1.0'?><!-- c --><a>\n <b x='>' value=\"/>\"/>1 &lt; 2<![CDATA[<&]]> </a >";
        assert_eq!(
            read(text),
            [
                "remark <?xml version='1.0'?>",
                "remark <!-- c -->",
                "start a false",
                "space \"\\n \"",
                "start b true",
                "text 1 < 2<& ",
                "end"
            ]
        );
    }

    #[test]
    fn names_may_hold_all_that_xml_allows() {
        for text in [
            "<é-1.b_/>",
            "<a:é1 xmlns:a='x' b:c-d='e'/>",
            "<?_pi é?>",
            "<ab\u{B7}\u{300}\u{203F}/>",
            "<名 名='\u{FFFD}'/>",
        ] {
            assert!(read(text).iter().all(|token| !token.starts_with("error")), "{text}");
        }
    }

    #[test]
    fn a_piece_of_a_document_has_no_xml_declaration() {
        let mut tokens = Tokens::of_fragment("<?xml version='1.0'?><a/>");
        assert!(tokens.next().is_err());
        assert!(Tokens::of_fragment("<?xml-stylesheet?><a/>").next().is_ok());
    }

    #[test]
    fn an_error_quotes_the_start_of_a_long_end_tag_as_findings_do() {
        let text = format!("<a></{}>", "é".repeat(90));
        let error = format!("error at 3: expected `</a>`, found `</{}…`", "é".repeat(78));
        assert_eq!(read(&text).last(), Some(&error));
    }

    #[test]
    fn what_is_not_well_formed_is_reported_with_its_place() {
        for (text, error) in [
            ("<a></b>", "error at 3: expected `</a>`, found `</b>`"),
            ("</a>", "error at 0: `</a>` ends an element that was not started"),
            ("<a><!-- -- --></a>", "error at 3: `--` inside a comment"),
            ("<a><!-- --->", "error at 3: `--` inside a comment"),
            ("<a><!-->", "error at 3: a comment without its end"),
            ("<!DOCTYPE a>", "error at 0: a DOCTYPE, which is refused"),
            ("<a><!x></a>", "error at 3: `<!` that starts neither a comment nor a CDATA section"),
            ("<a>x]]></a>", "error at 3: `]]>` in text"),
            ("<a><![CDATA[x</a>", "error at 3: a CDATA section without its end"),
            (" <?xml version='1.0'?>", "error at 1: an XML declaration that is not at the start"),
            (
                "<?xml version='1.0' encoding='latin 1'?>",
                "error at 0: an XML declaration with encoding `latin 1`",
            ),
            ("<?xml version='2.0'?>", "error at 0: an XML declaration with version `2.0`"),
            ("<?xml version='1.'?>", "error at 0: an XML declaration with version `1.`"),
            ("<?xml encoding='utf-8'?>", "error at 0: an XML declaration with encoding `utf-8`"),
            (
                "<?xml version='1.0' standalone='no' encoding='utf-8'?>",
                "error at 0: an XML declaration with encoding `utf-8`",
            ),
            ("<?xml version='1.0' version='1.0'?>", "error at 0: an XML declaration with version `1.0`"),
            (
                "<?xml version='1.0' standalone='maybe'?>",
                "error at 0: an XML declaration with standalone `maybe`",
            ),
            ("<?xml version='1.0'/>?>", "error at 0: a malformed XML declaration"),
            ("<?xml?>", "error at 0: a malformed XML declaration"),
            ("<?XML version='1.0'?>", "error at 0: an XML declaration that is not at the start"),
            ("<??>", "error at 0: a processing instruction without a proper name"),
            ("<?1a?>", "error at 0: a processing instruction without a proper name"),
            ("<?a:b c?>", "error at 0: a processing instruction without a proper name"),
            ("<?a,b?>", "error at 0: a processing instruction without a proper name"),
            ("<1b/>", "error at 0: a tag without a proper name"),
            ("<b!/>", "error at 0: a tag without a proper name"),
            ("<a:b:c/>", "error at 0: a tag without a proper name"),
            ("<:b/>", "error at 0: a tag without a proper name"),
            ("<a:/>", "error at 0: a tag without a proper name"),
            ("<a:1/>", "error at 0: a tag without a proper name"),
            ("<a\u{D7}/>", "error at 0: a tag without a proper name"),
            ("<a 1='x'/>", "error at 0: an attribute without a proper name"),
            ("<a b!='x'/>", "error at 0: an attribute without a proper name"),
            ("<a xmlns:1='x'/>", "error at 0: an attribute without a proper name"),
            ("<a ='x'/>", "error at 0: an attribute without a proper name"),
            ("<a b='&'/>", "error at 0: `&` without a `;` after it"),
            ("<a b='1 & 2;'/>", "error at 0: the reference `& 2`"),
            ("<a b='&nbsp;'/>", "error at 0: the reference `&nbsp`"),
            ("<a b='&#xFFFF;'/>", "error at 0: the reference `&#xFFFF`"),
            ("<a>\u{FFFE}</a>", "error at 3: the character U+FFFE, which XML does not allow"),
            ("<a b='é\u{FFFF}'/>", "error at 8: the character U+FFFF, which XML does not allow"),
            ("<!-- \u{1} -->", "error at 5: the character U+0001, which XML does not allow"),
            ("<a/>\0", "error at 4: the character U+0000, which XML does not allow"),
            ("<?pi", "error at 0: a processing instruction without its end"),
            ("<a b></a>", "error at 0: an attribute without a value"),
            ("<a b='1'c='2'/>", "error at 0: attributes without a blank between them"),
            ("<a b='<'/>", "error at 0: a `<` in the value of an attribute"),
            ("<a b='1", "error at 0: an attribute without its closing quote"),
            ("<a", "error at 0: a tag without its end"),
            ("< a/>", "error at 0: `<` that starts no tag"),
            ("<a / >", "error at 0: an attribute without a proper name"),
        ] {
            assert_eq!(read(text).last().map(String::as_str), Some(error), "{text}");
        }
    }
}
