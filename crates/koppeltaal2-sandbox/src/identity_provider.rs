//! The sandbox's own identity provider: a small `OpenID` provider with a page to choose who logs in.

mod authorize;
mod login;
mod login_page;
mod service;
mod token;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use http::header;
use koppeltaal_smart::JwksService;

pub(crate) use service::IdentityProviderService;

use crate::authorization::{KEYS_MAX_AGE, traced};
use crate::form::FORM_BYTES;
use crate::page::{STYLE, STYLE_PATH};
use crate::urls::IDP_PATH;

/// The endpoints of the provider, and the style of all pages.
pub(crate) fn router(service: IdentityProviderService) -> Router {
    let keys = JwksService::new(&service.shared.keys, KEYS_MAX_AGE);
    let style = || async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) };
    let provider = Router::new()
        .route("/authorize", get(authorize::authorize))
        .route("/login", get(login::show).post(login::log_in))
        .route("/token", post(token::token))
        .route("/.well-known/openid-configuration", get(token::discovery))
        .route_service("/jwks.json", keys)
        .route(STYLE_PATH, get(style))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn(traced));
    Router::new().nest(IDP_PATH, provider).with_state(service)
}
