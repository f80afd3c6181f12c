//! Webhooks: HTTP calls that tell an instance of a message, one after the other, each tried five times.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use koppeltaal_messaging::vocabulary;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::{Instance, Push, Webhook};

const TRIES: u32 = 5;
/// How many calls may wait for a slow receiver. Further ones are lost, as pushes may be.
const WAITING: usize = 1000;
const MESSAGE_IDENTIFIER: HeaderName = HeaderName::from_static("koppeltaalmessageidentifier");

/// The longest identifier that a call carries. Receivers would not take a longer one in a header.
const IDENTIFIER_BYTES: usize = 1024;

/// The calls of one webhook.
#[derive(Debug, Clone)]
pub(crate) struct Calls(mpsc::Sender<Arc<str>>);

impl Calls {
    /// Starts the task that makes the calls, in `tasks`; `None` for an instance without a webhook.
    pub(crate) fn start(instance: &Instance, push: Push, tasks: &mut JoinSet<()>) -> Option<Self> {
        let webhook = instance.webhook.clone()?;
        // The configuration was checked, so this works.
        let tls = webhook.tls().ok()?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let (sender, mut waiting) = mpsc::channel::<Arc<str>>(WAITING);
        let (domain, username) = (instance.domain.clone(), instance.username.clone());
        tasks.spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build(connector);
            while let Some(identifier) = waiting.recv().await {
                if !call(&client, &webhook, &domain, &identifier, push).await {
                    tracing::warn!(username, "a webhook did not take a call in five tries");
                }
            }
        });
        Some(Self(sender))
    }

    /// Tells of the message with this identifier.
    pub(crate) fn notify(&self, identifier: &str) {
        let identifier = if identifier.len() <= IDENTIFIER_BYTES { identifier } else { "" };
        // When the channel is full, the receiver has enough calls to come.
        let _ = self.0.try_send(identifier.into());
    }
}

async fn call(
    client: &Client<HttpsConnector<HttpConnector>, Body>,
    webhook: &Webhook,
    domain: &str,
    identifier: &str,
    push: Push,
) -> bool {
    let mut pause = push.webhook_pause;
    for attempt in 1..=TRIES {
        // The configuration was checked, and an identifier that a header cannot have is left out.
        let Ok(request) = request(webhook, domain, identifier) else { return false };
        if let Ok(Ok(response)) = timeout(push.webhook_timeout, client.request(request)).await
            && response.status().is_success()
        {
            return true;
        }
        if attempt < TRIES {
            sleep(pause).await;
            pause *= 2;
        }
    }
    false
}

fn request(webhook: &Webhook, domain: &str, identifier: &str) -> http::Result<Request<Body>> {
    let json = HeaderValue::from_static("application/json");
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&webhook.url)
        .header(header::CONTENT_TYPE, json.clone())
        .header(header::ACCEPT, json)
        .header(header::CONTENT_LENGTH, "0");
    let tag = format!(
        "{}{domain}; scheme=\"{}\"; label=\"{domain}\"",
        vocabulary::DOMAIN_TAG_PREFIX,
        vocabulary::SECURITY_TAG_SCHEME
    );
    for (name, value) in
        [(HeaderName::from_static("category"), tag.as_str()), (MESSAGE_IDENTIFIER, identifier)]
    {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
            && !value.is_empty()
        {
            request = request.header(name, value);
        }
    }
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    request.body(Body::empty())
}
