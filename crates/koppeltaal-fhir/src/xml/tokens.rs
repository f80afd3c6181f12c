//! What quick-xml's events come down to for FHIR: start tags, end tags, text. Comments and processing instructions
//! carry no data and are passed over; a DOCTYPE is refused, so no entity is ever expanded.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::text;
use crate::bytes;

/// One piece of the document.
#[derive(Debug)]
pub(crate) enum Token<'t> {
    Start(Tag<'t>),
    End,
    /// Text, references resolved.
    Text(Cow<'t, str>),
    /// Text that is white space only.
    Space(&'t str),
    /// The end of the document.
    Eof,
}

/// A start tag. One that is empty (`<a/>`) has no end tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag<'t> {
    /// The name as written, with its prefix.
    pub(crate) name: &'t str,
    attributes: &'t str,
    pub(crate) is_empty: bool,
    /// Where the tag starts.
    pub(crate) offset: usize,
}

/// Why the document is not well-formed.
#[derive(Debug)]
pub(crate) struct TokenError {
    pub(crate) problem: String,
    pub(crate) offset: usize,
}

#[derive(Clone)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// Where the last token started.
    offset: usize,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        Self { text, reader, offset: 0 }
    }

    /// Where the last token started.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Where the next token starts.
    pub(crate) fn position(&self) -> usize {
        self.reader.buffer_position() as usize
    }

    #[cold]
    fn error(&self, problem: impl Into<String>) -> Box<TokenError> {
        Box::new(TokenError { problem: problem.into(), offset: self.offset })
    }

    /// The next token that carries data: not the white space between elements.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Token<'t>, Box<TokenError>> {
        // Most text is line breaks and indentation: quick-xml passes over it without an event.
        self.reader.config_mut().trim_text_start = true;
        loop {
            match self.next_whole()? {
                None | Some(Token::Space(_)) => {}
                Some(token) => return Ok(token),
            }
        }
    }

    /// The next token, or `None` for a comment or processing instruction, whose source [`source`](Self::source) gives.
    pub(crate) fn next_or_remark(&mut self) -> Result<Option<Token<'t>>, Box<TokenError>> {
        self.reader.config_mut().trim_text_start = false;
        self.next_whole()
    }

    #[inline]
    fn next_whole(&mut self) -> Result<Option<Token<'t>>, Box<TokenError>> {
        let token = self.next_piece()?;
        if let Some(Token::Text(_) | Token::Space(_)) = token
            && self.text_goes_on()
        {
            return self.whole_text(token).map(Some);
        }
        Ok(token)
    }

    /// Whether text just read is followed by a reference or a CDATA section, or these by more text.
    fn text_goes_on(&self) -> bool {
        match self.text.as_bytes().get(self.position()..) {
            None | Some([] | [b'<']) => false,
            Some([b'<', next, ..]) => *next == b'!' && self.text[self.position()..].starts_with("<![CDATA["),
            Some(_) => true,
        }
    }

    /// Puts pieces of text together; `first` is the first of them.
    #[cold]
    fn whole_text(&mut self, first: Option<Token<'t>>) -> Result<Token<'t>, Box<TokenError>> {
        self.reader.config_mut().trim_text_start = false;
        let start = self.offset;
        let mut whole = String::new();
        let mut piece = first;
        loop {
            match piece {
                Some(Token::Text(text)) => whole.push_str(&text),
                Some(Token::Space(text)) => whole.push_str(text),
                _ => {}
            }
            if !self.text_goes_on() {
                self.offset = start;
                return Ok(Token::Text(Cow::Owned(whole)));
            }
            piece = self.next_piece()?;
        }
    }

    #[inline]
    fn next_piece(&mut self) -> Result<Option<Token<'t>>, Box<TokenError>> {
        self.offset = self.position();
        let event = match self.reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                let offset = self.reader.error_position() as usize;
                return Err(Box::new(TokenError { problem: error.to_string(), offset }));
            }
        };
        let token = match event {
            Event::Start(start) => Token::Start(self.tag(start.len() + 2, start.name().as_ref().len())),
            Event::Empty(start) => Token::Start(self.empty_tag(start.len() + 3, start.name().as_ref().len())),
            Event::End(_) => Token::End,
            Event::Text(_) => {
                let raw = self.source();
                if bytes::is_blank(raw.as_bytes()) {
                    Token::Space(raw)
                } else {
                    Token::Text(self.plain_text(raw)?)
                }
            }
            Event::CData(_) => {
                // White space that was passed over may stand before the section.
                let section = self.source().split_once("<![CDATA[").map(|(_, section)| section);
                let inner = section.and_then(|raw| raw.strip_suffix("]]>")).unwrap_or_default();
                if bytes::is_blank(inner.as_bytes()) {
                    Token::Space(inner)
                } else {
                    Token::Text(Cow::Borrowed(inner))
                }
            }
            Event::GeneralRef(_) => {
                let resolved = text::unescape(self.source(), false).map_err(|problem| self.error(problem))?;
                Token::Text(Cow::Owned(resolved.into_owned()))
            }
            Event::Comment(_) => return Ok(None),
            Event::PI(instruction) => {
                if instruction.target().eq_ignore_ascii_case("xml") {
                    return Err(self.error("an XML declaration that is not at the start"));
                }
                return Ok(None);
            }
            Event::Decl(declaration) => {
                if self.offset != 0 {
                    return Err(self.error("an XML declaration that is not at the start"));
                }
                if let Some(Ok(encoding)) = declaration.encoding()
                    && !matches!(encoding.to_ascii_lowercase().as_str(), "utf-8" | "us-ascii" | "ascii")
                {
                    return Err(self.error(format!("encoding {encoding}: only UTF-8 is read")));
                }
                return Ok(None);
            }
            Event::DocType(_) => return Err(self.error("a DOCTYPE, which is refused")),
            Event::Eof => Token::Eof,
        };
        Ok(Some(token))
    }

    /// The source text of the token just read.
    pub(crate) fn source(&self) -> &'t str {
        self.text.get(self.offset..self.position()).unwrap_or_default()
    }

    /// The source text from `start` to the end of the token just read.
    pub(crate) fn source_from(&self, start: usize) -> &'t str {
        self.text.get(start..self.position()).unwrap_or_default()
    }

    fn plain_text(&self, raw: &'t str) -> Result<Cow<'t, str>, Box<TokenError>> {
        if memchr::memmem::find(raw.as_bytes(), b"]]>").is_some() {
            return Err(self.error("`]]>` in text"));
        }
        text::text_content(raw).map_err(|problem| self.error(problem))
    }

    /// The start tag just read, `length` bytes long.
    #[inline]
    fn tag(&mut self, length: usize, name_length: usize) -> Tag<'t> {
        let end = self.position();
        self.offset = end - length;
        let name_end = self.offset + 1 + name_length;
        Tag {
            name: self.text.get(self.offset + 1..name_end).unwrap_or_default(),
            attributes: self.text.get(name_end..end - 1).unwrap_or_default(),
            is_empty: false,
            offset: self.offset,
        }
    }

    #[inline]
    fn empty_tag(&mut self, length: usize, name_length: usize) -> Tag<'t> {
        let tag = self.tag(length, name_length);
        Tag { attributes: tag.attributes.strip_suffix('/').unwrap_or_default(), is_empty: true, ..tag }
    }
}

/// Whether a byte can be part of a name. Beyond ASCII nearly everything can.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.') || byte >= 0x80
}

impl<'t> Tag<'t> {
    pub(crate) fn attributes(&self) -> Attributes<'t> {
        Attributes { rest: self.attributes }
    }

    /// Whether the name is one by the rules of XML. A name that a schema knows need not be asked.
    pub(crate) fn has_proper_name(&self) -> bool {
        let starts_well = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80;
        self.name.bytes().next().is_some_and(starts_well) && self.name.bytes().all(is_name_byte)
    }
}

/// The attributes of a tag: names, and values as written between their quotes.
pub(crate) struct Attributes<'t> {
    rest: &'t str,
}

impl<'t> Attributes<'t> {
    /// The next attribute, or what is wrong with it.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<(&'t str, &'t str)>, &'static str> {
        let bytes = self.rest.as_bytes();
        if bytes.is_empty() {
            return Ok(None);
        }
        // Nearly always ` name="`: one blank, no blanks round the equals sign.
        let places = match bytes.iter().position(|byte| *byte == b'=') {
            Some(equals)
                if equals > 1
                    && bytes[0] == b' '
                    && matches!(bytes.get(equals + 1), Some(b'"' | b'\''))
                    && !bytes[1..equals].iter().any(is_space) =>
            {
                Some((1, equals, equals + 2))
            }
            _ => spaced_name(bytes)?,
        };
        let Some((name_start, name_end, value_start)) = places else {
            return Ok(None);
        };
        let quote = bytes[value_start - 1];
        let length = memchr::memchr2(quote, b'<', &bytes[value_start..])
            .ok_or("an attribute without its closing quote")?;
        if bytes[value_start + length] == b'<' {
            return Err("a `<` in the value of an attribute");
        }
        let attribute = (&self.rest[name_start..name_end], &self.rest[value_start..value_start + length]);
        self.rest = &self.rest[value_start + length + 1..];
        Ok(Some(attribute))
    }
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// Where the name of the next attribute starts and ends, and where its value starts, with white space wherever XML
/// allows it. `None` if only white space is left.
fn spaced_name(bytes: &[u8]) -> Result<Option<(usize, usize, usize)>, &'static str> {
    let skip = |from: usize| from + bytes[from..].iter().take_while(|byte| is_space(byte)).count();
    let name_start = skip(0);
    if name_start == bytes.len() {
        return Ok(None);
    }
    if name_start == 0 {
        return Err("attributes without a blank between them");
    }
    let name_length = bytes[name_start..].iter().position(|byte| is_space(byte) || *byte == b'=');
    let name_end = name_start + name_length.ok_or("an attribute without a value")?;
    let equals = skip(name_end);
    if bytes.get(equals) != Some(&b'=') || name_end == name_start {
        return Err("an attribute without a value");
    }
    let quote = skip(equals + 1);
    match bytes.get(quote) {
        Some(b'"' | b'\'') => Ok(Some((name_start, name_end, quote + 1))),
        _ => Err("an attribute without quotes"),
    }
}
