//! The files of the page: HTML, style sheets and scripts, served as they are in this folder. They need no
//! build and load nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::app::App;

/// Only content of the sandbox itself, and no text that becomes markup.
const POLICY: &str = "default-src 'none'; img-src data:; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// An asset: its path, its media type, its content.
type Asset = (&'static str, &'static str, &'static str);

macro_rules! assets {
    ($($media_type:ident $file:literal,)*) => {
        [$((concat!("/sandbox/page/", $file), $media_type, include_str!($file)),)*]
    };
}

const ASSETS: &[Asset] = &assets![
    CSS "colors.css",
    CSS "controls.css",
    CSS "layout.css",
    CSS "list.css",
    CSS "message.css",
    CSS "views.css",
    JAVASCRIPT "address.js",
    JAVASCRIPT "elements.js",
    JAVASCRIPT "filters.js",
    JAVASCRIPT "instances.js",
    JAVASCRIPT "keyboard.js",
    JAVASCRIPT "launch.js",
    JAVASCRIPT "list.js",
    JAVASCRIPT "main.js",
    JAVASCRIPT "message.js",
    JAVASCRIPT "refusals.js",
    JAVASCRIPT "resource.js",
    JAVASCRIPT "server.js",
    JAVASCRIPT "timeline.js",
];

/// The addresses of the files. The page itself is at `/`.
pub(super) fn routes() -> Router<Arc<App>> {
    let page = ("/", HTML, include_str!("index.html"));
    [&[page], ASSETS].concat().into_iter().fold(Router::new(), |router, (path, media_type, content)| {
        router.route(path, get(async move || answer(media_type, content)))
    })
}

/// An answer whose content a browser takes as this media type and as no other, and which can load or run
/// nothing from elsewhere.
pub(super) fn answer(media_type: &'static str, content: impl Into<Body>) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], HEADERS, content.into()).into_response()
}
