//! The page for people at `/`, and the addresses under `/sandbox` that it uses: instances, messages, and
//! claims and launches by hand.
//!
//! The page needs no login. So it exists only when the sandbox listens on loopback or
//! [`SandboxConfig::admin`](crate::SandboxConfig::admin) allows it, and only under names that no other site
//! can have. Changes have to be sent as JSON, and a browser's have to come from this page.

mod actions;
mod assets;
mod guard;
mod list;
mod message;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream::unfold;
use koppeltaal_messaging::{Event, ProcessingStatus};
use serde_json::{Value, json};

pub(super) use guard::guard;

use super::format::event_stream;
use crate::app::App;
use crate::instance::InstanceId;
use crate::refusal::Refusal;

/// The addresses of the page.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    assets::routes()
        .route("/sandbox/state", get(state))
        .route("/sandbox/messages", get(list::list))
        .route("/sandbox/message", get(message::message))
        .route("/sandbox/text", get(message::text))
        .route("/sandbox/events", get(events))
        .route("/sandbox/claim", post(actions::claim))
        .route("/sandbox/acknowledge", post(actions::acknowledge))
        .route("/sandbox/launch", post(actions::launch))
        .layer(from_fn_with_state(Arc::clone(app), guard))
}

/// Whether a path is one of these or the one of the faults. Requests to them meet no faults.
pub(super) fn is_path(path: &str) -> bool {
    path == "/" || path.starts_with("/sandbox/")
}

/// Domains and instances with what is in their queues, the codes that messages can be filtered by, and the
/// number of refused requests.
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
                    "listening": app.hub().subscribed(&InstanceId::from(&instance)),
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
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.code()).collect();
    let statuses: Vec<&str> = ProcessingStatus::ALL.iter().map(|status| status.code()).collect();
    Ok(Json(json!({
        "domains": domains,
        "applications": applications,
        "events": events,
        "statuses": statuses,
        "refusals": app.refusals().len(),
    })))
}

/// The instance that a request names.
fn instance(app: &App, domain: &str, username: &str) -> Result<InstanceId, Refusal> {
    let id = InstanceId { domain: domain.into(), username: username.into() };
    if app.knows(&id) { Ok(id) } else { Err(Refusal::not_found("There is no such application instance.")) }
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
