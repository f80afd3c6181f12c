//! What people do by hand on the page: claim, acknowledge, launch.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::messages::not_a_status;
use super::super::oauth;
use super::super::request::{LinksFor, ShortJson};
use super::instance;
use crate::app::App;
use crate::mailbox::{Acknowledgement, Filter};
use crate::oauth::Context;
use crate::refusal::Refusal;

/// The instance in whose queue the next message is claimed.
#[derive(Debug, Deserialize)]
pub(super) struct ClaimFields {
    domain: String,
    username: String,
}

/// Claims the next message of a queue.
pub(super) async fn claim(
    State(app): State<Arc<App>>,
    ShortJson(ClaimFields { domain, username }): ShortJson<ClaimFields>,
) -> Result<Json<Value>, Refusal> {
    let id = instance(&app, &domain, &username)?;
    let now = app.now();
    let claimed = app.mailbox(|mailbox| mailbox.claim(&id, &Filter::default(), false, now))?;
    Ok(Json(json!({ "key": claimed.map(|delivery| delivery.message.key) })))
}

/// The message of a queue and what becomes of it.
#[derive(Debug, Deserialize)]
pub(super) struct AcknowledgementFields {
    domain: String,
    username: String,
    number: u64,
    /// The code of a status.
    status: String,
    #[serde(default)]
    exception: String,
}

/// Gives a message of a queue another status.
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    ShortJson(fields): ShortJson<AcknowledgementFields>,
) -> Result<Json<Value>, Refusal> {
    let AcknowledgementFields { domain, username, number, status, exception } = fields;
    let id = instance(&app, &domain, &username)?;
    let status = status.parse().map_err(|_| not_a_status(&status, "status"))?;
    let report = Acknowledgement { status, exception: given(exception), header_version: None };
    let now = app.now();
    app.mailbox(|mailbox| mailbox.acknowledge(&id, number, &report, None, now))??;
    Ok(Json(json!({})))
}

/// Who is launched into which application.
#[derive(Debug, Deserialize)]
pub(super) struct LaunchFields {
    domain: String,
    client_id: String,
    patient: String,
    user: String,
    #[serde(default)]
    resource: String,
}

/// Launches as an instance of the domain would.
pub(super) async fn launch(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    ShortJson(fields): ShortJson<LaunchFields>,
) -> Result<Json<Value>, Refusal> {
    let LaunchFields { domain, client_id, patient, user, resource } = fields;
    let resource = given(resource);
    let context = Context { client: client_id, domain, patient, user, resource, intent: None };
    let location = oauth::launch_location(&app, &links, context)?;
    Ok(Json(json!({ "location": location })))
}

/// What a form's field has; an empty one is sent too.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
