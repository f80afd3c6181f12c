//! The hub layer: calls to the server, their results, and the server's calls to the client.

use std::fmt;

use serde_json::{Map, Value, json};

/// The longest state of a hub that servers take, in characters of JSON.
const LONGEST_STATE: usize = 4096;

/// The server calls a method of the client.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct HubEvent {
    /// The hub as the server spells it.
    pub hub: String,
    /// The method as the server spells it.
    pub method: String,
    /// What it is called with, in order.
    pub arguments: Vec<Value>,
    /// Changes to the state that client and server keep for each other.
    pub(crate) state: Option<Map<String, Value>>,
}

impl HubEvent {
    /// Whether this is that method of that hub. Case does not count: servers answer in their own.
    #[must_use]
    pub fn is(&self, hub: &str, method: &str) -> bool {
        is_same_name(&self.hub, hub) && is_same_name(&self.method, method)
    }
}

/// Without the arguments, which may be about a patient.
impl fmt::Debug for HubEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubEvent")
            .field("hub", &self.hub)
            .field("method", &self.method)
            .field("arguments", &self.arguments.len())
            .finish()
    }
}

/// How a call ended.
#[derive(Clone, PartialEq)]
pub(crate) struct HubResult {
    /// The call's id, always as text.
    pub(crate) id: String,
    /// What it returned, `null` for nothing; or what went wrong.
    pub(crate) outcome: Result<Value, HubException>,
    pub(crate) state: Option<Map<String, Value>>,
}

impl fmt::Debug for HubResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubResult")
            .field("id", &self.id)
            .field("succeeded", &self.outcome.is_ok())
            .finish_non_exhaustive()
    }
}

/// A method of the server's hub failed.
///
/// What the server said is in the fields, and not in `Display` and `Debug`: nobody knows what it tells.
#[derive(Clone, PartialEq, thiserror::Error)]
#[error("the hub's method failed")]
#[non_exhaustive]
pub struct HubException {
    /// The server's text.
    pub message: String,
    /// Whether the server failed on purpose, with a text that is meant for the client (`HubException`).
    pub is_hub_exception: bool,
    /// More about an exception on purpose.
    pub data: Option<Value>,
}

impl fmt::Debug for HubException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubException")
            .field("is_hub_exception", &self.is_hub_exception)
            .finish_non_exhaustive()
    }
}

/// Hub and method names are compared like this everywhere. They are identifiers; only ASCII letters have a case here.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The text of a call. State that is longer than servers take is left out.
pub(crate) fn call(
    hub: &str,
    method: &str,
    arguments: &[Value],
    id: u64,
    state: &Map<String, Value>,
) -> String {
    let mut call = json!({ "H": hub, "M": method, "A": arguments, "I": id.to_string() });
    if !state.is_empty() {
        let state = Value::Object(state.clone());
        if state.to_string().chars().count() <= LONGEST_STATE {
            call["S"] = state;
        }
    }
    call.to_string()
}

/// A result, from an object with `I`. `None`: it is progress, or has an `I` that no call has.
pub(crate) fn result(object: &mut Map<String, Value>) -> Option<HubResult> {
    if object.contains_key("P") {
        return None;
    }
    let id = match object.remove("I")? {
        Value::String(id) => id,
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    let outcome = match object.remove("E") {
        None | Some(Value::Null) => Ok(object.remove("R").unwrap_or_default()),
        Some(error) => Err(HubException {
            message: error.as_str().map_or_else(|| error.to_string(), str::to_owned),
            is_hub_exception: object.get("H").and_then(Value::as_bool).unwrap_or_default(),
            data: object.remove("D"),
        }),
    };
    Some(HubResult { id, outcome, state: state(object) })
}

/// A call of the server, from an item of `M`.
pub(crate) fn event(item: &mut Map<String, Value>) -> Option<HubEvent> {
    let (Some(Value::String(hub)), Some(Value::String(method))) = (item.remove("H"), item.remove("M")) else {
        return None;
    };
    let arguments = match item.remove("A") {
        Some(Value::Array(arguments)) => arguments,
        _ => Vec::new(),
    };
    Some(HubEvent { hub, method, arguments, state: state(item) })
}

fn state(object: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    match object.remove("S") {
        Some(Value::Object(state)) => Some(state),
        _ => None,
    }
}
