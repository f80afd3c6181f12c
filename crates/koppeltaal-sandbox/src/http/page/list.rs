//! The list of messages on the page: a search with filters, one page of rows at a time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::super::messages::{not_a_status, not_an_event};
use super::super::request::Params;
use super::instance;
use crate::app::App;
use crate::mailbox::{MAXIMUM_LOOKS, MessageOverview, Origin, Search, Start};
use crate::refusal::Refusal;

/// The rows of a page.
const ROWS: usize = 100;

/// Finds messages by `text`, `event`, `status`, `patient`, and the queue of `domain` and `username`; the
/// newest, or those `before` or `after` the message with this key.
pub(super) async fn list(State(app): State<Arc<App>>, params: Params) -> Result<Json<Value>, Refusal> {
    let receiver = match params.get("username") {
        Some(username) => Some(instance(&app, params.get("domain").unwrap_or_default(), username)?),
        None => None,
    };
    let event = params.get("event").map(|code| code.parse().map_err(|_| not_an_event(code)));
    let status = params.get("status").map(|code| code.parse().map_err(|_| not_a_status(code, "status")));
    let mut search = Search::default()
        .with_text(params.get("text").unwrap_or_default())
        .with_patient(params.get("patient").unwrap_or_default());
    search.event = event.transpose()?;
    search.status = status.transpose()?;
    search.receiver = receiver;
    let start = match (params.number("before")?, params.number("after")?) {
        (Some(key), _) => Start::Before(key as u64),
        (None, Some(key)) => Start::After(key as u64),
        (None, None) => Start::Newest,
    };
    let now = app.now();
    let found = app.mailbox(|mailbox| mailbox.search(&search, start, ROWS, now))?;
    Ok(Json(json!({
        "messages": found.messages.iter().map(row).collect::<Vec<_>>(),
        "total": found.total,
        "counted": if found.is_total_exact { Value::Null } else { json!(MAXIMUM_LOOKS) },
        "newer": found.newer,
        "newer_than": found.newer_than,
        "older_than": found.older_than,
    })))
}

/// What a list shows of a message.
pub(super) fn row(overview: &MessageOverview) -> Value {
    let MessageOverview { message, deliveries, .. } = overview;
    let receivers = deliveries
        .iter()
        .map(|(id, delivery)| json!({ "username": id.username, "status": delivery.status.code() }));
    json!({
        "key": message.key,
        "identifier": message.identifier,
        "event": message.event.code(),
        "sender": sender(overview),
        "patient": message.patient,
        "at": posted_at(overview),
        "receivers": receivers.collect::<Vec<_>>(),
    })
}

/// Who sent a message: the instance, or if that is forgotten, what the header says.
pub(super) fn sender(overview: &MessageOverview) -> &str {
    let MessageOverview { message, posted, .. } = overview;
    match (message.origin, posted) {
        (Origin::Server, _) => "Koppeltaal",
        (Origin::Instance, Some((id, _))) => &id.username,
        (Origin::Instance, None) => message.header.source_name().unwrap_or("unknown"),
    }
}

/// When a message was posted, or if that is forgotten, the time in its header.
pub(super) fn posted_at(overview: &MessageOverview) -> Option<String> {
    let receipt = overview.posted.as_ref().map(|(_, receipt)| receipt.at.instant());
    let written = || overview.message.header.timestamp().cloned();
    receipt.or_else(written).map(|at| at.as_str().to_owned())
}
