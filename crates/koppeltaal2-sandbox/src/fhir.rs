//! The FHIR interface of a domain: what happens to each request, in this order. It gets its trace, its
//! interaction, its application, its permission; it is carried out; it leaves an AuditEvent; others are told
//! of a change; it is answered.

mod answer;
mod body;
mod capability;
mod format;
mod guide;
mod interaction;
mod pages;
mod patch;
mod permission;
mod reading;
mod refusal;
mod rules;
mod searching;
mod server;
mod writing;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::request::Parts;
use http::{Method, StatusCode, header};
use koppeltaal_r4::Format;
use koppeltaal_r4::resources::{AuditEventEntity, IssueType};

use crate::audit::{Audit, Outcome, type_entity, version_entity};
use crate::caller::{Caller, TokenCheck};
use crate::domain::Domain;
use crate::fhir::answer::{Answer, write, write_refusal};
use crate::fhir::interaction::Interaction;
use crate::fhir::permission::{May, MayCreate, MayReadHistory, MaySearch, authenticate};
use crate::fhir::refusal::{Issue, Refusal};
use crate::fhir::server::FhirServer;
use crate::notification::Notifications;
use crate::refusal::REQUESTS;
use crate::store::Store;
use crate::trace::Trace;

pub(crate) use server::FhirSettings;

/// The FHIR interface, for the path of its base.
pub(crate) fn router(
    store: Store,
    tokens: Arc<dyn TokenCheck>,
    domain: Arc<Domain>,
    audit: Audit,
    notifications: Notifications,
    settings: FhirSettings,
) -> Router {
    let pages = pages::Pages::default();
    let server = FhirServer { store, tokens, domain, audit, notifications, pages, settings };
    Router::new().route("/", any(answer_to)).route("/{*path}", any(answer_to)).with_state(Arc::new(server))
}

/// Answers a request.
async fn answer_to(State(server): State<Arc<FhirServer>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let trace = Trace::from_headers(&parts.headers);
    let query = parts.uri.query().unwrap_or_default();
    let wanted = searching::parameter(query, "_format");
    let format = format::of_answer(&parts.headers, wanted.as_deref());
    let written_in = format.as_ref().copied().unwrap_or_default();
    let interaction = Interaction::parse(&parts.method, parts.uri.path());
    let is_open = interaction.as_ref().is_ok_and(Interaction::is_discovery);
    let caller = if is_open { None } else { Some(authenticate(&*server.tokens, &parts.headers)) };
    let answer = match (format, &interaction, &caller) {
        (_, _, Some(Err(refusal))) => Err(refusal.clone()),
        (_, Err(refusal), _) => Err(refusal.clone()),
        (Err(refusal), ..) => Err(refusal),
        (Ok(format), Ok(interaction), None) => discover(&server, interaction, query, format),
        (Ok(_), Ok(interaction), Some(Ok(caller))) => {
            carry_out(&server, interaction, caller, &parts, body).await
        }
    };
    let caller = caller.and_then(Result::ok);
    let answer = answer.and_then(|answer| {
        let response = write(&answer, written_in)?;
        Ok((answer, response))
    });
    if let Ok(interaction) = &interaction
        && (is_open || caller.is_some())
    {
        record(&server, interaction, caller.as_ref(), &trace, answer.as_ref().map(|(answer, _)| answer));
    }
    let problem = answer.as_ref().err().and_then(|refusal| refusal.issues.first()).cloned();
    let mut response = match answer {
        Ok((answer, response)) => {
            if let (Some(version), Some(caller)) = (&answer.written, &caller) {
                server.notifications.changed(version, &caller.device(), &trace);
            }
            response
        }
        Err(refusal) => write_refusal(&refusal, written_in),
    };
    trace.write(response.headers_mut());
    let route = interaction.as_ref().ok().map(Interaction::route);
    let application = caller.as_ref().map(|caller| &*caller.client_id);
    log(&parts.method, route.as_deref(), application, response.status().as_u16(), problem);
    response
}

/// Logs a request, and why it was refused, without ids and content.
fn log(method: &Method, route: Option<&str>, application: Option<&str>, status: u16, problem: Option<Issue>) {
    let method = method.as_str();
    let Some(problem) = problem else {
        tracing::debug!(target: REQUESTS, method, route, application, status, "answered");
        return;
    };
    let (rule, place) = (problem.summary.unwrap_or(problem.diagnostics), problem.expression);
    let code = problem.code.as_str();
    tracing::info!(target: REQUESTS, method, route, application, status, rule, place, code, "refused");
}

fn discover(
    server: &FhirServer,
    interaction: &Interaction,
    query: &str,
    format: Format,
) -> Result<Answer, Refusal> {
    match interaction {
        Interaction::ImplementationGuide => {
            let url = searching::parameter(query, "url");
            guide::search(&server.domain, url.as_deref(), format)
        }
        _ => Ok(capability::capabilities(&server.domain)),
    }
}

/// Carries out an interaction, if the application may. The permissions are the arguments of what carries it
/// out.
async fn carry_out(
    server: &FhirServer,
    interaction: &Interaction,
    caller: &Caller,
    Parts { method, uri, headers, .. }: &Parts,
    body: Body,
) -> Result<Answer, Refusal> {
    let store = &server.store;
    let query = uri.query().unwrap_or_default();
    let most = server.settings.body_bytes;
    match interaction {
        Interaction::Capabilities | Interaction::ImplementationGuide => {
            discover(server, interaction, query, Format::Json)
        }
        Interaction::Page => {
            let found = searching::find_page(server, query)?;
            let may = MaySearch::check(caller, found.resource_type)?;
            searching::page(server, &may, &found, query)
        }
        Interaction::Search(name) if *method == Method::POST => {
            let may = MaySearch::check(caller, name)?;
            is_form(headers)?;
            let form = body::read(body, most).await?;
            let form = String::from_utf8_lossy(&form);
            let separator = if query.is_empty() || form.is_empty() { "" } else { "&" };
            searching::search(server, &may, &format!("{query}{separator}{form}"))
        }
        Interaction::Search(name) => searching::search(server, &MaySearch::check(caller, name)?, query),
        Interaction::Create(name) => {
            let may = MayCreate::check(caller, name)?;
            writing::create(server, &may, headers, &body::read(body, most).await?)
        }
        Interaction::Read(name, id) => Ok(reading::read(&May::check(caller, store, (name, id))?)),
        Interaction::VersionRead(name, id, version) => {
            reading::read_version(&MayReadHistory::check(caller, store, (name, id))?, version)
        }
        Interaction::History(name, id) => {
            let may = MayReadHistory::check(caller, store, (name, id))?;
            let count = searching::parameter(query, "_count").and_then(|count| count.parse().ok());
            Ok(reading::history(&may, &server.domain.fhir_base, (name, id), count))
        }
        Interaction::Update("AuditEvent", _)
        | Interaction::Patch("AuditEvent", _)
        | Interaction::Delete("AuditEvent", _) => Err(Refusal::method("GET", "an AuditEvent never changes")),
        Interaction::Update(name, id) => {
            let may = May::check(caller, store, (name, id))?;
            writing::update(server, &may, headers, &body::read(body, most).await?)
        }
        Interaction::Patch(name, id) => {
            let may = May::check(caller, store, (name, id))?;
            writing::patch(server, &may, headers, &body::read(body, most).await?)
        }
        Interaction::Delete(name, id) => {
            writing::delete(server, &May::check(caller, store, (name, id))?, headers)
        }
    }
}

/// A search by POST has a form as its body.
fn is_form(headers: &http::HeaderMap) -> Result<(), Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    let diagnostics = "Content-Type: expected application/x-www-form-urlencoded for a search";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, IssueType::NotSupported, diagnostics))
}

/// Writes the AuditEvent of an interaction.
fn record(
    server: &FhirServer,
    interaction: &Interaction,
    caller: Option<&Caller>,
    trace: &Trace,
    answer: Result<&Answer, &Refusal>,
) {
    let Some(action) = interaction.action() else { return };
    let device = caller.map_or_else(|| server.audit.server().to_owned(), Caller::device);
    let (outcome, mut entities) = match answer {
        Ok(answer) => (Outcome::Success, answer.entities.clone()),
        Err(refusal) if refusal.status.is_server_error() => {
            (Outcome::Serious(refusal.summary()), failed_entities(server, interaction))
        }
        Err(refusal) => (Outcome::Minor(refusal.summary()), failed_entities(server, interaction)),
    };
    if entities.is_empty() {
        entities.push(type_entity(interaction.subject().0));
    }
    server.audit.record_rest(action, trace, &device, outcome, entities);
}

/// What a refused interaction was about: the resource, if it exists.
fn failed_entities(server: &FhirServer, interaction: &Interaction) -> Vec<AuditEventEntity> {
    let (resource_type, id) = interaction.subject();
    let version = id.and_then(|id| server.store.read(resource_type, id).found());
    version.iter().map(|version| version_entity(version)).collect()
}
