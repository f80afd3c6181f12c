//! The webSockets transport: the upgrade (RFC 6455), and the exchange of frames and calls afterwards.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use sha1_smol::Sha1;
use tokio::time::timeout;
use tokio_websockets::{CloseCode, Limits, Message, ServerBuilder, WebSocketStream};

use super::app::App;
use crate::hub::protocol::Call;
use crate::hub::{Channel, Frame, Hub};

/// What both sides put behind the key (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The longest message of a client that the original takes.
const MESSAGE_BYTES: usize = 64 * 1024;

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Answers the upgrade, and goes on when it has happened.
pub(super) fn accept(
    app: &Arc<App>,
    mut request: Request,
    is_reconnect: bool,
    open: impl FnOnce(&Hub) -> Channel,
) -> Response {
    let Some(key) = key(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "Not a WebSocket request.").into_response();
    };
    let accept = BASE64_STANDARD.encode(Sha1::from(format!("{key}{GUID}")).digest().bytes());
    let channel = open(app.hub());
    let upgrade = hyper::upgrade::on(&mut request);
    let app = Arc::clone(app);
    tokio::spawn(async move {
        // A client that asks for an upgrade and leaves.
        let Ok(upgraded) = upgrade.await else { return };
        let limits = Limits::default().max_payload_len(Some(MESSAGE_BYTES));
        let socket = ServerBuilder::new().limits(limits).serve(TokioIo::new(upgraded));
        if let Err(error) = exchange(&app, socket, channel, is_reconnect).await {
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

/// The key of a request that asks for a WebSocket of the one version there is.
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

async fn exchange(
    app: &App,
    mut socket: Socket,
    mut channel: Channel,
    is_reconnect: bool,
) -> Result<(), tokio_websockets::Error> {
    let hub = app.hub();
    let keep_alive = hub.push().keep_alive;
    if !is_reconnect {
        socket.send(Message::text(Frame::init().text(&hub.cursor(channel.cursor)))).await?;
    }
    loop {
        let text = tokio::select! {
            frame = channel.next() => match frame {
                Some(frame) => frame.text(&hub.cursor(channel.cursor)),
                None => break,
            },
            received = socket.next() => match received {
                None => return Ok(()),
                Some(message) => match message?.as_text().and_then(Call::read) {
                    Some(call) => hub.call(channel.connection(), &call),
                    // What is no call, or one of an unknown hub, gets no answer.
                    None => continue,
                },
            },
            () = tokio::time::sleep(keep_alive) => "{}".to_owned(),
        };
        // A client that does not read is given up; its connection waits for it.
        match timeout(hub.push().disconnect_timeout, socket.send(Message::text(text))).await {
            Ok(sent) => sent?,
            Err(_) => return Ok(()),
        }
    }
    socket.send(Message::close(Some(CloseCode::NORMAL_CLOSURE), "")).await?;
    socket.close().await
}
