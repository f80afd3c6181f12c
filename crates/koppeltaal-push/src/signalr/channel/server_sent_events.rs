//! The transport serverSentEvents: one endless answer. It does not reopen itself, which would lose the
//! cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderValue, header};
use reqwest::Response;

use super::Channel;
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::http::{FRAME_LIMIT, HubRequest};
use crate::signalr::protocol::Transport;
use crate::signalr::protocol::event_stream::EventStream;
use crate::signalr::session::Session;

struct EventChannel {
    response: Response,
    stream: EventStream,
    /// Complete texts that were in one chunk.
    texts: VecDeque<String>,
}

pub(super) async fn open(session: &Session, step: ConnectStep) -> Result<impl Channel + use<>, ConnectError> {
    // Compression would delay frames.
    let request = HubRequest::get(step, session.query(Transport::ServerSentEvents, step))
        .header(header::ACCEPT, HeaderValue::from_static("text/event-stream"))
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let response = session.http.send(request).await?;
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|found| found.trim_start().starts_with("text/event-stream")) {
        return Err(ConnectError::Protocol { step });
    }
    Ok(EventChannel { response, stream: EventStream::default(), texts: VecDeque::new() })
}

impl Channel for EventChannel {
    fn receive(&mut self) -> BoxFuture<'_, Result<String, LostReason>> {
        Box::pin(async {
            loop {
                if let Some(text) = self.texts.pop_front() {
                    return Ok(text);
                }
                let chunk = self.response.chunk().await;
                let chunk = chunk.map_err(|error| LostReason::Network(Arc::new(error.without_url())))?;
                let chunk = chunk.ok_or(LostReason::Closed)?;
                self.texts.extend(self.stream.push(&chunk, FRAME_LIMIT).map_err(|_| LostReason::TooLarge)?);
            }
        })
    }
}
