//! The transport longPolling: one request after the other, each held by the server until there is something
//! to send. While a request is held, servers since 2.1 send a space from time to time as a sign of life.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderValue, header};
use reqwest::Response;
use tokio::time::{Instant, sleep, sleep_until};

use super::Channel;
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::http::{FRAME_LIMIT, HubRequest};
use crate::signalr::protocol::Transport;
use crate::signalr::session::Session;

/// How much longer the client waits for a poll than the server holds it.
const GRACE: Duration = Duration::from_secs(10);
/// A poll that is answered sooner, with an empty frame, was not held.
const QUICK: Duration = Duration::from_millis(500);
/// Up to this many quick answers in a row need no pause: changes of groups come this way.
const QUICK_ANSWERS: u32 = 3;
/// The pause before each poll after too many quick answers. A server, or a cache before it, that never holds
/// a poll must not be asked without pause.
const PAUSE: Duration = Duration::from_secs(1);
/// A reconnecting poll counts as held after this time without an answer, unless held polls show signs of
/// life.
const HELD: Duration = Duration::from_secs(5);
/// A space is a sign of life if it comes at least this part of the keep-alive timeout after what came before
/// it. A space that comes sooner may be the way in which a proxy begins its answers.
const PROOF: u32 = 8;

struct LongPolling {
    session: Arc<Session>,
    state: State,
    /// When the last request was sent.
    requested: Instant,
    /// How long the last poll was held.
    hold_time: Duration,
    /// Empty quick answers in a row.
    quick_answers: u32,
}

/// The state of a poll. Each step can be dropped and resumed.
enum State {
    Idle,
    /// The request is to be sent at this time.
    Pause(Instant),
    Request(BoxFuture<'static, Result<Response, LostReason>>),
    Body(Box<PollBody>),
}

/// An answer as far as it has come.
struct PollBody {
    response: Response,
    bytes: Vec<u8>,
    /// When the last part of it came.
    last: Instant,
}

pub(super) async fn open(
    session: Arc<Session>,
    step: ConnectStep,
) -> Result<impl Channel + use<>, ConnectError> {
    let mut request = Box::pin(request(Arc::clone(&session), step));
    let may_be_held = step == ConnectStep::Reconnect && !session.polls_have_signs_of_life();
    let state = if may_be_held {
        // It is held like a poll, so the answer may take as long. Most servers, but not all, send its head at
        // once.
        tokio::select! {
            response = &mut request => State::body(response?),
            () = sleep(HELD) => State::Request(Box::pin(async { request.await.map_err(lost) })),
        }
    } else {
        State::body(request.await?)
    };
    Ok(LongPolling { session, state, requested: Instant::now(), hold_time: QUICK, quick_answers: 0 })
}

async fn request(session: Arc<Session>, step: ConnectStep) -> Result<Response, ConnectError> {
    let request = HubRequest::post(step, session.query(Transport::LongPolling, step))
        .timeout(session.negotiated.connection_timeout + GRACE)
        .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    session.http.send(request).await
}

/// What the failure of a request means for the channel.
fn lost(error: ConnectError) -> LostReason {
    match error {
        ConnectError::Authentication { status, .. } | ConnectError::Status { status, .. } => {
            LostReason::Status(status)
        }
        ConnectError::Timeout { .. } => LostReason::Silent,
        ConnectError::Credentials(_) => LostReason::Credentials,
        other => LostReason::Network(Arc::new(other)),
    }
}

impl State {
    fn body(response: Response) -> Self {
        Self::Body(Box::new(PollBody { response, bytes: Vec::new(), last: Instant::now() }))
    }
}

impl PollBody {
    /// Waits for the next part. Returns the text when the answer is complete.
    async fn next(&mut self, session: &Session) -> Result<Option<String>, LostReason> {
        let chunk = self.response.chunk().await;
        let chunk = chunk.map_err(|error| {
            // The request has a time limit, which includes the body.
            if error.is_timeout() {
                LostReason::Silent
            } else {
                LostReason::Network(Arc::new(error.without_url()))
            }
        })?;
        let Some(chunk) = chunk else {
            let body = String::from_utf8(std::mem::take(&mut self.bytes));
            return body.map(Some).map_err(|_| LostReason::Unreadable);
        };
        let since = std::mem::replace(&mut self.last, Instant::now()).elapsed();
        let is_sign = self.bytes.is_empty() && chunk.iter().all(u8::is_ascii_whitespace);
        if !is_sign {
            if self.bytes.len() + chunk.len() > FRAME_LIMIT {
                return Err(LostReason::TooLarge);
            }
            self.bytes.extend_from_slice(&chunk);
        } else if session.negotiated.keep_alive.is_some_and(|timeout| since >= timeout / PROOF) {
            session.note_sign_of_life();
        }
        Ok(None)
    }
}

impl LongPolling {
    /// The pause before the next poll.
    fn pause(&mut self) -> Duration {
        let is_idle = self.hold_time < QUICK && self.session.was_empty();
        self.quick_answers = if is_idle { self.quick_answers.saturating_add(1) } else { 0 };
        let pause = if self.quick_answers > QUICK_ANSWERS { PAUSE } else { Duration::ZERO };
        pause.max(self.session.poll_delay())
    }
}

impl Channel for LongPolling {
    fn receive(&mut self) -> BoxFuture<'_, Result<String, LostReason>> {
        Box::pin(async {
            loop {
                match &mut self.state {
                    State::Idle => self.state = State::Pause(Instant::now() + self.pause()),
                    State::Pause(until) => {
                        sleep_until(*until).await;
                        self.requested = Instant::now();
                        self.state = {
                            let session = Arc::clone(&self.session);
                            State::Request(Box::pin(async {
                                request(session, ConnectStep::Poll).await.map_err(lost)
                            }))
                        };
                    }
                    State::Request(request) => self.state = State::body(request.await?),
                    State::Body(body) => {
                        let Some(text) = body.next(&self.session).await? else {
                            // A sign of life, or a part of a frame, which is one, too.
                            return Ok(String::new());
                        };
                        self.state = State::Idle;
                        self.hold_time = self.requested.elapsed();
                        return Ok(text);
                    }
                }
            }
        })
    }

    /// Polls have them once one has been seen, but not between two polls, when the client itself pauses.
    fn has_signs_of_life(&self) -> bool {
        self.session.polls_have_signs_of_life() && !matches!(self.state, State::Idle | State::Pause(_))
    }
}
