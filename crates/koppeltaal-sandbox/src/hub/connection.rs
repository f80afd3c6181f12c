//! [`Connection`]: a logical connection, which outlives the requests and sockets that carry it. [`Channel`]:
//! the request or socket that carries its events now.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::protocol::new_message;
use crate::instance::InstanceId;

/// How many events are kept for a client that reconnects.
const BUFFER: usize = 1000;
/// How many events go into one frame.
const EVENTS_PER_FRAME: usize = 10;

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) instance: InstanceId,
    state: Mutex<State>,
    /// Counts changes of `state` that concern the channel.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    /// Events with their numbers, from 1.
    events: VecDeque<(u64, Event)>,
    last: u64,
    is_started: bool,
    /// The number of the current channel. Older channels end.
    channel: u64,
    is_aborted: bool,
    /// Since when there is no channel.
    lost: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Event {
    /// A message came, about this patient if it is about one.
    NewMessage { patient: Option<Arc<str>> },
    /// The connection joined its group. With this token it can join again.
    Groups(String),
}

impl Event {
    /// Whether a channel for this patient, or for all, tells of it.
    fn is_for(&self, only: Option<&str>) -> bool {
        match self {
            Self::NewMessage { patient } => only.is_none() || patient.as_deref() == only,
            Self::Groups(_) => true,
        }
    }
}

impl Connection {
    pub(super) fn new(id: String, instance: InstanceId) -> Self {
        let state = State {
            events: VecDeque::new(),
            last: 0,
            is_started: false,
            channel: 0,
            is_aborted: false,
            lost: Some(Instant::now()),
        };
        Self { id, instance, state: Mutex::new(state), changes: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn tell(&self, event: Event) {
        {
            let mut state = self.state();
            state.last += 1;
            let number = state.last;
            state.events.push_back((number, event));
            if state.events.len() > BUFFER {
                state.events.pop_front();
            }
        }
        self.wake();
    }

    /// Tells of a message about this patient, if the client asked for it.
    pub(super) fn notify(&self, patient: Option<Arc<str>>) {
        if self.state().is_started {
            self.tell(Event::NewMessage { patient });
        }
    }

    /// From now on the client is told of messages. Asking again changes nothing.
    pub(super) fn start_push(&self, groups_token: Option<String>) {
        let was_started = std::mem::replace(&mut self.state().is_started, true);
        if !was_started && let Some(token) = groups_token {
            self.tell(Event::Groups(token));
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.state().is_started
    }

    /// The client said goodbye, or the server stops.
    pub(super) fn abort(&self) {
        self.state().is_aborted = true;
        self.wake();
    }

    /// Since when nobody listens.
    pub(super) fn lost(&self) -> Option<Instant> {
        self.state().lost
    }

    /// Opens a channel, which replaces the current one. It starts after the event `after`, or with the next
    /// event. With `only` it tells only of messages about that patient.
    pub(super) fn open(self: &Arc<Self>, after: Option<u64>, only: Option<&str>) -> Channel {
        let (number, cursor) = {
            let mut state = self.state();
            state.channel += 1;
            state.lost = None;
            (state.channel, after.map_or(state.last, |after| after.min(state.last)))
        };
        self.wake();
        let only = only.map(str::to_owned);
        Channel { connection: Arc::clone(self), number, cursor, only, changes: self.changes.subscribe() }
    }
}

/// A receive channel. When it is dropped, the connection counts as lost, unless another channel has replaced
/// this one.
#[derive(Debug)]
pub(crate) struct Channel {
    connection: Arc<Connection>,
    number: u64,
    /// The last event that was handed out.
    pub(crate) cursor: u64,
    /// The only patient of whose messages it tells, if there is such a limit. URL without version.
    only: Option<String>,
    changes: watch::Receiver<u64>,
}

impl Channel {
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Waits for the next frame; `None` when the channel has to end. The future may be dropped at any time
    /// without losing an event.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            self.changes.mark_unchanged();
            {
                let state = self.connection.state();
                if state.channel != self.number || state.is_aborted {
                    return None;
                }
                let new = state.events.iter().filter(|(number, _)| *number > self.cursor);
                let meant = new.filter(|(_, event)| event.is_for(self.only.as_deref()));
                let waiting: Vec<_> = meant.take(EVENTS_PER_FRAME).cloned().collect();
                drop(state);
                if let Some((last, _)) = waiting.last() {
                    self.cursor = *last;
                    return Some(Frame::from_events(waiting.into_iter().map(|(_, event)| event)));
                }
            }
            // The sender lives as long as the connection, which `self` keeps alive.
            self.changes.changed().await.ok()?;
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut state = self.connection.state();
        if state.channel == self.number {
            state.lost = Some(Instant::now());
        }
    }
}

/// What is in a frame.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Frame {
    messages: Vec<Value>,
    groups: Option<String>,
    is_init: bool,
}

impl Frame {
    /// The first frame of a connection.
    pub(crate) fn init() -> Self {
        Self { is_init: true, ..Self::default() }
    }

    fn from_events(events: impl Iterator<Item = Event>) -> Self {
        let mut frame = Self::default();
        for event in events {
            match event {
                Event::NewMessage { .. } => frame.messages.push(new_message()),
                Event::Groups(token) => frame.groups = Some(token),
            }
        }
        frame
    }

    /// The frame's text, with the cursor of its last event.
    pub(crate) fn text(&self, cursor: &str) -> String {
        let mut frame = json!({ "C": cursor });
        if self.is_init {
            frame["S"] = 1.into();
        }
        if let Some(groups) = &self.groups {
            frame["G"] = groups.as_str().into();
        }
        frame["M"] = self.messages.clone().into();
        frame.to_string()
    }
}
