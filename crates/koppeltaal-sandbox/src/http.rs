//! The HTTP side of the sandbox: its paths, and what every request passes on its way to a handler and back.

mod authentication;
mod binary;
mod definitions;
pub(crate) mod entries;
mod faults;
mod format;
mod log;
mod messages;
mod metadata;
mod oauth;
mod other;
mod page;
mod paging;
mod refusals;
mod reply;
mod request;
mod signalr;
mod storage;
mod websocket;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post, put};
use tower::{Service, ServiceExt as _, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

use log::{RequestLog, Routes};
use oauth::OAUTH_PATH;

use crate::app::App;
use crate::links::FHIR_PATH;
use crate::refusal::{Refusal, RefusalKind};

/// Everything that the sandbox answers.
pub(crate) fn service(
    app: Arc<App>,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let mut routes = Routes::default();
    let api = routes_under(
        FHIR_PATH,
        &mut routes,
        [
            ("/metadata", get(metadata::metadata)),
            ("/Mailbox", post(messages::post)),
            ("/MessageHeader", get(messages::search)),
            ("/MessageHeader/_search", get(messages::search)),
            ("/MessageHeader/{id}", put(messages::acknowledge)),
            ("/MessageHeader/{id}/_history/{version}", put(messages::acknowledge)),
            ("/Other", get(other::list).post(other::create)),
            ("/Other/_search", get(other::list)),
            ("/Other/{id}", get(other::read).put(other::update).delete(other::delete)),
            ("/Other/{id}/_history/{version}", get(other::read).put(other::update)),
            ("/Binary", get(binary::list).post(binary::create)),
            ("/Binary/_search", get(binary::list)),
            ("/Binary/{id}", get(binary::read).put(binary::update).delete(binary::delete)),
            ("/Binary/{id}/_history/{version}", get(binary::read).put(binary::update)),
        ],
    )
    .merge(routes_under(
        OAUTH_PATH,
        &mut routes,
        [
            ("/Launch", get(oauth::launch)),
            ("/MobileLaunch", get(oauth::mobile_launch)),
            ("/Authorize", get(oauth::authorize)),
            ("/Token", get(oauth::token).post(oauth::token)),
        ],
    ))
    .fallback(async || Refusal::not_found("There is nothing at this address."))
    .method_not_allowed_fallback(async || {
        Refusal::new(RefusalKind::MethodNotAllowed, "not-supported", "The method is not supported here.")
    });
    let hub = Router::new().route(HUB_PATH, any(signalr::signalr)).layer(hub_cors());
    routes.add(HUB_PATH.to_owned());
    let admin = Router::new()
        .route("/sandbox/faults", get(faults::list).put(faults::set))
        .layer(from_fn_with_state(Arc::clone(&app), page::guard));
    let refusals = Router::new()
        .route("/sandbox/refusals", get(refusals::list))
        .layer(from_fn_with_state(Arc::clone(&app), page::guard));
    let router = api.merge(hub);
    let router = if app.is_admin() { router.merge(admin) } else { router };
    let router = if app.has_page() { router.merge(page::routes(&app)).merge(refusals) } else { router };
    let router = router.with_state(Arc::clone(&app));
    // These layers are outside the router, because inside it every route would have copies of them, which are
    // cloned for each request. A path that starts with two slashes has to be corrected before routing anyway.
    let preflights = Router::new().layer(preflight());
    let routes = Arc::new(routes);
    service_fn(move |request: Request| {
        let request = without_double_slash(request);
        let is_preflight = request.method() == Method::OPTIONS && is_open(request.uri().path());
        let router = if is_preflight { preflights.clone() } else { router.clone() };
        let (app, routes) = (Arc::clone(&app), Arc::clone(&routes));
        async move { Ok(around(&app, &routes, request, router).await) }
    })
}

/// Routes below a path, which are added to `routes`. `Router::nest` does the same, but also rewrites the path
/// of every request.
fn routes_under<const N: usize>(
    path: &str,
    routes: &mut Routes,
    handlers: [(&str, MethodRouter<Arc<App>>); N],
) -> Router<Arc<App>> {
    handlers.into_iter().fold(Router::new(), |router, (below, handlers)| {
        let pattern = format!("{path}{below}");
        let router = router.route(&pattern, handlers);
        routes.add(pattern);
        router
    })
}

/// The addresses of the hub, as a pattern.
const HUB_PATH: &str = "/signalr/{*path}";

/// What happens around every handler: faults, writing the answer, and the log.
async fn around(app: &App, routes: &Routes, request: Request, router: Router) -> Response {
    let format = format::for_reply(request.headers());
    let path = request.uri().path();
    let (is_page, is_open) = (page::is_path(path), is_open(path));
    let answer = async |request: Request| {
        let Ok(mut response): Result<Response, Infallible> = router.oneshot(request).await;
        if is_open {
            response.headers_mut().extend(FOR_BROWSERS);
        }
        reply::render(response, format)
    };
    // Faults apply neither to the page nor to the address where they are set, and nobody reads a log of its
    // requests.
    if is_page {
        return answer(request).await;
    }
    let begin = Instant::now();
    let instance = authentication::named_instance(app, request.headers(), request.uri());
    let log = RequestLog::new(routes, request.method(), request.uri(), instance);
    // `answer` has rendered the body, so that a fault can act on it. A fault may also be the answer itself,
    // so this renders again.
    let mut response = reply::render(faults::meet(app, request, log.username(), answer).await, format);
    with_content_type(&mut response);
    log.report(app, &mut response, begin.elapsed());
    response
}

/// Whether pages of any site may read the answers at this path. They may not read the page for people; the
/// hub has rules of its own.
fn is_open(path: &str) -> bool {
    !page::is_path(path) && !path.starts_with("/signalr/")
}

/// Lets browser clients read every answer, errors too; the JavaScript clients rely on that. The values are
/// constant, so no layer has to compute them.
const FOR_BROWSERS: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("content-location,location")),
];

/// The answer to browsers that ask what they may send, before any login.
fn preflight() -> CorsLayer {
    CorsLayer::new().allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE]).allow_headers([
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::ACCEPT,
    ])
}

/// The hub's JavaScript client sends credentials. For such requests browsers do not accept `*` as the origin.
fn hub_cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, X_REQUESTED_WITH])
}

const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Old clients want a content type on every answer, even on those without a body.
fn with_content_type(response: &mut Response) {
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(json);
}

/// Some clients join a base that ends in a slash and a path that starts with one. They ask for
/// `//FHIR/Koppeltaal/...`.
fn without_double_slash(mut request: Request) -> Request {
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
