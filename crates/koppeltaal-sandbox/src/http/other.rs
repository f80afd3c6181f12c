//! The addresses under `Other`. The code or the id decides whether a request is about activity definitions or
//! about the storage service.

use std::sync::Arc;

use axum::extract::State;
use koppeltaal_fhir::{Document, Resource};
use koppeltaal_messaging::ResourceKind;
use koppeltaal_messaging::vocabulary::search as parameter;

use super::authentication::Caller;
use super::reply::Reply;
use super::request::{LinksFor, Params, RequestDocument, Target};
use super::{definitions, storage};
use crate::app::App;
use crate::links::{definition_number, storage_number};
use crate::refusal::Refusal;

/// The codes of `Other` that have an address.
enum OtherCode {
    Definitions,
    Storage,
}

/// The parameter `code`, with or without its system before it.
fn by_code(params: &Params) -> Result<Option<OtherCode>, Refusal> {
    let Some(code) = params.get(parameter::CODE) else { return Ok(None) };
    match code.rsplit_once('|').map_or(code, |(_, code)| code) {
        "ActivityDefinition" => Ok(Some(OtherCode::Definitions)),
        "StorageItem" => Ok(Some(OtherCode::Storage)),
        other => Err(Refusal::unsupported("Other with this code is not supported.")
            .at(parameter::CODE)
            .expected("ActivityDefinition or StorageItem")
            .details(format!("Other with the code '{other}' is not supported"))),
    }
}

/// `GET Other?code=`
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Reply, Refusal> {
    match by_code(&params)?.unwrap_or(OtherCode::Definitions) {
        OtherCode::Definitions => definitions::list(&app, &caller, &links, &params),
        OtherCode::Storage => storage::list(&app, &caller, &links, &params),
    }
}

/// `GET Other/ID[/_history/V]`. Only the current version is stored.
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    target: Target,
) -> Result<Reply, Refusal> {
    let version = target.version.as_deref();
    match by_id(&target, &params)? {
        (OtherCode::Definitions, number) => definitions::read(&app, &caller, &links, number, version),
        (OtherCode::Storage, number) => storage::read(&app, &caller, &links, &params, number, version),
    }
}

/// `POST Other`: a definition, unless the parameter `code` or the content says otherwise
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let about = by_code(&params)?.unwrap_or_else(|| {
        if is_storage(&received.document) { OtherCode::Storage } else { OtherCode::Definitions }
    });
    match about {
        OtherCode::Definitions => definitions::create(&app, &caller, &links, received),
        OtherCode::Storage => storage::create(&app, &caller, &links, received),
    }
}

/// `PUT Other/ID[/_history/V]`
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    target: Target,
    received: RequestDocument,
) -> Result<Reply, Refusal> {
    let version = target.version.as_deref();
    match by_id(&target, &params)? {
        (OtherCode::Definitions, number) => {
            definitions::update(&app, &caller, &links, number, version, received)
        }
        (OtherCode::Storage, number) => storage::update(&app, &caller, &links, number, version, received),
    }
}

/// `DELETE Other/StorageItem:N`. Definitions are archived instead.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    params: Params,
    target: Target,
) -> Result<Reply, Refusal> {
    match by_id(&target, &params)? {
        (OtherCode::Definitions, _) => {
            Err(Refusal::rule("An activity definition cannot be deleted, only archived."))
        }
        (OtherCode::Storage, number) => storage::delete(&app, &caller, number),
    }
}

/// The code by the prefix of the id, or by the parameter when the id is just a number.
fn by_id(target: &Target, params: &Params) -> Result<(OtherCode, u64), Refusal> {
    let nothing = || Refusal::not_found("There is no such resource.");
    let prefixed = definition_number(&target.id).map(|number| (OtherCode::Definitions, number));
    let prefixed = prefixed.or_else(|| storage_number(&target.id).map(|number| (OtherCode::Storage, number)));
    match prefixed {
        Some(found) => Ok(found),
        None => by_code(params)?.zip(target.id.parse().ok()).ok_or_else(nothing),
    }
}

fn is_storage(document: &Document) -> bool {
    let resource = match document {
        Document::Resource(resource) => resource,
        Document::Bundle(_) => return false,
    };
    matches!(resource, Resource::Other(_))
        && ResourceKind::from_resource(resource) == Some(ResourceKind::StorageItem)
}
