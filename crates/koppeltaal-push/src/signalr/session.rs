//! [`Session`]: what all requests of one connection share, from negotiate until it is given up.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Method, header};
use serde_json::{Map, Value};

use super::error::{ConnectError, ConnectStep, InvokeError};
use super::link::{Link, body};
use super::protocol::frame::Frame;
use super::protocol::negotiate::Negotiated;
use super::protocol::query::{self, Cursor};
use super::protocol::{Transport, json};

/// The longest text that servers take over a WebSocket; one limit for all transports.
pub(crate) const CALL_LIMIT: usize = 64 << 10;

/// One connection at the server.
pub(crate) struct Session {
    pub(crate) link: Link,
    pub(crate) hub: String,
    pub(crate) negotiated: Negotiated,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cursor: Cursor,
    poll_delay: Duration,
    /// Whether the last frame said nothing.
    is_empty: bool,
    /// Whether signs of life came while a poll was held. Old servers send none, and what is between may hold them back.
    polls_have_signs_of_life: bool,
    /// What client and hub keep for each other.
    hub_state: Map<String, Value>,
}

impl Session {
    /// Asks the server for a connection.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]
    pub(crate) async fn negotiate(link: Link, hub: &str, limit: Duration) -> Result<Self, ConnectError> {
        let step = ConnectStep::Negotiate;
        let query = query::negotiate(hub);
        let response = link.request(step, Method::GET, "negotiate", &query, Some(limit), |it| it).await?;
        let negotiated = Negotiated::read(&body(step, response).await?)?;
        Ok(Self { link, hub: hub.to_owned(), negotiated, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The query of a request that needs no cursor.
    pub(crate) fn query(&self, transport: Transport) -> String {
        query::connected(&self.hub, transport, &self.negotiated.connection_token, None)
    }

    /// The query of a request that goes on where the messages of the server are.
    pub(crate) fn query_with_cursor(&self, transport: Transport) -> String {
        query::connected(&self.hub, transport, &self.negotiated.connection_token, Some(&self.state().cursor))
    }

    /// Remembers what a frame says about the frames to come. Before its items are delivered.
    pub(crate) fn note(&self, frame: &Frame) {
        let mut state = self.state();
        if let Some(id) = &frame.message_id {
            state.cursor.message_id = Some(id.clone());
        }
        if let Some(token) = &frame.groups_token {
            state.cursor.groups_token = Some(token.clone());
        }
        state.is_empty = frame.items.is_empty();
        state.poll_delay = frame.poll_delay.unwrap_or_default();
    }

    /// How long to wait before the next poll.
    pub(crate) fn poll_delay(&self) -> Duration {
        self.state().poll_delay
    }

    /// Whether the last frame said nothing.
    pub(crate) fn was_empty(&self) -> bool {
        self.state().is_empty
    }

    /// A sign of life came while a poll was held.
    pub(crate) fn note_sign_of_life(&self) {
        self.state().polls_have_signs_of_life = true;
    }

    /// Whether one ever did.
    pub(crate) fn polls_have_signs_of_life(&self) -> bool {
        self.state().polls_have_signs_of_life
    }

    /// Takes over the changes of the hub's state.
    pub(crate) fn merge_hub_state(&self, changes: Option<Map<String, Value>>) {
        if let Some(changes) = changes {
            self.state().hub_state.extend(changes);
        }
    }

    pub(crate) fn hub_state(&self) -> Map<String, Value> {
        self.state().hub_state.clone()
    }

    /// Tells the server that the channel is open.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] of the step `start`.
    pub(crate) async fn start(&self, transport: Transport, limit: Duration) -> Result<(), ConnectError> {
        let step = ConnectStep::Start;
        let query = self.query(transport);
        let response = self.link.request(step, Method::GET, "start", &query, Some(limit), |it| it).await?;
        let answer = json::object_in(&body(step, response).await?);
        match answer.as_ref().and_then(|answer| answer.get("Response")?.as_str()) {
            Some("started") => Ok(()),
            _ => Err(ConnectError::Protocol { step }),
        }
    }

    /// Says goodbye. The answer does not matter.
    pub(crate) async fn abort(&self, transport: Transport, limit: Duration) {
        let (step, query) = (ConnectStep::Start, self.query(transport));
        let request = self.link.request(step, Method::POST, "abort", &query, Some(limit), |it| {
            it.header(header::CONTENT_LENGTH, 0)
        });
        if let Err(error) = request.await {
            tracing::debug!(%error, "the server was not told goodbye");
        }
    }

    /// Makes a call over a request of its own and gives the text of its result.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]: the request failed.
    pub(crate) async fn send(
        &self,
        transport: Transport,
        call: &str,
        limit: Duration,
    ) -> Result<String, InvokeError> {
        let (step, query) = (ConnectStep::Start, self.query(transport));
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("data", call).finish();
        let request = self.link.request(step, Method::POST, "send", &query, Some(limit), |it| {
            it.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
                .body(form.clone())
        });
        let answered = async { body(step, request.await?).await };
        let text = answered.await.map_err(|error| match error {
            ConnectError::Authentication { status, .. } | ConnectError::Status { status, .. } => {
                InvokeError::Status { status }
            }
            ConnectError::Timeout { limit, .. } => InvokeError::Timeout { limit },
            ConnectError::Unreachable { source, .. } => InvokeError::Unreachable { source },
            _ => InvokeError::Protocol,
        })?;
        String::from_utf8(text).map_err(|_| InvokeError::Protocol)
    }
}
