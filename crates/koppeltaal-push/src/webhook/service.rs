//! [`WebhookService`]: a webhook as a tower service, for any framework that mounts such services.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::ALLOW;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use super::{Webhook, WebhookError};
use crate::notifications::Notifier;

/// Answers the calls of the server and wakes up a [`Notifications`](crate::Notifications) stream; from
/// [`Webhook::service`].
///
/// | answer | when |
/// |---|---|
/// | 200 | the call is accepted and the stream is woken up |
/// | 403 | the secret is missing or wrong, or the domain is another one |
/// | 405 | the method is not POST |
/// | 503 | the stream is gone; the server tries again, perhaps after the application was restarted |
///
/// The answers are empty and come at once, since the messages are claimed elsewhere. The body of a call is
/// not read. A refused call leaves a `tracing` event of level WARN.
///
/// It never fails, so it can be mounted as it is: `axum::Router::route_service("/koppeltaal", service)`.
#[derive(Debug, Clone)]
pub struct WebhookService {
    webhook: Arc<Webhook>,
    notifier: Notifier,
}

impl Webhook {
    /// A service that wakes up the stream of `notifier` on every call that passes [`check`](Self::check).
    pub fn service(self, notifier: Notifier) -> WebhookService {
        WebhookService { webhook: Arc::new(self), notifier }
    }
}

impl WebhookService {
    fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        match self.webhook.check(request) {
            Ok(call) => {
                let stopped = self.notifier.notify().is_err();
                tracing::debug!(
                    domain = call.domain,
                    message_identifier = call.message_identifier,
                    stopped,
                    "webhook called"
                );
                empty(if stopped { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK })
            }
            Err(error) => {
                tracing::warn!(%error, "webhook call refused");
                let mut response = empty(error.status());
                if let WebhookError::Method { .. } = error {
                    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                }
                response
            }
        }
    }
}

fn empty(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    response
}

impl<B> Service<Request<B>> for WebhookService {
    /// Every framework that uses `http` accepts a `String` as a body.
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(&request)))
    }
}
