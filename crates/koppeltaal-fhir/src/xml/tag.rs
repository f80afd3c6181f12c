//! Start tags: their name and their attributes, read in one pass.
//!
//! The attribute that FHIR lives on (`value`) and the first other one (mostly the `url` of an extension) are noted on the
//! way; the rest is read again by those who ask, which is rare.

use std::borrow::Cow;

use super::text;
use crate::bytes;

/// A start tag. One that is empty (`<a/>`) has no end tag.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tag<'t> {
    /// The name as written, with its prefix.
    pub(crate) name: &'t str,
    /// The source of all attributes, which is well-formed.
    attributes: &'t str,
    /// The attribute `value`.
    pub(crate) value: Option<RawValue<'t>>,
    /// The first attribute of another name.
    pub(crate) first_other: Option<(&'t str, RawValue<'t>)>,
    /// Where behind it the other attributes start.
    first_other_end: usize,
    /// How many attributes have another name.
    pub(crate) others: u32,
    pub(crate) is_empty: bool,
    /// Where the tag starts.
    pub(crate) offset: usize,
}

impl<'t> Tag<'t> {
    /// Becomes the tag at the start of `text`, which stands at `offset` of the document; gives its length.
    #[inline]
    pub(super) fn read(&mut self, text: &'t str, offset: usize) -> Result<usize, Cow<'static, str>> {
        let bytes = text.as_bytes();
        let start = 1 + name_length(&bytes[1..]);
        if start == 1 {
            return Err("`<` that starts no tag".into());
        }
        *self = Self { name: &text[1..start], offset, ..Self::default() };
        let mut attributes = Attributes { text, position: start };
        loop {
            let position = attributes.position;
            match bytes[position..] {
                [b'>', ..] => {
                    self.attributes = &text[start..position];
                    return Ok(position + 1);
                }
                [b'/', b'>', ..] => {
                    self.attributes = &text[start..position];
                    self.is_empty = true;
                    return Ok(position + 2);
                }
                _ => {}
            }
            match attributes.read()? {
                Some(("value", value)) if self.value.is_none() => self.value = Some(value),
                Some(("value", _)) => return Err("the attribute `value` twice".into()),
                Some(attribute) => {
                    if self.first_other.is_none() {
                        self.first_other = Some(attribute);
                        self.first_other_end = attributes.position - start;
                    }
                    self.others += 1;
                }
                None if attributes.position == text.len() => return Err("a tag without its end".into()),
                None => {}
            }
        }
    }

    /// All attributes, in the order they are written.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        // Reading the tag saw that they are well-formed.
        Attributes::new(self.attributes).map_while(Result::ok)
    }

    /// The attributes but `value`, in the order they are written.
    #[inline]
    pub(crate) fn other_attributes(&self) -> impl Iterator<Item = (&'t str, RawValue<'t>)> + use<'t> {
        let behind_first = if self.others > 1 { &self.attributes[self.first_other_end..] } else { "" };
        let mut behind_first = Attributes::new(behind_first);
        let mut first = self.first_other;
        std::iter::from_fn(move || match first.take() {
            Some(first) => Some(first),
            // Reading the tag saw that they are well-formed.
            None => behind_first.by_ref().map_while(Result::ok).find(|(name, _)| *name != "value"),
        })
    }

    /// Whether the name is one by the rules of XML. A name that a schema knows need not be asked.
    pub(crate) fn has_proper_name(&self) -> bool {
        is_name(self.name)
    }
}

/// Whether a text is a name, with a prefix or without.
pub(crate) fn is_name(text: &str) -> bool {
    match text.split_once(':') {
        None => is_unprefixed_name(text),
        Some((prefix, name)) => is_unprefixed_name(prefix) && is_unprefixed_name(name),
    }
}

/// Whether a text is a name without a colon.
pub(crate) fn is_unprefixed_name(text: &str) -> bool {
    let starts_well = |byte: u8| !byte.is_ascii_digit() && !matches!(byte, b'-' | b'.' | b':');
    text.bytes().next().is_some_and(starts_well) && !text.contains(':') && is_name_token(text)
}

/// Whether a text is made of what names are made of. Beyond ASCII that is nearly everything.
pub(crate) fn is_name_token(text: &str) -> bool {
    let fits =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.') || byte >= 0x80;
    !text.is_empty() && text.bytes().all(fits)
}

/// For each byte whether it ends a name.
static ENDS_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let ends = b"></= \n\t\r";
    let mut index = 0;
    while index < ends.len() {
        table[ends[index] as usize] = true;
        index += 1;
    }
    table
};

#[inline]
fn name_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| !ENDS_NAME[usize::from(**byte)]).count()
}

/// The value of an attribute, as written between its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawValue<'t> {
    text: &'t str,
    /// Whether the value is the text itself: no references, no line breaks.
    is_plain: bool,
}

impl<'t> RawValue<'t> {
    /// The value that was meant, or what is wrong with it.
    #[inline]
    pub(crate) fn value(self) -> Result<Cow<'t, str>, text::Problem> {
        if self.is_plain { Ok(Cow::Borrowed(self.text)) } else { text::attribute_value(self.text) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.text.is_empty()
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
            Some(_) => is_plain = false,
        }
        length += 1;
    }
}

/// A walk over attributes.
pub(crate) struct Attributes<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Attributes<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, position: 0 }
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

    /// The name of the attribute at the position, and how far from there its value starts: behind an equals sign and a
    /// quote, with white space wherever XML allows it. `None` if only white space is left.
    #[inline]
    fn name(&mut self) -> Result<Option<(&'t str, usize)>, Cow<'static, str>> {
        let text = &self.text[self.position..];
        let bytes = text.as_bytes();
        let skip = |from: usize| from + bytes::space_length(&bytes[from..]);
        let start = skip(0);
        if matches!(bytes[start..], [] | [b'>', ..] | [b'/', b'>', ..]) {
            self.position += start;
            return Ok(None);
        }
        if start == 0 {
            return Err("attributes without a blank between them".into());
        }
        let end = start + name_length(&bytes[start..]);
        let equals = skip(end);
        if bytes.get(equals) != Some(&b'=') || end == start {
            return Err("an attribute without a value".into());
        }
        let quote = skip(equals + 1);
        match bytes.get(quote) {
            Some(b'"' | b'\'') => Ok(Some((&text[start..end], quote + 1))),
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
