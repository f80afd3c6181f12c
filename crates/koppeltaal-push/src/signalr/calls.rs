//! [`Calls`]: the calls to the hub whose results are awaited.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::JoinSet;

use super::error::InvokeError;
use super::protocol::Transport;
use super::protocol::frame::{Item, ServerMessage};
use super::protocol::hub::HubResult;
use super::session::Session;

/// How many calls may be under way at once; further ones wait.
pub(crate) const CALLS: usize = 64;

/// A call that an application makes.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) arguments: Vec<Value>,
    pub(crate) reply: Reply,
    /// Counts the call as under way until its caller and its request are gone.
    pub(crate) permit: Arc<OwnedSemaphorePermit>,
}

/// Where a result goes.
pub(crate) type Reply = oneshot::Sender<Result<Value, InvokeError>>;

/// The calls under way of one connection. Dropping it ends their requests.
#[derive(Default)]
pub(crate) struct Calls {
    next_id: u64,
    /// By id.
    pending: HashMap<String, Reply>,
    /// Calls that are requests of their own. Each returns its id and the text of the answer.
    requests: JoinSet<(u64, Result<String, InvokeError>)>,
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
            let answer = session.send(transport, &call, timeout).await;
            drop(permit);
            (id, answer)
        });
    }

    /// Waits for the answer to the request of a call. Returns its results. Never ready without requests.
    pub(crate) async fn answered(&mut self) -> Vec<HubResult> {
        let (id, answer) = loop {
            match self.requests.join_next().await {
                None => std::future::pending::<()>().await,
                Some(Ok(answer)) => break answer,
                // The task of the request panicked or was ended. Its caller runs into the time limit.
                Some(Err(error)) => tracing::warn!(%error, "a call was lost"),
            }
        };
        match answer.and_then(|text| ServerMessage::read(&text).map_err(|_| InvokeError::Protocol)) {
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
            // The caller may be gone.
            let _ = reply.send(outcome);
        }
    }

    /// Fails all calls: their results will not come any more.
    pub(crate) fn fail_all(&mut self) {
        for (_, reply) in self.pending.drain() {
            let _ = reply.send(Err(InvokeError::ConnectionLost));
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
