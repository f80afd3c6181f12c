//! [`Session`]: what all requests of one connection share, from negotiate until it is given up.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use koppeltaal_transport::causes;
use serde_json::{Map, Value};

use super::error::{ConnectError, ConnectStep, InvokeError, LostReason};
use super::http::{FRAME_LIMIT, HttpClient, HubRequest, body};
use super::protocol::frame::{Frame, InvalidFrame, ServerMessage};
use super::protocol::negotiate::NegotiationResponse;
use super::protocol::query::{self, Cursor};
use super::protocol::{Transport, json, memory};

/// The longest call that servers accept over a WebSocket, in bytes. It is the limit for all transports.
pub(crate) const CALL_LIMIT: usize = 64 << 10;
/// The longest answer to negotiate and start, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;

/// One connection at the server.
pub(crate) struct Session {
    pub(crate) http: HttpClient,
    pub(crate) hub: String,
    pub(crate) negotiated: NegotiationResponse,
    /// In bytes of memory.
    hub_state_limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cursor: Cursor,
    poll_delay: Duration,
    /// Whether the last frame had no messages.
    is_empty: bool,
    /// Whether a sign of life has come during a poll. Old servers send none, and a proxy may hold them back.
    polls_have_signs_of_life: bool,
    /// The state that the client keeps for the hub.
    hub_state: Map<String, Value>,
}

impl Session {
    /// Asks the server for a connection.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]
    pub(crate) async fn negotiate(
        http: HttpClient,
        hub: &str,
        timeout: Duration,
        hub_state_limit: usize,
    ) -> Result<Self, ConnectError> {
        let step = ConnectStep::Negotiate;
        let response = http.send(HubRequest::get(step, query::negotiate(hub)).timeout(timeout)).await?;
        let negotiated = NegotiationResponse::read(&body(step, ANSWER_LIMIT, response).await?)?;
        Ok(Self { http, hub: hub.to_owned(), negotiated, hub_state_limit, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The query of a request. Requests that continue a connection have the cursor.
    pub(crate) fn query(&self, transport: Transport, step: ConnectStep) -> String {
        let continues = matches!(step, ConnectStep::Reconnect | ConnectStep::Poll);
        let cursor = continues.then(|| self.state().cursor.clone());
        query::connected(&self.hub, transport, &self.negotiated.connection_token, cursor.as_ref())
    }

    /// Reads a text of the receive channel and remembers what a frame says about the frames to come.
    ///
    /// # Errors
    ///
    /// [`LostReason`]: the text is not a frame, or too large.
    pub(crate) fn read(&self, text: &str) -> Result<ServerMessage, LostReason> {
        let message = ServerMessage::read(text).map_err(|error| match error {
            InvalidFrame::NotJson => LostReason::Unreadable,
            InvalidFrame::TooLarge => LostReason::TooLarge,
        })?;
        if let ServerMessage::Frame(frame) = &message {
            self.note(frame);
        }
        Ok(message)
    }

    fn note(&self, frame: &Frame) {
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

    /// Whether the last frame had no messages.
    pub(crate) fn was_empty(&self) -> bool {
        self.state().is_empty
    }

    /// Remembers that a sign of life came during a poll.
    pub(crate) fn note_sign_of_life(&self) {
        self.state().polls_have_signs_of_life = true;
    }

    /// Whether a sign of life has ever come during a poll.
    pub(crate) fn polls_have_signs_of_life(&self) -> bool {
        self.state().polls_have_signs_of_life
    }

    /// Applies changes to the state of the hub.
    ///
    /// # Errors
    ///
    /// [`LostReason::HubStateTooLarge`]
    pub(crate) fn merge_hub_state(&self, changes: Option<Map<String, Value>>) -> Result<(), LostReason> {
        let Some(changes) = changes else { return Ok(()) };
        let mut state = self.state();
        state.hub_state.extend(changes);
        if memory::of_map(&state.hub_state) > self.hub_state_limit {
            return Err(LostReason::HubStateTooLarge);
        }
        Ok(())
    }

    pub(crate) fn hub_state(&self) -> Map<String, Value> {
        self.state().hub_state.clone()
    }

    /// Tells the server that the channel is open.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] of the step `start`.
    pub(crate) async fn start(&self, transport: Transport, timeout: Duration) -> Result<(), ConnectError> {
        let step = ConnectStep::Start;
        let request = HubRequest::get(step, self.query(transport, step)).timeout(timeout);
        let response = self.http.send(request).await?;
        let answer = json::object_in(&body(step, ANSWER_LIMIT, response).await?);
        match answer.as_ref().and_then(|answer| answer.get("Response")?.as_str()) {
            Some("started") => Ok(()),
            _ => Err(ConnectError::Protocol { step }),
        }
    }

    /// Tells the server that the connection ends. The answer does not matter.
    pub(crate) async fn abort(&self, transport: Transport, timeout: Duration) {
        let step = ConnectStep::Abort;
        let request = HubRequest::post(step, self.query(transport, step)).timeout(timeout);
        if let Err(error) = self.http.send(request).await {
            tracing::debug!(error = causes(&error), "the server does not know that the connection ends");
        }
    }

    /// Makes a call over a request of its own. Returns the text of the answer.
    ///
    /// # Errors
    ///
    /// [`InvokeError`]: the request failed.
    pub(crate) async fn send(
        &self,
        transport: Transport,
        call: &str,
        timeout: Duration,
    ) -> Result<String, InvokeError> {
        let step = ConnectStep::Send;
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("data", call).finish();
        let request = HubRequest::post_form(step, self.query(transport, step), form).timeout(timeout);
        let answer = async { body(step, FRAME_LIMIT, self.http.send(request).await?).await };
        let text = answer.await.map_err(|error| match error {
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
