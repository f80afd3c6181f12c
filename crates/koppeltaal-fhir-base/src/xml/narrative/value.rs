//! The types of attributes in a narrative.

use crate::primitives::is_xml_space;
use crate::xml::tag::{is_name_token, is_unprefixed_name};

/// What the value of an attribute must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// Any text.
    Text,
    /// Any text: so says XML Schema 1.0 of `anyURI`.
    Uri,
    /// A name without a colon, once in the narrative.
    Id,
    /// Names without a colon.
    Names,
    NameToken,
    NameTokens,
    /// A language tag, such as `nl` or `en-GB`.
    Language,
    /// The same, or nothing.
    XmlLanguage,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One character.
    Character,
    /// Digits.
    Number,
    /// A number up to 32767.
    TabIndex,
    /// Pixels or per cent.
    Length,
    /// Pixels, per cent, or a share such as `2*`.
    MultiLength,
    /// Lengths with commas between them.
    Coordinates,
}

impl Value {
    pub(super) fn accepts(self, value: &str) -> bool {
        let token = value.trim_matches(is_xml_space);
        match self {
            Self::Text | Self::Uri => true,
            Self::Id => is_unprefixed_name(token),
            Self::Names => all_words(value, is_unprefixed_name),
            Self::NameToken => is_name_token(token),
            // The schema wants at least one token, but no processor does.
            Self::NameTokens => token.is_empty() || all_words(value, is_name_token),
            Self::Language => is_language(token),
            Self::XmlLanguage => token.is_empty() || is_language(token),
            Self::OneOf(words) => words.contains(&token),
            Self::Character => value.chars().count() == 1,
            Self::Number => is_number(token),
            Self::TabIndex => is_number(token) && token.parse::<u32>().is_ok_and(|index| index <= 32_767),
            Self::Length => is_length(value),
            Self::MultiLength => is_length(value) || value.strip_suffix('*').is_some_and(is_share),
            Self::Coordinates => value.split(',').enumerate().all(|(index, length)| {
                is_length(if index > 0 { length.trim_start_matches(is_xml_space) } else { length })
            }),
        }
    }

    /// What is expected, for messages.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Uri => "a URI".into(),
            Self::Id => "a name without a colon".into(),
            Self::Names => "names without a colon".into(),
            Self::NameToken => "a word of letters, digits and - _ . :".into(),
            Self::NameTokens => "words of letters, digits and - _ . :".into(),
            Self::Language | Self::XmlLanguage => "a language tag such as nl or en-GB".into(),
            Self::OneOf(words) => words.join(" | "),
            Self::Character => "one character".into(),
            Self::Number => "a number of digits".into(),
            Self::TabIndex => "a number up to 32767".into(),
            Self::Length => "a length such as 10 or 50%".into(),
            Self::MultiLength => "a length such as 10, 50% or 2*".into(),
            Self::Coordinates => "lengths with commas between them".into(),
        }
    }
}

/// At least one word, and each as `is_one` wants it.
fn all_words(value: &str, is_one: fn(&str) -> bool) -> bool {
    let mut words = value.split(is_xml_space).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(is_one)
}

/// One to eight letters, then parts of one to eight letters or digits.
pub fn is_language(text: &str) -> bool {
    text.split('-').enumerate().all(|(index, part)| {
        let fits = |byte: u8| byte.is_ascii_alphabetic() || index > 0 && byte.is_ascii_digit();
        (1..=8).contains(&part.len()) && part.bytes().all(fits)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[-+]?` digits, or digits with a fraction and `%`.
fn is_length(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    match text.strip_suffix('%') {
        None => is_number(text),
        Some(number) => match number.split_once('.') {
            None => is_number(number),
            Some((whole, fraction)) => is_number(whole) && is_number(fraction),
        },
    }
}

/// What may stand before a `*`.
fn is_share(text: &str) -> bool {
    text.is_empty() || is_number(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_schema_of_xhtml_takes() {
        for (value, good, bad) in [
            (Value::Id, "a1", "1a"),
            (Value::Names, "a b", ""),
            (Value::NameTokens, "1 b:c", "a/b"),
            (Value::Language, "en-GB", "en_GB"),
            (Value::XmlLanguage, "", "123"),
            (Value::OneOf(&["ltr", "rtl"]), " ltr ", "LTR"),
            (Value::Character, "é", "ab"),
            (Value::Number, "10", "-1"),
            (Value::TabIndex, "32767", "32768"),
            (Value::Length, "-50.5%", "50.5"),
            (Value::MultiLength, "2*", "2.5*"),
            (Value::Coordinates, "1, 2%,3", "1,,2"),
        ] {
            assert!(value.accepts(good), "{value:?} {good}");
            assert!(!value.accepts(bad), "{value:?} {bad}");
        }
    }
}
