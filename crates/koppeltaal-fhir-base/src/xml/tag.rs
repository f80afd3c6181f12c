//! Start tags: their name and their attributes, read in one pass.
//!
//! The attribute that FHIR uses most (`value`) and the first other one (mostly the `url` of an extension) are
//! noted on the way. The others are read again when asked for, which is rare.

use std::borrow::Cow;

use super::text::{self, is_name_character, is_name_start};
use crate::bytes;

/// A start tag. One that is empty (`<a/>`) has no end tag.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tag<'t> {
    /// The name as written, with its prefix.
    pub name: &'t str,
    /// Whether the name has a prefix.
    pub is_prefixed: bool,
    /// Whether the name of an attribute has one; `xmlns:` counts.
    pub has_prefixed_attributes: bool,
    /// The source of all attributes, which is well-formed.
    attributes: &'t str,
    /// The attribute `value`.
    pub value: Option<RawValue<'t>>,
    /// The first attribute of another name.
    pub first_other: Option<(&'t str, RawValue<'t>)>,
    /// Where the attributes after it start.
    first_other_end: usize,
    /// How many attributes have another name.
    pub others: u32,
    pub is_empty: bool,
    /// Where the tag starts.
    pub offset: usize,
}

impl<'t> Tag<'t> {
    /// Reads the tag at the start of `text` into `self`, and returns its length. `text` stands at `offset` of
    /// the document.
    ///
    /// The tag is then known to be well-formed by itself, with its names and the references in its
    /// attributes, and to have `value` once at most. [`Element`](super::element::Element) checks that no
    /// other attribute is there twice, and what the prefixes mean.
    #[inline]
    pub fn read(&mut self, text: &'t str, offset: usize) -> Result<usize, Cow<'static, str>> {
        let bytes = text.as_bytes();
        let (length, is_plain) = scan_name(&bytes[1..]);
        let start = 1 + length;
        let name = &text[1..start];
        let is_prefixed = if is_plain { false } else { check_name(name).ok_or_else(|| wrong_tag(bytes))? };
        let mut attributes = Attributes { text, position: start, any_prefixed: false };
        let (mut value, mut first_other, mut first_other_end, mut others) = (None, None, 0, 0);
        let end = loop {
            let position = attributes.position;
            match bytes[position..] {
                [b'>', ..] => break ">",
                [b'/', b'>', ..] => break "/>",
                [byte, ..] if position == start && !byte.is_ascii_whitespace() => {
                    return Err(wrong_tag(bytes));
                }
                _ => {}
            }
            match attributes.read()? {
                Some(("value", _)) if value.is_some() => return Err("the attribute `value` twice".into()),
                Some(("value", found)) => value = Some(found),
                Some(attribute) => {
                    if others == 0 {
                        first_other = Some(attribute);
                        first_other_end = attributes.position - start;
                    }
                    others += 1;
                }
                None if attributes.position == text.len() => return Err("a tag without its end".into()),
                None => {}
            }
        };
        // All at once: a tag is large, and fields set one by one would be written twice.
        *self = Self {
            name,
            is_prefixed,
            has_prefixed_attributes: attributes.any_prefixed,
            attributes: &text[start..attributes.position],
            value,
            first_other,
            first_other_end,
            others,
            is_empty: end == "/>",
            offset,
        };
        Ok(attributes.position + end.len())
    }

    /// All attributes, in the order they are written.
    pub fn attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        // Reading the tag saw that they are well-formed.
        Attributes::new(self.attributes).map_while(Result::ok)
    }

    /// The attributes but `value`, in the order they are written.
    #[inline]
    pub fn other_attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        let behind_first = if self.others > 1 { &self.attributes[self.first_other_end..] } else { "" };
        let mut behind_first = Attributes::new(behind_first);
        let mut first = self.first_other;
        let all = std::iter::from_fn(move || match first.take() {
            Some(first) => Some(first),
            // Reading the tag saw that they are well-formed.
            None => behind_first.by_ref().map_while(Result::ok).find(|(name, _)| *name != "value"),
        });
        // Their number is known: nothing is read to find their end.
        all.take(self.others as usize)
    }
}

#[cold]
fn wrong_tag(tag: &[u8]) -> Cow<'static, str> {
    match tag.get(1) {
        None | Some(b' ' | b'\n' | b'\r' | b'\t' | b'<' | b'>' | b'=') => "`<` that starts no tag".into(),
        Some(_) => "a tag without a proper name".into(),
    }
}

/// Whether the name has a prefix; `None` if it is no name by the rules of XML and its namespaces.
#[cold]
fn check_name(name: &str) -> Option<bool> {
    match name.split_once(':') {
        None => is_unprefixed_name(name).then_some(false),
        Some((prefix, name)) => (is_unprefixed_name(prefix) && is_unprefixed_name(name)).then_some(true),
    }
}

/// Whether a text is a name without a colon (`NCName`).
pub(crate) fn is_unprefixed_name(text: &str) -> bool {
    text.chars().next().is_some_and(is_name_start) && !text.contains(':') && is_name_token(text)
}

/// Whether a text is made of what names are made of.
pub fn is_name_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character == ':' || is_name_character(character))
}

/// A byte of most names.
const PLAIN: u8 = 1;
/// A byte that needs a closer look: one that cannot start a name, a colon, or one beyond ASCII.
const LOOK: u8 = 2;

/// For each byte what it means in a name; 0 if it ends one.
static NAME_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => PLAIN,
            b'0'..=b'9' | b'-' | b'.' | b':' | 0x80.. => LOOK,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// The length of the name at the start, and whether it is valid without a closer look: made of letters, as
/// most are.
#[inline]
fn scan_name(bytes: &[u8]) -> (usize, bool) {
    let length = bytes.iter().take_while(|byte| NAME_BYTES[usize::from(**byte)] == PLAIN).count();
    match bytes.get(length) {
        Some(byte) if NAME_BYTES[usize::from(*byte)] == LOOK => {
            (length + rest_of_name(&bytes[length..]), false)
        }
        _ => (length, length > 0),
    }
}

#[cold]
fn rest_of_name(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| NAME_BYTES[usize::from(**byte)] != 0).count()
}

/// The value of an attribute, as written between its quotes.
#[derive(Debug, Clone, Copy)]
pub struct RawValue<'t> {
    text: &'t str,
    /// Whether the value is the text itself: no references, no line breaks.
    is_plain: bool,
}

impl<'t> RawValue<'t> {
    /// The value with its references resolved, or what is wrong with it.
    #[inline]
    pub fn value(self) -> Result<Cow<'t, str>, text::Problem> {
        if self.is_plain { Ok(Cow::Borrowed(self.text)) } else { text::attribute_value(self.text) }
    }

    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// The text between the quotes, as it is.
    pub fn source(self) -> &'t str {
        self.text
    }
}

/// How long the value in front of its closing quote is, and whether it is plain (see [`RawValue`]).
#[inline]
fn value_length(bytes: &[u8], quote: u8) -> Result<(usize, bool), Cow<'static, str>> {
    let mut length = 0;
    let mut is_plain = true;
    loop {
        length += bytes::plain_length(&bytes[length..], [quote, b'<', b'&']);
        match bytes.get(length) {
            None => return Err("an attribute without its closing quote".into()),
            Some(b'<') => return Err("a `<` in the value of an attribute".into()),
            Some(byte) if *byte == quote => return Ok((length, is_plain)),
            Some(byte) => {
                is_plain = false;
                if *byte == b'&' {
                    text::check_reference(&bytes[length + 1..])?;
                }
            }
        }
        length += 1;
    }
}

/// The end of the white space at `from`. This is a function of its own to keep the usual path short.
#[inline(never)]
fn end_of_space(bytes: &[u8], from: usize) -> usize {
    from + bytes::space_length(&bytes[from..])
}

/// A walk over attributes.
pub(super) struct Attributes<'t> {
    text: &'t str,
    position: usize,
    /// Whether one had a prefix so far.
    any_prefixed: bool,
}

impl<'t> Attributes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, position: 0, any_prefixed: false }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.text.len()
    }

    /// Reads the attribute at the position. `None` if only white space is left, which is passed over.
    #[inline]
    fn read(&mut self) -> Result<Option<(&'t str, RawValue<'t>)>, Cow<'static, str>> {
        let start = self.position;
        let bytes = &self.text.as_bytes()[start..];
        // How nearly all attributes of FHIR start.
        let (name, value_start) = if bytes.starts_with(b" value=\"") {
            ("value", " value=\"".len())
        } else {
            let Some((name, value_start)) = self.name()? else { return Ok(None) };
            (name, value_start)
        };
        let quote = bytes[value_start - 1];
        let value = &bytes[value_start..];
        let (length, is_plain) = value_length(value, quote)?;
        let value_start = start + value_start;
        self.position = value_start + length + 1;
        Ok(Some((name, RawValue { text: &self.text[value_start..value_start + length], is_plain })))
    }

    /// The name of the attribute at the position, and how far from there its value starts: behind an equals
    /// sign and a quote, with white space wherever XML allows it. `None` if only white space is left.
    #[inline]
    fn name(&mut self) -> Result<Option<(&'t str, usize)>, Cow<'static, str>> {
        let text = &self.text[self.position..];
        let bytes = text.as_bytes();
        let skip = |from: usize| match bytes.get(from) {
            Some(byte) if *byte > b' ' => from,
            _ => end_of_space(bytes, from),
        };
        // Nearly always there is one blank in front, and none around the equals sign.
        let start = match bytes {
            [b' ', next, ..] if *next > b' ' => 1,
            _ => skip(0),
        };
        if matches!(bytes[start..], [] | [b'>', ..] | [b'/', b'>', ..]) {
            self.position += start;
            return Ok(None);
        }
        if start == 0 {
            return Err("attributes without a blank between them".into());
        }
        let (length, is_plain) = scan_name(&bytes[start..]);
        let end = start + length;
        let name = &text[start..end];
        if !is_plain {
            self.any_prefixed |= check_name(name).ok_or("an attribute without a proper name")?;
        }
        let equals = skip(end);
        match bytes.get(equals) {
            Some(b'=') => {}
            None | Some(b'/' | b'>') => return Err("an attribute without a value".into()),
            Some(_) if equals > end => return Err("an attribute without a value".into()),
            Some(_) => return Err("an attribute without a proper name".into()),
        }
        let quote = skip(equals + 1);
        match bytes.get(quote) {
            Some(b'"' | b'\'') => Ok(Some((name, quote + 1))),
            _ => Err("an attribute without quotes".into()),
        }
    }
}

impl<'t> Iterator for Attributes<'t> {
    type Item = Result<(&'t str, RawValue<'t>), Cow<'static, str>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
