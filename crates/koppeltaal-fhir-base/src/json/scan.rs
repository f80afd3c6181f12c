//! JSON tokens (RFC 8259): strings, numbers as text, raw values. Knows nothing of FHIR.

use std::borrow::Cow;

use crate::bytes;

/// What kind of value starts at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
        }
    }
}

/// What is wrong with the text, and at which byte.
#[derive(Debug)]
pub(crate) struct ScanError {
    pub problem: ScanProblem,
    pub offset: usize,
}

/// Why text cannot be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanProblem {
    /// It exceeds the limit of depth.
    TooDeep,
    /// It is not JSON.
    Malformed(&'static str),
}

impl ScanError {
    #[cold]
    fn malformed(problem: &'static str, offset: usize) -> Box<Self> {
        Box::new(Self { problem: ScanProblem::Malformed(problem), offset })
    }

    #[cold]
    pub(crate) fn too_deep(offset: usize) -> Box<Self> {
        Box::new(Self { problem: ScanProblem::TooDeep, offset })
    }
}

pub(crate) type Result<T> = std::result::Result<T, Box<ScanError>>;

/// A position in JSON text.
#[derive(Clone)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

/// How many levels of arrays are allowed beyond the limit for objects. In XML an array is no level at all.
pub(super) const ARRAY_DEPTH: usize = 256;

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte offset of the next token, or of where white space before it starts.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    #[cold]
    fn error<T>(&self, problem: &'static str) -> Result<T> {
        Err(ScanError::malformed(problem, self.at))
    }

    #[inline]
    pub(crate) fn peek_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(crate) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek_byte() {
            self.at += 1;
        }
    }

    /// Takes `byte`, after white space, if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let next = self.peek_byte() == Some(byte);
        self.at += usize::from(next);
        next
    }

    #[inline]
    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<()> {
        // Machines write no white space.
        if self.peek_byte() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        if self.take(byte) { Ok(()) } else { self.error(problem) }
    }

    /// The kind of the next value, which is not taken.
    #[inline]
    pub(crate) fn kind(&mut self) -> Result<Kind> {
        match self.peek_kind() {
            Some(kind) => Ok(kind),
            None if self.at == self.text.len() => self.error("the text ends where a value should be"),
            None => self.error("expected a JSON value"),
        }
    }

    /// The same; `None` if no value is next.
    #[inline]
    pub(crate) fn peek_kind(&mut self) -> Option<Kind> {
        self.skip_space();
        Some(match self.peek_byte()? {
            b'"' => Kind::String,
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'-' | b'0'..=b'9' => Kind::Number,
            b't' | b'f' => Kind::Boolean,
            b'n' => Kind::Null,
            _ => return None,
        })
    }

    pub(crate) fn begin_object(&mut self) -> Result<()> {
        self.expect(b'{', "expected `{`")
    }

    pub(crate) fn begin_array(&mut self) -> Result<()> {
        self.expect(b'[', "expected `[`")
    }

    /// The next member's name, taken with its colon; `None` at the end of the object.
    #[inline]
    pub(crate) fn next_member(&mut self, first: bool) -> Result<Option<Cow<'t, str>>> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !first {
            self.expect(b',', "expected `,` or `}`")?;
        }
        self.skip_space();
        if self.peek_byte() != Some(b'"') {
            return self.error("expected the name of a member");
        }
        let name = self.string()?;
        self.expect(b':', "expected `:`")?;
        self.skip_space();
        Ok(Some(name))
    }

    /// Takes the name of the next member with its colon if it is one of `members`, and returns its index
    /// among them. `members` are in quotes and end with the colon, without blanks. This is the short way for
    /// text that machines write.
    #[inline]
    pub(crate) fn take_member<'m>(
        &mut self,
        first: bool,
        members: impl Iterator<Item = &'m str>,
    ) -> Option<usize> {
        let start = if first {
            self.at
        } else if self.peek_byte() == Some(b',') {
            self.at + 1
        } else {
            return None;
        };
        let rest = self.text.as_bytes().get(start..)?;
        for (index, member) in members.enumerate() {
            let member = member.as_bytes();
            // Four bytes tell most of them apart.
            if rest.first_chunk::<4>() == member.first_chunk::<4>() && rest.starts_with(member) {
                self.at = start + member.len();
                self.skip_space();
                return Some(index);
            }
        }
        None
    }

    /// Whether the array has another item; takes the comma before it or the bracket at the end.
    #[inline]
    pub(crate) fn next_item(&mut self, first: bool) -> Result<bool> {
        if self.take(b']') {
            return Ok(false);
        }
        if !first {
            self.expect(b',', "expected `,` or `]`")?;
        }
        self.skip_space();
        Ok(true)
    }

    /// Fails unless only white space is left.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { self.error("expected the end of the text") }
    }

    /// A string, unescaped; borrowed when it has no escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'t, str>> {
        self.expect(b'"', "expected a string")?;
        let start = self.at;
        match self.find_string_stop()? {
            b'"' => {
                let text = &self.text[start..self.at];
                self.at += 1;
                Ok(Cow::Borrowed(text))
            }
            _ => self.escaped_string(start).map(Cow::Owned),
        }
    }

    /// Moves to the next quote or backslash. Control characters are not allowed in between.
    #[inline]
    fn find_string_stop(&mut self) -> Result<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += bytes::plain_length(rest, [b'"', b'\\']);
        match self.peek_byte() {
            Some(byte @ (b'"' | b'\\')) => Ok(byte),
            Some(_) => self.error("a control character in a string must be escaped"),
            None => self.error("the text ends inside a string"),
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<String> {
        let mut string = self.text[start..self.at].to_owned();
        loop {
            match self.find_string_stop()? {
                b'"' => {
                    self.at += 1;
                    return Ok(string);
                }
                _ => string.push(self.escape()?),
            }
            let plain = self.at;
            self.find_string_stop()?;
            string.push_str(&self.text[plain..self.at]);
        }
    }

    fn escape(&mut self) -> Result<char> {
        let escape = self.text.as_bytes().get(self.at + 1).copied();
        let character = match escape {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return self.error("an unknown escape in a string"),
        };
        self.at += 2;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char> {
        let high = self.four_digits(self.at + 2)?;
        let code = match high {
            0xD800..=0xDBFF => {
                let pair = self.text.as_bytes().get(self.at + 6..self.at + 8) == Some(b"\\u");
                let low = if pair { self.four_digits(self.at + 8)? } else { 0 };
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return self.error("half of a surrogate pair");
                }
                self.at += 6;
                0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(character) => {
                self.at += 6;
                Ok(character)
            }
            None => self.error("half of a surrogate pair"),
        }
    }

    fn four_digits(&self, at: usize) -> Result<u32> {
        let digits =
            self.text.as_bytes().get(at..at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| ScanError::malformed("expected four hexadecimal digits", at))
    }

    /// A number, as written.
    pub(crate) fn number(&mut self) -> Result<&'t str> {
        self.skip_space();
        let start = self.at;
        self.at += usize::from(self.peek_byte() == Some(b'-'));
        match self.peek_byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return self.error("expected a digit"),
        }
        if self.peek_byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek_byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek_byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek_byte() {
            self.at += 1;
        }
        if self.at == start { self.error("expected a digit") } else { Ok(()) }
    }

    /// `true`, `false` or `null`, as written.
    pub(crate) fn literal(&mut self) -> Result<&'static str> {
        self.skip_space();
        let rest = &self.text.as_bytes()[self.at..];
        for literal in ["true", "false", "null"] {
            if rest.starts_with(literal.as_bytes()) {
                self.at += literal.len();
                return Ok(literal);
            }
        }
        self.error("expected a JSON value")
    }

    /// Whether a string is next.
    pub(crate) fn at_string(&mut self) -> bool {
        self.skip_space();
        self.peek_byte() == Some(b'"')
    }

    /// Moves to a place that was found before.
    pub(crate) fn move_to(&mut self, offset: usize) {
        self.at = offset;
    }

    /// All of the text.
    pub(crate) fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    /// The error of a text that ends too soon.
    #[cold]
    pub(crate) fn ends_early(&self) -> Box<ScanError> {
        ScanError::malformed("the text ends inside a value", self.text.len())
    }

    /// The text of the next value, whatever it is, checked to be JSON. `depth` is how deep objects may stand
    /// in each other, `arrays` how many arrays stand around the value.
    pub(crate) fn raw(&mut self, depth: usize, arrays: usize) -> Result<&'t str> {
        self.skip_space();
        let start = self.at;
        self.skip(depth, arrays)?;
        Ok(&self.text[start..self.at])
    }

    /// Moves behind the next value.
    fn skip(&mut self, depth: usize, mut arrays: usize) -> Result<()> {
        // For each open object or array: whether it is an object.
        let mut open: Vec<bool> = Vec::new();
        let mut objects = 0;
        loop {
            match self.kind()? {
                Kind::String => drop(self.string()?),
                Kind::Number => drop(self.number()?),
                Kind::Boolean | Kind::Null => drop(self.literal()?),
                Kind::Object => {
                    self.begin_object()?;
                    if self.next_member(true)?.is_some() {
                        objects += 1;
                        if objects > depth {
                            return Err(ScanError::too_deep(self.at));
                        }
                        open.push(true);
                        continue;
                    }
                }
                Kind::Array => {
                    self.begin_array()?;
                    if self.next_item(true)? {
                        arrays += 1;
                        if arrays > depth.saturating_add(ARRAY_DEPTH) {
                            return Err(ScanError::too_deep(self.at));
                        }
                        open.push(false);
                        continue;
                    }
                }
            }
            // After a value: on to the next one, closing what ends here.
            loop {
                match open.last() {
                    None => return Ok(()),
                    Some(true) if self.next_member(false)?.is_some() => break,
                    Some(false) if self.next_item(false)? => break,
                    Some(true) => objects -= 1,
                    Some(false) => arrays -= 1,
                }
                open.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ScanProblem::{Malformed, TooDeep};
    use super::*;

    #[test]
    fn strings_are_unescaped() {
        let string =
            |text: &str| Scanner::new(text).string().map(Cow::into_owned).map_err(|error| error.problem);
        assert_eq!(string(r#""plain text of some length""#).as_deref(), Ok("plain text of some length"));
        assert_eq!(string(r#""\"\\\/\b\f\n\r\t""#).as_deref(), Ok("\"\\/\u{8}\u{C}\n\r\t"));
        assert_eq!(string(r#""a\u00e9b\ud83d\ude00c""#).as_deref(), Ok("aéb😀c"));
        assert_eq!(string(r#""\ud83d""#), Err(Malformed("half of a surrogate pair")));
        assert_eq!(string(r#""\ude00""#), Err(Malformed("half of a surrogate pair")));
        assert_eq!(string(r#""\u12g4""#), Err(Malformed("expected four hexadecimal digits")));
        assert_eq!(string("\"a\nb\""), Err(Malformed("a control character in a string must be escaped")));
        assert_eq!(
            string("\"abcdefghi\u{1}j\""),
            Err(Malformed("a control character in a string must be escaped"))
        );
        assert_eq!(string("\"open"), Err(Malformed("the text ends inside a string")));
        assert_eq!(string("\"één ünïcödé €\"").as_deref(), Ok("één ünïcödé €"));
    }

    #[test]
    fn numbers_stay_as_written() {
        for good in ["0", "-0", "1.00", "6.02E23", "1e-7", "12345678901234567890"] {
            assert_eq!(Scanner::new(good).number().ok(), Some(good));
        }
        for bad in ["01x", "1.", "-", ".5", "1e", "+1"] {
            let mut scanner = Scanner::new(bad);
            assert!(scanner.number().is_err() || scanner.end().is_err(), "{bad}");
        }
    }

    #[test]
    fn skipping_checks_what_it_skips() {
        let raw = |text: &str| Scanner::new(text).raw(9, 0).map(str::len).map_err(|error| error.problem);
        assert_eq!(raw(r#"{"a": [1, {"b": []}, "x"], "c": null} ,"#), Ok(37));
        assert_eq!(raw("[1 2]"), Err(Malformed("expected `,` or `]`")));
        assert_eq!(raw(r#"{"a" 1}"#), Err(Malformed("expected `:`")));
        assert_eq!(raw(r#"{"a":1,}"#), Err(Malformed("expected the name of a member")));
        assert_eq!(raw("nul"), Err(Malformed("expected a JSON value")));
        assert_eq!(raw(&"[".repeat(100_000)), Err(TooDeep));
        assert_eq!(raw(&format!("{}1{}", "{\"a\":".repeat(9), "}".repeat(9))), Ok(55));
        assert_eq!(raw(&format!("{}1{}", "{\"a\":".repeat(10), "}".repeat(10))), Err(TooDeep));
    }
}
