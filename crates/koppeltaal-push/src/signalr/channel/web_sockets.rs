//! The transport webSockets. The upgrade is an ordinary request of the HTTP client, so that TLS, proxies,
//! cookies and credentials are those of all requests. After the upgrade, `tokio-websockets` takes over.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode, header};
use reqwest::{Response, Upgraded};
use sha1_smol::Sha1;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

use super::Channel;
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::http::{FRAME_LIMIT, HubRequest};
use crate::signalr::protocol::Transport;
use crate::signalr::session::Session;

/// How long a server may take to read what the client sends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Both sides append it to the key (RFC 6455 section 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct Socket {
    stream: WebSocketStream<Upgraded>,
    /// Reading a ping queues a pong, which must be sent by this time.
    pongs_until: Option<Instant>,
}

impl Socket {
    /// Sends queued pongs before more is read. Otherwise a server that pings and does not read would fill the
    /// memory.
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
    // A system without random numbers has no TLS either.
    let invalid = ConnectError::Protocol { step };
    getrandom::fill(&mut key).map_err(|_| invalid.clone())?;
    let key = BASE64_STANDARD.encode(key);
    let value = HeaderValue::from_static;
    let request = HubRequest::get(step, session.query(Transport::WebSockets, step))
        .header(header::CONNECTION, value("Upgrade"))
        .header(header::UPGRADE, value("websocket"))
        .header(header::SEC_WEBSOCKET_VERSION, value("13"))
        .header(header::SEC_WEBSOCKET_KEY, HeaderValue::try_from(&key).map_err(|_| invalid)?);
    let response = session.http.send(request).await?;
    if !is_accepted(&response, &key) {
        return Err(ConnectError::Protocol { step });
    }
    let stream = response.upgrade().await.map_err(|error| ConnectError::from_request(step, error))?;
    let limits = Limits::default().max_payload_len(Some(FRAME_LIMIT));
    Ok(Socket { stream: ClientBuilder::new().limits(limits).take_over(stream), pongs_until: None })
}

/// Whether the answer comes from a WebSocket server, and not from a cache or a server without upgrades.
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
                    // An orderly close is a loss like any other, since the client did not ask for it.
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

    fn send(&mut self, text: &str) -> Option<BoxFuture<'_, Result<(), LostReason>>> {
        let message = Message::text(text.to_owned());
        Some(Box::pin(async {
            let sent = timeout(WRITE_TIMEOUT, self.stream.send(message)).await;
            sent.map_err(|_| LostReason::Blocked)?.map_err(network)
        }))
    }
}
