//! [`deliver`]: the HTTP request of a notification, as often as it is tried.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::time::{sleep, timeout};

use crate::notification::settings::NotificationSettings;
use crate::notification::subscription::Subscriber;
use crate::trace::Trace;

/// Makes the requests. It does not follow redirects.
pub(super) type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Body>;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/fhir+json;charset=utf-8");

/// A client that trusts whom the system trusts; nobody, if it trusts nobody.
pub(super) fn client() -> Result<Client, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = match verifier {
        // "dangerous" is any verifier but rustls' own; this one asks the operating system.
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        // Endpoints over http still work.
        Err(_) => builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
    };
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector))
}

/// Sends one notification, as often as the settings say. The error says why the last attempt failed, in words
/// without anything of the request.
pub(super) async fn deliver(
    client: &Client,
    subscriber: &Subscriber,
    trace: &Trace,
    settings: NotificationSettings,
) -> Result<(), String> {
    let mut pause = settings.pause;
    let mut problem = "no attempt was made".to_owned();
    for attempt in 1..=settings.attempts.max(1) {
        if attempt > 1 {
            sleep(pause).await;
            pause *= 2;
        }
        let request = request(subscriber, trace).map_err(|_| "the request cannot be made".to_owned())?;
        problem = match timeout(settings.timeout, client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => return Ok(()),
            Ok(Ok(response)) => format!("the endpoint answered with status {}", response.status().as_u16()),
            Ok(Err(error)) if error.is_connect() => "the endpoint cannot be reached".to_owned(),
            Ok(Err(_)) => "the connection broke before the answer came".to_owned(),
            Err(_) => format!("the endpoint did not answer in {} s", settings.timeout.as_secs_f32()),
        };
    }
    Err(problem)
}

fn request(subscriber: &Subscriber, trace: &Trace) -> http::Result<Request<Body>> {
    let mut request = Request::builder().method(Method::POST).uri(&subscriber.endpoint).body(Body::empty())?;
    let headers = request.headers_mut();
    headers.extend(subscriber.headers.clone());
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    trace.write(headers);
    Ok(request)
}
