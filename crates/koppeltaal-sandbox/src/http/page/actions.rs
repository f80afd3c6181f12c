//! What people do by hand on the page: claim, acknowledge, launch.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::super::authentication::Account;
use super::super::messages::not_a_status;
use super::super::oauth;
use super::super::request::{LinksFor, Params, ShortJson};
use super::instance;
use crate::app::App;
use crate::instance::InstanceId;
use crate::mailbox::{Acknowledgement, Filter};
use crate::refusal::Refusal;

/// What the page sends: names and values.
type Fields = ShortJson<BTreeMap<String, String>>;

/// Claims the next message of a queue.
pub(super) async fn claim(
    State(app): State<Arc<App>>,
    ShortJson(fields): Fields,
) -> Result<Json<Value>, Refusal> {
    let id = instance_in(&app, &fields)?;
    let now = app.now();
    let claimed = app.mailbox(|mailbox| mailbox.claim(&id, &Filter::default(), false, now))?;
    let key = claimed.as_ref().map(|delivery| delivery.message.key);
    Ok(Json(json!({ "number": claimed.map(|delivery| delivery.number), "key": key })))
}

/// Gives a message of a queue another status.
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    ShortJson(fields): Fields,
) -> Result<Json<Value>, Refusal> {
    let id = instance_in(&app, &fields)?;
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let number = field("number")
        .parse()
        .map_err(|_| Refusal::parameter("The parameter is not a whole number.").at("number"))?;
    let status = field("status").parse().map_err(|_| not_a_status(field("status"), "status"))?;
    let exception = Some(field("exception").to_owned()).filter(|exception| !exception.is_empty());
    let report = Acknowledgement { status, exception, header_version: None };
    let now = app.now();
    let delivery = app.mailbox(|mailbox| mailbox.acknowledge(&id, number, &report, None, now))??;
    Ok(Json(json!({ "number": delivery.number, "status": delivery.status.code() })))
}

/// Launches as an instance of the domain would.
pub(super) async fn launch(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    ShortJson(fields): Fields,
) -> Result<Json<Value>, Refusal> {
    let domain = fields.get("domain").cloned().unwrap_or_default();
    let account = Account(InstanceId { domain: domain.as_str().into(), username: "".into() });
    let location = oauth::launch_location(&app, &account, &links, &Params::from_pairs(fields))?;
    Ok(Json(json!({ "location": location })))
}

/// The instance that the fields name.
fn instance_in(app: &App, fields: &BTreeMap<String, String>) -> Result<InstanceId, Refusal> {
    let field = |name: &str| fields.get(name).map(String::as_str);
    instance(app, field("domain"), field("username"))
}
