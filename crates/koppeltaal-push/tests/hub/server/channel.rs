//! How the scripted server's texts reach a client: over a stream, a held poll or a socket, until the channel
//! is cut.

#[path = "../../support/web_socket_accept.rs"]
mod web_socket_accept;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::watch;
use tokio_websockets::{Message, ServerBuilder};

use super::{Fault, Shared};
use web_socket_accept::web_socket_accept;

/// The first frame of a connection.
pub(super) fn init(position: usize, shared: &Shared) -> String {
    let groups = format!("g+/={}", shared.inner().tokens);
    json!({ "C": Shared::cursor(position), "S": 1, "G": groups, "M": [] }).to_string()
}

pub(super) struct Channel {
    shared: Arc<Shared>,
    token: String,
    /// Its number among all channels.
    number: u64,
    position: usize,
    changed: watch::Receiver<u64>,
    cut: watch::Receiver<u64>,
    /// The first frame.
    first: Option<String>,
    close: bool,
    /// To be sent a second time.
    again: Option<String>,
}

impl Channel {
    pub(super) fn new(
        shared: Arc<Shared>,
        token: String,
        endpoint: &str,
        query: &HashMap<String, String>,
        fault: Option<Fault>,
    ) -> Self {
        let mut cut = shared.cut.subscribe();
        cut.mark_unchanged();
        let mut changed = shared.changed.subscribe();
        changed.mark_changed();
        let (count, number) = {
            let mut inner = shared.inner();
            inner.channels += 1;
            (inner.items.len(), inner.channels)
        };
        let cursor = query.get("messageId").and_then(|cursor| cursor.rsplit(',').next()?.parse().ok());
        let first =
            (endpoint == "connect" && !matches!(fault, Some(Fault::NoInit))).then(|| init(count, &shared));
        let close = matches!(fault, Some(Fault::Close));
        let position = cursor.unwrap_or(count);
        Self { shared, token, number, position, changed, cut, first, close, again: None }
    }

    /// The next text; `None`: the channel is over.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if self.close {
            return None;
        }
        if let Some(again) = self.again.take() {
            return Some(again);
        }
        let pause = self
            .shared
            .config
            .keep_alive
            .map_or(Duration::from_secs(3600), |timeout| Duration::from_secs_f64(timeout / 5.0));
        loop {
            self.changed.mark_unchanged();
            if let Some(frame) = self.shared.frame(&self.token, self.number, &mut self.position) {
                if self.shared.inner().doubles {
                    self.again = Some(frame.clone());
                }
                return Some(frame);
            }
            tokio::select! {
                _ = self.changed.changed() => {}
                _ = self.cut.changed() => {
                    self.shared.inner().cut.remove(&self.token);
                    return None;
                }
                () = tokio::time::sleep(pause) => if !self.shared.inner().stalled {
                    return Some("{}".to_owned());
                }
            }
        }
    }
}

pub(super) fn events(channel: Channel) -> Response {
    // In two pieces: chunks end anywhere.
    let start = VecDeque::from(["data: init".to_owned(), "ialized\n\n".to_owned()]);
    let stream = unfold((channel, start), async |(mut channel, mut start)| {
        let text = match start.pop_front() {
            Some(text) => text,
            None => format!("data: {}\r\n\r\n", channel.next().await?),
        };
        Some((Ok::<_, Infallible>(Bytes::from(text)), (channel, start)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

/// One answer with spaces in front. When the channels are cut the answer breaks off.
pub(super) async fn poll(mut channel: Channel) -> Response {
    channel.first = None;
    let hold = tokio::time::Instant::now() + Duration::from_secs_f64(channel.shared.config.hold);
    let stream = unfold(Some((channel, false)), move |state| async move {
        let (mut channel, began) = state?;
        if !began {
            return Some((Ok(Bytes::from_static(b" ")), Some((channel, true))));
        }
        let empty = format!(r#"{{"C":"{}","M":[]}}"#, Shared::cursor(channel.position));
        match tokio::time::timeout_at(hold, channel.next()).await {
            Err(_) => Some((Ok(Bytes::from(empty)), None)),
            Ok(Some(text)) if text == "{}" => Some((Ok(Bytes::from_static(b" ")), Some((channel, true)))),
            Ok(Some(text)) => Some((Ok(Bytes::from(text)), None)),
            Ok(None) => Some((Err(std::io::Error::other("cut")), None)),
        }
    });
    Body::from_stream(stream).into_response()
}

pub(super) fn upgrade(mut channel: Channel, mut request: Request) -> Response {
    let key = |headers: &HeaderMap| Some(headers.get(header::SEC_WEBSOCKET_KEY)?.to_str().ok()?.to_owned());
    let Some(key) = key(request.headers()) else { return StatusCode::BAD_REQUEST.into_response() };
    let accept = web_socket_accept(&key);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket = ServerBuilder::new().serve(TokioIo::new(upgraded));
        loop {
            tokio::select! {
                text = channel.next() => {
                    let Some(text) = text else {
                        if channel.shared.inner().closes_politely {
                            // An error means that the client has gone already.
                            let _ = socket.close().await;
                        }
                        return;
                    };
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return };
                    let Some(text) = message.as_text() else { continue };
                    let call = serde_json::from_str(text).expect("a call");
                    if let Some(result) = channel.shared.call(&channel.token, &call)
                        && socket.send(Message::text(result)).await.is_err()
                    {
                        return;
                    }
                }
            }
        }
    });
    let headers = [
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
