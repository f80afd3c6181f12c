//! The answers of the token and introspection endpoints.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::authorization::service::AuthorizationService;
use crate::refusal::Refusal;
use crate::trace::Trace;

/// JSON that no cache may store (RFC 6749 section 5.1).
pub(crate) fn secret_json(status: StatusCode, body: &Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, headers, Json(body)).into_response()
}

/// A refusal as the JSON of RFC 6749 section 5.2.
pub(crate) fn refusal_json(refusal: &Refusal, trace: &Trace) -> Response {
    let body = json!({
        "error": refusal.code.as_str(),
        "error_description": refusal.reason,
        "reference": trace.request_id,
    });
    secret_json(refusal.status, &body)
}

/// A redirect of a browser, by GET whatever the method was.
pub(crate) fn redirect(location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        // Each part is configured and checked, or percent-encoded.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, no_store)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

impl AuthorizationService {
    /// Refuses a request of an application: the JSON of RFC 6749 section 5.2, or the plain text of the
    /// reference service.
    pub(crate) fn refuse(&self, endpoint: &'static str, refusal: &Refusal, trace: &Trace) -> Response {
        self.shared.refusals.note(endpoint, refusal, trace);
        if self.shared.switches.plain_text_errors {
            return plain_text(refusal);
        }
        refusal_json(refusal, trace)
    }
}

/// As the reference service refuses: it gives 401 for a code or a verifier that is wrong, too.
fn plain_text(refusal: &Refusal) -> Response {
    use koppeltaal_smart::OAuthErrorCode::{InvalidClient, InvalidGrant};
    match refusal.code {
        InvalidClient | InvalidGrant => (StatusCode::UNAUTHORIZED, "Access Denied").into_response(),
        _ => (refusal.status, refusal.reason.clone()).into_response(),
    }
}
