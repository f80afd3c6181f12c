//! [`Exchange`]: sends a request and receives its answer, the same for all interactions: headers, access
//! tokens, time limits, retries, tracing.

pub(crate) mod answer;
pub(crate) mod interaction;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, IF_MATCH};
use http::{HeaderValue, StatusCode};
use koppeltaal_smart::{AccessToken, AccessTokens, HttpClient, Url};
use tokio::time::{Instant, sleep};
use tracing::{Instrument as _, Span, debug, debug_span, field};
use uuid::Uuid;

use self::answer::{Answer, is_undone, network, settle_write, wait};
use self::interaction::Interaction;
use crate::connector::error::Error;
use crate::connector::pace::Pace;
use crate::connector::request_info::RequestInfo;
use crate::connector::retry::RetryPolicy;
use crate::connector::trace::{CORRELATION_ID, REQUEST_ID, TRACE_ID, Trace};

/// The media type of all bodies.
const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");
const ACCEPTED: HeaderValue = HeaderValue::from_static("application/fhir+json");
/// The answer to a write holds what was stored: the id, the version and the origin are the server's.
const PREFER: (HeaderName, HeaderValue) =
    (HeaderName::from_static("prefer"), HeaderValue::from_static("return=representation"));

/// What all requests to a domain share.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) http: HttpClient,
    pub(crate) request_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) pace: Arc<Pace>,
}

/// A request to make.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) interaction: &'static Interaction,
    pub(crate) resource_type: &'static str,
    pub(crate) url: Url,
    pub(crate) body: Option<Bytes>,
    pub(crate) if_match: Option<HeaderValue>,
}

impl Request {
    pub(crate) fn new(interaction: &'static Interaction, resource_type: &'static str, url: Url) -> Self {
        Self { interaction, resource_type, url, body: None, if_match: None }
    }

    fn info(&self) -> RequestInfo {
        RequestInfo {
            interaction: self.interaction.name,
            resource_type: self.resource_type,
            request_id: Uuid::new_v4().to_string(),
        }
    }
}

impl Exchange {
    /// Makes the request, and repeats it where that is safe and worthwhile. The answer is a success.
    pub(crate) async fn send(
        &self,
        tokens: Option<&AccessTokens>,
        trace: &Trace,
        request: Request,
    ) -> Result<Answer, Error> {
        let span = debug_span!(
            "koppeltaal2",
            interaction = request.interaction.name,
            resource_type = request.resource_type,
            trace_id = trace.trace_id(),
            request_id = field::Empty,
            status = field::Empty,
            attempts = field::Empty,
            duration_ms = field::Empty,
        );
        let started = Instant::now();
        async {
            let result = self.repeat(tokens, trace, &request, started).await;
            let result = match request.interaction.repeatable {
                true => result,
                false => result.map_err(settle_write),
            };
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            Span::current().record("duration_ms", milliseconds);
            match &result {
                Ok(_) => debug!("done"),
                Err(error) => debug!(%error, "failed"),
            }
            result
        }
        .instrument(span)
        .await
    }

    async fn repeat(
        &self,
        tokens: Option<&AccessTokens>,
        trace: &Trace,
        request: &Request,
        started: Instant,
    ) -> Result<Answer, Error> {
        let left = || self.total_timeout.saturating_sub(started.elapsed());
        let tokens = tokens.filter(|_| request.interaction.authenticates);
        let mut renewed = false;
        let (mut attempts, mut failures) = (0_u32, 0_u32);
        loop {
            attempts += 1;
            let info = request.info();
            Span::current().record("attempts", attempts).record("request_id", &*info.request_id);
            self.pace.wait(left()).await;
            let (error, token) = match token(tokens, &info).await {
                Err(error) => (error, None),
                Ok(token) => match self.attempt(request, info, token.as_ref(), trace, left()).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => (error, token),
                },
            };
            if let (Error::Unauthenticated(_), Some(tokens), Some(token)) = (&error, tokens, &token)
                && !renewed
            {
                debug!("the access token is not accepted; trying again with a new one");
                tokens.discard(token);
                renewed = true;
                continue;
            }
            failures += 1;
            let may_repeat =
                is_undone(&error) || (request.interaction.repeatable && is_worth_repeating(&error));
            let delay = match self.retry.delay_after(failures).filter(|_| may_repeat) {
                Some(delay) => wait(delay, &error),
                None => return Err(error),
            };
            if let Error::Unavailable { status: StatusCode::TOO_MANY_REQUESTS, .. } = error {
                self.pace.hold(delay);
            }
            if delay >= left() {
                return Err(error);
            }
            debug!(%error, ?delay, "trying again");
            sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        info: RequestInfo,
        token: Option<&AccessToken>,
        trace: &Trace,
        left: Duration,
    ) -> Result<Answer, Error> {
        let mut builder = self
            .http
            .as_reqwest()
            .request(request.interaction.method.clone(), request.url.clone())
            .timeout(self.request_timeout.min(left))
            .header(ACCEPT, ACCEPTED)
            .header(REQUEST_ID, &info.request_id);
        for (name, id) in [(TRACE_ID, trace.trace_id()), (CORRELATION_ID, trace.correlation_id())] {
            if let Some(id) = id {
                builder = builder.header(name, id);
            }
        }
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.as_str()))
                .map_err(|_| Error::Token { request: info.clone(), source: no_header() })?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(version) = &request.if_match {
            builder = builder.header(IF_MATCH, version);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, FHIR_JSON).header(PREFER.0, PREFER.1).body(body.clone());
        }
        let response = builder.send().await.map_err(|error| network(error, &info))?;
        Span::current().record("status", response.status().as_u16());
        Answer::receive(response, info, self.max_response_bytes).await?.check()
    }
}

/// The token that the request carries.
async fn token(tokens: Option<&AccessTokens>, info: &RequestInfo) -> Result<Option<AccessToken>, Error> {
    match tokens {
        Some(tokens) => match tokens.get().await {
            Ok(token) => Ok(Some(token)),
            Err(source) => Err(Error::Token { request: info.clone(), source }),
        },
        None => Ok(None),
    }
}

/// Whether a read may succeed when it is made again.
fn is_worth_repeating(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. } | Error::Unreachable { .. } | Error::Interrupted { .. })
}

/// The token has characters that a header cannot carry. `AccessToken` does not let them in.
fn no_header() -> koppeltaal_smart::Error {
    koppeltaal_smart::Error::Answer {
        status: http::StatusCode::OK,
        problem: "an access_token that a header cannot carry",
    }
}
