//! The texts of the receive channel: frames, keep-alives and results. All texts of the server are decoded
//! here.
//!
//! The same letter means different things at different levels: `H` is the hub in an event, and a flag in a
//! result.

use std::time::Duration;

use serde_json::{Map, Value};

use super::hub::{self, HubEvent, HubResult};
use super::{json, memory};

/// The longest pause between polls. A longer `L` is shortened.
const LONGEST_POLL_DELAY: Duration = Duration::from_secs(60);
/// The longest cursor and the longest groups token, in bytes. They are kept, and sent back in the URL of
/// requests.
const TOKEN_LIMIT: usize = 8 << 10;

/// One text of the receive channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ServerMessage {
    /// `{}`, or an empty text: a sign of life.
    KeepAlive,
    /// The result of a call, outside a frame.
    Result(HubResult),
    /// Messages, and the state of the channel.
    Frame(Frame),
    /// A relay's fatal error (`E`).
    Fatal(String),
}

/// A frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    /// `C`, of frames that have `M`, even an empty one.
    pub(crate) message_id: Option<String>,
    /// `G`
    pub(crate) groups_token: Option<String>,
    /// `L`: how long to wait before the next poll.
    pub(crate) poll_delay: Option<Duration>,
    /// `S`: the first frame of a connection.
    pub(crate) initialized: bool,
    /// `T`: the server shuts down; reconnect.
    pub(crate) reconnect: bool,
    /// `D`: disconnect and do not reconnect. Servers 2.0 only.
    pub(crate) disconnect: bool,
    /// The items of `M` that are for the hub layer, in order.
    pub(crate) items: Vec<Item>,
}

/// An item of `M`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    /// The server calls the client.
    Event(HubEvent),
    /// The result of a call.
    Result(HubResult),
}

/// Why a text cannot be used as a frame. The text is not shown: it may hold anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidFrame {
    /// It is not a JSON object.
    NotJson,
    /// It takes more than [`memory::LIMIT`], or its cursor or groups token is too long.
    TooLarge,
}

impl ServerMessage {
    /// Reads one text: a WebSocket message, the data of a server-sent event or the body of a poll.
    ///
    /// # Errors
    ///
    /// [`InvalidFrame`]
    pub(crate) fn read(text: &str) -> Result<Self, InvalidFrame> {
        // The answer to a long poll may be empty, or hold nothing but the spaces that are signs of life.
        if json::trim(text).is_empty() {
            return Ok(Self::KeepAlive);
        }
        if memory::upper_bound(text) > memory::LIMIT {
            return Err(InvalidFrame::TooLarge);
        }
        let mut object = json::object(text).ok_or(InvalidFrame::NotJson)?;
        if object.is_empty() {
            return Ok(Self::KeepAlive);
        }
        if object.contains_key("I") {
            return Ok(hub::result(&mut object).map_or(Self::KeepAlive, Self::Result));
        }
        if let Some(Value::String(error)) = object.remove("E") {
            return Ok(Self::Fatal(json::shortened(&error)));
        }
        Frame::read(object).map(Self::Frame)
    }
}

impl Frame {
    fn read(mut object: Map<String, Value>) -> Result<Self, InvalidFrame> {
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
        let is_too_long = |token: &Option<String>| token.as_ref().is_some_and(|it| it.len() > TOKEN_LIMIT);
        if is_too_long(&frame.message_id) || is_too_long(&frame.groups_token) {
            return Err(InvalidFrame::TooLarge);
        }
        Ok(frame)
    }
}

impl Item {
    /// `None` for progress of a call, which is ignored, and for anything that is not of the hub layer.
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
