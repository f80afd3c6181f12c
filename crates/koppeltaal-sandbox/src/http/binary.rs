//! The storage service as `Binary`: the same items, with the content itself as the body and its description
//! in the query. A client that asks for FHIR gets a `Binary` resource, and may send one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use koppeltaal_fhir::primitives::Base64Binary;
use koppeltaal_fhir::resources::Binary;
use koppeltaal_fhir::{Document, Resource};
use koppeltaal_messaging::vocabulary::search::storage as parameter;

use super::authentication::Caller;
use super::entries;
use super::format::header_text;
use super::reply::Reply;
use super::request::{LinksFor, Params, Target, missing_parameter, read_body, read_document};
use super::storage;
use crate::app::App;
use crate::links::{FHIR_PATH, Links, versioned};
use crate::refusal::Refusal;
use crate::storage::{Draft, Item, not_found};

/// `GET Binary`: the items that match, as `Binary` resources
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
) -> Result<Reply, Refusal> {
    let (total, items, paging) = storage::search(&app, &caller, &params)?;
    let entries = items.iter().map(|item| entries::binary_entry(item, binary(item), &links)).collect();
    let link = paging.links(&links.server(&format!("{FHIR_PATH}/Binary/_search")), &params, total);
    let domain = &caller.instance.domain;
    Ok(Reply::ok(entries::search_result(domain, total, entries, link, &links, app.now().instant())))
}

/// `GET Binary/N`
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    target: Target,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let item = storage::find(&app, &caller, &params, number(&target)?, target.version.as_deref())?;
    if wants_fhir(&headers) {
        return Ok(answer(&item, &links).into_response());
    }
    let content = BASE64_STANDARD.decode(&item.content);
    let content = content.map_err(|_| Refusal::unsupported("The content is not base64."))?;
    let octets = || HeaderValue::from_static("application/octet-stream");
    let content_type = HeaderValue::try_from(&item.content_type).unwrap_or_else(|_| octets());
    let location = HeaderValue::try_from(location(&item, &links)).ok();
    let mut response = (
        [
            (header::CONTENT_TYPE, content_type),
            // What one client stored must not run in the browser of another.
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
        ],
        content,
    )
        .into_response();
    response.headers_mut().extend(location.map(|location| (header::CONTENT_LOCATION, location)));
    Ok(response)
}

/// `POST Binary?patient=P&objectType=T&objectKey=K`
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    request: Request,
) -> Result<Reply, Refusal> {
    let (content_type, content) = content(&app, request).await?;
    let required = |name: &'static str| {
        let value = params.get(name).map(str::to_owned);
        value.ok_or_else(|| missing_parameter(name))
    };
    let patient = match &caller.patient {
        Some(patient) if params.get(parameter::PATIENT).is_none() => patient.clone(),
        _ => required(parameter::PATIENT)?,
    };
    let reader = storage::reader(&app, &caller);
    let draft = Draft::new(
        content_type,
        content,
        patient,
        required(parameter::OBJECT_TYPE)?,
        required(parameter::OBJECT_KEY)?,
    )?;
    let created = app.storage(|storage| storage.create(&reader, draft, app.now()))??;
    Ok(answer(&created, &links).status(StatusCode::CREATED))
}

/// `PUT Binary/N[/_history/V]`: new content; its description stays unless the query has another
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    LinksFor(links): LinksFor,
    params: Params,
    target: Target,
    request: Request,
) -> Result<Reply, Refusal> {
    let number = number(&target)?;
    let (content_type, content) = content(&app, request).await?;
    let reader = storage::reader(&app, &caller);
    let url = links.binary(number);
    let updated = app.storage(|storage| {
        let current = storage.get(&reader, number).ok_or_else(not_found)?;
        let part = |name: &str, now: &str| params.get(name).unwrap_or(now).to_owned();
        let draft = Draft::new(
            content_type,
            content,
            part(parameter::PATIENT, &current.patient),
            part(parameter::OBJECT_TYPE, &current.object_type),
            part(parameter::OBJECT_KEY, &current.object_key),
        )?;
        storage.update(&reader, number, &url, target.version.as_deref(), draft, app.now())
    })??;
    Ok(answer(&updated, &links))
}

/// `DELETE Binary/N`
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    target: Target,
) -> Result<Reply, Refusal> {
    storage::delete(&app, &caller, number(&target)?)
}

fn number(target: &Target) -> Result<u64, Refusal> {
    target.id.parse().map_err(|_| not_found())
}

/// Content type and content in base64, of the `Binary` resource in the body or else of the body itself.
async fn content(app: &App, request: Request) -> Result<(String, String), Refusal> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, app.limits()).await?;
    let read = read_document(&parts.headers, &body).map(|(_, read)| read.document);
    if let Ok(Document::Resource(Resource::Binary(binary))) = read {
        let content = binary.content.get().map(|content| content.as_str().to_owned());
        return Ok((binary.content_type.clone(), content.unwrap_or_default()));
    }
    let content_type =
        header_text(&parts.headers, header::CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
    Ok((content_type, BASE64_STANDARD.encode(&body)))
}

/// Whether the client asks for a media type of FHIR.
fn wants_fhir(headers: &HeaderMap) -> bool {
    header_text(headers, header::ACCEPT).is_some_and(|accept| accept.contains("+fhir"))
}

fn binary(item: &Item) -> Binary {
    Binary {
        content_type: item.content_type.clone(),
        content: Base64Binary::from(item.content.as_str()).into(),
        ..Binary::default()
    }
}

fn location(item: &Item, links: &Links) -> String {
    versioned(&links.binary(item.number), Some(&item.version))
}

fn answer(item: &Item, links: &Links) -> Reply {
    Reply::resource_at(binary(item), location(item, links))
}
