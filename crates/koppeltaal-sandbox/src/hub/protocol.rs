//! The texts of classic SignalR 2.x: the hubs that a client wants, the version that it speaks, calls and
//! their results.

use serde_json::{Value, json};

/// The hub, in the server's spelling.
pub(crate) const HUB: &str = "KoppeltaalHub";
/// The method by which a client asks for an event when a message comes.
const START_PUSH: &str = "StartPush";

/// The lowest and highest protocol version that a 2.4 server knows, as major and minor.
const VERSIONS: ((u32, u32), (u32, u32)) = ((1, 2), (2, 0));

/// The first version in which a frame can end a connection with an error (`E`).
const FATAL_ERRORS_SINCE: (u32, u32) = (2, 0);

/// The version that a connection speaks: what the client asks for, within what the server knows.
pub(crate) fn version(asked: Option<&str>) -> String {
    let (least, most) = VERSIONS;
    let (major, minor) = asked.and_then(read_version).unwrap_or(least).clamp(least, most);
    format!("{major}.{minor}")
}

/// Whether a client that asks for this version understands a frame with a fatal error: the official ones do
/// since 2.4.1.
pub(crate) fn knows_fatal_errors(asked: Option<&str>) -> bool {
    asked.and_then(read_version).is_some_and(|version| version >= FATAL_ERRORS_SINCE)
}

fn read_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether the connection data names only hubs that exist, each once. It may be missing or empty.
pub(crate) fn is_connection_data(data: Option<&str>) -> bool {
    let Some(data) = data else { return true };
    let Ok(Value::Array(hubs)) = serde_json::from_str(data) else { return false };
    let is_ours = |hub: &Value| {
        let name =
            hub.as_object().and_then(|hub| hub.iter().find(|(key, _)| key.eq_ignore_ascii_case("name")));
        name.and_then(|(_, name)| name.as_str()).is_some_and(|name| name.eq_ignore_ascii_case(HUB))
    };
    // There is one hub, so a second one is unknown or a repetition.
    hubs.len() < 2 && hubs.iter().all(is_ours)
}

/// A call of a hub's method.
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    /// `StartPush`, with the id for the result.
    StartPush(String),
    /// A method that does not exist, or does not take these arguments: name and id.
    Unknown(String, String),
}

impl Call {
    /// Reads a call; `None` when it is unreadable or of an unknown hub.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let call: Value = serde_json::from_str(text).ok()?;
        if !call.get("H")?.as_str()?.eq_ignore_ascii_case(HUB) {
            return None;
        }
        let method = call.get("M")?.as_str()?.to_owned();
        let has_arguments =
            call.get("A").and_then(Value::as_array).is_some_and(|arguments| !arguments.is_empty());
        // A number or a text; the result has a text.
        let id = match call.get("I") {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => String::new(),
        };
        if method.eq_ignore_ascii_case(START_PUSH) && !has_arguments {
            Some(Self::StartPush(id))
        } else {
            Some(Self::Unknown(method, id))
        }
    }

    /// The answer.
    pub(crate) fn result(&self) -> String {
        match self {
            Self::StartPush(id) => json!({ "I": id }),
            Self::Unknown(method, id) => {
                json!({ "I": id, "E": format!("'{method}' method could not be resolved.") })
            }
        }
        .to_string()
    }
}

/// The event that tells of a message. It has no content: it only says "claim now".
pub(crate) fn new_message() -> Value {
    json!({ "H": HUB, "M": "NewMessage", "A": [] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_clamped_and_never_refused() {
        for (asked, expected) in [
            (Some("1.5"), "1.5"),
            (Some("2.1"), "2.0"),
            (Some("9.0"), "2.0"),
            (Some("1.0"), "1.2"),
            (Some("1.10"), "1.10"),
            (Some("x"), "1.2"),
            (None, "1.2"),
        ] {
            assert_eq!(version(asked), expected);
        }
    }

    #[test]
    fn connection_data_names_known_hubs_once() {
        for good in [r#"[{"name":"koppeltaalhub"}]"#, r#"[{"Name":"KOPPELTAALHUB"}]"#, "[]"] {
            assert!(is_connection_data(Some(good)), "{good}");
        }
        assert!(is_connection_data(None));
        let twice = r#"[{"name":"koppeltaalhub"},{"name":"KoppeltaalHub"}]"#;
        for bad in [r#"[{"name":"other"}]"#, twice, "{}", "x", r#"["koppeltaalhub"]"#] {
            assert!(!is_connection_data(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn calls_are_read_without_regard_to_case_and_answered_with_a_text_id() {
        let call = |text: &str| Call::read(text).map(|call| call.result());
        assert_eq!(
            call(r#"{"H":"koppeltaalhub","M":"startpush","A":[],"I":3}"#).as_deref(),
            Some(r#"{"I":"3"}"#)
        );
        assert_eq!(call(r#"{"H":"KoppeltaalHub","M":"StartPush","I":"a"}"#).as_deref(), Some(r#"{"I":"a"}"#));
        for text in [
            r#"{"H":"KoppeltaalHub","M":"Other","A":[],"I":"1"}"#,
            r#"{"H":"KoppeltaalHub","M":"StartPush","A":[1],"I":"1"}"#,
        ] {
            assert!(call(text).is_some_and(|result| result.contains("could not be resolved")));
        }
        assert_eq!(call(r#"{"H":"other","M":"StartPush","A":[],"I":"1"}"#), None);
        assert_eq!(call("no JSON"), None);
    }
}
