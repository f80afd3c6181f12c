//! Sending a request and receiving its answer, the same for all operations: content negotiation, credentials,
//! time limits, retries, tracing.

use std::time::Duration;

use http::{HeaderValue, header};
use koppeltaal_fhir::Format;
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, Span, debug, field, info_span};

use self::answer::Answer;
use self::network::network_error;
use self::request::{Expected, Request};
use crate::client::{Client, Shared};
use crate::error::{Error, Result};
use crate::metrics;

pub(crate) mod answer;
mod body;
mod challenge;
mod coding;
pub(crate) mod headers;
mod media;
mod network;
pub(crate) mod request;
pub(crate) mod retry;

impl Client {
    /// Makes the request, and repeats it where that is safe and worthwhile. `read` takes what the caller
    /// needs from an answer whose status is a success.
    pub(crate) async fn exchange<T>(
        &self,
        request: Request<'_>,
        read: impl FnOnce(&Answer) -> Result<T>,
    ) -> Result<T> {
        let span = info_span!(
            "koppeltaal",
            operation = request.operation.name,
            method = request.operation.method.as_str(),
            path = request.operation.path,
            // Not `message`: that is what `tracing` calls the text of an event.
            message_identifier = request.message_identifier,
            status = field::Empty,
            attempts = field::Empty,
            duration_ms = field::Empty,
        );
        let started = Instant::now();
        let exchange = async {
            // When the status is a success but the body makes no sense, the outcome of a write is as unknown
            // as without an answer.
            let result = self.repeat(&request, started).await.and_then(|answer| read(&answer));
            let result = result.map_err(|error| request.settle(error));
            let duration = started.elapsed();
            let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            Span::current().record("duration_ms", milliseconds);
            metrics::ended(request.operation.name, result.as_ref().err(), duration);
            match &result {
                Ok(_) => debug!("done"),
                Err(error) => debug!(%error, "failed"),
            }
            result
        };
        exchange.instrument(span).await
    }

    async fn repeat(&self, request: &Request<'_>, started: Instant) -> Result<Answer> {
        let Shared { settings, retry_budget, .. } = self.shared();
        // Few operations fail, so this is made after the first failure.
        let mut delays = None;
        let left = || settings.total_timeout.saturating_sub(started.elapsed());
        retry_budget.count_request();
        let mut authorization = self.authorize(request, left()).await?;
        let mut renewed = false;
        let mut attempts = 0_u32;
        loop {
            attempts += 1;
            Span::current().record("attempts", attempts);
            let limit = left().min(settings.request_timeout);
            let error = match self.attempt(request, authorization.clone(), limit).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !renewed
                && let (Error::Authentication { expired: true, .. }, Some(used)) = (&error, &authorization)
                && let Some(fresh) = in_time(left(), self.credentials().renew(self, used)).await?
            {
                debug!("the token had expired; trying again with a new one");
                (authorization, renewed) = (Some(fresh), true);
                continue;
            }
            let delay = match delays.get_or_insert_with(|| settings.retry.delays()).next() {
                Some(delay) if request.may_repeat_after(&error) => {
                    delay.max(error.retry_after().unwrap_or_default())
                }
                _ => return Err(error),
            };
            if delay >= left() || !retry_budget.take_retry() {
                return Err(error);
            }
            debug!(%error, ?delay, "trying again");
            metrics::retried(request.operation.name);
            sleep(delay).await;
            authorization = self.authorize(request, left()).await?;
        }
    }

    /// The `Authorization` header of the request: its own, or that of the client.
    async fn authorize(&self, request: &Request<'_>, left: Duration) -> Result<Option<HeaderValue>> {
        match &request.authorization {
            None if request.operation.authenticates => {
                in_time(left, self.credentials().authorization(self)).await
            }
            own => Ok(own.clone()),
        }
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        authorization: Option<HeaderValue>,
        limit: Duration,
    ) -> Result<Answer> {
        let Shared { settings, http, .. } = self.shared();
        let accept = match request.operation.answer {
            Expected::Fhir => media::accept(settings.format),
            Expected::OAuth => media::accept(Format::Json),
            Expected::Redirect | Expected::Content => "*/*",
        };
        let mut builder = http
            .request(request.operation.method.clone(), request.url.clone())
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, coding::ACCEPT)
            .timeout(limit);
        if let Some(source) = &settings.headers {
            builder = builder.headers(source.headers());
        }
        if let Some(body) = request.body.clone() {
            builder = builder.header(header::CONTENT_TYPE, body.content_type).body(body.bytes);
        }
        if let Some(authorization) = authorization {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        let response = builder.send().await.map_err(|error| network_error(error, limit))?;
        Span::current().record("status", response.status().as_u16());
        Answer::receive(response, request.operation.answer, settings.limits, limit).await?.check()
    }
}

/// Waits for a new token, but no longer than the operation may still take. The refresh itself goes on, for
/// later requests.
async fn in_time<T>(left: Duration, renewal: impl Future<Output = Result<T>>) -> Result<T> {
    match timeout(left, renewal).await {
        Ok(result) => result,
        Err(_) => Err(Error::TokenRefresh { source: Box::new(Error::Timeout { limit: left }) }),
    }
}
