//! Create, update and delete.

use http::{HeaderMap, StatusCode, header};
use koppeltaal_r4::Resource;
use koppeltaal_r4::resources::IssueType;

use crate::audit::type_entity;
use crate::fhir::answer::{Answer, Content};
use crate::fhir::body;
use crate::fhir::patch;
use crate::fhir::permission::{Delete, May, MayCreate, Update};
use crate::fhir::refusal::{Issue, Refusal};
use crate::fhir::rules;
use crate::fhir::server::FhirServer;
use crate::resources::parts;
use crate::search::query::Query;
use crate::store::{Lookup, Write, WriteError, Written};

/// The search of a conditional create.
const IF_NONE_EXIST: &str = "if-none-exist";

/// Creates a resource.
pub(crate) fn create(
    server: &FhirServer,
    may: &MayCreate,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let resource_type = may.resource_type();
    let mut resource = body::resource(headers, body, resource_type)?;
    rules::check_origin_of_new(&resource)?;
    rules::check(&mut resource, server.settings.profile_rules)?;
    let caller = may.caller();
    if !matches!(server.store.read("Device", &caller.client_id), Lookup::Found(_)) {
        return Err(Refusal::bad_request("Device not present"));
    }
    let unless = condition(may, headers)?;
    let write = Write::Create { resource, origin: caller.device(), unless };
    let written = server.store.write(write).map_err(|error| refused(server, resource_type, error))?;
    Ok(answer(server, headers, &written))
}

/// The search of a conditional create, among what the application may see.
fn condition(may: &MayCreate, headers: &HeaderMap) -> Result<Option<Query>, Refusal> {
    let Some(value) = headers.get(IF_NONE_EXIST) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| Refusal::bad_request("If-None-Exist: expected a search in ASCII"))?;
    let text = text.rsplit_once('?').map_or(text, |(_, parameters)| parameters);
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
    let mut query = Query::parse(may.resource_type(), pairs)
        .map_err(|error| Refusal::bad_request(format!("If-None-Exist: {error}")))?;
    if query.criteria.is_empty() {
        return Err(Refusal::bad_request("If-None-Exist: expected a search such as identifier=system|value"));
    }
    may.narrow(&mut query);
    Ok(Some(query))
}

/// Writes a new version of a resource.
pub(crate) fn update(
    server: &FhirServer,
    may: &May<Update>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let resource = body::resource(headers, body, may.version().resource_type())?;
    replace(server, may, headers, resource)
}

/// Changes a resource by a JSON Patch.
pub(crate) fn patch(
    server: &FhirServer,
    may: &May<Update>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let resource = patch::apply(&may.version().resource, headers, body)?;
    replace(server, may, headers, resource)
}

/// Stores a resource as the new version of another one.
fn replace(
    server: &FhirServer,
    may: &May<Update>,
    headers: &HeaderMap,
    mut resource: Resource,
) -> Result<Answer, Refusal> {
    let current = may.version();
    let resource_type = current.resource_type();
    let id = parts(&resource).and_then(|parts| parts.id.as_str());
    if id != Some(&*current.id) {
        let refusal = Refusal::bad_request("expected the id that is in the address");
        return Err(refusal.at(format!("{resource_type}.id")));
    }
    let expected = if_match(headers)?.ok_or_else(|| {
        let status = server.settings.without_if_match;
        Refusal::new(status, IssueType::Required, "If-Match header is required on updates")
    })?;
    rules::keep_origin(&mut resource, current.origin())?;
    rules::check(&mut resource, server.settings.profile_rules)?;
    let write = Write::Update { id: current.id.to_string(), expected, resource };
    let written = server.store.write(write).map_err(|error| refused(server, resource_type, error))?;
    Ok(answer(server, headers, &written))
}

/// Deletes a resource; its history stays.
pub(crate) fn delete(server: &FhirServer, may: &May<Delete>, headers: &HeaderMap) -> Result<Answer, Refusal> {
    let version = may.version();
    let resource_type = version.resource_type();
    let expected = if_match(headers)?;
    let deleted = server.store.delete(resource_type, &version.id, expected);
    deleted.map_err(|error| refused(server, resource_type, error))?;
    let mut answer = Answer::new(StatusCode::NO_CONTENT, Content::None);
    answer.entities.push(type_entity(resource_type));
    Ok(answer)
}

/// The version in `If-Match`: `W/"1"` or `"1"`.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    let number = quoted.trim_matches('"').parse();
    number.map(Some).map_err(|_| Refusal::bad_request("If-Match: expected a version such as W/\"1\""))
}

/// The answer to a write.
fn answer(server: &FhirServer, headers: &HeaderMap, written: &Written) -> Answer {
    let (status, version, is_new) = match written {
        Written::Created(version) => (StatusCode::CREATED, version, true),
        Written::Existing(version) => (StatusCode::OK, version, false),
        Written::Updated(version) => (StatusCode::OK, version, true),
    };
    let mut answer = Answer::version(status, version);
    if !matches!(written, Written::Updated(_)) {
        let base = &server.domain.fhir_base;
        let location = format!("{base}/{}/_history/{}", version.reference(), version.version);
        answer.set(header::LOCATION, &location);
    }
    let prefers_minimal = headers.get("prefer").is_some_and(|value| value.as_bytes() == b"return=minimal");
    if prefers_minimal {
        answer.content = Content::None;
    }
    answer.written = is_new.then(|| version.clone());
    answer
}

fn refused(server: &FhirServer, resource_type: &str, error: WriteError) -> Refusal {
    match error {
        WriteError::Stale { current } => {
            let diagnostics = format!("the current version is {current}: read it, change it, and try again");
            Refusal::new(server.settings.stale, IssueType::Conflict, diagnostics)
        }
        WriteError::Dangling(references) => Refusal::unprocessable(
            references
                .into_iter()
                .map(|dangling| {
                    let problem = if dangling.is_deleted { "was deleted" } else { "does not exist" };
                    Issue::new(IssueType::BusinessRule, format!("{} {problem}", dangling.reference))
                        .summary(format!("the reference at {} {problem}", dangling.expression))
                        .at(dangling.expression)
                })
                .collect(),
        ),
        WriteError::Referenced { by } => {
            let diagnostics = format!("{by} refers to this {resource_type}");
            Refusal::new(StatusCode::CONFLICT, IssueType::Conflict, diagnostics)
        }
        WriteError::Several(found) => Refusal::new(
            StatusCode::PRECONDITION_FAILED,
            IssueType::MultipleMatches,
            format!("If-None-Exist: {found} resources meet the search"),
        ),
        WriteError::Gone => Refusal::gone("the resource was deleted meanwhile"),
        WriteError::Unknown => Refusal::not_found("the resource does not exist"),
        WriteError::Full(limit) => Refusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            IssueType::NoStore,
            format!("the sandbox is full: it holds {limit}; start a new one or raise the limit"),
        ),
    }
}
