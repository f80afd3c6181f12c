//! The page for people at `/`, and the addresses under `/sandbox` that it uses: queues, messages, and claims
//! and launches by hand.
//!
//! The page needs no login. So it exists only when the sandbox listens on loopback or
//! [`SandboxConfig::admin`](crate::SandboxConfig::admin) allows it, and only under names that no other site
//! can have. Changes have to be sent as JSON, and a browser's have to come from this page.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::unfold;
use koppeltaal_fhir::{Bundle, Document};
use serde_json::{Value, json};

use super::authentication::Account;
use super::entries;
use super::format::event_stream;
use super::oauth;
use super::request::{LinksFor, Params, ShortJson};
use crate::app::App;
use crate::instance::InstanceId;
use crate::links::Links;
use crate::mailbox::{Acknowledgement, Delivery, Filter, Lookup};
use crate::refusal::Refusal;

/// How many messages of a queue are shown, newest first.
const SHOWN: usize = 200;
/// Only content of the sandbox itself.
const POLICY: &str = "default-src 'none'; img-src data:; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What the page sends: names and values.
type Fields = ShortJson<BTreeMap<String, String>>;

/// The addresses of the page.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async || asset("text/html; charset=utf-8", include_str!("page/page.html"))))
        .route(
            "/sandbox/page.css",
            get(async || asset("text/css; charset=utf-8", include_str!("page/page.css"))),
        )
        .route(
            "/sandbox/page.js",
            get(async || asset("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        )
        .route("/sandbox/state", get(state))
        .route("/sandbox/queue", get(queue))
        .route("/sandbox/message", get(message))
        .route("/sandbox/events", get(events))
        .route("/sandbox/claim", post(claim))
        .route("/sandbox/acknowledge", post(acknowledge))
        .route("/sandbox/launch", post(launch))
        .layer(from_fn_with_state(Arc::clone(app), guard))
}

/// Whether a path is one of these or the one of the faults. Requests to them meet no faults.
pub(super) fn is_path(path: &str) -> bool {
    path == "/" || path.starts_with("/sandbox/")
}

fn asset(content_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content).into_response()
}

/// Keeps pages of other sites away from what needs no login. A site whose name leads to this machine (DNS
/// rebinding) asks under that name; a page that sends something names its origin.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let names = Names { listens: app.listens(), is_admin: app.is_admin(), public_url: app.public_url() };
    let (host, origin) = (text(request.headers(), header::HOST), text(request.headers(), header::ORIGIN));
    let is_own = names.has_host(host) && (request.method().is_safe() || names.has_origin(origin, host));
    if is_own { next.run(request).await } else { foreign() }
}

/// A header as text; empty when it is not text.
fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

fn foreign() -> Response {
    let details = "This is not shown under this name: use localhost, the address that the sandbox listens on, \
                   or the name in its public URL.";
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], details).into_response()
}

/// The names under which the page may be asked for.
struct Names<'a> {
    /// Where the sandbox listens.
    listens: IpAddr,
    is_admin: bool,
    public_url: Option<&'a str>,
}

impl Names<'_> {
    /// Whether `Host` is a name of loopback, the address that the sandbox listens on, or the host of the
    /// public URL. When it listens on all addresses, any IP address will do: no site can have one as its
    /// name.
    fn has_host(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        let Ok(host) = host.parse::<Authority>() else { return false };
        let name = host.host().trim_matches(['[', ']']);
        if let Ok(ip) = name.parse::<IpAddr>() {
            let is_listened = self.listens.is_unspecified() || ip == self.listens;
            return ip.is_loopback() || (self.is_admin && is_listened);
        }
        let is_public = self.public().is_some_and(|(_, public)| public.host().eq_ignore_ascii_case(name));
        name.eq_ignore_ascii_case("localhost") || is_public
    }

    /// Whether `Origin` is that of the page: the host of the request, or the public URL. Browsers send it
    /// with everything that a page sends; other clients do not.
    fn has_origin(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let is_asked = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
        let is_public = self.public().is_some_and(|(public_scheme, public)| {
            public_scheme.eq_ignore_ascii_case(scheme) && public.as_str().eq_ignore_ascii_case(authority)
        });
        is_asked || is_public
    }

    /// Scheme and authority of the public URL.
    fn public(&self) -> Option<(String, Authority)> {
        let parts = self.public_url?.parse::<Uri>().ok()?.into_parts();
        Some((parts.scheme?.as_str().to_owned(), parts.authority?))
    }
}

async fn state(State(app): State<Arc<App>>) -> Result<Json<Value>, Refusal> {
    let now = app.now();
    let overview = app.mailbox(|mailbox| mailbox.overview(now))?;
    let domains: Vec<Value> = overview
        .into_iter()
        .map(|(name, domain)| {
            let instances = domain.instances.into_iter().map(|(instance, counts)| {
                let messages: BTreeMap<&str, usize> =
                    counts.into_iter().map(|(status, count)| (status.code(), count)).collect();
                json!({
                    "username": instance.username,
                    "application": instance.application,
                    "api_version": instance.api_version.to_string(),
                    "subscriptions": instance.subscriptions.iter().map(|event| event.code()).collect::<Vec<_>>(),
                    "messages": messages,
                    "listening": app.hub().subscribed(&InstanceId::of(&instance)),
                })
            });
            json!({
                "name": name,
                "activity_definitions": domain.definitions,
                "instances": instances.collect::<Vec<_>>(),
            })
        })
        .collect();
    let applications = app.oauth(|oauth| oauth.application_identifiers())?;
    Ok(Json(json!({ "domains": domains, "applications": applications })))
}

/// The instance that a request names.
fn instance(app: &App, domain: Option<&str>, username: Option<&str>) -> Result<InstanceId, Refusal> {
    let id = domain
        .zip(username)
        .map(|(domain, username)| InstanceId { domain: domain.into(), username: username.into() });
    id.filter(|id| app.knows(id)).ok_or_else(|| Refusal::not_found("There is no such application instance."))
}

async fn queue(State(app): State<Arc<App>>, params: Params) -> Result<Json<Value>, Refusal> {
    let id = instance(&app, params.get("domain"), params.get("username"))?;
    let now = app.now();
    let (total, newest) = app.mailbox(|mailbox| {
        let (total, _) = mailbox.list(&id, &Filter::default(), 0, 0, now);
        mailbox.list(&id, &Filter::default(), total.saturating_sub(SHOWN), SHOWN, now)
    })?;
    let messages: Vec<Value> = newest.iter().rev().map(row).collect();
    Ok(Json(json!({ "total": total, "messages": messages })))
}

fn row(delivery: &Delivery) -> Value {
    json!({
        "number": delivery.number,
        "event": delivery.message.event.code(),
        "status": delivery.status.code(),
        "changed": delivery.changed.instant().as_str(),
        "identifier": delivery.message.identifier,
    })
}

async fn message(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Json<Value>, Refusal> {
    let id = instance(&app, params.get("domain"), params.get("username"))?;
    let number = params.get("number").and_then(|number| number.parse().ok()).unwrap_or(0);
    let now = app.now();
    match app.mailbox(|mailbox| mailbox.numbered(&id, number, now))? {
        Some(Lookup::Received(delivery)) => Ok(Json(whole(&delivery, &links))),
        _ => Err(Refusal::not_found("There is no such message.")),
    }
}

fn whole(delivery: &Delivery, links: &Links) -> Value {
    let entry = entries::delivery(delivery, links);
    let resources: Vec<_> =
        entry.iter().skip(1).filter_map(|entry| entry.link("self").map(str::to_owned)).collect();
    let document = Document::from(Bundle { entry, ..Bundle::default() });
    let text = |written: Result<String, koppeltaal_fhir::WriteError>| {
        written.unwrap_or_else(|error| format!("It cannot be written: {error}"))
    };
    let message = &delivery.message;
    json!({
        "header": {
            "Event": message.event.code(),
            "Status": delivery.status.code(),
            "Status changed": delivery.changed.instant().as_str(),
            "Exception": delivery.exception.as_deref().unwrap_or("none"),
            "Identifier": message.identifier,
            "Patient": message.patient.as_deref().unwrap_or("none"),
            "Source": message.header.source_software().unwrap_or("not said"),
            "Version": delivery.version.as_str(),
        },
        "resources": resources,
        "json": text(document.to_json_pretty()),
        "xml": text(document.to_xml_pretty()),
    })
}

/// Tells the page whenever a message has moved.
async fn events(State(app): State<Arc<App>>) -> Response {
    let revision = app.revision();
    let stream = unfold((revision, true), async |(mut revision, is_first)| {
        // The sender lives as long as the server.
        if !is_first {
            revision.changed().await.ok()?;
        }
        revision.mark_unchanged();
        let event = if is_first { ": here\n\n" } else { "data: moved\n\n" };
        Some((Ok::<_, Infallible>(Bytes::from_static(event.as_bytes())), (revision, false)))
    });
    event_stream(Body::from_stream(stream))
}

async fn claim(State(app): State<Arc<App>>, ShortJson(fields): Fields) -> Result<Json<Value>, Refusal> {
    let id = in_fields(&app, &fields)?;
    let now = app.now();
    let claimed = app.mailbox(|mailbox| mailbox.claim(&id, &Filter::default(), false, now))?;
    Ok(Json(json!({ "number": claimed.map(|delivery| delivery.number) })))
}

async fn acknowledge(State(app): State<Arc<App>>, ShortJson(fields): Fields) -> Result<Json<Value>, Refusal> {
    let id = in_fields(&app, &fields)?;
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let number = field("number").parse().map_err(|_| Refusal::parameter("number is not a number."))?;
    let status =
        field("status").parse().map_err(|_| Refusal::parameter("status is not a processing status."))?;
    let exception = Some(field("exception").to_owned()).filter(|exception| !exception.is_empty());
    let report = Acknowledgement { status, exception, header_version: None };
    let now = app.now();
    let delivery = app.mailbox(|mailbox| mailbox.acknowledge(&id, number, &report, None, now))??;
    Ok(Json(row(&delivery)))
}

/// Launches as an instance of the domain would.
async fn launch(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    ShortJson(fields): Fields,
) -> Result<Json<Value>, Refusal> {
    let domain = fields.get("domain").cloned().unwrap_or_default();
    let account = Account(InstanceId { domain: domain.as_str().into(), username: "".into() });
    let location = oauth::launch_location(&app, &account, &links, &Params::from_pairs(fields))?;
    Ok(Json(json!({ "location": location })))
}

fn in_fields(app: &App, fields: &BTreeMap<String, String>) -> Result<InstanceId, Refusal> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    instance(app, field("domain"), field("username"))
}
