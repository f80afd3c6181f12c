//! The transport webSockets. The upgrade is an ordinary request of the HTTP client, so that TLS, proxies,
//! cookies and credentials are the same as everywhere; `tokio-websockets` takes over from there.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, StatusCode, header};
use reqwest::{Response, Upgraded};
use sha1_smol::Sha1;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

use super::{Channel, endpoint, query};
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::link::FRAME_LIMIT;
use crate::signalr::protocol::Transport;
use crate::signalr::session::Session;

/// How long a server may take to read what is sent to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// What both sides put behind the key (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct Socket {
    stream: WebSocketStream<Upgraded>,
    /// When pongs that were queued by reading pings have to have gone.
    pongs_until: Option<Instant>,
}

impl Socket {
    /// Sends queued pongs before more is read: a server that pings and does not read would fill the memory with them.
    async fn send_pongs(&mut self) -> Result<(), LostReason> {
        let Some(until) = self.pongs_until else { return Ok(()) };
        timeout_at(until, self.stream.flush()).await.map_err(|_| LostReason::Blocked)?.map_err(network)?;
        self.pongs_until = None;
        Ok(())
    }
}

fn network(error: tokio_websockets::Error) -> LostReason {
    LostReason::Network(Arc::new(error))
}

pub(super) async fn open(session: &Session, step: ConnectStep) -> Result<impl Channel + use<>, ConnectError> {
    let mut key = [0; 16];
    // Without random numbers there is no key, and no TLS either.
    getrandom::fill(&mut key).map_err(|_| ConnectError::Protocol { step })?;
    let key = BASE64_STANDARD.encode(key);
    let query = query(session, Transport::WebSockets, step);
    let upgrade = session.link.request(step, Method::GET, endpoint(step), &query, None, |it| {
        it.header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key)
    });
    let response = upgrade.await?;
    if !is_accepted(&response, &key) {
        return Err(ConnectError::Protocol { step });
    }
    let stream = response.upgrade().await.map_err(|error| ConnectError::of_request(step, error))?;
    let limits = Limits::default().max_payload_len(Some(FRAME_LIMIT));
    Ok(Socket { stream: ClientBuilder::new().limits(limits).take_over(stream), pongs_until: None })
}

/// Whether a WebSocket server has answered, and not a cache or something that knows no upgrades.
fn is_accepted(response: &Response, key: &str) -> bool {
    let accept = BASE64_STANDARD.encode(Sha1::from(format!("{key}{GUID}")).digest().bytes());
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        && response.headers().get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(|found| found == accept.as_str())
}

impl Channel for Socket {
    fn receive(&mut self) -> BoxFuture<'_, Result<String, LostReason>> {
        Box::pin(async {
            loop {
                self.send_pongs().await?;
                match self.stream.next().await {
                    // An orderly close is as good as any other: nobody asked for it.
                    None => return Err(LostReason::Closed),
                    Some(Err(tokio_websockets::Error::PayloadTooLong { .. })) => {
                        return Err(LostReason::TooLarge);
                    }
                    Some(Err(error)) => return Err(network(error)),
                    Some(Ok(message)) if message.is_close() => return Err(LostReason::Closed),
                    Some(Ok(message)) => {
                        if message.is_ping() {
                            self.pongs_until = Some(Instant::now() + WRITE_TIMEOUT);
                        }
                        if let Some(text) = message.as_text() {
                            return Ok(text.to_owned());
                        }
                    }
                }
            }
        })
    }

    fn send(&mut self, text: String) -> Option<BoxFuture<'_, Result<(), LostReason>>> {
        Some(Box::pin(async {
            let sent = timeout(WRITE_TIMEOUT, self.stream.send(Message::text(text))).await;
            sent.map_err(|_| LostReason::Blocked)?.map_err(network)
        }))
    }
}
