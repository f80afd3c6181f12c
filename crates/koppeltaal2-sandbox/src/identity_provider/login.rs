//! The page of the identity provider, and the form that it sends.

use std::time::Instant;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use crate::authorization::{redirect, secret};
use crate::form::{Form, with_parameters};
use crate::identity_provider::login_page;
use crate::identity_provider::service::{IdentityProviderService, LoggedIn};
use crate::page;
use crate::person::Person;
use crate::refusal::Refusal;
use crate::trace::Trace;

const ENDPOINT: &str = "/idp/login";

/// `GET /idp/login`: the page.
pub(crate) async fn show(
    State(service): State<IdentityProviderService>,
    Extension(trace): Extension<Trace>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let shown = || {
        let form = parse(query.as_bytes())?;
        let session = form.get("session").ok_or_else(|| Refusal::missing("session"))?;
        let request = service.shared.sessions.get(session, Instant::now()).ok_or_else(over)?;
        let people = Person::all(&service.shared.store);
        let filter = form.get("filter").unwrap_or_default();
        Ok(login_page::html(&people, session, request.hint.as_deref(), filter))
    };
    match shown() {
        Ok(main) => page::page("..", StatusCode::OK, login_page::TITLE, &main),
        Err(refusal) => page::refuse(&service.shared.refusals, ENDPOINT, &refusal, &trace, &headers),
    }
}

/// `POST /idp/login` with the fields `session`, which is in the page, and `person`, such as `Patient/1`; or
/// with `cancel` in place of `person`.
pub(crate) async fn log_in(
    State(service): State<IdentityProviderService>,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match choose(&service, &body) {
        Ok(location) => redirect(&location),
        Err(refusal) => page::refuse(&service.shared.refusals, ENDPOINT, &refusal, &trace, &headers),
    }
}

fn choose(service: &IdentityProviderService, body: &[u8]) -> Result<String, Refusal> {
    let form = parse(body)?;
    let session = form.get("session").ok_or_else(|| Refusal::missing("session"))?;
    let shared = &service.shared;
    let now = Instant::now();
    if form.get("cancel").is_some() {
        let request = shared.sessions.take(session, now).ok_or_else(over)?;
        let answer = [("error", "access_denied"), ("state", request.state.as_str())];
        return Ok(with_parameters(&shared.urls.callback, &answer));
    }
    let person = form.get("person").ok_or_else(|| Refusal::missing("person"))?;
    let person = Person::read(&shared.store, person).ok_or_else(|| {
        Refusal::request("person is no Patient, Practitioner or RelatedPerson of the store")
    })?;
    let request = shared.sessions.take(session, now).ok_or_else(over)?;
    let code = secret();
    let answer = [("code", code.as_str()), ("state", request.state.as_str())];
    let location = with_parameters(&shared.urls.callback, &answer);
    let logged_in = LoggedIn { request: request.clone(), person: person.reference };
    shared.codes.put(code, logged_in, now);
    Ok(location)
}

fn parse(form: &[u8]) -> Result<Form, Refusal> {
    Form::parse(form).map_err(|_| Refusal::request("the request is too long or repeats a parameter"))
}

fn over() -> Refusal {
    Refusal::request("the login is unknown, over or expired")
}
