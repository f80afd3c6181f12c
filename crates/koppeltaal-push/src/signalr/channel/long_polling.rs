//! The transport longPolling: a held request for each answer. While it is held, servers since 2.1 send a space now and
//! then, which shows that they live.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Method, header};
use reqwest::Response;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Channel, endpoint, query};
use crate::signalr::error::{ConnectError, ConnectStep, LostReason};
use crate::signalr::link::FRAME_LIMIT;
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
/// When a reconnecting poll that has neither failed nor answered counts as one that works, unless it would have shown so.
const HELD: Duration = Duration::from_secs(5);
/// A sign of life that comes sooner after what came before it, as a part of the keep-alive timeout, proves nothing: it may
/// be how a proxy begins.
const PROOF: u32 = 8;

struct Polls {
    session: Arc<Session>,
    state: State,
    asked: Instant,
    /// How long the last poll was held.
    held: Duration,
    /// Empty quick answers in a row.
    quick_answers: u32,
}

/// What becomes of a poll. Each step can be dropped and taken up again.
enum State {
    Idle,
    /// To be asked then.
    Pausing(Instant),
    Asked(BoxFuture<'static, Result<Response, LostReason>>),
    Answering(Box<Answer>),
}

/// An answer as far as it has come.
struct Answer {
    response: Response,
    body: Vec<u8>,
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
        // Held like a poll: its answer may take as long, headers come at once from most servers but not all.
        tokio::select! {
            response = &mut request => State::answering(response?),
            () = sleep(HELD) => State::Asked(Box::pin(async { request.await.map_err(lost) })),
        }
    } else {
        State::answering(request.await?)
    };
    Ok(Polls { session, state, asked: Instant::now(), held: QUICK, quick_answers: 0 })
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

async fn poll(session: Arc<Session>) -> Result<Response, LostReason> {
    // The cursor as it is now: the frame before has been noted.
    let query = session.query_with_cursor(TRANSPORT);
    post(&session, ConnectStep::Reconnect, "poll", &query).await.map_err(lost)
}

impl State {
    fn answering(response: Response) -> Self {
        Self::Answering(Box::new(Answer { response, body: Vec::new(), last: Instant::now() }))
    }
}

impl Answer {
    /// The next part: `Some` when the answer is complete.
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
            let body = String::from_utf8(std::mem::take(&mut self.body));
            return body.map(Some).map_err(|_| LostReason::Unreadable);
        };
        let since = std::mem::replace(&mut self.last, Instant::now()).elapsed();
        let is_sign = self.body.is_empty() && chunk.iter().all(u8::is_ascii_whitespace);
        if !is_sign {
            if self.body.len() + chunk.len() > FRAME_LIMIT {
                return Err(LostReason::TooLarge);
            }
            self.body.extend_from_slice(&chunk);
        } else if session.negotiated.keep_alive.is_some_and(|timeout| since >= timeout / PROOF) {
            session.note_sign_of_life();
        }
        Ok(None)
    }
}

impl Polls {
    /// What the next poll is preceded by.
    fn pause(&mut self) -> Duration {
        let is_idle = self.held < QUICK && self.session.was_empty();
        self.quick_answers = if is_idle { self.quick_answers.saturating_add(1) } else { 0 };
        let pause = if self.quick_answers > QUICK_ANSWERS { PAUSE } else { Duration::ZERO };
        pause.max(self.session.poll_delay())
    }
}

impl Channel for Polls {
    fn receive(&mut self) -> BoxFuture<'_, Result<String, LostReason>> {
        Box::pin(async {
            loop {
                match &mut self.state {
                    State::Idle => self.state = State::Pausing(Instant::now() + self.pause()),
                    State::Pausing(until) => {
                        sleep_until(*until).await;
                        self.asked = Instant::now();
                        self.state = State::Asked(Box::pin(poll(Arc::clone(&self.session))));
                    }
                    State::Asked(asked) => self.state = State::answering(asked.await?),
                    State::Answering(answer) => {
                        let Some(text) = answer.next(&self.session).await? else {
                            // A sign of life, or a part of something: either way the server lives.
                            return Ok(String::new());
                        };
                        self.state = State::Idle;
                        self.held = self.asked.elapsed();
                        return Ok(text);
                    }
                }
            }
        })
    }

    /// As soon as they were seen, and not between two polls, when the client is the one that waits.
    fn has_signs_of_life(&self) -> bool {
        self.session.polls_have_signs_of_life() && !matches!(self.state, State::Idle | State::Pausing(_))
    }
}
