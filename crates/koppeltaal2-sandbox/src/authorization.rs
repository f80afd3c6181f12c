//! The authorization service of the domain: tokens of applications, launches of users, introspection.

mod access_token;
mod authorize;
mod callback;
mod checked_tokens;
mod client;
mod discovery;
mod grant;
mod introspection;
mod login_events;
mod provider;
mod reply;
mod service;
mod token;
mod traced;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use koppeltaal_smart::JwksService;

pub(crate) use access_token::seconds;
pub(crate) use provider::OWN_CLIENT_ID;
pub(crate) use reply::{redirect, refusal_json, secret_json};
pub(crate) use service::{AuthorizationService, ServiceParts, secret};
pub(crate) use traced::traced;

use crate::form::FORM_BYTES;
use crate::urls::{FHIR_PATH, OAUTH_PATH};

/// How long others may keep the keys of a sandbox, whose next start makes new ones.
pub(crate) const KEYS_MAX_AGE: Duration = Duration::from_secs(60);

/// The endpoints of the service.
pub(crate) fn router(service: AuthorizationService) -> Router {
    let keys = JwksService::new(&service.shared.keys, KEYS_MAX_AGE);
    let oauth = Router::new()
        .route("/authorize", get(authorize::authorize).post(authorize::authorize_post))
        .route("/callback", get(callback::callback))
        .route("/token", post(token::token))
        .route("/introspect", post(introspection::introspect))
        .route("/.well-known/openid-configuration", get(discovery::openid))
        .route_service("/.well-known/jwks.json", keys)
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn(traced));
    Router::new()
        .nest(OAUTH_PATH, oauth)
        .route(&format!("{FHIR_PATH}/.well-known/smart-configuration"), get(discovery::smart))
        .with_state(service)
}
