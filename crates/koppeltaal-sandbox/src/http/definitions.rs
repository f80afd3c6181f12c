//! The handlers of `Other`: list, read, create and update activity definitions (Koppeltaal spec section 7).

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use koppeltaal_fhir::{Document, Resource};

use super::app::App;
use super::authentication::Caller;
use super::paging::Paging;
use super::reply::Reply;
use super::request::{LinksFor, Params, Received, Target};
use crate::compose;
use crate::links::{FHIR_PATH, Links, definition_number, versioned};
use crate::mailbox::{Definition, Refusal, SentDefinition, definition_not_found};

/// `GET Other?code=ActivityDefinition`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Reply, Refusal> {
    check_code(&params)?;
    let with_archived = params.get("includearchived").is_some_and(is_yes);
    let now = app.now();
    let domain = &caller.instance.domain;
    let definitions = app.mailbox().definitions(domain, with_archived);
    let total = definitions.len();
    let paging = Paging::read(&params)?;
    // Everything at once, unless the client asks for pages.
    let is_paged = params.get("_count").is_some();
    let (skip, count) = if is_paged { (paging.skip(), paging.count()) } else { (0, total) };
    let entries =
        definitions.iter().skip(skip).take(count).map(|found| compose::definition(found, &links)).collect();
    let url = links.server(&format!("{FHIR_PATH}/Other/_search"));
    let link = if is_paged {
        paging.links(&url, &params, total)
    } else {
        vec![koppeltaal_fhir::Link::new("self", format!("{url}?{}", params.query()))]
    };
    Ok(Reply::ok(compose::search_result(domain, total, entries, link, &links, now.instant())))
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// Without a code, or with its system before it, definitions are meant.
fn check_code(params: &Params) -> Result<(), Refusal> {
    let code = params.get("code").unwrap_or("ActivityDefinition");
    match code.rsplit_once('|').map_or(code, |(_, code)| code) {
        "ActivityDefinition" => Ok(()),
        other => Err(Refusal::unsupported(format!("Other with the code '{other}' is not supported"))),
    }
}

/// `GET Other/ActivityDefinition:N`
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    target: Target,
) -> Result<Reply, Refusal> {
    let number = definition_number(&target.id).ok_or_else(definition_not_found)?;
    let found = app
        .mailbox()
        .definition(&caller.instance.domain, number)
        .cloned()
        .ok_or_else(definition_not_found)?;
    Ok(answer(found, &links))
}

/// `POST Other`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    received: Received,
) -> Result<Reply, Refusal> {
    check_code(&params)?;
    let sent = definition_in(received)?;
    let created = app.mailbox().create_definition(&caller.instance.domain, sent, app.occasion())?;
    Ok(answer(created, &links).status(StatusCode::CREATED))
}

/// `PUT Other/ActivityDefinition:N/_history/V`; without the version it is refused
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    target: Target,
    received: Received,
) -> Result<Reply, Refusal> {
    let number = definition_number(&target.id).ok_or_else(definition_not_found)?;
    let version = target.version.as_deref();
    let sent = definition_in(received)?;
    let url = links.definition(number);
    let occasion = app.occasion();
    let updated =
        app.mailbox().update_definition(&caller.instance.domain, number, &url, version, sent, occasion)?;
    Ok(answer(updated, &links))
}

/// The definition, and in `Content-Location` its URL with version; `Location` alone is ignored by one deployed client.
fn answer(definition: Definition, links: &Links) -> Reply {
    let url = versioned(&links.definition(definition.number), Some(&definition.version));
    Reply::ok(Document::Resource(definition.content.into()))
        .header(header::CONTENT_LOCATION, url.clone())
        .header(header::LOCATION, url)
}

fn definition_in(received: Received) -> Result<SentDefinition, Refusal> {
    match received.document {
        Document::Resource(Resource::Other(content)) => {
            Ok(SentDefinition { content: *content, bytes: received.bytes })
        }
        Document::Resource(resource) => Err(Refusal::unsupported(format!(
            "The resource type '{}' is not supported",
            resource.resource_type()
        ))),
        Document::Bundle(_) => Err(Refusal::malformed("The body is a bundle, not an Other.")),
    }
}
