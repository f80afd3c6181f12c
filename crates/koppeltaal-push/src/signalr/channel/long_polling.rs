//! The transport longPolling: a held request for each answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Method, header};
use reqwest::Response;
use tokio::time::{Instant, sleep};

use super::{Channel, endpoint, query};
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::link::body;
use crate::signalr::protocol::Transport;
use crate::signalr::session::Session;

const TRANSPORT: Transport = Transport::LongPolling;
/// How much longer than the server holds a poll the client waits for it.
const GRACE: Duration = Duration::from_secs(10);
/// A poll that is answered sooner, with nothing said, was not held.
const QUICK: Duration = Duration::from_millis(500);
/// So many of them in a row are no reason for a pause: changes of groups come like that.
const QUICK_ANSWERS: u32 = 3;
/// The pause before each poll after too many of them. A server, or a cache before it, that never holds a poll must
/// not be asked without pause.
const PAUSE: Duration = Duration::from_secs(1);
/// When a reconnecting poll that has neither failed nor answered counts as one that works.
const HELD: Duration = Duration::from_secs(5);

type Answer = Result<String, LostReason>;

struct Polls {
    session: Arc<Session>,
    /// The request under way.
    poll: Option<BoxFuture<'static, Answer>>,
    asked: Instant,
    /// How long the last poll was held.
    held: Duration,
    /// Empty quick answers in a row.
    quick_answers: u32,
}

pub(super) async fn open(
    session: Arc<Session>,
    step: ConnectStep,
) -> Result<impl Channel + use<>, ConnectError> {
    let mut request = Box::pin(request(Arc::clone(&session), step));
    let first: BoxFuture<'static, Answer> = if step == ConnectStep::Reconnect {
        // Held like a poll: its answer may take as long, headers come at once from most servers but not all.
        tokio::select! {
            response = &mut request => Box::pin(text(response?)),
            () = sleep(HELD) => Box::pin(async { text(request.await.map_err(lost)?).await }),
        }
    } else {
        let response = request.await?;
        Box::pin(text(response))
    };
    Ok(Polls { session, poll: Some(first), asked: Instant::now(), held: QUICK, quick_answers: 0 })
}

async fn request(session: Arc<Session>, step: ConnectStep) -> Result<Response, ConnectError> {
    let query = query(&session, TRANSPORT, step);
    post(&session, step, endpoint(step), &query).await
}

async fn post(
    session: &Session,
    step: ConnectStep,
    endpoint: &str,
    query: &str,
) -> Result<Response, ConnectError> {
    let limit = session.negotiated.connection_timeout + GRACE;
    let extra = |it: reqwest::RequestBuilder| {
        it.header(header::CONTENT_LENGTH, 0).header(header::ACCEPT_ENCODING, "identity")
    };
    session.link.request(step, Method::POST, endpoint, query, Some(limit), extra).await
}

async fn text(response: Response) -> Answer {
    let body = body(ConnectStep::Reconnect, response).await.map_err(lost)?;
    String::from_utf8(body).map_err(|_| LostReason::Unreadable)
}

/// What the failure of a request means for the channel.
fn lost(error: ConnectError) -> LostReason {
    match error {
        ConnectError::Authentication { status, .. } | ConnectError::Status { status, .. } => {
            LostReason::Status(status)
        }
        ConnectError::Timeout { .. } => LostReason::Silent,
        ConnectError::Protocol { .. } => LostReason::TooLarge,
        ConnectError::Credentials(_) => LostReason::Credentials,
        other => LostReason::Network(Arc::new(other)),
    }
}

async fn poll(session: Arc<Session>, pause: Duration) -> Answer {
    let pause = pause.max(session.poll_delay());
    if !pause.is_zero() {
        sleep(pause).await;
    }
    // The cursor as it is now: the frame before has been noted.
    let query = session.query_with_cursor(TRANSPORT);
    let response = post(&session, ConnectStep::Reconnect, "poll", &query).await.map_err(lost)?;
    text(response).await
}

impl Channel for Polls {
    fn receive(&mut self) -> BoxFuture<'_, Answer> {
        Box::pin(async {
            let poll = match &mut self.poll {
                Some(poll) => poll,
                none => {
                    let is_idle = self.held < QUICK && self.session.was_empty();
                    self.quick_answers = if is_idle { self.quick_answers.saturating_add(1) } else { 0 };
                    let pause = if self.quick_answers > QUICK_ANSWERS { PAUSE } else { Duration::ZERO };
                    self.asked = Instant::now() + pause;
                    none.insert(Box::pin(poll(Arc::clone(&self.session), pause)))
                }
            };
            let answer = poll.await;
            self.poll = None;
            self.held = self.asked.elapsed();
            answer
        })
    }
}
