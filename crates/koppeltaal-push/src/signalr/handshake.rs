//! How a connection starts: negotiate, a transport that reaches its first frame, `/start`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use koppeltaal_transport::causes;
use tokio::time::timeout;

use super::channel::{self, Channel};
use super::error::{ConnectError, ConnectStep};
use super::http::HttpClient;
use super::options::Options;
use super::protocol::frame::ServerMessage;
use super::protocol::{Transport, memory};
use super::session::Session;

/// How many messages may come before the connection has started, and how many bytes of memory they may take
/// together.
const BACKLOG: usize = 10_000;
const BACKLOG_MEMORY: usize = memory::LIMIT;
/// How long the abort after a failed start may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection whose channel is open.
pub(crate) struct OpenConnection {
    pub(crate) session: Arc<Session>,
    pub(crate) transport: Transport,
    pub(crate) channel: Box<dyn Channel>,
    pub(crate) backlog: Backlog,
}

/// The messages before the connection has started, which are delivered afterwards.
#[derive(Default)]
pub(crate) struct Backlog {
    messages: Vec<ServerMessage>,
    /// What they take at most, in bytes of memory.
    size: usize,
}

impl Backlog {
    fn push(&mut self, message: ServerMessage, text: &str, step: ConnectStep) -> Result<(), ConnectError> {
        if message == ServerMessage::KeepAlive {
            return Ok(());
        }
        self.size += memory::upper_bound(text);
        if self.messages.len() >= BACKLOG || self.size > BACKLOG_MEMORY {
            return Err(ConnectError::Protocol { step });
        }
        self.messages.push(message);
        Ok(())
    }

    pub(crate) fn into_messages(self) -> Vec<ServerMessage> {
        self.messages
    }
}

/// Starts a connection to a hub.
///
/// # Errors
///
/// [`ConnectError`]: negotiate, all transports, or `/start` failed.
pub(crate) async fn start(
    options: &Options,
    hub: &str,
    http: HttpClient,
) -> Result<OpenConnection, ConnectError> {
    let session = Session::negotiate(http, hub, options.request_timeout, options.hub_state_limit).await?;
    let session = Arc::new(session);
    let transports = Transport::ALL.into_iter().filter(|transport| match options.transport {
        Some(chosen) => *transport == chosen,
        None => session.negotiated.offers(*transport),
    });
    let mut tried = Vec::new();
    for transport in transports {
        match open(&session, transport, options).await {
            Ok(connection) => return complete(connection, options).await,
            // Another transport would send the same credentials.
            Err(error) if error.is_authentication() => return Err(error),
            Err(error) => {
                tracing::debug!(%transport, error = causes(&error), "the transport does not work");
                tried.push((transport, error));
            }
        }
    }
    match (options.transport, tried.pop()) {
        (Some(_), Some((_, error))) => Err(error),
        (_, last) => {
            tried.extend(last);
            Err(ConnectError::NoTransport { tried })
        }
    }
}

/// How long opening a channel may take.
pub(crate) fn time_to_open(session: &Session, options: &Options) -> Duration {
    session.negotiated.transport_connect_timeout + options.transport_connect_timeout
}

/// Opens the first channel and waits for the first frame. A channel that fails is dropped, which closes it.
async fn open(
    session: &Arc<Session>,
    transport: Transport,
    options: &Options,
) -> Result<OpenConnection, ConnectError> {
    let step = ConnectStep::Connect;
    let limit = time_to_open(session, options);
    let opened = async {
        let channel = channel::open(session, transport, step).await?;
        let backlog = Backlog::default();
        let mut connection = OpenConnection { session: Arc::clone(session), transport, channel, backlog };
        while !connection.receive(step).await? {}
        Ok(connection)
    };
    timeout(limit, opened).await.unwrap_or(Err(ConnectError::Timeout { step, limit }))
}

/// Tells the server that the channel is open, and receives meanwhile. From here on no other transport is
/// tried.
async fn complete(mut connection: OpenConnection, options: &Options) -> Result<OpenConnection, ConnectError> {
    if !connection.session.negotiated.has_start() {
        return Ok(connection);
    }
    let (session, transport) = (Arc::clone(&connection.session), connection.transport);
    let started = async {
        let mut start = pin!(session.start(transport, options.request_timeout));
        loop {
            tokio::select! {
                result = &mut start => return result,
                received = connection.receive(ConnectStep::Start) => received?,
            };
        }
    };
    if let Err(error) = started.await {
        session.abort(transport, ABORT_TIMEOUT.min(options.request_timeout)).await;
        return Err(error);
    }
    Ok(connection)
}

impl OpenConnection {
    /// Receives a message into the backlog. Returns whether it is the first frame of a connection. Cancel
    /// safe.
    async fn receive(&mut self, step: ConnectStep) -> Result<bool, ConnectError> {
        let lost = |reason| ConnectError::Lost { step, reason };
        let text = self.channel.receive().await.map_err(lost)?;
        let message = self.session.read(&text).map_err(lost)?;
        let is_first = matches!(&message, ServerMessage::Frame(frame) if frame.initialized);
        if step == ConnectStep::Connect
            && let ServerMessage::Fatal(reason) = message
        {
            return Err(ConnectError::Ended { reason: Some(reason) });
        }
        self.backlog.push(message, &text, step)?;
        Ok(is_first)
    }
}
