//! [`Calls`]: the calls to the hub whose results are awaited.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;

use super::error::InvokeError;
use super::protocol::frame::{Item, ServerMessage};
use super::protocol::hub::HubResult;
use super::protocol::{Transport, memory};
use super::session::Session;

/// How many calls may be under way at once; further ones wait.
pub(crate) const CALLS: usize = 64;
/// How many bytes of memory the results may take that their callers have not taken yet. A frame may take as
/// much, so one result always fits.
pub(crate) const RESULTS_LIMIT: usize = memory::LIMIT;

/// A call that an application makes.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) arguments: Vec<Value>,
    pub(crate) reply: Reply,
    /// Counts the call as under way until its caller and its request are gone.
    pub(crate) permit: Arc<OwnedSemaphorePermit>,
}

/// Where the result of a call goes.
pub(crate) struct Reply {
    sender: oneshot::Sender<CallResult>,
    /// What is left of [`RESULTS_LIMIT`], for all calls of a [`HubConnection`](super::HubConnection).
    memory: Arc<Semaphore>,
}

/// The result of a call while it waits for its caller.
pub(crate) struct CallResult {
    outcome: Result<Value, InvokeError>,
    /// The memory of the outcome, which dropping it gives back.
    _memory: Option<OwnedSemaphorePermit>,
}

impl Reply {
    pub(crate) fn new(memory: Arc<Semaphore>) -> (Self, oneshot::Receiver<CallResult>) {
        let (sender, result) = oneshot::channel();
        (Self { sender, memory }, result)
    }

    /// Passes the result to the caller, who may be gone. A result for which there is no memory becomes an
    /// error.
    pub(crate) fn send(self, outcome: Result<Value, InvokeError>) {
        let size = match &outcome {
            Ok(value) => memory::of_value(value),
            Err(InvokeError::Hub(exception)) => exception.memory(),
            Err(_) => 0,
        };
        let memory = u32::try_from(size).ok().and_then(|size| self.memory.try_acquire_many_owned(size).ok());
        let outcome = if memory.is_some() { outcome } else { Err(InvokeError::ResultDropped) };
        let _ = self.sender.send(CallResult { outcome, _memory: memory });
    }

    fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl CallResult {
    pub(crate) fn into_outcome(self) -> Result<Value, InvokeError> {
        self.outcome
    }
}

/// The answer to a call that is a request of its own.
struct CallAnswer {
    id: u64,
    text: Result<String, InvokeError>,
    /// Counts the call as under way until its answer is read.
    _permit: Arc<OwnedSemaphorePermit>,
}

/// The calls under way of one connection. Dropping it ends their requests.
#[derive(Default)]
pub(crate) struct Calls {
    next_id: u64,
    /// By id.
    pending: HashMap<String, Reply>,
    /// Calls that are requests of their own.
    requests: JoinSet<CallAnswer>,
}

impl Calls {
    /// Registers a call. Returns its id.
    pub(crate) fn add(&mut self, reply: Reply) -> u64 {
        // Results whose callers are gone are not awaited.
        self.pending.retain(|_, reply| !reply.is_closed());
        let id = self.next_id;
        self.next_id += 1;
        self.pending.insert(id.to_string(), reply);
        id
    }

    /// Makes a call over a request of its own.
    pub(crate) fn send(
        &mut self,
        session: Arc<Session>,
        transport: Transport,
        id: u64,
        call: String,
        timeout: Duration,
        permit: Arc<OwnedSemaphorePermit>,
    ) {
        self.requests.spawn(async move {
            let text = session.send(transport, &call, timeout).await;
            CallAnswer { id, text, _permit: permit }
        });
    }

    /// Waits for the answer to the request of a call. Returns its results. Never ready without requests.
    pub(crate) async fn answered(&mut self) -> Vec<HubResult> {
        let CallAnswer { id, text, .. } = loop {
            match self.requests.join_next().await {
                None => std::future::pending::<()>().await,
                Some(Ok(answer)) => break answer,
                // The task of the request panicked or was ended. Its caller runs into the time limit.
                Some(Err(error)) => tracing::warn!(%error, "a call was lost"),
            }
        };
        match text.and_then(|text| ServerMessage::read(&text).map_err(|_| InvokeError::Protocol)) {
            // If the answer is empty, the result comes on the receive channel, or never.
            Ok(message) => results(message),
            Err(error) => {
                self.finish(&id.to_string(), Err(error));
                Vec::new()
            }
        }
    }

    /// Passes a result to its caller. Results of other calls are ignored, since results may come twice.
    pub(crate) fn result(&mut self, result: HubResult) {
        self.finish(&result.id, result.outcome.map_err(InvokeError::Hub));
    }

    pub(crate) fn finish(&mut self, id: &str, outcome: Result<Value, InvokeError>) {
        if let Some(reply) = self.pending.remove(id) {
            reply.send(outcome);
        }
    }

    /// Fails all calls: their results will not come any more.
    pub(crate) fn fail_all(&mut self) {
        for (_, reply) in self.pending.drain() {
            reply.send(Err(InvokeError::ConnectionLost));
        }
    }
}

/// The results in an answer to a call. A server may wrap them in a frame.
fn results(message: ServerMessage) -> Vec<HubResult> {
    match message {
        ServerMessage::Result(result) => vec![result],
        ServerMessage::Frame(frame) => {
            let result = |item| if let Item::Result(result) = item { Some(result) } else { None };
            frame.items.into_iter().filter_map(result).collect()
        }
        ServerMessage::KeepAlive | ServerMessage::Fatal(_) => Vec::new(),
    }
}
