//! How a connection starts: negotiate, a transport that reaches its first frame, `/start`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::builder::HubConnectionBuilder;
use super::channel::{self, Channel};
use super::error::{ConnectError, ConnectStep, LostReason};
use super::link::{FRAME_LIMIT, Link};
use super::protocol::Transport;
use super::protocol::frame::Received;
use super::session::Session;

/// How many texts are kept until the connection has started, and how many bytes they may have together.
const BACKLOG: usize = 10_000;
const BACKLOG_BYTES: usize = FRAME_LIMIT;
/// How long the goodbye after a failed start may take.
const ABORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that has started.
pub(crate) struct Live {
    pub(crate) session: Arc<Session>,
    pub(crate) transport: Transport,
    pub(crate) channel: Box<dyn Channel>,
    /// What came before the start was complete, noted but not delivered.
    pub(crate) backlog: Backlog,
}

/// Bounded, in number and in the length of their texts.
#[derive(Default)]
pub(crate) struct Backlog {
    received: Vec<Received>,
    bytes: usize,
}

impl Backlog {
    fn keep(&mut self, received: Received, bytes: usize, step: ConnectStep) -> Result<(), ConnectError> {
        if received == Received::KeepAlive {
            return Ok(());
        }
        self.bytes += bytes;
        if self.received.len() >= BACKLOG || self.bytes > BACKLOG_BYTES {
            return Err(ConnectError::Protocol { step });
        }
        self.received.push(received);
        Ok(())
    }

    /// Gives what was kept.
    pub(crate) fn take(&mut self) -> Vec<Received> {
        std::mem::take(self).received
    }
}

/// Starts a connection over this link.
///
/// # Errors
///
/// [`ConnectError`]: of negotiate, of all transports, or of what follows the first frame.
pub(crate) async fn start(options: &HubConnectionBuilder, link: Link) -> Result<Live, ConnectError> {
    let session = Arc::new(Session::negotiate(link, &options.hub, options.request_timeout).await?);
    let mut tried = Vec::new();
    let offered = Transport::ALL.into_iter().filter(|transport| match options.transport {
        Some(chosen) => *transport == chosen,
        None => session.negotiated.offers(*transport),
    });
    for transport in offered {
        match open(&session, transport, options).await {
            Ok(live) => return shake_hands(live, options).await,
            // Another transport would carry the same credentials.
            Err(error) if error.is_authentication() => return Err(error),
            Err(error) => {
                tracing::debug!(%transport, %error, "the transport does not work");
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
pub(crate) fn time_to_open(session: &Session, options: &HubConnectionBuilder) -> Duration {
    session.negotiated.transport_connect_timeout + options.transport_connect_timeout
}

/// Opens the first channel and waits for the first frame. A channel that fails is dropped, and so closed.
async fn open(
    session: &Arc<Session>,
    transport: Transport,
    options: &HubConnectionBuilder,
) -> Result<Live, ConnectError> {
    let step = ConnectStep::Connect;
    let limit = time_to_open(session, options);
    let opened = async {
        let mut channel = channel::open(session, transport, step).await?;
        let mut backlog = Backlog::default();
        loop {
            let text = channel.receive().await.map_err(|reason| ConnectError::Lost { step, reason })?;
            let received = read(session, &text).map_err(|reason| ConnectError::Lost { step, reason })?;
            let is_first = matches!(&received, Received::Frame(frame) if frame.initialized);
            if let Received::Fatal(reason) = received {
                return Err(ConnectError::Ended { reason: Some(reason) });
            }
            backlog.keep(received, text.len(), step)?;
            if is_first {
                return Ok(Live { session: Arc::clone(session), transport, channel, backlog });
            }
        }
    };
    timeout(limit, opened).await.unwrap_or(Err(ConnectError::Timeout { step, limit }))
}

/// Tells the server that the channel is open, and keeps what comes meanwhile. There is no other transport to try any
/// more.
async fn shake_hands(mut live: Live, options: &HubConnectionBuilder) -> Result<Live, ConnectError> {
    if !live.session.negotiated.has_start() {
        return Ok(live);
    }
    let step = ConnectStep::Start;
    let Live { session, transport, channel, backlog } = &mut live;
    let result = async {
        let mut started = pin!(session.start(*transport, options.request_timeout));
        loop {
            tokio::select! {
                result = &mut started => return result,
                text = channel.receive() => {
                    let text = text.map_err(|reason| ConnectError::Lost { step, reason })?;
                    let received =
                        read(session, &text).map_err(|reason| ConnectError::Lost { step, reason })?;
                    backlog.keep(received, text.len(), step)?;
                }
            }
        }
    };
    let result = result.await;
    if let Err(error) = result {
        live.session.abort(live.transport, ABORT_TIMEOUT.min(options.request_timeout)).await;
        return Err(error);
    }
    Ok(live)
}

/// Reads a text and notes what it says about the texts to come.
pub(crate) fn read(session: &Session, text: &str) -> Result<Received, LostReason> {
    let received = Received::read(text).map_err(|_| LostReason::Unreadable)?;
    if let Received::Frame(frame) = &received {
        session.note(frame);
    }
    Ok(received)
}
