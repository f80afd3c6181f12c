//! What comes on the receive channel: frames, keep-alives and results, told apart level by level, since the
//! same letters mean other things elsewhere.

use std::time::Duration;

use serde_json::{Map, Value};

use super::hub::{self, HubEvent, HubResult};
use super::json;

/// The longest pause between polls that a server's `L` is granted.
const LONGEST_POLL_DELAY: Duration = Duration::from_secs(60);

/// One text of the receive channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Received {
    /// `{}`, or nothing at all: the server lives.
    KeepAlive,
    /// The result of a call, by itself.
    Result(HubResult),
    /// Messages and what goes with them.
    Frame(Frame),
    /// A relay's fatal error (`E`).
    Fatal(String),
}

/// A frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    /// `C`, of frames that have `M`, be it empty.
    pub(crate) message_id: Option<String>,
    /// `G`
    pub(crate) groups_token: Option<String>,
    /// `L`: how long to wait before the next poll.
    pub(crate) poll_delay: Option<Duration>,
    /// `S`: the first frame of a connection.
    pub(crate) initialized: bool,
    /// `T`: the server shuts down; reconnect.
    pub(crate) reconnect: bool,
    /// `D`: disconnect and do not come back. Servers 2.0 only.
    pub(crate) disconnect: bool,
    /// The items of `M` that are for the hub layer, in order.
    pub(crate) items: Vec<Item>,
}

/// One item of `M`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// The server calls the client.
    Event(HubEvent),
    /// The result of a call.
    Result(HubResult),
}

/// A text is no JSON object. What it is is not told: it may be anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Received {
    /// Reads one text: a WebSocket message, the data of a server-sent event or the body of a poll.
    ///
    /// # Errors
    ///
    /// [`Unreadable`]
    pub(crate) fn read(text: &str) -> Result<Self, Unreadable> {
        // Long polls start with spaces, one per keep-alive; an empty one says nothing.
        if json::trim(text).is_empty() {
            return Ok(Self::KeepAlive);
        }
        let mut object = json::object(text).ok_or(Unreadable)?;
        if object.is_empty() {
            return Ok(Self::KeepAlive);
        }
        if object.contains_key("I") {
            return Ok(hub::result(&mut object).map_or(Self::KeepAlive, Self::Result));
        }
        if let Some(Value::String(error)) = object.remove("E") {
            return Ok(Self::Fatal(error));
        }
        Ok(Self::Frame(Frame::read(object)))
    }
}

impl Frame {
    fn read(mut object: Map<String, Value>) -> Self {
        let is_set =
            |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_i64) == Some(1);
        let mut frame = Self {
            message_id: None,
            groups_token: string(&mut object, "G"),
            poll_delay: object
                .get("L")
                .and_then(Value::as_u64)
                .map(|delay| Duration::from_millis(delay).min(LONGEST_POLL_DELAY)),
            initialized: is_set(&object, "S"),
            reconnect: is_set(&object, "T"),
            disconnect: is_set(&object, "D"),
            items: Vec::new(),
        };
        if let Some(Value::Array(items)) = object.remove("M") {
            frame.message_id = string(&mut object, "C");
            frame.items = items.into_iter().filter_map(Item::read).collect();
        }
        frame
    }
}

impl Item {
    /// `None` for progress of a call, which nobody asked for, and for what is none of the hub layer's.
    fn read(item: Value) -> Option<Self> {
        let Value::Object(mut item) = item else { return None };
        if item.contains_key("P") {
            return None;
        }
        if item.contains_key("I") {
            return hub::result(&mut item).map(Self::Result);
        }
        hub::event(&mut item).map(Self::Event)
    }
}

fn string(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    match object.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
