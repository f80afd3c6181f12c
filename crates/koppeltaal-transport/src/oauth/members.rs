//! [`Members`]: the members of a JSON object that is not FHIR's: tokens, refusals of OAuth, activation codes.
//!
//! A code or a refresh token works once, and is lost when the answer cannot be read. So the reader accepts
//! whatever can mean only one thing: a byte order mark, numbers as text and text as numbers, other spellings
//! of a name, empty texts for absent members.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How many bytes such an answer may have: plenty for a few tokens of 4 kB each.
pub(crate) const BYTES: usize = 1 << 20;

/// How many members are read. Such answers have about ten.
const MEMBERS: usize = 100;

/// The members of an object that are a text, a number or a truth value. Wiped from memory on drop.
pub(crate) struct Members(Vec<(String, SecretString)>);

impl Members {
    /// Reads a body; `None` if it is not a JSON object, or longer than [`BYTES`].
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        if body.len() > BYTES {
            return None;
        }
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        match std::str::from_utf8(body) {
            Ok(text) => serde_json::from_str(text).ok(),
            // A description in another encoding must not hide the other members.
            Err(_) => {
                let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
                serde_json::from_str(&text).ok()
            }
        }
    }

    /// The member with the first of these names that is there; else one with another spelling of a name.
    fn get(&self, names: &[&str]) -> Option<&str> {
        let find = |is: fn(&str, &str) -> bool| {
            names.iter().find_map(|name| self.0.iter().find(|(member, _)| is(member, name)))
        };
        find(|member, name| member == name).or_else(|| find(is_spelling)).map(|row| row.1.expose_secret())
    }

    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        self.get(names).map(str::to_owned)
    }

    /// A secret. One that is not in UTF-8 counts as absent, since reading has changed it.
    pub(crate) fn secret(&self, names: &[&str]) -> Option<SecretString> {
        self.get(names).filter(|secret| !secret.contains(char::REPLACEMENT_CHARACTER)).map(SecretString::from)
    }

    pub(crate) fn number(&self, names: &[&str]) -> Option<f64> {
        self.get(names)?.trim().parse().ok()
    }
}

/// Whether a member's name is another spelling of this name: `AccessToken` and `access-token` are
/// `access_token`.
fn is_spelling(member: &str, name: &str) -> bool {
    let letters =
        |text| str::bytes(text).filter(|byte| !matches!(byte, b'_' | b'-')).map(|b| b.to_ascii_lowercase());
    letters(member).eq(letters(name))
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((name, Value(value))) = map.next_entry::<String, Value>()? {
                    if members.len() < MEMBERS {
                        members.extend(value.map(|value| (name, value)));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// `serde_json` gives a number as a map with this key if any crate of the application turns on its feature
/// `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// The value of a member as text; `None` for null, an empty text, an object or a list.
struct Value(Option<SecretString>);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value(Some(text).filter(|text| !text.trim().is_empty()).map(SecretString::from)))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value(Some(number.to_string().into())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
                Ok(Value(Some(number.to_string().into())))
            }

            /// 7.0 becomes `7`.
            fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
                Ok(Value(Some(number.to_string().into())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value(Some(value.to_string().into())))
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut number = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == NUMBER {
                        number = map.next_value::<Value>()?.0;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Value(number))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Members {
        Members::read(json.as_bytes()).expect("an object")
    }

    #[test]
    fn texts_and_numbers_are_read_as_each_other() {
        let members = read(r#"{"a":"3600","b":3600.0,"c":" 7.5 ","d":593740,"e":true,"f":-1,"g":"soon"}"#);
        assert_eq!(members.number(&["a"]), Some(3600.0));
        assert_eq!(members.number(&["b"]), Some(3600.0));
        assert_eq!(members.text(&["b"]).as_deref(), Some("3600"));
        assert_eq!(members.number(&["c"]), Some(7.5));
        assert_eq!(members.text(&["d"]).as_deref(), Some("593740"));
        assert_eq!(members.text(&["e"]).as_deref(), Some("true"));
        assert_eq!(members.number(&["f"]), Some(-1.0));
        assert_eq!(members.number(&["g"]), None);
    }

    #[test]
    fn numbers_are_read_however_serde_json_hands_them_over() {
        let members = read(r#"{"expires_in":{"$serde_json::private::Number":"7.0"},"b":{"c":1}}"#);
        assert_eq!(members.number(&["expires_in"]), Some(7.0));
        assert_eq!(members.text(&["b"]), None);
    }

    #[test]
    fn an_answer_of_many_members_or_bytes_is_not_kept() {
        let many = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(10_000));
        assert_eq!(read(&many).0.len(), MEMBERS);
        assert!(Members::read(format!("{{\"a\":\"{}\"}}", "x".repeat(BYTES)).as_bytes()).is_none());
    }

    #[test]
    fn what_says_nothing_is_absent() {
        let members = read(r#"{"a":"","b":" ","c":null,"d":[1],"e":{"f":"x"},"A":"late"}"#);
        for name in ["b", "c", "d", "e", "f"] {
            assert_eq!(members.text(&[name]), None, "{name}");
        }
        assert_eq!(members.text(&["a"]).as_deref(), Some("late"));
    }

    #[test]
    fn names_are_found_in_other_spellings_after_the_right_one() {
        let members =
            read(r#"{"Access_Token":"other","access_token":"right","expiresIn":60,"REFRESH-TOKEN":"r"}"#);
        assert_eq!(members.text(&["access_token"]).as_deref(), Some("right"));
        assert_eq!(members.number(&["expires_in"]), Some(60.0));
        assert_eq!(members.text(&["none", "refresh_token"]).as_deref(), Some("r"));
    }

    #[test]
    fn a_byte_order_mark_and_another_encoding_hide_nothing() {
        let members = Members::read(b"\xEF\xBB\xBF {\"error\":\"invalid_grant\",\"t\":\"pati\xEBnt\"}");
        let members = members.expect("an object");
        assert_eq!(members.text(&["error"]).as_deref(), Some("invalid_grant"));
        assert!(members.text(&["t"]).is_some());
        assert!(members.secret(&["t"]).is_none(), "a secret that was read wrong does not count");
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for body in ["", "[]", "\"{}\"", "<html>", "{\"a\":1", "{}{}", &"[".repeat(100_000)] {
            assert!(Members::read(body.as_bytes()).is_none());
        }
    }
}
