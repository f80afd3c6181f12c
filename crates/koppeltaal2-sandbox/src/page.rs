//! Pages for people: escaping, the frame around each page, the page of an error.

use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::refusal::{Refusal, Refusals};
use crate::trace::Trace;
use crate::urls::IDP_PATH;

/// The style of all pages.
pub(crate) const STYLE: &str = include_str!("page.css");

/// The path of the style, below that of the identity provider.
pub(crate) const STYLE_PATH: &str = "/style.css";

/// No script and nothing from elsewhere. Without `form-action`, which browsers apply to where a form leads in
/// the end: the application.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'";

/// Text for HTML, in elements and in attributes with double quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Nobody can see them, and they turn what follows around.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A whole page. `title` is text, `main` is HTML, `root` leads from the page to the base of the sandbox: `.`
/// or `..`.
pub(crate) fn page(root: &str, status: StatusCode, title: &str, main: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"{root}{IDP_PATH}{STYLE_PATH}\">\n</head>\n\
         <body>\n<main>\n{main}</main>\n\
         <footer>Koppeltaal sandbox, for development only.</footer>\n\
         </body>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, html).into_response()
}

/// Refuses a request that a browser made: a page that says no more than a reference, or the same as JSON for
/// a program. The reason is among the refusals.
pub(crate) fn refuse(
    refusals: &Refusals,
    endpoint: &'static str,
    refusal: &Refusal,
    trace: &Trace,
    headers: &HeaderMap,
) -> Response {
    refusals.note(endpoint, refusal, trace);
    let reference = &trace.request_id;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/html") {
        let body = json!({ "error": refusal.code.as_str(), "reference": reference });
        let headers = [(header::CACHE_CONTROL, "no-store")];
        return (refusal.status, headers, axum::Json(body)).into_response();
    }
    let title = match refusal.status {
        StatusCode::FORBIDDEN => "You cannot be let in",
        _ => "This did not work",
    };
    let mut main = format!("<h1>{title}</h1>\n");
    let _ = write!(
        main,
        "<p>Go back to the application that you came from and start again. If it happens again, tell its \
         helpdesk this reference:</p>\n<p><code>{reference}</code></p>\n"
    );
    page("..", refusal.status, title, &main)
}
