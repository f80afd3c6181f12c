//! JSON as trees, and the differences between two of them.
//!
//! Shares no code with koppeltaal-fhir on purpose. Numbers are compared as text, because their digits carry
//! meaning. Narratives are compared as markup. The order of members is ignored.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::difference::{Difference, MOST};
use crate::xml_tree;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// The digits as written.
    Number(String),
    /// The text without escapes.
    String(String),
    /// Items in the order of the text.
    Array(Vec<Json>),
    /// Members in the order of the text.
    Object(Vec<(String, Json)>),
}

/// Parses JSON; a member that occurs twice in an object is an error.
pub fn parse(text: &str) -> Result<Json, String> {
    let raw: &RawValue = serde_json::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text))
        .map_err(|error| error.to_string())?;
    from_raw(raw.get()).map_err(|error| error.to_string())
}

fn from_raw(text: &str) -> Result<Json, serde_json::Error> {
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let members: Members<'_> = serde_json::from_str(text)?;
            let members = members.0.into_iter().map(|(name, raw)| Ok((name, from_raw(raw.get())?)));
            Json::Object(members.collect::<Result<_, serde_json::Error>>()?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Json::Array(items.into_iter().map(|raw| from_raw(raw.get())).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::String(serde_json::from_str(text)?),
        Some(b'n') => Json::Null,
        Some(b't' | b'f') => Json::Boolean(serde_json::from_str(text)?),
        _ => Json::Number(text.to_owned()),
    })
}

/// The members of an object, their values unread.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom(format_args!("the member {name} twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

impl Json {
    fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(members) => members.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value as text: strings with quotes, numbers as written, arrays and objects in brief.
    fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::String(text) => format!("\"{text}\""),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::describe).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Object(members) => {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("{name}: {}", value.describe())).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// Rewrites the quirks of older tools into the forms of 0.0.82: `_id` for `id`, the `feed` wrapper, `null`
/// members, HAPI's comments.
pub fn modernize(json: Json) -> Json {
    match json {
        Json::Object(mut members) => {
            if let [(name, Json::Object(_))] = members.as_slice()
                && name == "feed"
            {
                return modernize(members.remove(0).1);
            }
            members.retain(|(name, value)| *value != Json::Null && name != "fhir_comments");
            let rename = |name: String, value: &Json| match (name.as_str(), value) {
                ("_id", Json::String(_)) => "id".to_owned(),
                _ => name,
            };
            let members = members.into_iter().map(|(name, value)| (rename(name, &value), modernize(value)));
            Json::Object(members.collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(modernize).collect()),
        scalar => scalar,
    }
}

/// Removes the narratives: `div`, and the summary of an entry.
pub fn without_narrative(json: Json) -> Json {
    match json {
        Json::Object(mut members) => {
            members.retain(|(name, value)| !is_narrative(name, value));
            let members = members.into_iter().map(|(name, value)| (name, without_narrative(value)));
            Json::Object(members.collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_narrative).collect()),
        scalar => scalar,
    }
}

/// Removes the white space between two tags in narratives.
pub fn without_space_between_tags(json: Json) -> Json {
    match json {
        Json::Object(members) => {
            let prepare = |(name, value): (String, Json)| match value {
                Json::String(text) if name == "div" => {
                    let parts: Vec<&str> = text.split('>').collect();
                    let parts = parts.iter().map(|part| match part.trim_start() {
                        tag if tag.starts_with('<') => tag,
                        _ => part,
                    });
                    (name, Json::String(parts.collect::<Vec<_>>().join(">")))
                }
                value => (name, without_space_between_tags(value)),
            };
            Json::Object(members.into_iter().map(prepare).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_space_between_tags).collect()),
        scalar => scalar,
    }
}

/// The two string members that hold markup. (`Condition.stage.summary` is an object.)
fn is_narrative(name: &str, value: &Json) -> bool {
    matches!(name, "div" | "summary") && matches!(value, Json::String(_))
}

/// All places where two values differ, in document order of the left one, up to [`MOST`].
pub fn compare(left: &Json, right: &Json) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare_values(left, right, "", &mut differences);
    differences
}

fn compare_values(left: &Json, right: &Json, path: &str, differences: &mut Vec<Difference>) {
    if differences.len() >= MOST {
        return;
    }
    match (left, right) {
        (Json::Object(members), Json::Object(others)) => {
            for (name, value) in members {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match right.member(name) {
                    Some(other) if is_narrative(name, value) => {
                        compare_markup(value, other, &place, differences);
                    }
                    Some(other) => compare_values(value, other, &place, differences),
                    None => differences.push(Difference::new(place, Some(value.describe()), None)),
                }
            }
            for (name, value) in others.iter().filter(|(name, _)| left.member(name).is_none()) {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                differences.push(Difference::new(place, None, Some(value.describe())));
            }
        }
        (Json::Array(items), Json::Array(others)) => {
            for index in 0..items.len().max(others.len()) {
                let place = format!("{path}[{index}]");
                match (items.get(index), others.get(index)) {
                    (Some(item), Some(other)) => compare_values(item, other, &place, differences),
                    (item, other) => {
                        let describe = |value: Option<&Json>| value.map(Json::describe);
                        differences.push(Difference::new(place, describe(item), describe(other)));
                    }
                }
            }
        }
        (left, right) if left == right => {}
        (left, right) => {
            differences.push(Difference::new(path, Some(left.describe()), Some(right.describe())));
        }
    }
}

/// Compares two strings as markup. Strings that are not markup must be equal.
fn compare_markup(left: &Json, right: &Json, path: &str, differences: &mut Vec<Difference>) {
    if left == right {
        return;
    }
    if let (Json::String(one), Json::String(other)) = (left, right)
        && let (Ok(one), Ok(other)) = (xml_tree::parse_markup(one), xml_tree::parse_markup(other))
    {
        for difference in xml_tree::compare(&one, &other) {
            differences.push(Difference { path: format!("{path}: {}", difference.path), ..difference });
        }
        return;
    }
    differences.push(Difference::new(path, Some(left.describe()), Some(right.describe())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differences(left: &str, right: &str) -> Vec<String> {
        let left = parse(left).expect("left");
        let right = parse(right).expect("right");
        compare(&left, &right).iter().map(|difference| difference.path.clone()).collect()
    }

    #[test]
    fn order_of_members_layout_and_escapes_make_no_difference() {
        let left = r#"{"a": [1, {"b": "é"}], "c": true}"#;
        let right = "\u{FEFF}{\"c\":true,\"a\":[1,{\"b\":\"\\u00e9\"}]}";
        assert_eq!(differences(left, right), Vec::<String>::new());
    }

    #[test]
    fn changed_digits_types_and_order_of_items_are_found() {
        assert_eq!(differences(r#"{"a": 1.0}"#, r#"{"a": 1.00}"#), ["a"]);
        assert_eq!(differences(r#"{"a": 1}"#, r#"{"a": "1"}"#), ["a"]);
        assert_eq!(differences(r#"{"a": 1e2}"#, r#"{"a": 100}"#), ["a"]);
        assert_eq!(differences("[1, 2]", "[2, 1]"), ["[0]", "[1]"]);
        assert_eq!(differences("[true]", "[false]"), ["[0]"]);
        assert_eq!(differences("[null]", "[]"), ["[0]"]);
    }

    #[test]
    fn a_lost_or_new_member_is_found() {
        assert_eq!(differences(r#"{"a": {"b": 1, "_b": {"id": "x"}}}"#, r#"{"a": {"b": 1}}"#), ["a._b"]);
        assert_eq!(differences(r#"{"a": {}}"#, r#"{"a": {"b": null}}"#), ["a.b"]);
        assert_eq!(differences(r#"{"a": [{}, {"x": 1}]}"#, r#"{"a": [{}]}"#), ["a[1]"]);
    }

    #[test]
    fn a_member_that_occurs_twice_is_refused() {
        assert!(parse(r#"{"a": 1, "a": 1}"#).is_err());
        assert!(parse(r#"{"a": 1"#).is_err());
    }

    #[test]
    fn narratives_are_compared_as_markup_and_other_strings_to_the_letter() {
        let left = r#"{"div": "<div>a&nbsp;b<br/></div>", "x": "<div>a</div>"}"#;
        let right = r#"{"div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">a\u00a0b<br></br></div>", "x": "<div>a</div >"}"#;
        assert_eq!(differences(left, right), ["x"]);
        assert_eq!(
            differences(r#"{"div": "<div>a</div>"}"#, r#"{"div": "<div>b</div>"}"#),
            ["div: div/text()"]
        );
        assert_eq!(differences(r#"{"div": "<div>a"}"#, r#"{"div": "<div>b"}"#), ["div"]);
    }

    #[test]
    fn only_modernizing_hides_quirks() {
        let old = parse(
            r#"{"feed": {"_id": "a", "title": null, "fhir_comments": [], "_x": {"id": "b"}, "y": [null]}}"#,
        );
        let new = parse(r#"{"id": "a", "_x": {"id": "b"}, "y": [null]}"#);
        let (old, new) = (old.expect("old"), new.expect("new"));
        assert!(!compare(&old, &new).is_empty());
        assert_eq!(compare(&modernize(old), &new), []);
    }

    #[test]
    fn narratives_can_be_left_out_without_their_neighbours() {
        let json = parse(r#"{"text": {"status": "generated", "div": "<div/>"}, "summary": {"div": 1}}"#)
            .expect("JSON");
        let rest = parse(r#"{"text": {"status": "generated"}, "summary": {"div": 1}}"#).expect("JSON");
        assert_eq!(without_narrative(json), rest);
    }

    #[test]
    fn space_between_tags_can_be_left_out_without_that_in_text() {
        let json = parse(r#"{"text": [{"div": "<div>\n <p> a <b/> c</p> </div>"}], "x": "<a> </a>"}"#)
            .expect("JSON");
        let rest =
            parse(r#"{"text": [{"div": "<div><p> a <b/> c</p></div>"}], "x": "<a> </a>"}"#).expect("JSON");
        assert_eq!(without_space_between_tags(json), rest);
    }
}
