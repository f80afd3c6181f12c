//! The webSockets transport: the upgrade (RFC 6455), and the exchange of frames and calls afterwards.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use sha1_smol::Sha1;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_websockets::{CloseCode, Limits, Message, ServerBuilder, WebSocketStream};

use crate::config::Push;
use crate::hub::protocol::Call;
use crate::hub::{Channel, Frame, Hub};

/// What both sides append to the key (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The longest message that the original takes from a client.
pub(super) const MESSAGE_BYTES: usize = 64 * 1024;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Answers the upgrade, and exchanges messages after it.
pub(super) fn accept(
    hub: &Arc<Hub>,
    request: Request,
    is_reconnect: bool,
    open: impl FnOnce(&Hub) -> Channel,
) -> Response {
    upgrade(request, || {
        let (hub, channel) = (Arc::clone(hub), open(hub));
        move |socket| async move { exchange(&hub, socket, channel, is_reconnect).await }
    })
}

/// Answers the upgrade, sends this text, and closes the socket.
pub(super) fn refuse(hub: &Hub, request: Request, text: String) -> Response {
    let patience = hub.push().disconnect_timeout;
    upgrade(request, || {
        move |mut socket: Socket| async move {
            let notified = async {
                socket.send(Message::text(text)).await?;
                close(&mut socket).await
            };
            taken(patience, notified).await
        }
    })
}

/// Answers the upgrade. `exchange` is called when the request is right, and gives what to do with the socket.
fn upgrade<E, F>(mut request: Request, exchange: impl FnOnce() -> E) -> Response
where
    E: FnOnce(Socket) -> F + Send + 'static,
    F: Future<Output = Result<(), SocketError>> + Send,
{
    let Some(key) = key(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "Not a WebSocket request.").into_response();
    };
    let accept = BASE64_STANDARD.encode(Sha1::from(format!("{key}{GUID}")).digest().bytes());
    let exchange = exchange();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // The client left after asking for the upgrade.
        let Ok(upgraded) = upgrade.await else { return };
        let limits = Limits::default().max_payload_len(Some(MESSAGE_BYTES));
        let socket = ServerBuilder::new().limits(limits).serve(TokioIo::new(upgraded));
        if let Err(error) = exchange(socket).await {
            tracing::trace!(%error, "a hub connection was lost");
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept).unwrap_or(HeaderValue::from_static(""))),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// The key of a request that asks for a WebSocket of version 13, the only one.
fn key(headers: &HeaderMap) -> Option<&str> {
    let has = |name: header::HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    let is_upgrade = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade)?.to_str().ok()
}

/// Why an exchange ended early.
#[derive(Debug, thiserror::Error)]
enum SocketError {
    #[error("the socket failed")]
    Socket(#[from] tokio_websockets::Error),
    /// A write took too long.
    #[error("the client does not read")]
    Unread,
}

/// The next thing to do with a socket.
enum SocketAction {
    Send(String),
    /// Sends the pongs that reading pings has queued. They have to be gone before more is read: otherwise a
    /// client that does not take them would fill the memory.
    Flush,
    Nothing,
}

async fn exchange(
    hub: &Hub,
    mut socket: Socket,
    mut channel: Channel,
    is_reconnect: bool,
) -> Result<(), SocketError> {
    let Push { keep_alive, disconnect_timeout: patience, .. } = hub.push();
    if !is_reconnect {
        let init = Frame::init().text(&hub.cursor(channel.cursor));
        taken(patience, socket.send(Message::text(init))).await?;
    }
    let mut next_sign = Instant::now() + keep_alive;
    loop {
        let step = tokio::select! {
            frame = channel.next() => match frame {
                Some(frame) => SocketAction::Send(frame.text(&hub.cursor(channel.cursor))),
                None => break,
            },
            received = socket.next() => match received {
                None => return Ok(()),
                Some(message) => answer(hub, &channel, &message?),
            },
            () = sleep_until(next_sign) => SocketAction::Send("{}".to_owned()),
        };
        match step {
            SocketAction::Send(text) => {
                taken(patience, socket.send(Message::text(text))).await?;
                next_sign = Instant::now() + keep_alive;
            }
            SocketAction::Flush => taken(patience, socket.flush()).await?,
            SocketAction::Nothing => {}
        }
    }
    taken(patience, close(&mut socket)).await
}

async fn close(socket: &mut Socket) -> Result<(), tokio_websockets::Error> {
    socket.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), "")).await?;
    socket.close().await
}

/// What to do about a message of the client. Anything but a call of a known hub gets no answer.
fn answer(hub: &Hub, channel: &Channel, message: &Message) -> SocketAction {
    if message.is_ping() {
        return SocketAction::Flush;
    }
    match message.as_text().and_then(Call::read) {
        Some(call) => SocketAction::Send(hub.call(channel.connection(), &call)),
        None => SocketAction::Nothing,
    }
}

/// Waits for a write; the client has to take it in time.
async fn taken(
    patience: Duration,
    write: impl Future<Output = Result<(), tokio_websockets::Error>>,
) -> Result<(), SocketError> {
    Ok(timeout(patience, write).await.map_err(|_| SocketError::Unread)??)
}
