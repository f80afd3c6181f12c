//! The authorization endpoint of the identity provider: from the authorization service to the page.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::HeaderMap;

use crate::authorization::{OWN_CLIENT_ID, redirect, secret};
use crate::form::{Form, with_parameters};
use crate::identity_provider::service::{IdentityProviderService, LoginRequest};
use crate::page;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// `GET /idp/authorize`.
pub(crate) async fn authorize(
    State(service): State<IdentityProviderService>,
    Extension(trace): Extension<Trace>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match begin(&service, query.unwrap_or_default().as_bytes()) {
        Ok(location) => redirect(&location),
        Err(refusal) => page::refuse(&service.shared.refusals, "/idp/authorize", &refusal, &trace, &headers),
    }
}

/// How long a request may be. Those of the authorization service have some 600 bytes.
const BYTES: usize = 4096;

fn begin(service: &IdentityProviderService, query: &[u8]) -> Result<String, Refusal> {
    if query.len() > BYTES {
        return Err(Refusal::request(format!("the request has more than {BYTES} bytes")));
    }
    let form = Form::parse(query).map_err(|_| Refusal::request("the request repeats a parameter"))?;
    let required = |name| form.get(name).ok_or_else(|| Refusal::missing(name));
    let urls = &service.shared.urls;
    for (name, expected) in [
        ("client_id", OWN_CLIENT_ID),
        ("redirect_uri", urls.callback.as_str()),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
    ] {
        if required(name)? != expected {
            return Err(Refusal::request(format!("{name} has to be {expected}")));
        }
    }
    if !required("scope")?.split(' ').any(|word| word == "openid") {
        return Err(Refusal::request("scope has to contain openid"));
    }
    let (state, challenge) = (required("state")?, required("code_challenge")?);
    if form.get("prompt") == Some("none") {
        // Nobody is ever logged in before.
        let answer = [("error", "login_required"), ("state", state)];
        return Ok(with_parameters(&urls.callback, &answer));
    }
    let text = |name| form.get(name).map(str::to_owned);
    let request = LoginRequest {
        state: state.to_owned(),
        nonce: text("nonce"),
        challenge: challenge.to_owned(),
        hint: text("login_hint"),
    };
    let session = secret();
    service.shared.sessions.put(session.clone(), Arc::new(request), Instant::now());
    Ok(with_parameters(&urls.idp_login, &[("session", &session)]))
}
