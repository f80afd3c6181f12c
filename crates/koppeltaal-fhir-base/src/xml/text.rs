//! Characters: escaping, unescaping, and the white space rules of attributes and text.

use std::borrow::Cow;

use crate::bytes;

/// Why a piece of text is not well-formed.
pub(super) type Problem = String;

/// What XML 1.0 allows in a document.
pub(crate) fn is_xml_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{1_0000}'..)
}

/// The first character that XML does not allow, and where it is.
pub fn forbidden_character(text: &str) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    // Without an early exit inside a block the compiler looks at many bytes at once. Line feeds are the only
    // control characters that most texts have; 0xEF starts U+FFFE and U+FFFF, and little else in the
    // languages of Europe.
    let suspect = |block: &[u8]| {
        block.iter().fold(false, |found, byte| found | (*byte < b' ') & (*byte != b'\n') | (*byte == 0xEF))
    };
    let is_forbidden = |at: &usize| match bytes[*at..] {
        [b'\t' | b'\n' | b'\r', ..] => false,
        [byte, ..] if byte < b' ' => true,
        [0xEF, 0xBF, last, ..] => last >= 0xBE,
        _ => false,
    };
    let mut blocks = bytes.chunks(BLOCK).enumerate().filter(|(_, block)| suspect(block));
    blocks.find_map(|(index, block)| {
        let start = index * BLOCK;
        let at = (start..start + block.len()).find(is_forbidden)?;
        Some((at, text[at..].chars().next()?))
    })
}

const BLOCK: usize = 256;

/// Whether a name may start with the character (XML 1.0, fifth edition, production 4); colons are not looked
/// at here.
pub(super) fn is_name_start(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{1_0000}'..='\u{E_FFFF}')
}

/// Whether a name may hold the character (production 4a).
pub(super) fn is_name_character(character: char) -> bool {
    is_name_start(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// The value of an attribute: references resolved, literal white space made blanks as XML demands.
pub(super) fn attribute_value(raw: &str) -> Result<Cow<'_, str>, Problem> {
    let bytes = raw.as_bytes();
    let plain = bytes::plain_length(bytes, [b'&']);
    if bytes[plain..].iter().all(|byte| !matches!(byte, b'&' | b'\n' | b'\r' | b'\t')) {
        return Ok(Cow::Borrowed(raw));
    }
    // A line end of two characters is one character to XML.
    let blanked = raw.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    unescape(&blanked, false).map(|value| Cow::Owned(value.into_owned()))
}

/// Text between tags: references resolved, line ends made `\n`.
pub(super) fn text_content(raw: &str) -> Result<Cow<'_, str>, Problem> {
    match unix_lines(raw) {
        Cow::Borrowed(raw) => unescape(raw, false),
        Cow::Owned(unix) => unescape(&unix, false).map(|text| Cow::Owned(text.into_owned())),
    }
}

/// The text with its line ends made `\n`, as XML demands.
pub(super) fn unix_lines(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\r', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Resolves references: the five of XML, numeric ones, and with `html` the named ones of XHTML.
pub(crate) fn unescape(text: &str, html: bool) -> Result<Cow<'_, str>, Problem> {
    let Some(first) = memchr::memchr(b'&', text.as_bytes()) else { return Ok(Cow::Borrowed(text)) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(after) = rest.strip_prefix('&') {
        let Some((name, tail)) = after.split_once(';') else {
            return Err("`&` without a `;` after it".to_owned());
        };
        out.push(reference(name, html).ok_or_else(|| format!("the reference `&{}`", shorten(name)))?);
        let next = memchr::memchr(b'&', tail.as_bytes()).unwrap_or(tail.len());
        out.push_str(&tail[..next]);
        rest = &tail[next..];
    }
    Ok(Cow::Owned(out))
}

/// Fails unless a reference of XML is at the start, behind its `&`.
#[cold]
pub(super) fn check_reference(behind: &[u8]) -> Result<(), Problem> {
    let end = memchr::memchr(b';', behind).ok_or_else(|| "`&` without a `;` after it".to_owned())?;
    let name = String::from_utf8_lossy(&behind[..end]);
    match reference(&name, false) {
        Some(_) => Ok(()),
        None => Err(format!("the reference `&{}`", shorten(&name))),
    }
}

fn shorten(name: &str) -> &str {
    name.char_indices().nth(12).map_or(name, |(end, _)| &name[..end])
}

/// The character that a reference stands for, without `&` and `;`.
fn reference(name: &str, html: bool) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u32::from_str_radix(digits, 16)
            }
            _ if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse(),
            _ => return None,
        };
        return char::from_u32(code.ok()?).filter(|character| is_xml_character(*character));
    }
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        // quick-xml's table has all of HTML 5; those of XHTML 1.0 stand for one character each.
        _ if html => {
            let mut characters = quick_xml::escape::resolve_html5_entity(name)?.chars();
            characters.next().filter(|_| characters.next().is_none())
        }
        _ => None,
    }
}

/// Writes the value of an attribute. Line breaks and tabs become references, or reading would make them
/// blanks.
pub fn escape_attribute(out: &mut Vec<u8>, value: &str) -> Result<(), char> {
    escape(out, value, &ATTRIBUTE)
}

/// Writes text between tags.
pub fn escape_text(out: &mut Vec<u8>, text: &str) -> Result<(), char> {
    escape(out, text, &TEXT)
}

/// For each byte: 0 to copy it, 1 to look closer.
type Table = [bool; 256];

static ATTRIBUTE: Table = table(b"<>&\"\n\r\t");
static TEXT: Table = table(b"<>&\r");

const fn table(special: &[u8]) -> Table {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'\n' as usize] = false;
    table[b'\t' as usize] = false;
    let mut index = 0;
    while index < special.len() {
        table[special[index] as usize] = true;
        index += 1;
    }
    // The first byte of U+FFFE and U+FFFF, which XML cannot hold.
    table[0xEF] = true;
    table
}

fn escape(out: &mut Vec<u8>, text: &str, table: &Table) -> Result<(), char> {
    let bytes = text.as_bytes();
    let start = bytes::plain_length(bytes, [b'<', b'>', b'&', b'"', 0xEF]);
    if start == bytes.len() {
        // Most texts have nothing to escape.
        out.extend_from_slice(bytes);
        return Ok(());
    }
    let mut plain = 0;
    for (index, &byte) in bytes.iter().enumerate().skip(start) {
        if !table[usize::from(byte)] {
            continue;
        }
        let escaped: &[u8] = match byte {
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'&' => b"&amp;",
            b'"' => b"&quot;",
            b'\n' => b"&#10;",
            b'\r' => b"&#13;",
            b'\t' => b"&#9;",
            0xEF => match text[index..].chars().next() {
                Some(character) if !is_xml_character(character) => return Err(character),
                _ => continue,
            },
            other => return Err(char::from(other)),
        };
        out.extend_from_slice(&bytes[plain..index]);
        out.extend_from_slice(escaped);
        plain = index + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_white_space_in_an_attribute_is_a_blank_and_references_survive() {
        assert_eq!(attribute_value("a\r\nb\tc&#10;d&amp;e").as_deref(), Ok("a b c\nd&e"));
        assert_eq!(attribute_value("plain").as_deref(), Ok("plain"));
    }

    #[test]
    fn a_character_that_xml_does_not_allow_is_found_wherever_it_stands() {
        for length in (0..40).chain(BLOCK - 4..BLOCK + 4) {
            let plain = "é\n\u{FFFD}x".chars().cycle().take(length).collect::<String>();
            assert_eq!(forbidden_character(&plain), None, "{length}");
            for character in ['\0', '\u{B}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
                let text = format!("{plain}{character}{plain}");
                assert_eq!(forbidden_character(&text), Some((plain.len(), character)), "{length}");
            }
        }
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for bad in ["a & b", "&nbsp;", "&#0;", "&#x1F;", "&#xD800;", "&#+5;", "&;", "&#xFFFF;"] {
            assert!(unescape(bad, false).is_err(), "{bad}");
        }
        assert_eq!(unescape("&nbsp;&sect;", true).as_deref(), Ok("\u{A0}§"));
    }

    #[test]
    fn what_needs_an_escape_is_found_wherever_it_stands() {
        for length in 0..40 {
            let plain = "x".repeat(length);
            for (character, escaped) in [("<", "&lt;"), ("\n", "&#10;"), ("\u{FFFD}", "\u{FFFD}")] {
                let mut out = Vec::new();
                escape_attribute(&mut out, &[&plain, character, &plain].concat()).expect("legal characters");
                assert_eq!(out, [&plain, escaped, &plain].concat().as_bytes());
            }
            for character in ['\u{1}', '\u{FFFE}', '\u{FFFF}'] {
                let text = format!("{plain}{character}{plain}");
                assert_eq!(escape_text(&mut Vec::new(), &text), Err(character));
            }
        }
    }

    #[test]
    fn written_values_read_back_as_they_were() {
        let value = "<a href=\"x\">&\n\r\t'é\u{FFFD}</a>";
        let mut out = Vec::new();
        escape_attribute(&mut out, value).expect("legal characters");
        let written = String::from_utf8(out).expect("UTF-8");
        assert_eq!(attribute_value(&written).as_deref(), Ok(value));
        assert_eq!(escape_attribute(&mut Vec::new(), "a\u{1}"), Err('\u{1}'));
        assert_eq!(escape_text(&mut Vec::new(), "a\u{FFFF}"), Err('\u{FFFF}'));
    }
}
