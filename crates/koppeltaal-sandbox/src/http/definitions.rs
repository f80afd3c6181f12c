//! Activity definitions: list, read, create and update. [`other`](super::other) decides which requests are
//! about them.

use axum::http::StatusCode;
use koppeltaal_fhir::Link;
use koppeltaal_messaging::vocabulary::search as parameter;
use uuid::Uuid;

use super::authentication::Caller;
use super::entries;
use super::paging::Paging;
use super::reply::Reply;
use super::request::{Params, RequestDocument};
use crate::app::App;
use crate::links::{FHIR_PATH, Links, versioned};
use crate::mailbox::{Definition, DefinitionDraft, DefinitionTarget, definition_not_found};
use crate::refusal::Refusal;

/// `GET Other?code=ActivityDefinition`
pub(crate) fn list(app: &App, caller: &Caller, links: &Links, params: &Params) -> Result<Reply, Refusal> {
    let with_archived = params.get(parameter::INCLUDE_ARCHIVED).is_some_and(is_yes);
    let domain = &caller.instance.domain;
    let definitions = app.mailbox(|mailbox| mailbox.definitions(domain, with_archived))?;
    let total = definitions.len();
    let paging = Paging::read(params)?;
    // All of them at once, unless the client asks for pages.
    let is_paged = params.get(parameter::COUNT).is_some();
    let (skip, count) = if is_paged { (paging.skip(), paging.count()) } else { (0, total) };
    let entries =
        definitions.iter().skip(skip).take(count).map(|found| entries::definition(found, links)).collect();
    let url = links.server(&format!("{FHIR_PATH}/Other/_search"));
    let link = if is_paged {
        paging.links(&url, params, total)
    } else {
        vec![Link::new("self", format!("{url}?{}", params.query()))]
    };
    Ok(Reply::ok(entries::search_result(domain, total, entries, link, links, app.now().instant())))
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}

/// `GET Other/ActivityDefinition:N`
pub(crate) fn read(
    app: &App,
    caller: &Caller,
    links: &Links,
    number: u64,
    version: Option<&str>,
) -> Result<Reply, Refusal> {
    let found = app.mailbox(|mailbox| mailbox.definition(&caller.instance.domain, number).cloned())?;
    let found = found.filter(|found| version.is_none_or(|version| version == found.version.as_str()));
    Ok(answer(found.ok_or_else(definition_not_found)?, links))
}

/// `POST Other`
pub(crate) fn create(
    app: &App,
    caller: &Caller,
    links: &Links,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let sent = definition_in(caller, received)?;
    let (domain, identifier, now) = (&caller.instance.domain, Uuid::new_v4(), app.now());
    let created = app.mailbox(|mailbox| mailbox.create_definition(domain, sent, identifier, now))??;
    Ok(answer(created, links).status(StatusCode::CREATED))
}

/// `PUT Other/ActivityDefinition:N/_history/V`. Without the version it is refused.
pub(crate) fn update(
    app: &App,
    caller: &Caller,
    links: &Links,
    number: u64,
    version: Option<&str>,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let sent = definition_in(caller, received)?;
    let url = links.definition(number);
    let target = DefinitionTarget { number, url: &url, version };
    let (domain, identifier, now) = (&caller.instance.domain, Uuid::new_v4(), app.now());
    let updated =
        app.mailbox(|mailbox| mailbox.update_definition(domain, target, sent, identifier, now))??;
    Ok(answer(updated, links))
}

fn answer(definition: Definition, links: &Links) -> Reply {
    let url = versioned(&links.definition(definition.number), Some(&definition.version));
    Reply::resource_at(definition.content, url)
}

/// The definition in the body. No bearer token may change one: a definition concerns all patients.
fn definition_in(caller: &Caller, received: RequestDocument) -> Result<DefinitionDraft, Refusal> {
    if caller.patient.is_some() {
        return Err(Refusal::forbidden("An activity definition is not about the patient of the token."));
    }
    let bytes = received.source.bytes;
    Ok(DefinitionDraft { content: received.other()?, bytes })
}
