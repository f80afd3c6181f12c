//! One message on the page: its way from the sender through the queues, its resources, and its text.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use koppeltaal_fhir::primitives::Instant;
use koppeltaal_fhir::{Bundle, Document, Entry, Format, WriteError};
use koppeltaal_messaging::ProcessingStatus as Status;
use serde_json::{Value, json};

use super::super::entries;
use super::super::format::header_text;
use super::super::request::{LinksFor, Params};
use super::{assets, list};
use crate::app::App;
use crate::clock::Version;
use crate::instance::InstanceId;
use crate::links::Links;
use crate::mailbox::{Delivery, MessageOverview};
use crate::refusal::Refusal;

/// The most claims of one queue on the time line: the first of them and the last ones.
const CLAIMS: usize = 20;

/// The message with this `key`. With `username`, its header is that of this instance's queue. The page asks
/// again and again, with the entity tag of what it has; it gets the content only when that has changed.
pub(super) async fn message(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refusal> {
    let overview = overview(&app, &params)?;
    let tag = entity_tag(&overview);
    if header_text(&headers, header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let entries = entries_of(&overview, &params, &links);
    let resources: Vec<Value> =
        entries.iter().enumerate().map(|(place, entry)| resource(place, entry, &overview)).collect();
    let receivers = overview.deliveries.iter().map(|(id, delivery)| receiver(id, delivery));
    let mut value = list::row(&overview);
    value["domain"] = overview.message.domain.as_str().into();
    value["receivers"] = receivers.collect();
    value["steps"] = steps(&overview).into();
    value["resources"] = resources.into();
    Ok(([(header::ETAG, tag)], Json(value)).into_response())
}

/// Another text after every change of what is shown of a message: of its receipt, of its status in any queue,
/// and of the claims that are remembered.
fn entity_tag(overview: &MessageOverview) -> String {
    let MessageOverview { message, posted, deliveries } = overview;
    let mut hasher = DefaultHasher::new();
    (message.key, posted.as_ref().map(|(_, receipt)| receipt.number)).hash(&mut hasher);
    for (id, delivery) in deliveries {
        (&id.username, delivery.number, delivery.version.as_str()).hash(&mut hasher);
        delivery.claims().count().hash(&mut hasher);
    }
    format!("\"{:016x}\"", hasher.finish())
}

/// The text of the message with this `key`, in JSON or XML, as its `format` says.
pub(super) async fn text(
    State(app): State<Arc<App>>,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Response, Refusal> {
    let overview = overview(&app, &params)?;
    let entry = entries_of(&overview, &params, &links);
    let document = Document::from(Bundle { entry, ..Bundle::default() });
    let written = match params.get("format") {
        Some("xml") => document.to_xml_pretty(),
        _ => document.to_json_pretty(),
    };
    Ok(assets::answer("text/plain; charset=utf-8", text_or_error(written)))
}

fn overview(app: &App, params: &Params) -> Result<MessageOverview, Refusal> {
    let key = params.number("key")?.unwrap_or_default() as u64;
    let now = app.now();
    let overview = app.mailbox(|mailbox| mailbox.message(key, now))?;
    overview.ok_or_else(|| Refusal::not_found("There is no such message, or not any more."))
}

/// The message as the receiver that the parameters name gets it, else as any receiver does, else as its
/// sender finds it.
fn entries_of(overview: &MessageOverview, params: &Params, links: &Links) -> Vec<Entry> {
    let username = params.get("username");
    let deliveries = &overview.deliveries;
    let named = deliveries.iter().find(|(id, _)| Some(&*id.username) == username).or(deliveries.first());
    match (named, overview.as_posted()) {
        (Some((_, delivery)), _) => entries::delivery(delivery, links),
        (None, Some(posted)) => entries::posted(&posted, links),
        // A message is forgotten with its last delivery and receipt.
        (None, None) => Vec::new(),
    }
}

/// What was written, or in its place why it cannot be.
fn text_or_error(written: Result<String, WriteError>) -> String {
    written.unwrap_or_else(|error| format!("It cannot be written: {error}"))
}

/// A resource. Its content is JSON in a string, so that numbers keep their digits.
fn resource(place: usize, entry: &Entry, overview: &MessageOverview) -> Value {
    let content = entry.content.clone();
    let written = content.map(|content| text_or_error(Document::from(content).write(Format::Json)));
    json!({
        "url": entry.id,
        "link": entry.link("self"),
        // The header is the first entry.
        "is_focal": place == overview.message.focal + 1,
        "content": written,
    })
}

/// A queue that has the message.
fn receiver(id: &InstanceId, delivery: &Delivery) -> Value {
    json!({
        "username": id.username,
        "number": delivery.number,
        "status": delivery.status.code(),
        "until": delivery.deadline().map(|deadline| deadline.instant().as_str().to_owned()),
        "exception": delivery.exception,
    })
}

/// What happened to the message, oldest first: `step` says what, `by` who did it, `queue` in whose queue.
fn steps(overview: &MessageOverview) -> Vec<Value> {
    let posted_at = list::posted_at(overview);
    let posted = json!({ "at": posted_at, "step": "posted", "by": list::sender(overview) });
    let queued = overview.deliveries.iter().map(|(id, delivery)| {
        json!({ "at": posted_at, "step": "queued", "queue": id.username, "number": delivery.number })
    });
    let mut later: Vec<Value> = overview
        .deliveries
        .iter()
        .flat_map(|(id, delivery)| steps_in_queue(&id.username, delivery))
        .collect();
    // The instants of one server sort as text. Steps of the same time stay in their order.
    later.sort_by(|one, other| one["at"].as_str().cmp(&other["at"].as_str()));
    std::iter::once(posted).chain(queued).chain(later).collect()
}

/// The claims of a receiver, and the last change if that is not a claim.
fn steps_in_queue(username: &str, delivery: &Delivery) -> Vec<Value> {
    let claims: Vec<&Version> = delivery.claims().collect();
    let left_out = claims.len().saturating_sub(CLAIMS);
    let is_shown = |(place, _): &(usize, &Version)| *place == 0 || *place > left_out;
    let has_claims = !claims.is_empty();
    let claimed = claims.into_iter().enumerate().filter(is_shown).map(|(place, version)| {
        let at = version.instant();
        let at = at.as_ref().map(Instant::as_str);
        json!({ "at": at, "step": "claimed", "by": username, "place": place + 1 })
    });
    let step = match delivery.status {
        // The steps before say that it was claimed or queued.
        Status::Claimed => None,
        Status::New if !has_claims => None,
        Status::New if delivery.is_given_back() => Some("given back"),
        Status::New => Some("ran out"),
        Status::ReplacedByNewVersion => Some("replaced"),
        Status::MaximumRetriesExceeded => Some("given up"),
        _ => Some("acknowledged"),
    };
    let last = step.map(|step| {
        json!({
            "at": delivery.changed.instant().as_str(),
            "step": step,
            "by": username,
            "queue": username,
            "status": (step == "acknowledged").then(|| delivery.status.code()),
            "exception": delivery.exception,
        })
    });
    claimed.chain(last).collect()
}
