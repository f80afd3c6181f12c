//! [`WebhookService`]: receives the notifications of a Subscription.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::header::ALLOW;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use koppeltaal_push::{Notifier, Webhook, WebhookConfigurationError};
use secrecy::SecretString;
use tower_service::Service;

use crate::connector::application::Connector;
use crate::connector::audit::event::{ApplicationEvent, EventKind};
use crate::connector::trace::Trace;

/// Answers the notifications of the server and wakes up [`Changes`](crate::Changes).
///
/// | answer | when |
/// |---|---|
/// | 200 | the notification is accepted and a change feed is woken up |
/// | 403 | the secret is missing or wrong |
/// | 405 | the method is not POST |
/// | 503 | nobody looks for changes any more; the server may try again after the application was restarted |
///
/// The answers are empty and come at once. The body of a notification is not read: it is empty, and would
/// mean nothing. Secrets are compared in constant time. It never fails, so it can be mounted as it is:
/// `axum::Router::route_service("/notified", service)`.
#[derive(Clone)]
#[must_use]
pub struct WebhookService {
    webhook: Webhook,
    notifiers: Arc<[Notifier]>,
    audit: Option<Audit>,
}

/// Who records the notifications, and of which Subscription they are, if that is known.
#[derive(Clone)]
struct Audit {
    connector: Connector,
    subscription: Arc<Mutex<Option<String>>>,
}

impl WebhookService {
    /// Accepts notifications that have this header with this value: one of the headers of the
    /// [`NewSubscription`](crate::NewSubscription).
    ///
    /// # Errors
    ///
    /// [`WebhookConfigurationError`]: a name or value that a header cannot have.
    pub fn with_secret(
        header: &str,
        secret: impl Into<SecretString>,
        notifier: Notifier,
    ) -> Result<Self, WebhookConfigurationError> {
        let webhook = Webhook::with_secret(header, secret)?;
        Ok(Self { webhook, notifiers: Arc::new([notifier]), audit: None })
    }

    /// Accepts every POST, for a network where only the server can call: anyone who reaches the address can
    /// make the application search.
    pub fn without_secret(notifier: Notifier) -> Self {
        Self { webhook: Webhook::without_secret(), notifiers: Arc::new([notifier]), audit: None }
    }

    /// Accepts one more value of the header, so that a secret can be changed, or requires one more header.
    ///
    /// # Errors
    ///
    /// [`WebhookConfigurationError`]: a name or value that a header cannot have.
    pub fn and_secret(
        self,
        header: &str,
        secret: impl Into<SecretString>,
    ) -> Result<Self, WebhookConfigurationError> {
        Ok(Self { webhook: self.webhook.and_secret(header, secret)?, ..self })
    }

    /// Wakes up one more change feed.
    pub fn and_notify(self, notifier: Notifier) -> Self {
        let notifiers = self.notifiers.iter().cloned().chain([notifier]).collect();
        Self { notifiers, ..self }
    }

    /// Writes an AuditEvent of each notification (topic 12c), in the background. Needs a Tokio runtime.
    pub fn recording(self, connector: &Connector) -> Self {
        Self { audit: Some(Audit { connector: connector.clone(), subscription: Arc::default() }), ..self }
    }

    /// Says of which Subscription the notifications are, `Subscription/<id>`: the AuditEvents are about it.
    /// The server calls soon after a Subscription was made, so the service exists before; its clones learn it
    /// too.
    pub fn set_subscription(&self, reference: &str) {
        if let Some(audit) = &self.audit {
            *audit.subscription.lock().unwrap_or_else(PoisonError::into_inner) = Some(reference.to_owned());
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> Response<String> {
        if let Err(error) = self.webhook.check(request) {
            tracing::warn!(%error, "notification refused");
            let mut response = empty(error.status());
            if request.method() != Method::POST {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            return response;
        }
        // All are woken up, also after one that is gone.
        let woken = self.notifiers.iter().filter(|notifier| notifier.notify().is_ok()).count();
        let (trace, request_id) = Trace::of_request(request.headers());
        tracing::debug!(trace_id = trace.trace_id(), request_id, woken, "notification received");
        if let Some(audit) = &self.audit {
            audit.record(trace, request_id);
        }
        empty(if woken == 0 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK })
    }
}

impl Audit {
    fn record(&self, trace: Trace, request_id: Option<String>) {
        let mut event = ApplicationEvent::new(EventKind::NotificationReceived).trace(trace);
        if let Some(subscription) = &*self.subscription.lock().unwrap_or_else(PoisonError::into_inner) {
            event = event.about(subscription);
        }
        if let Some(request_id) = request_id {
            event = event.request_id(request_id);
        }
        self.connector.record_in_background(event);
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

impl fmt::Debug for WebhookService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookService").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}
