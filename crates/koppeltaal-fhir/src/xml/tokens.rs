//! XML text as FHIR needs it: start tags, end tags, text. Comments and processing instructions carry no data and are
//! passed over; a DOCTYPE is refused, so no entity is ever expanded.
//!
//! The tokens are our own and not quick-xml's for the same reason as in JSON: one look at each byte. A general reader looks
//! for the end of a tag, then for that of its name, then for its attributes, checks each piece for UTF-8 and hands out
//! the white space between elements, half of all events of an indented message; that alone takes more time than
//! a whole read may. What is well-formed is checked here all the same, and compared with quick-xml's verdict in a test.

use std::borrow::Cow;

use super::tag::Tag;
use super::text;
use crate::bytes;

/// One piece of the document.
#[derive(Debug)]
pub(crate) enum Token<'t> {
    /// A start tag, which [`Tokens::tag`] gives: it is too large to be handed up the stack.
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
pub(crate) struct TokenError {
    pub(crate) problem: String,
    pub(crate) offset: usize,
}

type Result<T> = std::result::Result<T, Box<TokenError>>;

#[derive(Clone)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    /// Where the next token starts.
    position: usize,
    /// Where the last token started.
    offset: usize,
    /// The start tag read last.
    tag: Tag<'t>,
    /// The names of the elements that are open.
    open: Vec<&'t str>,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, position: 0, offset: 0, tag: Tag::default(), open: Vec::new() }
    }

    /// Where the last token started.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Where the next token starts.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// The start tag read last.
    #[inline]
    pub(crate) fn tag(&self) -> &Tag<'t> {
        &self.tag
    }

    /// The source text of the token just read.
    pub(crate) fn source(&self) -> &'t str {
        self.source_from(self.offset)
    }

    /// The source text from `start` to the end of the token just read.
    pub(crate) fn source_from(&self, start: usize) -> &'t str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    /// The next token that carries data: not the white space between elements.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Token<'t>> {
        loop {
            // Most text is line breaks and indentation.
            let start = self.position;
            let tag = start + bytes::space_length(&self.text.as_bytes()[start..]);
            if self.text.as_bytes().get(tag) == Some(&b'<') {
                self.position = tag;
            }
            match self.next_or_remark()? {
                None | Some(Token::Space(_)) => {}
                Some(token) => return Ok(token),
            }
        }
    }

    /// The next token, or `None` for a comment or processing instruction, whose source [`source`](Self::source) gives.
    #[inline]
    pub(crate) fn next_or_remark(&mut self) -> Result<Option<Token<'t>>> {
        self.offset = self.position;
        match self.text.as_bytes()[self.position..] {
            [] => Ok(Some(Token::Eof)),
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
        Box::new(TokenError { problem: problem.into(), offset: self.offset })
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
            && let space = bytes::space_length(after)
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
        let found: String = found.chars().take(80).collect();
        match self.open.last() {
            Some(name) => self.error(format!("expected `</{name}>`, found `{found}`")),
            None => self.error(format!("`{found}` ends an element that was not started")),
        }
    }

    /// The length up to and with `end`, of which `start` bytes are not looked at.
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
        let name_length = content.find(|c: char| c.is_ascii_whitespace()).unwrap_or(content.len());
        let (target, rest) = content.split_at(name_length);
        if target.is_empty() {
            return Err(self.error("a processing instruction without a name"));
        }
        if target.eq_ignore_ascii_case("xml") {
            self.declaration(target, rest)?;
        }
        self.position += length;
        Ok(None)
    }

    fn declaration(&self, target: &str, rest: &str) -> Result<()> {
        if self.offset != 0 || target != "xml" {
            return Err(self.error("an XML declaration that is not at the start"));
        }
        let attributes = super::tag::Attributes::new(rest);
        for attribute in attributes {
            let (name, raw) = attribute.map_err(|problem| self.error(problem))?;
            let value = raw.value().map_err(|problem| self.error(problem))?;
            let is_read = match name {
                "encoding" => matches!(value.to_ascii_lowercase().as_str(), "utf-8" | "us-ascii" | "ascii"),
                "version" => value.starts_with("1."),
                "standalone" => matches!(&*value, "yes" | "no"),
                _ => false,
            };
            if !is_read {
                return Err(self.error(match name {
                    "encoding" => format!("encoding {value}: only UTF-8 is read"),
                    _ => format!("an XML declaration with {name} `{value}`"),
                }));
            }
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
        if memchr::memmem::find(raw.as_bytes(), b"]]>").is_some() {
            return Err(self.error("`]]>` in text"));
        }
        text::text_content(raw).map_err(|problem| self.error(problem))
    }
}

const SECTION: &str = "<![CDATA[";

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
    fn what_is_not_well_formed_is_told_with_its_place() {
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
            ("<?xml version='1.0' encoding='latin1'?>", "error at 0: encoding latin1: only UTF-8 is read"),
            ("<?pi", "error at 0: a processing instruction without its end"),
            ("<a b></a>", "error at 0: an attribute without a value"),
            ("<a b='1'c='2'/>", "error at 0: attributes without a blank between them"),
            ("<a b='<'/>", "error at 0: a `<` in the value of an attribute"),
            ("<a b='1", "error at 0: an attribute without its closing quote"),
            ("<a", "error at 0: a tag without its end"),
            ("< a/>", "error at 0: `<` that starts no tag"),
            ("<a / >", "error at 0: an attribute without a value"),
        ] {
            assert_eq!(read(text).last().map(String::as_str), Some(error), "{text}");
        }
    }
}
