//! The hub layer: calls to the server, their results, and the server's calls to the client.

use std::fmt;

use serde_json::{Map, Value, json};

use super::memory;

/// The longest state of a hub that servers accept, in characters of JSON.
const LONGEST_STATE: usize = 4096;

/// The server calls a method of the client.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct HubEvent {
    /// The hub as the server spells it.
    pub hub: String,
    /// The method as the server spells it.
    pub method: String,
    /// The arguments, in order.
    pub arguments: Vec<Value>,
    /// Changes to the state that the client keeps for the hub.
    pub(crate) state: Option<Map<String, Value>>,
}

impl HubEvent {
    /// Whether this is a call of `method` of `hub`. Case does not count: servers write names in their own.
    #[must_use]
    pub fn is(&self, hub: &str, method: &str) -> bool {
        is_same_name(&self.hub, hub) && is_same_name(&self.method, method)
    }

    /// How many bytes of memory it takes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>()
            + memory::of_text(&self.hub)
            + memory::of_text(&self.method)
            + memory::of_values(&self.arguments)
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
    /// The value that the method returned, `null` for nothing; or the exception.
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
/// The server's text is in the fields, and not in `Display` and `Debug`, since it may hold anything.
#[derive(Clone, PartialEq, thiserror::Error)]
#[error("the hub's method failed")]
#[non_exhaustive]
pub struct HubException {
    /// The server's text.
    pub message: String,
    /// Whether the server threw a `HubException`, whose text is meant for the client.
    pub is_hub_exception: bool,
    /// More about a `HubException`.
    pub data: Option<Value>,
}

impl HubException {
    /// How many bytes of memory its text and data take.
    pub(crate) fn memory(&self) -> usize {
        memory::of_text(&self.message) + self.data.as_ref().map_or(0, memory::of_value)
    }
}

impl fmt::Debug for HubException {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubException")
            .field("is_hub_exception", &self.is_hub_exception)
            .finish_non_exhaustive()
    }
}

/// Whether two names of hubs or methods are the same. Case does not count; they are identifiers in ASCII.
pub(crate) fn is_same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// The text of a call. A state that is longer than servers accept is left out.
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

/// A result, from an object with `I`. `None`: it is progress, or its `I` cannot be that of a call.
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
