//! The HTTP side of the sandbox: paths, and what goes around every handler.

mod app;
mod authentication;
mod binary;
mod definitions;
mod faults;
mod format;
mod messages;
mod metadata;
mod oauth;
mod other;
mod page;
mod paging;
mod reply;
mod request;
mod signalr;
pub(crate) mod storage;
mod websocket;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state, map_request, map_response};
use axum::response::Response;
use axum::routing::{any, get, post, put};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

pub(crate) use app::App;
use oauth::OAUTH_PATH;

use crate::links::FHIR_PATH;
use crate::mailbox::{Kind, Refusal};

/// Everything that the sandbox answers.
pub(crate) fn service(
    app: Arc<App>,
) -> impl Service<Request, Response = Response, Error = std::convert::Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let fhir = Router::new()
        .route("/metadata", get(metadata::metadata))
        .route("/Mailbox", post(messages::post))
        .route("/MessageHeader", get(messages::search))
        .route("/MessageHeader/_search", get(messages::search))
        .route("/MessageHeader/{id}", put(messages::acknowledge))
        .route("/MessageHeader/{id}/_history/{version}", put(messages::acknowledge))
        .route("/Other", get(other::list).post(other::create))
        .route("/Other/_search", get(other::list))
        .route("/Other/{id}", get(other::read).put(other::update).delete(other::delete))
        .route("/Other/{id}/_history/{version}", get(other::read).put(other::update))
        .route("/Binary", get(binary::list).post(binary::create))
        .route("/Binary/_search", get(binary::list))
        .route("/Binary/{id}", get(binary::read).put(binary::update).delete(binary::delete))
        .route("/Binary/{id}/_history/{version}", get(binary::read).put(binary::update));
    let oauth = Router::new()
        .route("/Launch", get(oauth::launch))
        .route("/MobileLaunch", get(oauth::mobile_launch))
        .route("/Authorize", get(oauth::authorize))
        .route("/Token", get(oauth::token).post(oauth::token));
    let hub = Router::new()
        .route("/signalr/{*path}", any(signalr::signalr))
        .layer(from_fn(reply::render))
        .layer(hub_cors());
    let router = Router::new()
        .nest(FHIR_PATH, fhir)
        .nest(OAUTH_PATH, oauth)
        .fallback(async || Refusal::not_found("There is nothing at this address."))
        .method_not_allowed_fallback(async || {
            Refusal::new(Kind::MethodNotAllowed, "not-supported", "The method is not supported here.")
        })
        .layer(from_fn(reply::render))
        .layer(cors())
        .merge(hub)
        .layer(map_response(with_content_type))
        .layer(from_fn_with_state(Arc::clone(&app), faults::meet));
    let admin = Router::new().route("/sandbox/faults", get(faults::list).put(faults::set));
    // Beside the others: what sets faults meets none.
    let router = if app.is_admin() { router.merge(admin) } else { router };
    let router = if app.has_page() { router.merge(page::routes(&app)) } else { router };
    let router = router.layer(from_fn(reply::render)).with_state(app);
    // Outside the router, for it has to happen before a path is looked up.
    map_request(without_double_slash).layer(router)
}

/// Browser clients: preflights are answered before any login, and errors can be read too (Koppeltaal spec section 14).
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([header::CONTENT_LOCATION, header::LOCATION])
}

/// The JavaScript client of the hub asks with credentials, for which a browser wants its origin named.
fn hub_cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, X_REQUESTED_WITH])
}

const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Old clients want a content type on every answer, those without a body included.
async fn with_content_type(mut response: Response) -> Response {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
    response
}

/// Clients that put a base with a slash before a path with a slash ask for `//FHIR/Koppeltaal/...`.
async fn without_double_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path_and_query = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if path_and_query.starts_with("//") {
        let single = format!("/{}", path_and_query.trim_start_matches('/'));
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = single.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}
