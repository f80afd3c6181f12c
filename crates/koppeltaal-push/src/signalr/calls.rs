//! [`Calls`]: the calls whose results are awaited.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use super::connection::Reply;
use super::error::InvokeError;
use super::protocol::Transport;
use super::protocol::frame::{Item, Received};
use super::protocol::hub::HubResult;
use super::session::Session;

/// The calls under way of one connection. Dropping it ends their requests.
#[derive(Default)]
pub(crate) struct Calls {
    next_id: u64,
    /// By id.
    pending: HashMap<String, Reply>,
    /// Calls that are requests of their own; each gives its id and the text of the answer.
    requests: JoinSet<(u64, Result<String, InvokeError>)>,
}

impl Calls {
    /// A new call's id. Its result will go there.
    pub(crate) fn add(&mut self, reply: Reply) -> u64 {
        // Whose caller has gone is not waited for.
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
        limit: Duration,
    ) {
        self.requests.spawn(async move { (id, session.send(transport, &call, limit).await) });
    }

    /// Waits until the request of a call has ended, and gives what the answer held. Never ready without requests.
    pub(crate) async fn answered(&mut self) -> Option<Received> {
        let (id, answer) = loop {
            match self.requests.join_next().await {
                None => std::future::pending::<()>().await,
                Some(Ok(answer)) => break answer,
                // The request's task panicked or was ended: whoever waits runs into the time limit.
                Some(Err(error)) => tracing::warn!(%error, "a call was lost"),
            }
        };
        let received = answer.and_then(|text| Received::read(&text).map_err(|_| InvokeError::Protocol));
        match received {
            // An empty answer: the result comes on the receive channel, if at all.
            Ok(received) => Some(received),
            Err(error) => {
                self.finish(&id.to_string(), Err(error));
                None
            }
        }
    }

    /// Passes a result on. Whoever is not waited for is ignored: results may come twice.
    pub(crate) fn result(&mut self, result: HubResult) {
        self.finish(&result.id, result.outcome.map_err(InvokeError::Hub));
    }

    pub(crate) fn finish(&mut self, id: &str, outcome: Result<Value, InvokeError>) {
        if let Some(reply) = self.pending.remove(id) {
            // The caller may have gone.
            let _ = reply.send(outcome);
        }
    }

    /// No results will come any more.
    pub(crate) fn fail_all(&mut self) {
        for (_, reply) in self.pending.drain() {
            let _ = reply.send(Err(InvokeError::ConnectionLost));
        }
    }
}

/// The results among the items of an answer to a call; a server may wrap them in a frame.
pub(crate) fn results(received: Received) -> Vec<HubResult> {
    match received {
        Received::Result(result) => vec![result],
        Received::Frame(frame) => {
            let is_result = |item| if let Item::Result(result) = item { Some(result) } else { None };
            frame.items.into_iter().filter_map(is_result).collect()
        }
        Received::KeepAlive | Received::Fatal(_) => Vec::new(),
    }
}
